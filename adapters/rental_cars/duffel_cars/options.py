"""``[options]`` of a partner file that names this adapter. Pure."""

from __future__ import annotations

import msgspec

from adapters.sdk.statement_file import STATEMENT_PATH


class Station(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place that members may name: where it is, in degrees, and whose clock its times are told by (IANA name).

    ``radius``: how far around it cars are searched, in kilometres.
    """

    latitude: float
    longitude: float
    time_zone: str
    radius: int = 5


class DuffelOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sold where.

    ``stations``: by the id that a rental names. ``residence_country_code``: of the driver, ISO 3166-1; suppliers price
    by it. ``offer_seconds``: how long a rate is shown, for the partner gives it no end. ``reading_deadline_seconds``:
    for calls that change nothing; never longer than the deadline in force. ``statement_path``: where the contract lays
    the statement of a ``{date}``; empty when files arrive another way.
    """

    stations: dict[str, Station]
    residence_country_code: str = "CN"
    offer_seconds: int = 600
    reading_deadline_seconds: float = 20.0
    statement_path: str = STATEMENT_PATH
