"""Budgets: which services count, and in which period."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from catalogue.budgets import Budget, Period, budgets_for, period_of

PLAIN = {"id": "b", "cap": 1, "measure": "uses", "period": "month", "effective_from_date": "2026-01-10"}


def budget(**changes: Any) -> Budget:
    return msgspec.convert({**PLAIN, **changes}, Budget)


@pytest.mark.parametrize(
    ("period", "day", "expected"),
    [
        ("day", date(2026, 2, 28), (date(2026, 2, 28), date(2026, 2, 28))),
        ("month", date(2028, 2, 29), (date(2028, 2, 1), date(2028, 2, 29))),
        ("month", date(2026, 12, 31), (date(2026, 12, 1), date(2026, 12, 31))),
        ("quarter", date(2026, 5, 1), (date(2026, 4, 1), date(2026, 6, 30))),
        ("quarter", date(2026, 12, 31), (date(2026, 10, 1), date(2026, 12, 31))),
        ("year", date(2026, 7, 1), (date(2026, 1, 1), date(2026, 12, 31))),
        ("term", date(2026, 7, 1), (date(2026, 1, 10), date(2026, 9, 9))),
    ],
)
def test_periods_are_of_the_calendar_or_of_the_budget(period: str, day: date, expected: tuple[date, date]) -> None:
    assert period_of(budget(period=period, effective_to_date="2026-09-09"), day) == Period(*expected)


@pytest.mark.parametrize(
    ("changes", "partner", "benefit", "day", "counts"),
    [
        ({}, "any", "one", date(2026, 1, 10), True),
        ({}, "any", None, date(2026, 1, 10), True),
        ({}, "any", "one", date(2026, 1, 9), False),
        ({"effective_to_date": "2026-02-01"}, "any", "one", date(2026, 2, 1), True),
        ({"effective_to_date": "2026-02-01"}, "any", "one", date(2026, 2, 2), False),
        ({"partner": "p"}, "p", "one", date(2026, 2, 2), True),
        ({"partner": "p"}, "q", "one", date(2026, 2, 2), False),
        ({"benefits": ["one"]}, "p", "one", date(2026, 2, 2), True),
        ({"benefits": ["one"]}, "p", "two", date(2026, 2, 2), False),
        ({"benefits": ["one"]}, "p", None, date(2026, 2, 2), False),
    ],
)
def test_what_counts(changes: dict[str, Any], partner: str, benefit: str | None, day: date, counts: bool) -> None:
    assert budget(**changes).covers(partner, benefit, day) is counts


def test_budgets_are_taken_in_the_order_of_their_ids() -> None:
    found = budgets_for([budget(id="z"), budget(id="a"), budget(id="m", partner="q")], "p", "one", date(2026, 2, 2))
    assert [one.id for one in found] == ["a", "z"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"measure": "money"}, "currency"),
        ({"currency": "CNY"}, "currency"),
        ({"period": "term"}, "effective_to_date"),
        ({"effective_to_date": "2026-01-09"}, "before effective_from_date"),
        ({"cap": 0}, "cap"),
        ({"cap": 1.5}, "cap"),
        ({"period": "week"}, "period"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        budget(**changes)
