"""Published lounge rules as data: whom a scheme admits, with how many guests, by which flight, at what time.

A rule names its holders (levels of a programme, or cabins flown in), the flight that opens the door, how late it may
leave, and what is left out. Whoever judges (`catalogue.lounge_admission`) knows airports, carriers and lounges by these
tables only: what is not in them is told so and never guessed.
"""

from __future__ import annotations

from datetime import datetime, time
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from catalogue.values import Name, NotNegative

AirportCode = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$", max_length=3)]
"""IATA location identifier."""

CarrierCode = Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{2}$", max_length=2)]
"""IATA airline designator."""

CountryCode = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$", max_length=2)]
"""ISO 3166-1 alpha-2."""


class Cabin(StrEnum):
    """The cabin that a passenger sits in."""

    FIRST = "first"
    BUSINESS = "business"
    PREMIUM_ECONOMY = "premium_economy"
    ECONOMY = "economy"


class Carriage(StrEnum):
    """How a flight must belong to a scheme's carriers."""

    ANY = "any"
    OPERATED = "operated"
    OPERATED_OR_MARKETED = "operated_or_marketed"
    OPERATED_AND_MARKETED = "operated_and_marketed"


class Route(StrEnum):
    """Within one country, or between two."""

    ANY = "any"
    INTERNATIONAL = "international"
    DOMESTIC = "domestic"


class Airport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an airport is: its own time zone (tz database) says what is the same day there."""

    code: AirportCode
    time_zone: str
    country: CountryCode

    def __post_init__(self) -> None:
        """Refuse a zone that is not in the tz database."""
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"time_zone {self.time_zone!r} is not in the tz database") from error


class Lounge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One lounge; ``groups`` are what rules know it by (the sign at its door, the house it belongs to)."""

    id: Name
    airport: AirportCode
    operator: CarrierCode | None = None
    groups: tuple[str, ...] = ()


class Scheme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alliance or an airline's programme, and the carriers whose flights count."""

    id: Name
    carriers: tuple[CarrierCode, ...]
    source: str


class Level(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A status, by programme and tier; names mean nothing without the programme."""

    programme: str
    tier: str


class LatestDeparture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How late a flight may leave: on the local day of the visit, or the next local day before a time.

    ``inclusive``: a flight that leaves at that very time still counts.
    """

    next_day: time | None = None
    inclusive: bool = False


class Connecting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The level follows the long leg of a connection: one scheduled for more than so many minutes."""

    over_minutes: NotNegative


class Exclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a rule leaves out; every condition that is set must be met for it to bite.

    Attributes:
        groups: of the lounge.
        carriers: that operate the flight.
        countries: of the airport.
        cabins: flown in.
        programmes: whose status opens the door.
        airports: of the lounge.
        unless_international_connection: it does not bite when another leg of the connection is international.
        note: why, in the publisher's sense.
    """

    note: str
    groups: tuple[str, ...] = ()
    carriers: tuple[CarrierCode, ...] = ()
    countries: tuple[CountryCode, ...] = ()
    cabins: tuple[Cabin, ...] = ()
    programmes: tuple[str, ...] = ()
    airports: tuple[AirportCode, ...] = ()
    unless_international_connection: bool = False

    def __post_init__(self) -> None:
        """Refuse one that leaves out everything."""
        if not (self.groups or self.carriers or self.countries or self.cabins or self.programmes or self.airports):
            raise ValueError("an exclusion says what it leaves out")


class GuestFlight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The flight that a guest must hold: from the same airport on the same day, of the scheme's carriers."""

    carriage: Carriage = Carriage.OPERATED_OR_MARKETED


class AccessRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One published rule.

    Attributes:
        scheme: id of the `Scheme` whose carriers count.
        levels: the holder has one of these; ``cabins``: he flies in one of these. Both may be asked for.
        gives_access: False for a level that a publisher names to say that it opens no lounge.
        guests: how many may come along.
        guest_flight: what a guest must fly; None: nothing is asked of him.
        carriage: how the holder's own flight belongs to the scheme; with ``needs_flight = false`` none is asked for.
        latest: how late it may leave.
        connecting: the cabin that counts is that of the long leg.
        revenue_only: a ticket paid for with miles does not count.
        groups: the lounge belongs to one of these.
        source: where it is published.
    """

    id: Name
    scheme: str
    source: str
    levels: tuple[Level, ...] = ()
    cabins: tuple[Cabin, ...] = ()
    gives_access: bool = True
    guests: NotNegative = 0
    guest_flight: GuestFlight | None = None
    needs_flight: bool = True
    carriage: Carriage = Carriage.OPERATED
    route: Route = Route.ANY
    latest: LatestDeparture = LatestDeparture()
    connecting: Connecting | None = None
    revenue_only: bool = False
    groups: tuple[str, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a rule without a holder or a source, and conditions of a flight that is not asked for."""
        if not self.levels and not self.cabins:
            raise ValueError("a lounge rule names levels or cabins")
        if not self.source.strip():
            raise ValueError("a lounge rule names its source")
        if not self.needs_flight and (self.cabins or self.connecting or self.guest_flight or self.revenue_only):
            raise ValueError("a rule that looks at a flight has needs_flight = true")


class LoungeTables(msgspec.Struct, frozen=True):
    """Everything that lounge rules speak of, by id."""

    airports: dict[str, Airport] = {}
    schemes: dict[str, Scheme] = {}
    lounges: dict[tuple[str, str], Lounge] = {}
    rules: dict[str, AccessRule] = {}

    def zone_of(self, airport: str | None, otherwise: str) -> str:
        """Give the time zone of an airport that is known, else another."""
        known = self.airports.get(airport) if airport is not None else None
        return known.time_zone if known is not None else otherwise


class Flight(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One leg as the boarding pass says it; ``scheduled_minutes`` is its published duration."""

    operated_by: CarrierCode
    marketed_by: CarrierCode
    cabin: Cabin
    origin: AirportCode
    destination: AirportCode
    departs_at: datetime
    scheduled_minutes: Annotated[int, msgspec.Meta(ge=1, le=2000)]
    paid_with_miles: bool = False

    def __post_init__(self) -> None:
        """Refuse a departure without an offset: it would mean another instant at every airport."""
        if self.departs_at.tzinfo is None:
            raise ValueError("departs_at has an offset")


class Journey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a visitor shows at the door.

    Attributes:
        flight: leaves from the lounge's airport.
        inbound: brought him there, when he connects.
        onward: leaves from where ``flight`` lands, when he connects there.
        guest_flights: what each guest flies.
        arrives_at: when he comes to the lounge.
    """

    flight: Flight
    inbound: Flight | None = None
    onward: Flight | None = None
    guest_flights: tuple[Flight, ...] = ()
    arrives_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse an arrival without an offset."""
        if self.arrives_at is not None and self.arrives_at.tzinfo is None:
            raise ValueError("arrives_at has an offset")
