"""Properties of tiers over time and of campaigns, each against an independent statement of the same rule."""

from __future__ import annotations

from datetime import date, timedelta
from math import floor

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from catalogue.calendar import add_months
from catalogue.programme import earn
from catalogue.programme_rules import Campaign
from catalogue.programme_tiers import Credit, counted, counting_from, review, rise, secured, standing
from catalogue.texts import Text
from catalogue.tier_match import HeldStatus, Provenance
from catalogue.values import Money, Rate
from tests.unit.catalogue.samples import AT, PROGRAMME

FIRST = date(2026, 1, 1)
days = st.integers(0, 1_500).map(lambda number: FIRST + timedelta(number))
credits_ = st.lists(st.builds(Credit, days, st.integers(1, 400_000)), max_size=12)
statuses = st.lists(
    st.builds(
        lambda tier, first, months: HeldStatus(
            programme="host",
            tier=tier,
            provenance=Provenance.EARNED,
            valid_from_date=first,
            valid_to_date=add_months(first, months),
        ),
        st.sampled_from(PROGRAMME.tier_ids[1:]),
        days,
        st.integers(1, 30),
    ),
    max_size=5,
)
multipliers = st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda pair: Rate(pair[0], sum(pair)))


@given(days)
def test_the_qualifying_period_is_what_it_says(day: date) -> None:
    first = counting_from(PROGRAMME, day)
    assert add_months(first, 24) > day >= add_months(first - timedelta(1), 24)
    assert counting_from(PROGRAMME, day + timedelta(1)) >= first


@given(credits_, days, st.builds(Credit, days, st.integers(1, 400_000)))
def test_more_points_never_lower_what_counts_nor_the_tier(history: list[Credit], day: date, more: Credit) -> None:
    assert counted(PROGRAMME, history, day) <= counted(PROGRAMME, [*history, more], day)
    low, high = rise(PROGRAMME, (), history, day), rise(PROGRAMME, (), [*history, more], day)
    assert low is None or (high is not None and PROGRAMME.rank(low.tier) <= PROGRAMME.rank(high.tier))


@given(statuses, credits_, days)
def test_a_standing_as_of_a_day_is_blind_to_what_is_later(
    held: list[HeldStatus], history: list[Credit], day: date
) -> None:
    known = [status for status in held if status.valid_from_date <= day]
    then = [credit for credit in history if credit.on_date <= day]
    assert standing(PROGRAMME, held, history, day) == standing(PROGRAMME, known, then, day)


@given(statuses, credits_, days)
def test_a_rise_rises_and_is_not_repeated(held: list[HeldStatus], history: list[Credit], day: date) -> None:
    risen = rise(PROGRAMME, held, history, day)
    if risen is not None:
        assert PROGRAMME.rank(risen.tier) > PROGRAMME.rank(standing(PROGRAMME, held, history, day).tier)
        assert rise(PROGRAMME, [*held, risen], history, day) is None


@given(statuses, credits_, days)
def test_a_tier_kept_ahead_is_what_the_end_would_have_said(
    held: list[HeldStatus], history: list[Credit], day: date
) -> None:
    kept = secured(PROGRAMME, held, history, day)
    if kept is not None:
        ended = [one for one in held if one.valid_to_date == kept.valid_from_date - timedelta(1)]
        granted = [review(PROGRAMME, held, history, one).granted for one in ended]
        assert any(one is not None and PROGRAMME.rank(one.tier) >= PROGRAMME.rank(kept.tier) for one in granted)


@given(st.integers(0, 10**12), st.sampled_from(PROGRAMME.tier_ids), multipliers, st.integers(0, 10**6))
def test_a_campaign_adds_the_floored_share_of_the_base(fen: int, tier: str, rate: Rate, limit: int) -> None:
    name = Text("活动", "Campaign")
    campaign = Campaign(id="c", name=name, effective_from_date=FIRST, multiplier=rate, limit_points=limit or None)
    plain = msgspec.structs.replace(PROGRAMME, campaigns=())
    without = earn(plain, "parts", Money(fen, "CNY"), tier, AT)
    served = earn(msgspec.structs.replace(PROGRAMME, campaigns=(campaign,)), "parts", Money(fen, "CNY"), tier, AT)
    base = earn(plain, "parts", Money(fen, "CNY"), "silver", AT).points
    beside = floor(base * rate.fraction) - base
    assert served.points - without.points == (min(beside, limit) if limit else beside) == served.campaign_points
    assert served.qualifying == without.qualifying
