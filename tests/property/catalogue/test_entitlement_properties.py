"""Properties of windows, quotas, refunds and lounge hours, each against an independent statement of the same rule."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from catalogue.benefits import EntitlementTerms
from catalogue.benefits_cancellation import Cancellation, RefundStep, refund_of
from catalogue.eligibility import MemberContext, ServiceFacts, Taken, refusals
from catalogue.entitlements import has_room
from catalogue.entitlements_windows import DATED, Quota, Use, WindowKind, counted, weight, window_of
from catalogue.lounge_access import LatestDeparture
from catalogue.lounge_admission import leaves_in_time
from catalogue.values import Rate
from tests.unit.catalogue.samples import CATALOGUE, TODAY

FIRST = date(2026, 1, 1)
days = st.integers(0, 120).map(lambda count: FIRST + timedelta(days=count))
standing = st.builds(
    Use,
    service_date=days,
    stay=st.sampled_from(["a", "b", "c"]),
    trip=st.sampled_from(["x", "y"]),
    guests=st.integers(0, 3),
)
windows = st.one_of(
    st.sampled_from([kind for kind in WindowKind if kind is not WindowKind.ROLLING_DAYS]).map(
        lambda kind: (kind, None)
    ),
    st.integers(1, 40).map(lambda count: (WindowKind.ROLLING_DAYS, count)),
)


@st.composite
def quotas(draw: st.DrawFn) -> Quota:
    window, count = draw(windows)
    counts = draw(st.sampled_from(["uses", "guests", "visitors"]))
    return Quota(limit=draw(st.integers(0, 8)), counts=counts, window=window, days=count)  # type: ignore[arg-type]


def overfull(quota: Quota, uses: list[Use]) -> bool:
    """Say, by looking at every window there is, whether one holds more than the quota allows."""
    if quota.window is WindowKind.ROLLING_DAYS:
        assert quota.days is not None
        starts = [FIRST + timedelta(days=count) for count in range(-40, 161)]
        groups = [[one for one in uses if 0 <= (one.service_date - start).days < quota.days] for start in starts]
    else:
        keys = {
            WindowKind.CALENDAR_YEAR: lambda use: use.service_date.year,
            WindowKind.CALENDAR_MONTH: lambda use: (use.service_date.year, use.service_date.month),
            WindowKind.STAY: lambda use: use.stay,
            WindowKind.TRIP: lambda use: use.trip,
        }
        key = keys[quota.window]
        groups = [[one for one in uses if key(one) == key(other)] for other in uses]  # type: ignore[no-untyped-call]
    return any(sum(weight(one, quota.counts) for one in group) > quota.limit for group in groups)


@given(quotas(), st.lists(standing, max_size=12))
def test_no_window_is_ever_overfilled_in_whatever_order_uses_come(quota: Quota, asked: list[Use]) -> None:
    admitted: list[Use] = []
    for use in asked:
        fits = counted(quota, use, admitted, quota.counts) + weight(use, quota.counts) <= quota.limit
        assert fits is not overfull(quota, [*admitted, use]), "refused exactly when a window would be overfull"
        if fits:
            admitted.append(use)


@given(quotas(), st.lists(standing, max_size=8), standing, standing)
def test_more_that_stands_never_makes_room(quota: Quota, uses: list[Use], more: Use, wanted: Use) -> None:
    before = counted(quota, wanted, uses, quota.counts)
    assert 0 <= before <= counted(quota, wanted, [*uses, more], quota.counts)
    assert before == counted(quota, wanted, uses[::-1], quota.counts), "the order does not matter"


@given(windows, days)
def test_a_day_lies_in_its_own_window_and_dated_windows_share_it(
    window: tuple[WindowKind, int | None], day: date
) -> None:
    quota = Quota(limit=1, window=window[0], days=window[1])
    found = window_of(quota, day)
    assert found.start_date <= day <= found.last_date
    if window[0] in DATED:
        assert window_of(quota, found.start_date) == window_of(quota, found.last_date) == found


@given(st.integers(1, 5), st.integers(1, 30), st.lists(days, max_size=8), days)
def test_a_right_has_room_until_its_uses_are_taken(limit: int, length: int, taken: list[date], day: date) -> None:
    terms = EntitlementTerms(uses={"gold": limit}, window=WindowKind.ROLLING_DAYS, days=length)
    uses = [Use(service_date=one) for one in taken]
    assert has_room(terms, "gold", Use(service_date=day), uses) is (counted(terms, Use(service_date=day), uses) < limit)
    assert not has_room(terms, "silver", Use(service_date=day), uses)


LOUNGE = CATALOGUE.benefit("lounge-visit", TODAY)
GOLD = MemberContext(member_id="m", tier="gold")


@given(st.integers(0, 5), st.integers(0, 5), st.lists(standing, max_size=4), quotas(), days)
def test_what_more_is_taken_never_opens_a_benefit(
    stock: int, pieces: int, uses: list[Use], quota: Quota, day: date
) -> None:
    assert LOUNGE is not None
    rare = msgspec.structs.replace(LOUNGE, stock=stock, quotas=(quota,))
    asked = ServiceFacts(service_date=day, stay="a", trip="x")
    fewer = {one.code for one in refusals(rare, GOLD, asked, Taken(pieces=pieces, uses=tuple(uses)))}
    more = {one.code for one in refusals(rare, GOLD, asked, Taken(pieces=pieces + 1, uses=(*uses, *uses)))}
    assert fewer <= more
    assert ("sold_out" in fewer) is (pieces >= stock)


@st.composite
def rules(draw: st.DrawFn) -> Cancellation:
    hours = sorted(draw(st.sets(st.integers(0, 200), max_size=4)), reverse=True)
    shares = sorted(draw(st.lists(st.integers(1, 100), min_size=6, max_size=6)), reverse=True)
    rates = [Rate(100, share) for share in shares]
    begins_free = draw(st.booleans())
    free = hours.pop(0) if hours and begins_free else None
    after, no_show = draw(st.booleans()), draw(st.booleans())
    return Cancellation(
        free_until_hours=free,
        steps=tuple(RefundStep(hour, rate) for hour, rate in zip(hours, rates, strict=False)),
        refund_after=rates[4] if after else None,
        no_show=rates[5] if after and no_show else None,
    )


@given(rules(), st.integers(0, 10**9), st.integers(-300, 300), st.integers(0, 50))
def test_waiting_never_brings_more_back(rule: Cancellation, paid: int, hours: int, later: int) -> None:
    start = datetime(2026, 12, 1, tzinfo=UTC)
    ends = start + timedelta(days=1)
    earlier = refund_of(rule, paid, start, start - timedelta(hours=hours), ends)
    after = refund_of(rule, paid, start, start - timedelta(hours=hours - later), ends)
    assert 0 <= after <= earlier <= paid


ZONES = [
    "Asia/Shanghai",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Honolulu",
    "Europe/London",
]


@given(
    st.sampled_from(ZONES),
    st.dates(date(2011, 12, 25), date(2027, 12, 31)),
    st.integers(-24 * 60, 60 * 60),
    st.sampled_from([time(5), time(6), time(0, 30)]),
)
def test_a_later_limit_never_shuts_the_door(zone: str, day: date, minutes: int, until: time) -> None:
    noon = datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
    assume(noon.astimezone(ZoneInfo(zone)).date() == day)
    leaves = noon + timedelta(minutes=minutes)
    strict = leaves_in_time(leaves, day, zone, LatestDeparture())
    before = leaves_in_time(leaves, day, zone, LatestDeparture(until))
    by = leaves_in_time(leaves, day, zone, LatestDeparture(until, inclusive=True))
    assert strict <= before <= by
    local = leaves.astimezone(ZoneInfo(zone))
    assert strict is (local.date() == day)
    if by and not strict:
        assert local.time() <= until
        assert timedelta(0) < leaves - noon < timedelta(hours=19), "the next day there begins within 13 hours of noon"
