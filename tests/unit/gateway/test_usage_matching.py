"""A use has no id: which visit it is follows from lounge and day alone, and one visit is one use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from adapters.sdk.records import Usage
from gateway.usage.matching import Candidate, Told, UseKey, match

DAY = date(2026, 12, 1)


def use(place: str = "PVG1", days: int = 0, guests: int = 0) -> Usage:
    at = datetime.combine(DAY, datetime.min.time(), UTC) + timedelta(days=days)
    return Usage(account="liu-4321", place=place, used_at=at, visitors=1 + guests, guests=guests)


def visit(name: str, place: str = "PVG1", days: int = 0, guests: int = 0) -> Candidate:
    return Candidate(name, place, DAY + timedelta(days=days), guests)


def told(uses: list[Usage], visits: list[Candidate], known: dict[UseKey, str] | None = None) -> list[Told]:
    known = known or {}
    return match(uses, visits, known, frozenset(known.values()))


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_the_day_may_be_the_one_beside(days: int) -> None:
    (found,) = told([use(days=days)], [visit("a")])
    assert (found.state, found.redemption_id) == ("matched", "a")


@pytest.mark.parametrize("other", [visit("a", place="PVG2"), visit("a", days=2), visit("a", days=-2)])
def test_another_lounge_or_day_is_another_visit(other: Candidate) -> None:
    (found,) = told([use()], [other])
    assert (found.state, found.redemption_id) == ("unmatched", None)


def test_the_same_day_is_before_the_day_beside_in_whatever_order() -> None:
    visits = [visit("a", days=-1), visit("b"), visit("c", days=1)]
    for order in permutations(visits):
        (found,) = told([use()], list(order))
        assert found.redemption_id == "b"


def test_a_use_of_the_day_is_not_taken_by_one_of_the_day_beside() -> None:
    first, second = told([use(days=-1), use()], [visit("a")])
    assert (first.redemption_id, second.redemption_id) == (None, "a")


def test_equal_uses_stay_apart_and_each_visit_is_one() -> None:
    found = told([use(), use(), use()], [visit("b"), visit("a")])
    assert [one.redemption_id for one in found] == ["a", "b", None]
    assert [one.key[2] for one in found] == [0, 1, 2]


def test_what_was_matched_stays_and_is_given_to_no_other() -> None:
    key = ("PVG1", DAY, 1)
    found = told([use(), use()], [visit("a"), visit("b")], {key: "a"})
    assert [one.redemption_id for one in found] == ["b", "a"]


@pytest.mark.parametrize(("paid", "came", "state"), [(0, 0, "matched"), (1, 0, "matched"), (1, 2, "differs")])
def test_more_people_than_redeemed_for_differ(paid: int, came: int, state: str) -> None:
    (found,) = told([use(guests=came)], [visit("a", guests=paid)])
    assert (found.state, found.redemption_id) == (state, "a")
