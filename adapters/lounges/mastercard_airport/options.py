"""``[options]`` of a partner file that names this adapter. Pure."""

from __future__ import annotations

import msgspec

from adapters.sdk.statement_file import STATEMENT_PATH


class AirportOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the partner is asked.

    ``language`` of names and terms, as the partner writes it. ``offer_seconds``: how long an offer is shown, for the
    partner gives it no end. ``statement_path``: where the contract lays the statement of a ``{date}``; empty when files
    arrive another way.
    """

    language: str = "en"
    offer_seconds: int = 600
    statement_path: str = STATEMENT_PATH
