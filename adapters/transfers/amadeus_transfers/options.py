"""``[options]`` of a partner file that names this adapter. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from adapters.sdk.statement_file import STATEMENT_PATH


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place that members may name, and whose clock its times are told by (IANA name).

    ``airport``: its IATA code. Without one, a place has an address; a ride can end there, not begin.
    """

    time_zone: str
    airport: str = ""
    name: str = ""
    line: str = ""
    zip: str = ""
    city: str = ""
    country_code: str = ""
    geo_code: str = ""


class TransferOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sold where, and how it is paid.

    ``places``: by the name that a ride gives. ``payment_reference``: of the club's travel account, passed on to the
    transfer company. ``transfer_type`` as Amadeus lists them. ``offer_seconds``: how long an offer is shown, for the
    partner gives it no end. ``reading_deadline_seconds``: for calls that change nothing; never longer than the deadline
    in force. ``statement_path``: where the contract lays the statement of a ``{date}``; empty when files arrive another
    way.
    """

    places: dict[str, Place]
    payment_reference: str = ""
    transfer_type: Literal["PRIVATE", "SHARED"] = "PRIVATE"
    language: str = "ZH"
    offer_seconds: int = 600
    reading_deadline_seconds: float = 20.0
    statement_path: str = STATEMENT_PATH
