"""Budgets: how much a benefit or a partner may cost, in money, points or uses, in one period.

A budget counts by the day of the service, because that is the day for which the partner's contract prices it. Its
period is of the calendar, or ``term``: all of the budget's own days.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal, NamedTuple

import msgspec

from catalogue.calendar import add_months, within
from catalogue.currencies import EXPONENTS
from catalogue.values import AtLeastOne, Name

Measure = Literal["money", "points", "uses"]
"""What a budget counts: what the partner will be owed, what members give, or visits, rooms and the like."""

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One cap.

    Attributes:
        partner: whose benefits count; None: everybody's.
        benefits: which of them; none named: all, conversions too.
        measure: what is counted.
        cap: the most that may be taken in one period: minor units of `currency`, points, or uses.
        currency: of a cap on money; what is owed in another currency is converted at the dated rate, rounded up.
        effective_from_date: first day of service that counts, `effective_to_date` the last; None is open.
        source: who decided it.
    """

    id: Name
    cap: AtLeastOne
    measure: Measure
    period: Literal["day", "month", "quarter", "year", "term"]
    effective_from_date: date
    effective_to_date: date | None = None
    partner: str | None = None
    benefits: tuple[str, ...] = ()
    currency: str | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse a cap on money without a known currency, any other cap with one, and a term that never ends."""
        if (self.measure == "money") != (self.currency is not None):
            raise ValueError('currency belongs to measure = "money" and to no other')
        if self.currency is not None and self.currency not in EXPONENTS:
            raise ValueError(f"currency {self.currency!r} is none of ISO 4217")
        if self.period == "term" and self.effective_to_date is None:
            raise ValueError('period = "term" needs effective_to_date')
        if self.effective_to_date is not None and self.effective_to_date < self.effective_from_date:
            raise ValueError("effective_to_date is before effective_from_date")

    def covers(self, partner: str, benefit_id: str | None, service_date: date) -> bool:
        """Say whether a service counts; ``benefit_id`` is None for a conversion."""
        return (
            self.partner in {None, partner}
            and (not self.benefits or benefit_id in self.benefits)
            and within(service_date, self.effective_from_date, self.effective_to_date)
        )


class Period(NamedTuple):
    """A period, both days included."""

    start_date: date
    last_date: date


def budgets_for(
    budgets: Iterable[Budget], partner: str, benefit_id: str | None, service_date: date
) -> tuple[Budget, ...]:
    """List the budgets that a service counts against, by id: every taker locks their counters in this order."""
    found = (budget for budget in budgets if budget.covers(partner, benefit_id, service_date))
    return tuple(sorted(found, key=lambda budget: budget.id))


def period_of(budget: Budget, day: date) -> Period:
    """Find the period that a day falls in; calendar periods are not cut short by the budget's own dates."""
    if budget.period == "day":
        return Period(day, day)
    if budget.period == "term":
        assert budget.effective_to_date is not None
        return Period(budget.effective_from_date, budget.effective_to_date)
    months = _MONTHS[budget.period]
    start = date(day.year, (day.month - 1) // months * months + 1, 1)
    return Period(start, add_months(start, months) - timedelta(days=1))
