"""The business day of a partner: when it ends by the contract, and to which one an instant belongs.

Day D runs from the end of D-1 (included) to its own end (not included), so every instant belongs to exactly one day.
The end is a wall-clock time in the partner's zone. A wall time that occurs twice means its first occurrence; one that
the clocks skip means the instant that the clock before the change would have shown so (PEP 495, fold=0).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec


class CutOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When day D ends: at ``time`` in ``zone``, on D itself or on the day after.

    Midnight and the small hours of a night audit fall on the ``next_day``, an evening cut-off on the ``same_day``.
    """

    time: time
    zone: str
    falls_on: Literal["same_day", "next_day"] = "next_day"


def day_end(cut_off: CutOff, business_date: date) -> datetime:
    """Answer the instant at which a business day ends, in UTC; it is the first of the next day."""
    on = business_date if cut_off.falls_on == "same_day" else business_date + timedelta(days=1)
    return datetime.combine(on, cut_off.time, ZoneInfo(cut_off.zone)).astimezone(UTC)


def business_day(cut_off: CutOff, business_date: date) -> tuple[datetime, datetime]:
    """Answer the first instant of a business day and the first after it."""
    return day_end(cut_off, business_date - timedelta(days=1)), day_end(cut_off, business_date)


def business_date_of(cut_off: CutOff, at: datetime) -> date:
    """Answer the business day an aware instant belongs to."""
    if at.tzinfo is None:
        raise ValueError("a business date is that of an aware instant")
    candidate = at.astimezone(ZoneInfo(cut_off.zone)).date() - timedelta(days=1)
    while day_end(cut_off, candidate) <= at:
        candidate += timedelta(days=1)
    return candidate
