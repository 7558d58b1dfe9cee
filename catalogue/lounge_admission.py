"""Judging a visit by published lounge rules: every reason against, never only the first.

The same day and the next day are those of the airport's own clock. The next day is the local day that begins when the
visit's day ends: where the date line moved a day never came, and the next day is the one after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from catalogue.calendar import end_of, local_date
from catalogue.lounge_access import (
    AccessRule,
    Carriage,
    Exclusion,
    Flight,
    Journey,
    LatestDeparture,
    Level,
    Lounge,
    LoungeTables,
    Route,
    Scheme,
)


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit to judge: where, on which local day, with how many guests, and what the visitor holds."""

    airport: str
    lounge_id: str
    on_date: date
    guests: int = 0
    levels: frozenset[tuple[str, str]] = frozenset()
    journey: Journey | None = None


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says; admitted when there is no reason against."""

    rule: str
    guests: int
    reasons: tuple[str, ...] = ()

    @property
    def admitted(self) -> bool:
        """Whether the door opens."""
        return not self.reasons


def admission(tables: LoungeTables, rules: Iterable[str], visit: Visit) -> Admission:
    """Judge a visit by several rules: the first that admits, else the one that has least against it.

    Raises:
        KeyError: a rule is not in the tables; the lints find that before start-up.
    """
    judged = [judge(tables, tables.rules[name], visit) for name in rules]
    return min(judged, key=lambda one: len(one.reasons))


def judge(tables: LoungeTables, rule: AccessRule, visit: Visit) -> Admission:
    """Judge a visit by one rule."""
    reasons = [*_of_holder(rule, visit), *_of_lounge(tables, rule, visit)]
    if rule.needs_flight:
        reasons += _of_flight(tables, rule, visit)
    if visit.guests > rule.guests:
        reasons.append("too_many_guests")
    elif visit.guests and rule.guest_flight is not None and visit.journey is not None:
        reasons += _of_guests(tables, rule, visit, visit.journey)
    return Admission(rule=rule.id, guests=rule.guests, reasons=tuple(dict.fromkeys(reasons)))


def leaves_in_time(departs_at: datetime, visit_date: date, time_zone: str, latest: LatestDeparture) -> bool:
    """Say whether a flight leaves on the local day of the visit, or early enough on the next local day."""
    local = departs_at.astimezone(ZoneInfo(time_zone))
    if local.date() == visit_date:
        return True
    if latest.next_day is None or local.date() != local_date(end_of(visit_date, time_zone), time_zone):
        return False
    leaves = local.time()
    return leaves < latest.next_day or (latest.inclusive and leaves == latest.next_day)


def belongs(flight: Flight, scheme: Scheme, carriage: Carriage) -> bool:
    """Say whether a flight belongs to a scheme's carriers in the way that is asked for."""
    operated, marketed = flight.operated_by in scheme.carriers, flight.marketed_by in scheme.carriers
    return {
        Carriage.ANY: True,
        Carriage.OPERATED: operated,
        Carriage.OPERATED_OR_MARKETED: operated or marketed,
        Carriage.OPERATED_AND_MARKETED: operated and marketed,
    }[carriage]


def _of_holder(rule: AccessRule, visit: Visit) -> Iterator[str]:
    if rule.levels and not _held(rule.levels, visit):
        yield "lounge_level"
    elif not rule.gives_access:
        yield "lounge_level_without_access"


def _held(levels: tuple[Level, ...], visit: Visit) -> list[Level]:
    return [level for level in levels if (level.programme, level.tier) in visit.levels]


def _of_lounge(tables: LoungeTables, rule: AccessRule, visit: Visit) -> Iterator[str]:
    lounge = tables.lounges.get((visit.airport, visit.lounge_id))
    by_lounge = rule.groups or any(one.groups for one in rule.exclusions)
    if visit.airport not in tables.airports:
        yield "airport_not_known"
    if lounge is None and by_lounge:
        yield "lounge_not_known"
    elif lounge is not None and rule.groups and not set(rule.groups) & set(lounge.groups):
        yield "lounge_not_included"
    if any(_bites(tables, one, rule, visit, lounge) for one in rule.exclusions):
        yield "lounge_excluded"


def _bites(tables: LoungeTables, exclusion: Exclusion, rule: AccessRule, visit: Visit, lounge: Lounge | None) -> bool:
    journey = visit.journey
    airport = tables.airports.get(visit.airport)
    programmes = {level.programme for level in _held(rule.levels, visit)}
    asked: list[tuple[Iterable[str], set[str]]] = [
        (exclusion.groups, set(lounge.groups) if lounge is not None else set()),
        (exclusion.carriers, {journey.flight.operated_by} if journey is not None else set()),
        (exclusion.countries, {airport.country} if airport is not None else set()),
        (exclusion.cabins, {journey.flight.cabin} if journey is not None else set()),
        (exclusion.programmes, programmes),
        (exclusion.airports, {visit.airport}),
    ]
    if any(wanted and found.isdisjoint(wanted) for wanted, found in asked):
        return False
    return not (exclusion.unless_international_connection and journey is not None and _connects_abroad(tables, journey))


def _connects_abroad(tables: LoungeTables, journey: Journey) -> bool:
    legs = (leg for leg in (journey.inbound, journey.onward) if leg is not None)
    return any(_route(tables, leg) is Route.INTERNATIONAL for leg in legs)


def _route(tables: LoungeTables, flight: Flight) -> Route | None:
    """Say what kind of route a leg is; None when one of its airports is not known."""
    origin, destination = tables.airports.get(flight.origin), tables.airports.get(flight.destination)
    if origin is None or destination is None:
        return None
    return Route.DOMESTIC if origin.country == destination.country else Route.INTERNATIONAL


def _of_flight(tables: LoungeTables, rule: AccessRule, visit: Visit) -> Iterator[str]:
    journey = visit.journey
    if journey is None:
        yield "flight_needed"
        return
    flight, scheme = journey.flight, tables.schemes[rule.scheme]
    if not belongs(flight, scheme, rule.carriage):
        yield "carrier_not_in_scheme"
    yield from _of_time(tables, rule, visit, journey)
    yield from _of_route(tables, rule, flight)
    if rule.connecting is not None:
        yield from _of_connection(tables, rule, journey)
    elif rule.cabins and flight.cabin not in rule.cabins:
        yield "lounge_cabin"
    if rule.revenue_only and flight.paid_with_miles:
        yield "ticket_paid_with_miles"


def _of_time(tables: LoungeTables, rule: AccessRule, visit: Visit, journey: Journey) -> Iterator[str]:
    flight, airport = journey.flight, tables.airports.get(visit.airport)
    if flight.origin != visit.airport:
        yield "other_airport"
    elif airport is not None and not leaves_in_time(flight.departs_at, visit.on_date, airport.time_zone, rule.latest):
        yield "departure_not_in_time"
    if journey.arrives_at is not None and flight.departs_at < journey.arrives_at:
        yield "flight_departed"


def _of_route(tables: LoungeTables, rule: AccessRule, flight: Flight) -> Iterator[str]:
    if rule.route is Route.ANY:
        return
    route = _route(tables, flight)
    if route is None:
        yield "airport_not_known"
    elif route is not rule.route:
        yield "lounge_route"


def _of_connection(tables: LoungeTables, rule: AccessRule, journey: Journey) -> Iterator[str]:
    assert rule.connecting is not None
    legs = [leg for leg in (journey.inbound, journey.flight, journey.onward) if leg is not None]
    if len(legs) < 2 or not all(_connects(tables, earlier, later, rule.latest) for earlier, later in pairwise(legs)):
        yield "no_connection"
    long = [leg for leg in legs if leg.scheduled_minutes > rule.connecting.over_minutes]
    if not any(leg.cabin in rule.cabins and belongs(leg, tables.schemes[rule.scheme], rule.carriage) for leg in long):
        yield "no_long_leg"


def _connects(tables: LoungeTables, earlier: Flight, later: Flight, latest: LatestDeparture) -> bool:
    """Say whether two legs make a connection: the later leaves where the earlier lands, soon enough after it."""
    airport = tables.airports.get(later.origin)
    lands_at = earlier.departs_at + timedelta(minutes=earlier.scheduled_minutes)
    if airport is None or earlier.destination != later.origin or later.departs_at < lands_at:
        return False
    return leaves_in_time(later.departs_at, local_date(lands_at, airport.time_zone), airport.time_zone, latest)


def _of_guests(tables: LoungeTables, rule: AccessRule, visit: Visit, journey: Journey) -> Iterator[str]:
    assert rule.guest_flight is not None
    if len(journey.guest_flights) < visit.guests:
        yield "guest_flight_needed"
    airport = tables.airports.get(visit.airport)
    for flight in journey.guest_flights:
        fits = belongs(flight, tables.schemes[rule.scheme], rule.guest_flight.carriage)
        same_day = airport is not None and leaves_in_time(
            flight.departs_at, visit.on_date, airport.time_zone, rule.latest
        )
        if not (fits and same_day and flight.origin == visit.airport):
            yield "guest_flight"
