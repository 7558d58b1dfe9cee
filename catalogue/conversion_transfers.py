"""When a conversion must have arrived at the partner, and whether it is late.

Working days are Monday to Friday without the closed days that the caller names (public holidays of the partner's
country); a transfer ordered on any day is counted from the next one.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import date, timedelta
from typing import Literal

import msgspec

from catalogue.conversion import ConversionContract

SATURDAY = 5


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Where a transfer stands on a day.

    Attributes:
        due_date: last day on which it is in time; None: no time is stated, so that it is never overdue.
        state: ``overdue`` is still awaited after its day, ``late`` came after it.
        days_over: calendar days beyond the due date; 0 when in time.
    """

    due_date: date | None
    state: Literal["awaited", "overdue", "in_time", "late"]
    days_over: int

    @property
    def overdue(self) -> bool:
        """Whether somebody should ask the partner now."""
        return self.state == "overdue"


def due_date(contract: ConversionContract, ordered_date: date, closed: Container[date] = frozenset()) -> date | None:
    """Give the last day on which a transfer ordered on a day is in time; None when the contract states no time."""
    days = contract.transfer_days
    if days is None:
        return None
    if contract.transfer_days_are == "calendar":
        return ordered_date + timedelta(days=days)
    day = ordered_date
    while days:
        day += timedelta(days=1)
        if day.weekday() < SATURDAY and day not in closed:
            days -= 1
    return day


def transfer(due: date | None, today: date, posted_date: date | None = None) -> Transfer:
    """Say where a transfer stands today, or stood when it was posted."""
    until = posted_date or today
    over = 0 if due is None else max((until - due).days, 0)
    if posted_date is not None:
        return Transfer(due_date=due, state="late" if over else "in_time", days_over=over)
    return Transfer(due_date=due, state="overdue" if over else "awaited", days_over=over)
