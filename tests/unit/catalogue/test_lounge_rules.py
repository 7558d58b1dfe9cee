"""Every published lounge rule, as data and judged: figures of the alliances' own lounge pages, written down here.

Sources: Star Alliance (portal.staralliance.com, airports, branding; staralliance.com/zh/lounge-access-policy; the Gold
text as quoted at australianfrequentflyer.com.au, thread 94557), oneworld (oneworld.com text as quoted at flyertalk.com,
thread 2146340), SkyTeam (skyteam.com, frequently asked questions), Qatar Airways Privilege Club.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from catalogue.lounge_access import (
    AccessRule,
    Airport,
    Cabin,
    Carriage,
    Exclusion,
    Flight,
    GuestFlight,
    Journey,
    LatestDeparture,
    Level,
    Route,
)
from catalogue.lounge_admission import Admission, Visit, admission, judge, leaves_in_time
from catalogue.refusals import REFUSAL_TEXTS
from tests.unit.catalogue.samples import CATALOGUE

TABLES = CATALOGUE.lounges
DAY = date(2026, 12, 1)

GOLD_SIGN = {"airport": "SIN", "lounge_id": "SQ-KRISFLYER-GOLD-T3"}
STAR_GOLD = frozenset({("star-alliance", "gold")})
SAPPHIRE = frozenset({("oneworld", "sapphire")})
EMERALD = frozenset({("oneworld", "emerald")})


def local(airport: str, text: str) -> datetime:
    """An instant by an airport's own clock."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(TABLES.airports[airport].time_zone)).astimezone(UTC)


def flight(leg: str, leaves: str, carriers: str = "SQ", cabin: str = "economy", **more: object) -> Flight:
    """``flight("SIN-PVG", "2026-12-01T09:00")``; carriers are operating and, after a slash, marketing."""
    origin, destination = leg.split("-")
    operated_by, _, marketed_by = carriers.partition("/")
    made = Flight(
        operated_by=operated_by,
        marketed_by=marketed_by or operated_by,
        cabin=Cabin(cabin),
        origin=origin,
        destination=destination,
        departs_at=local(origin, leaves),
        scheduled_minutes=240,
    )
    return msgspec.structs.replace(made, **more)


def ask(rule: str, first: Flight | None, **visit: object) -> tuple[str, ...]:
    """Judge a visit on the day by one rule and answer the reasons against it."""
    inbound, onward = visit.pop("inbound", None), visit.pop("onward", None)
    guests = visit.pop("guest_flights", ())
    arrives_at = visit.pop("arrives_at", None)
    journey = (
        None
        if first is None
        else Journey(
            flight=first,
            inbound=inbound,  # type: ignore[arg-type]
            onward=onward,  # type: ignore[arg-type]
            guest_flights=guests,  # type: ignore[arg-type]
            arrives_at=arrives_at,  # type: ignore[arg-type]
        )
    )
    asked = {"airport": "SIN", "lounge_id": "ANY", "on_date": DAY, "journey": journey, **visit}
    return judge(TABLES, TABLES.rules[rule], Visit(**asked)).reasons  # type: ignore[arg-type]


PUBLISHED = [
    ("star-gold", "star-alliance", 1, Carriage.OPERATED, Route.ANY, (time(5), True), False),
    ("star-international-first", "star-alliance", 1, Carriage.OPERATED, Route.INTERNATIONAL, (None, False), True),
    ("star-international-business", "star-alliance", 0, Carriage.OPERATED, Route.INTERNATIONAL, (None, False), True),
    ("star-domestic-first", "star-alliance", 1, Carriage.OPERATED, Route.DOMESTIC, (None, False), False),
    ("star-domestic-business", "star-alliance", 0, Carriage.OPERATED, Route.DOMESTIC, (None, False), False),
    ("oneworld-emerald-sapphire", "oneworld", 1, Carriage.OPERATED_OR_MARKETED, Route.ANY, (time(6), False), False),
    ("oneworld-first", "oneworld", 1, Carriage.OPERATED_OR_MARKETED, Route.ANY, (time(6), False), False),
    ("oneworld-connecting", "oneworld", 0, Carriage.OPERATED_OR_MARKETED, Route.ANY, (time(6), False), False),
    ("oneworld-ruby", "oneworld", 0, Carriage.OPERATED, Route.ANY, (None, False), False),
    ("skyteam-elite-plus", "skyteam", 1, Carriage.OPERATED_OR_MARKETED, Route.INTERNATIONAL, (None, False), False),
    ("skyteam-elite", "skyteam", 0, Carriage.OPERATED, Route.ANY, (None, False), False),
    ("qatar-silver", "qatar-privilege-club", 0, Carriage.OPERATED, Route.ANY, (None, False), False),
    ("qatar-gold-platinum", "qatar-privilege-club", 1, Carriage.OPERATED, Route.ANY, (None, False), False),
]
"""Thirteen published rows: scheme, guests, how the flight belongs, route, next-day limit, revenue tickets only."""


@pytest.mark.parametrize("row", PUBLISHED, ids=[row[0] for row in PUBLISHED])
def test_the_packaged_rule_is_the_published_one(row: tuple[object, ...]) -> None:
    rule = TABLES.rules[str(row[0])]
    latest = (rule.latest.next_day, rule.latest.inclusive)
    assert (rule.id, rule.scheme, rule.guests, rule.carriage, rule.route, latest, rule.revenue_only) == row
    assert rule.source


def test_every_rule_is_among_the_published_ones() -> None:
    assert set(TABLES.rules) == {row[0] for row in PUBLISHED}


MORNING = flight("SIN-PVG", "2026-12-01T09:00")
NIGHT = flight("SIN-PVG", "2026-12-02T05:00")


@pytest.mark.parametrize(
    ("first", "visit", "against"),
    [
        (MORNING, {}, ()),
        (NIGHT, {}, ()),
        (flight("SIN-PVG", "2026-12-02T05:01"), {}, ("departure_not_in_time",)),
        (flight("SIN-PVG", "2026-11-30T23:59"), {}, ("departure_not_in_time",)),
        (flight("SIN-PVG", "2026-12-03T04:00"), {}, ("departure_not_in_time",)),
        (MORNING, {"levels": frozenset()}, ("lounge_level",)),
        (MORNING, {"levels": frozenset({("star-alliance", "silver")})}, ("lounge_level",)),
        (MORNING, {"levels": frozenset({("skyteam", "gold")})}, ("lounge_level",)),
        (flight("SIN-PVG", "2026-12-01T09:00", "CX/SQ"), {}, ("carrier_not_in_scheme",)),
        (flight("SIN-PVG", "2026-12-01T09:00", "SQ/QF"), {}, ()),
        (MORNING, {"lounge_id": "UNLISTED"}, ("lounge_not_known",)),
        (flight("BKK-PVG", "2026-12-01T09:00"), {"airport": "BKK", "lounge_id": "TG-ROYAL-SPA"},
         ("lounge_not_included",)),
        (flight("PVG-SIN", "2026-12-01T09:00"), {}, ("other_airport",)),
        (None, {}, ("flight_needed",)),
        (MORNING, {"guests": 1, "guest_flights": (MORNING,)}, ()),
        (MORNING, {"guests": 1, "guest_flights": (flight("SIN-BKK", "2026-12-01T23:00", "TG"),)}, ()),
        (MORNING, {"guests": 1, "guest_flights": (flight("SIN-BKK", "2026-12-01T23:00", "CX"),)}, ("guest_flight",)),
        (MORNING, {"guests": 1, "guest_flights": (flight("BKK-SIN", "2026-12-01T08:00"),)}, ("guest_flight",)),
        (MORNING, {"guests": 1, "guest_flights": (flight("SIN-BKK", "2026-12-03T08:00"),)}, ("guest_flight",)),
        (MORNING, {"guests": 1}, ("guest_flight_needed",)),
        (MORNING, {"guests": 2, "guest_flights": (MORNING, MORNING)}, ("too_many_guests",)),
        (MORNING, {"arrives_at": local("SIN", "2026-12-01T09:01")}, ("flight_departed",)),
        (MORNING, {"arrives_at": local("SIN", "2026-12-01T09:00")}, ()),
    ],
)  # fmt: skip
def test_star_gold(first: Flight | None, visit: dict[str, object], against: tuple[str, ...]) -> None:
    assert ask("star-gold", first, **{**GOLD_SIGN, "levels": STAR_GOLD, **visit}) == against


LONG_FIRST = flight("FRA-SIN", "2026-12-01T22:00", "LH", "first")


@pytest.mark.parametrize(
    ("rule", "first", "visit", "against"),
    [
        ("star-international-first", LONG_FIRST, {"lounge_id": "LH-SENATOR-A"}, ()),
        ("star-international-first", LONG_FIRST, {"lounge_id": "LH-FIRST-B"}, ("lounge_excluded",)),
        ("star-international-first", flight("FRA-SIN", "2026-12-01T22:00", "LH", "business"),
         {"lounge_id": "LH-SENATOR-A"}, ("lounge_cabin",)),
        ("star-international-first", flight("FRA-MUC", "2026-12-01T22:00", "LH", "first"),
         {"lounge_id": "LH-SENATOR-A"}, ("lounge_route",)),
        ("star-international-first", msgspec.structs.replace(LONG_FIRST, paid_with_miles=True),
         {"lounge_id": "LH-SENATOR-A"}, ("ticket_paid_with_miles",)),
        ("star-international-first", msgspec.structs.replace(LONG_FIRST, destination="XXX"),
         {"lounge_id": "LH-SENATOR-A"}, ("airport_not_known",)),
        ("star-international-first", LONG_FIRST,
         {"lounge_id": "LH-SENATOR-A", "guests": 1, "guest_flights": (flight("FRA-MUC", "2026-12-01T07:00", "LH"),)},
         ()),
        ("star-international-first", flight("FRA-SIN", "2026-12-02T00:30", "LH", "first"),
         {"lounge_id": "LH-SENATOR-A"}, ("departure_not_in_time",)),
        ("star-international-business", flight("FRA-SIN", "2026-12-01T22:00", "LH", "business"), {}, ()),
        ("star-international-business", flight("FRA-SIN", "2026-12-01T22:00", "LH", "business"), {"guests": 1},
         ("too_many_guests",)),
        ("star-domestic-first", flight("FRA-MUC", "2026-12-01T22:00", "LH", "first"), {"guests": 1}, ()),
        ("star-domestic-first", flight("FRA-SIN", "2026-12-01T22:00", "LH", "first"), {}, ("lounge_route",)),
        ("star-domestic-business", flight("FRA-MUC", "2026-12-01T22:00", "LH", "business"), {}, ()),
        ("star-domestic-business", flight("FRA-MUC", "2026-12-01T22:00", "LH", "business"), {"guests": 1},
         ("too_many_guests",)),
    ],
)  # fmt: skip
def test_star_cabins(rule: str, first: Flight, visit: dict[str, object], against: tuple[str, ...]) -> None:
    assert ask(rule, first, **{"airport": "FRA", **visit}) == against


def test_thais_spa_is_left_out_and_its_first_lounge_is_not() -> None:
    first = flight("BKK-PVG", "2026-12-01T09:00", "TG", "first")
    spa, lounge = ({"airport": "BKK", "lounge_id": name} for name in ("TG-ROYAL-SPA", "TG-ROYAL-FIRST"))
    assert ask("star-international-first", first, **spa) == ("lounge_excluded",)
    assert ask("star-international-first", first, **lounge) == ()


def test_american_domestic_flights() -> None:
    at = {"airport": "EWR", "lounge_id": "UA-CLUB-C"}
    domestic = flight("EWR-SFO", "2026-12-01T09:00", "UA", "first")
    from_abroad = flight("FRA-EWR", "2026-12-01T02:00", "LH", scheduled_minutes=60)
    to_abroad = flight("SFO-SIN", "2026-12-01T20:00", "SQ")
    within = flight("ORD-EWR", "2026-12-01T05:00", "UA")
    assert ask("star-domestic-first", domestic, **at) == ("lounge_excluded",)
    assert ask("star-domestic-first", domestic, inbound=from_abroad, **at) == ()
    assert ask("star-domestic-first", domestic, onward=to_abroad, **at) == ()
    assert ask("star-domestic-first", domestic, inbound=within, **at) == ("lounge_excluded",)
    business = flight("EWR-SFO", "2026-12-01T09:00", "UA", "business")
    assert ask("star-domestic-business", business, **at) == ("lounge_excluded",)
    assert ask("star-domestic-business", business, inbound=from_abroad, **at) == ("lounge_excluded",)
    other = flight("EWR-SFO", "2026-12-01T09:00", "AC", "business")
    assert ask("star-domestic-business", other, **at) == ()


HONG_KONG = {"airport": "HKG", "lounge_id": "CX-THE-PIER"}


@pytest.mark.parametrize(
    ("first", "visit", "against"),
    [
        (flight("HKG-LHR", "2026-12-01T23:00", "CX"), {}, ()),
        (flight("HKG-LHR", "2026-12-02T05:59", "CX"), {}, ()),
        (flight("HKG-LHR", "2026-12-02T06:00", "CX"), {}, ("departure_not_in_time",)),
        (flight("HKG-LHR", "2026-12-01T23:00", "CX"), {"levels": EMERALD}, ()),
        (flight("HKG-LHR", "2026-12-01T23:00", "CX"), {"levels": frozenset({("oneworld", "ruby")})}, ("lounge_level",)),
        (flight("HKG-LHR", "2026-12-01T23:00", "LH"), {}, ("carrier_not_in_scheme",)),
        (flight("HKG-LHR", "2026-12-01T23:00", "CX"),
         {"guests": 1, "guest_flights": (flight("HKG-SYD", "2026-12-02T05:30", "QF"),)}, ()),
        (flight("HKG-LHR", "2026-12-01T23:00", "CX"),
         {"guests": 1, "guest_flights": (flight("HKG-SYD", "2026-12-01T21:00", "QF/LH"),)}, ("guest_flight",)),
        (flight("HKG-LHR", "2026-12-01T23:00", "CX"),
         {"guests": 1, "guest_flights": (flight("HKG-SYD", "2026-12-01T21:00", "LH/QF"),)}, ("guest_flight",)),
    ],
)  # fmt: skip
def test_oneworld_emerald_and_sapphire(first: Flight, visit: dict[str, object], against: tuple[str, ...]) -> None:
    asked = {**HONG_KONG, "levels": SAPPHIRE, **visit}
    assert ask("oneworld-emerald-sapphire", first, **asked) == against


def test_oneworld_first_asks_the_same_of_a_guest() -> None:
    first = flight("HKG-LHR", "2026-12-02T05:59", "CX", "first")
    assert ask("oneworld-first", first, **HONG_KONG) == ()
    guest = {"guests": 1, "guest_flights": (flight("HKG-SYD", "2026-12-01T21:00", "QF/LH"),)}
    assert ask("oneworld-first", first, **HONG_KONG, **guest) == ("guest_flight",)
    assert ask("oneworld-first", flight("HKG-LHR", "2026-12-01T23:00", "CX"), **HONG_KONG) == ("lounge_cabin",)


SHORT = flight("HKG-PVG", "2026-12-01T15:00", "CX", scheduled_minutes=150)
FROM_LONDON = flight("LHR-HKG", "2026-11-30T10:00", "CX", "business", scheduled_minutes=780)


@pytest.mark.parametrize(
    ("changes", "against"),
    [
        ({}, ()),
        ({"cabin": Cabin.FIRST}, ()),
        ({"cabin": Cabin.PREMIUM_ECONOMY}, ("no_long_leg",)),
        ({"scheduled_minutes": 301, "departs_at": local("HKG", "2026-12-01T08:00")}, ()),
        ({"scheduled_minutes": 300, "departs_at": local("HKG", "2026-12-01T08:00")}, ("no_long_leg",)),
        ({"destination": "PVG"}, ("no_connection",)),
        ({"departs_at": local("HKG", "2026-12-01T14:00")}, ("no_connection",)),
        ({"departs_at": local("LHR", "2026-11-29T20:00")}, ("no_connection",)),
        ({"operated_by": "LH", "marketed_by": "LH"}, ("no_long_leg",)),
    ],
)
def test_oneworld_connection_goes_by_its_long_leg(changes: dict[str, object], against: tuple[str, ...]) -> None:
    inbound = msgspec.structs.replace(FROM_LONDON, **changes)
    assert ask("oneworld-connecting", SHORT, inbound=inbound, **HONG_KONG) == against


def test_oneworld_connection_that_goes_on_before_six() -> None:
    late = flight("PVG-HKG", "2026-12-01T20:00", "CX", scheduled_minutes=150)
    for leaves, against in (("05:59", ()), ("06:00", ("no_connection",))):
        onward = flight("HKG-LHR", f"2026-12-02T{leaves}", "CX", "business", scheduled_minutes=780)
        assert ask("oneworld-connecting", late, onward=onward, airport="PVG") == against
    assert ask("oneworld-connecting", SHORT, **HONG_KONG) == ("no_connection", "no_long_leg")
    assert ask("oneworld-connecting", SHORT, inbound=FROM_LONDON, guests=1, **HONG_KONG) == ("too_many_guests",)


@pytest.mark.parametrize(("rule", "level"), [("oneworld-ruby", ("oneworld", "ruby")),
                                             ("skyteam-elite", ("skyteam", "elite"))])  # fmt: skip
def test_levels_that_open_no_lounge(rule: str, level: tuple[str, str]) -> None:
    assert ask(rule, None, levels=frozenset({level})) == ("lounge_level_without_access",)
    assert ask(rule, None) == ("lounge_level",)


PLUS = frozenset({("skyteam", "elite-plus")})
DELTA = frozenset({("delta-skymiles", "elite-plus")})
ATLANTA = {"airport": "ATL", "lounge_id": "DL-SKY-CLUB-F"}
TO_PARIS = flight("ATL-CDG", "2026-12-01T17:00", "DL")


@pytest.mark.parametrize(
    ("first", "visit", "against"),
    [
        (TO_PARIS, {"levels": PLUS}, ()),
        (TO_PARIS, {"levels": PLUS, "guests": 1}, ()),
        (TO_PARIS, {"levels": PLUS, "guests": 2}, ("too_many_guests",)),
        (flight("ATL-JFK", "2026-12-01T17:00", "DL"), {"levels": PLUS}, ("lounge_route",)),
        (flight("ATL-CDG", "2026-12-02T00:10", "DL"), {"levels": PLUS}, ("departure_not_in_time",)),
        (flight("ATL-LHR", "2026-12-01T17:00", "BA"), {"levels": PLUS}, ("carrier_not_in_scheme",)),
        (TO_PARIS, {"levels": DELTA}, ("lounge_excluded",)),
        (flight("ATL-CDG", "2026-12-01T17:00", "DL", "business"), {"levels": DELTA}, ()),
        (TO_PARIS, {"levels": DELTA, "lounge_id": "ELSEWHERE"}, ("lounge_not_known",)),
        (TO_PARIS, {"levels": frozenset({("skyteam", "elite")})}, ("lounge_level",)),
    ],
)
def test_skyteam_elite_plus(first: Flight, visit: dict[str, object], against: tuple[str, ...]) -> None:
    assert ask("skyteam-elite-plus", first, **{**ATLANTA, **visit}) == against


@pytest.mark.parametrize(
    ("rule", "tier", "guests", "against"),
    [
        ("qatar-silver", "silver", 0, ()),
        ("qatar-silver", "silver", 1, ("too_many_guests",)),
        ("qatar-silver", "burgundy", 0, ("lounge_level",)),
        ("qatar-gold-platinum", "gold", 1, ()),
        ("qatar-gold-platinum", "platinum", 1, ()),
        ("qatar-gold-platinum", "platinum", 2, ("too_many_guests",)),
        ("qatar-gold-platinum", "silver", 1, ("lounge_level",)),
    ],
)
def test_qatars_own_members(rule: str, tier: str, guests: int, against: tuple[str, ...]) -> None:
    held = frozenset({("qatar-privilege-club", tier)})
    assert ask(rule, None, airport="DOH", lounge_id="QR-AL-MOURJAN", levels=held, guests=guests) == against
    elsewhere = ask(rule, None, airport="HKG", lounge_id="CX-THE-PIER", levels=held, guests=guests)
    assert "lounge_not_included" in elsewhere


UNTIL_FIVE, BEFORE_SIX = LatestDeparture(time(5), inclusive=True), LatestDeparture(time(6))


@pytest.mark.parametrize(
    ("zone", "visited", "leaves", "latest", "in_time"),
    [
        # The same instant is another day at another airport: 16:30 UTC is past midnight in Shanghai.
        ("Asia/Shanghai", date(2026, 12, 1), datetime(2026, 12, 1, 16, 30, tzinfo=UTC), LatestDeparture(), False),
        ("Europe/London", date(2026, 12, 1), datetime(2026, 12, 1, 16, 30, tzinfo=UTC), LatestDeparture(), True),
        # Spring forward, New York, 8 March 2026 (02:00 becomes 03:00 at 07:00 UTC): 05:00 there is 09:00 UTC.
        ("America/New_York", date(2026, 3, 7), datetime(2026, 3, 8, 9, 0, tzinfo=UTC), UNTIL_FIVE, True),
        ("America/New_York", date(2026, 3, 7), datetime(2026, 3, 8, 9, 1, tzinfo=UTC), UNTIL_FIVE, False),
        ("America/New_York", date(2026, 3, 7), datetime(2026, 3, 8, 9, 59, tzinfo=UTC), BEFORE_SIX, True),
        ("America/New_York", date(2026, 3, 7), datetime(2026, 3, 8, 10, 0, tzinfo=UTC), BEFORE_SIX, False),
        # Fall back, New York, 1 November 2026 (02:00 becomes 01:00 at 06:00 UTC): 05:00 local is 10:00 UTC.
        ("America/New_York", date(2026, 10, 31), datetime(2026, 11, 1, 10, 0, tzinfo=UTC), UNTIL_FIVE, True),
        ("America/New_York", date(2026, 10, 31), datetime(2026, 11, 1, 10, 1, tzinfo=UTC), UNTIL_FIVE, False),
        # Lord Howe Island moves its clock by half an hour: 4 October 2026, 02:00 becomes 02:30 (UTC+10:30 to +11).
        ("Australia/Lord_Howe", date(2026, 10, 3), datetime(2026, 10, 3, 18, 0, tzinfo=UTC), UNTIL_FIVE, True),
        ("Australia/Lord_Howe", date(2026, 10, 3), datetime(2026, 10, 3, 18, 1, tzinfo=UTC), UNTIL_FIVE, False),
        # Samoa went over the date line: 30 December 2011 never came there, so the day after the 29th is the 31st.
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 30, 14, 59, tzinfo=UTC), UNTIL_FIVE, True),
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 30, 15, 0, tzinfo=UTC), UNTIL_FIVE, True),
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 30, 15, 1, tzinfo=UTC), UNTIL_FIVE, False),
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 30, 15, 59, tzinfo=UTC), BEFORE_SIX, True),
        # On either side of the line one instant has two dates: 11:00 UTC is midnight in Apia, 01:00 in Honolulu.
        ("Pacific/Apia", date(2026, 12, 2), datetime(2026, 12, 1, 11, 0, tzinfo=UTC), LatestDeparture(), True),
        ("Pacific/Honolulu", date(2026, 12, 1), datetime(2026, 12, 1, 11, 0, tzinfo=UTC), LatestDeparture(), True),
    ],
)  # fmt: skip
def test_the_next_day_is_the_airports_own(
    zone: str, visited: date, leaves: datetime, latest: LatestDeparture, in_time: bool
) -> None:
    assert leaves_in_time(leaves, visited, zone, latest) is in_time


def test_a_visit_by_several_rules_is_judged_by_the_kindest() -> None:
    night = flight("SIN-PVG", "2026-12-02T04:00", "SQ", "business")
    visit = Visit(**GOLD_SIGN, on_date=DAY, levels=STAR_GOLD, journey=Journey(flight=night))  # type: ignore[arg-type]
    found = admission(TABLES, ("star-international-first", "star-gold"), visit)
    assert (found.rule, found.admitted) == ("star-gold", True)
    none = admission(TABLES, ("star-international-first", "star-international-business"), visit)
    assert none == Admission(rule="star-international-business", guests=0, reasons=("departure_not_in_time",)), (
        "of two that refuse, the one with least against it is told"
    )


def test_an_airport_that_is_not_listed_is_told_and_not_guessed() -> None:
    nowhere = msgspec.structs.replace(MORNING, origin="ZZZ")
    against = ask("oneworld-emerald-sapphire", nowhere, airport="ZZZ", levels=SAPPHIRE)
    assert against == ("airport_not_known", "carrier_not_in_scheme")
    guest = msgspec.structs.replace(nowhere, operated_by="CX", marketed_by="CX")
    asked = {"airport": "ZZZ", "levels": SAPPHIRE, "guests": 1, "guest_flights": (guest,)}
    assert ask("oneworld-emerald-sapphire", guest, **asked) == ("airport_not_known", "guest_flight")
    assert ask("oneworld-connecting", guest, inbound=msgspec.structs.replace(FROM_LONDON, destination="ZZZ"),
               airport="ZZZ") == ("airport_not_known", "no_connection")  # fmt: skip


def test_every_reason_is_a_sentence() -> None:
    said = {reason for reason in REFUSAL_TEXTS if reason.startswith(("lounge_", "guest_flight", "no_", "flight_"))}
    assert {"lounge_level", "lounge_excluded", "guest_flight_needed", "no_long_leg", "flight_departed"} <= said


@pytest.mark.parametrize(
    "make",
    [
        lambda: AccessRule(id="r", scheme="s", source="x"),
        lambda: AccessRule(id="r", scheme="s", source=" ", cabins=(Cabin.FIRST,)),
        lambda: AccessRule(id="r", scheme="s", source="x", cabins=(Cabin.FIRST,), needs_flight=False),
        lambda: AccessRule(
            id="r", scheme="s", source="x", levels=(Level("p", "t"),), needs_flight=False, guest_flight=GuestFlight()
        ),
        lambda: Exclusion(note="everything"),
        lambda: Airport("AAA", "Mars/Olympus", "CN"),
        lambda: msgspec.structs.replace(MORNING, departs_at=datetime(2026, 12, 1, 9, 0)),  # noqa: DTZ001
        lambda: Journey(flight=MORNING, arrives_at=datetime(2026, 12, 1, 9, 0)),  # noqa: DTZ001
    ],
)
def test_what_is_no_rule(make: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        make()  # type: ignore[operator]


def test_an_unlisted_carriage_asks_nothing() -> None:
    rule = msgspec.structs.replace(TABLES.rules["star-gold"], carriage=Carriage.ANY)
    strange = flight("SIN-PVG", "2026-12-01T09:00", "CX")
    visit = Visit(**GOLD_SIGN, on_date=DAY, levels=STAR_GOLD, journey=Journey(flight=strange))  # type: ignore[arg-type]
    assert judge(TABLES, rule, visit).admitted
    assert timedelta(minutes=strange.scheduled_minutes) == timedelta(hours=4)
