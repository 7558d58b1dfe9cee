"""Tiers over time: kept, landed, lapsed, restored; as of any day."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest

from catalogue.programme import Programme
from catalogue.programme_tiers import (
    Credit,
    counted,
    counting_from,
    ending,
    review,
    rise,
    secured,
    standing,
    unreviewed,
    warning_step,
    way_back,
)
from catalogue.tier_match import HeldStatus, Provenance
from tests.unit.catalogue.samples import PROGRAMME

JOINED = date(2026, 11, 22)
END = date(2028, 11, 22)
"""Last day of a tier of 24 months that was earned on the day above."""
SOFT = msgspec.structs.replace(PROGRAMME, tier_rules=msgspec.structs.replace(PROGRAMME.tier_rules, soft_landing=True))


def held(
    tier: str, first: date = JOINED, last: date | None = END, provenance: Provenance = Provenance.EARNED
) -> HeldStatus:
    edge = "an-edge" if provenance == Provenance.MATCHED else None
    return HeldStatus(
        programme="host", tier=tier, provenance=provenance, valid_from_date=first, valid_to_date=last, edge_id=edge
    )


def test_a_point_counts_until_the_day_before_its_second_anniversary() -> None:
    credit = [Credit(JOINED, 7)]
    days = (JOINED - timedelta(1), JOINED, END - timedelta(1), END)
    assert [counted(PROGRAMME, credit, day) for day in days] == [0, 7, 7, 0]


@pytest.mark.parametrize(
    ("day", "first"),
    [
        (date(2028, 11, 22), date(2026, 11, 23)),
        (date(2030, 2, 28), date(2028, 3, 1)),
        (date(2028, 2, 29), date(2026, 3, 1)),
    ],
)
def test_the_qualifying_period_ends_with_the_day_asked_for(day: date, first: date) -> None:
    assert counting_from(PROGRAMME, day) == first


def test_reaching_a_threshold_raises_at_once_for_two_years() -> None:
    assert rise(PROGRAMME, (), [Credit(JOINED, 149_999)], JOINED) is None
    assert rise(PROGRAMME, (), [Credit(JOINED, 150_000)], JOINED) == held("gold")
    assert rise(PROGRAMME, (held("gold"),), [Credit(JOINED, 150_000)], JOINED) is None
    assert rise(PROGRAMME, (held("gold"),), [Credit(JOINED, 600_000)], JOINED) == held("diamond")


def test_points_that_no_longer_count_raise_nobody() -> None:
    old = [Credit(JOINED, 149_000), Credit(END, 1_000)]
    assert rise(PROGRAMME, (), old, END) is None
    assert rise(PROGRAMME, (), old, END - timedelta(1)) is None
    assert rise(PROGRAMME, (), [*old, Credit(END - timedelta(1), 1_000)], END - timedelta(1)) is not None


@pytest.mark.parametrize(
    ("programme", "tier", "points", "outcome", "after"),
    [
        (PROGRAMME, "gold", 150_000, "kept", "gold"),
        (PROGRAMME, "gold", 149_999, "lapsed", "silver"),
        (PROGRAMME, "diamond", 150_000, "landed", "gold"),
        (PROGRAMME, "diamond", 0, "lapsed", "silver"),
        (SOFT, "diamond", 0, "landed", "platinum"),
        (SOFT, "platinum", 0, "landed", "gold"),
        (SOFT, "gold", 0, "lapsed", "silver"),
        (SOFT, "diamond", 600_000, "kept", "diamond"),
    ],
)
def test_the_end_of_a_validity(programme: Programme, tier: str, points: int, outcome: str, after: str) -> None:
    judged = review(programme, (held(tier),), [Credit(END, points), Credit(JOINED, 900_000)], held(tier))
    assert (judged.outcome, judged.tier_after, judged.qualifying) == (outcome, after, points)
    if judged.granted is not None:
        assert judged.granted == held(after, END + timedelta(1), date(2030, 11, 22))
    assert (judged.granted is None) == (outcome == "lapsed")


def test_a_higher_earned_tier_covers_the_end_of_a_lower_one() -> None:
    later = held("platinum", date(2027, 1, 1), date(2029, 1, 1))
    judged = review(PROGRAMME, (held("gold"), later), [Credit(END, 150_000)], held("gold"))
    assert (judged.outcome, judged.granted, judged.tier_after) == ("covered", None, "platinum")


def test_a_matched_tier_ends_without_a_landing_and_keeps_no_earned_one_from_being_earned() -> None:
    matched = held("gold", provenance=Provenance.MATCHED)
    judged = review(SOFT, (matched,), [Credit(END, 500_000)], matched)
    assert (judged.outcome, judged.granted, judged.tier_after) == ("lapsed", None, "silver")
    beside = review(PROGRAMME, (held("gold"), held("gold", last=None, provenance=Provenance.MATCHED)), [], held("gold"))
    assert (beside.outcome, beside.granted, beside.tier_after) == ("covered", None, "gold")


def test_what_keeps_a_tier_is_secured_as_soon_as_it_is_there() -> None:
    day = date(2027, 6, 1)
    assert secured(PROGRAMME, (held("gold"),), [Credit(JOINED, 900_000), Credit(day, 149_999)], day) is None
    following = secured(PROGRAMME, (held("gold"),), [Credit(day, 150_000)], day)
    assert following == held("gold", END + timedelta(1), date(2030, 11, 22))
    assert secured(PROGRAMME, (held("gold"), following), [Credit(day, 150_000)], day) is None


def test_ends_are_judged_oldest_first_and_once() -> None:
    first, second = held("gold"), held("platinum", date(2027, 1, 1), date(2029, 1, 1))
    after = date(2029, 6, 1)
    assert unreviewed(PROGRAMME, (second, first), (), after) == first
    assert unreviewed(PROGRAMME, (second, first), [("gold", Provenance.EARNED, JOINED)], after) == second
    assert unreviewed(PROGRAMME, (first,), (), END) is None, "the last day is not over"


@pytest.mark.parametrize(
    ("day", "points", "missing"),
    [(END + timedelta(1), 0, 75_000), (END + timedelta(90), 74_999, 1), (END + timedelta(90), 75_000, 0)],
)
def test_the_way_back_asks_half_the_threshold_within_90_days(day: date, points: int, missing: int) -> None:
    back = way_back(PROGRAMME, (held("gold"),), [Credit(END, 500_000), Credit(day, points)], day)
    assert back is not None
    assert (back.tier, back.needed, back.missing, back.until_date) == ("gold", 75_000, missing, END + timedelta(90))


def test_the_way_back_restores_and_closes() -> None:
    day = END + timedelta(90)
    points = [Credit(day, 75_000)]
    assert rise(PROGRAMME, (held("gold"),), points, day) == held("gold", day, date(2031, 2, 20))
    assert way_back(PROGRAMME, (held("gold"),), points, day + timedelta(1)) is None
    assert rise(PROGRAMME, (held("gold"),), points, day + timedelta(1)) is None
    none = msgspec.structs.replace(PROGRAMME.tier_rules, comeback=None)
    without = msgspec.structs.replace(PROGRAMME, tier_rules=none)
    assert way_back(without, (held("gold"),), points, day) is None


def test_a_warning_says_what_keeps_the_tier_and_what_follows() -> None:
    day = END - timedelta(90)
    found = ending(SOFT, (held("platinum"),), [Credit(day, 20_000)], day)
    assert found is not None
    assert (found.tier, found.needed, found.missing, found.tier_after) == ("platinum", 300_000, 280_000, "gold")
    kept = held("platinum", END + timedelta(1), None)
    assert ending(SOFT, (held("platinum"), kept), [], day) is None
    assert ending(SOFT, (), [], day) is None


@pytest.mark.parametrize(("left", "step"), [(91, None), (90, 90), (31, 90), (30, 30), (0, 30), (-1, None)])
def test_warnings_come_in_steps(left: int, step: int | None) -> None:
    assert warning_step(PROGRAMME, END, END - timedelta(left)) == step


def test_a_standing_as_of_a_day_knows_nothing_later() -> None:
    statuses = (held("gold"), held("diamond", date(2027, 6, 1), date(2029, 6, 1)))
    points = [Credit(JOINED, 150_000), Credit(date(2027, 6, 1), 450_000)]
    then = standing(PROGRAMME, statuses, points, date(2027, 5, 31))
    assert (then.tier, then.valid_to_date, then.qualifying, then.next_tier, then.next_missing) == (
        "gold", END, 150_000, "platinum", 150_000,
    )  # fmt: skip
    now = standing(PROGRAMME, statuses, points, date(2027, 6, 1))
    assert (now.tier, now.qualifying, now.next_tier, now.next_missing) == ("diamond", 600_000, None, 0)
    before = standing(PROGRAMME, statuses, points, JOINED - timedelta(1))
    assert (before.tier, before.valid_to_date, before.qualifying, before.ending) == ("silver", None, 0, None)


def test_the_status_that_carries_a_tier_is_the_highest_and_of_equals_the_one_that_lasts() -> None:
    open_match = held("gold", last=None, provenance=Provenance.MATCHED)
    elsewhere = msgspec.structs.replace(held("gold", last=date(2035, 1, 1)), programme="another")
    past = held("diamond", date(2024, 1, 1), date(2025, 1, 1))
    entry = held("silver", last=date(2036, 1, 1))
    others = (elsewhere, past, entry)
    longer = held("gold", last=date(2029, 6, 1))
    assert standing(PROGRAMME, (held("gold"), longer, *others), [], JOINED).valid_to_date == date(2029, 6, 1)
    assert standing(PROGRAMME, (held("gold"), open_match, *others), [], JOINED).valid_to_date is None
    assert standing(PROGRAMME, (open_match, *others), [], JOINED).valid_to_date is None
    assert standing(PROGRAMME, others, [], JOINED).valid_to_date is None


def test_only_an_earned_status_is_kept_ahead_of_its_end() -> None:
    matched = held("platinum", provenance=Provenance.MATCHED)
    points = [Credit(JOINED, 150_000)]
    assert secured(PROGRAMME, (matched,), [Credit(JOINED, 900_000)], JOINED) is None
    following = secured(PROGRAMME, (matched, held("gold", last=END)), points, END - timedelta(1))
    assert following is None, "the points of the first day no longer count on the last"
    day = END - timedelta(1)
    following = secured(PROGRAMME, (matched, held("gold")), [Credit(day, 150_000)], day)
    assert following == held("gold", END + timedelta(1), date(2030, 11, 22))
    landed = secured(PROGRAMME, (held("diamond"),), [Credit(day, 150_000)], day)
    assert landed is None, "what only lands lower keeps nothing"


def test_a_standing_tells_the_end_ahead_and_the_way_back() -> None:
    day = END - timedelta(10)
    ahead = standing(PROGRAMME, (held("gold"),), [Credit(day, 150_000)], day)
    assert ahead.on_date == day
    assert ahead.ending == ending(PROGRAMME, (held("gold"),), [Credit(day, 150_000)], day)
    assert ahead.ending is not None
    assert (ahead.ending.valid_to_date, ahead.ending.missing, ahead.next_missing) == (END, 0, 150_000)
    matched = held("gold", provenance=Provenance.MATCHED)
    given = ending(PROGRAMME, (matched,), [Credit(day, 400_000)], day)
    assert given is not None
    assert (given.tier, given.missing, given.tier_after) == ("gold", 0, "silver"), "given tiers end too"
    after = standing(PROGRAMME, (held("gold"),), [Credit(END, 900_000), Credit(day, 400_000)], END + timedelta(1))
    assert after.way_back is not None
    assert (after.way_back.since_date, after.way_back.missing) == (END + timedelta(1), 75_000)
    assert after.next_missing == 0, "points of more than the next threshold leave nothing missing"


def test_a_review_names_what_it_judged() -> None:
    judged = review(PROGRAMME, (held("gold"),), [Credit(END, 150_000)], held("gold"))
    assert judged.status == held("gold")


def test_the_last_day_of_a_tier_is_not_yet_on_the_way_back() -> None:
    lower = held("gold", date(2026, 1, 1), END)
    assert way_back(PROGRAMME, (lower,), [], END) is None
    beside = (lower, held("platinum", date(2026, 1, 1), END))
    assert way_back(PROGRAMME, beside, [], END) is None
    below = msgspec.structs.replace(held("platinum", date(2026, 1, 1), END), programme="another")
    assert way_back(PROGRAMME, (below,), [], END + timedelta(1)) is None


def test_of_ends_on_one_day_the_lower_tier_is_judged_first() -> None:
    gold, platinum = held("gold"), held("platinum")
    matched = held("gold", provenance=Provenance.MATCHED)
    after = END + timedelta(1)
    assert unreviewed(PROGRAMME, (platinum, gold), (), after) == gold
    assert unreviewed(PROGRAMME, (matched, gold), (), after) == unreviewed(PROGRAMME, (gold, matched), (), after)


def test_of_two_ends_that_nothing_tells_apart_the_first_is_judged() -> None:
    earlier, later = held("gold", date(2026, 1, 1)), held("gold")
    assert unreviewed(PROGRAMME, (earlier, later), (), END + timedelta(1)) == earlier
    assert unreviewed(PROGRAMME, (later, earlier), (), END + timedelta(1)) == later
