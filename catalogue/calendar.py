"""Months and local days. A validity in months ends on the same day of the month, or on the month's last day."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def add_months(day: date, months: int) -> date:
    """Add calendar months; 31 January and one month is the last day of February."""
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def local_date(instant: datetime, time_zone: str) -> date:
    """Give the calendar day of an aware instant at a place."""
    if instant.tzinfo is None:
        raise ValueError("an instant must be aware")
    return instant.astimezone(ZoneInfo(time_zone)).date()


def end_of(day: date, time_zone: str) -> datetime:
    """Give the first instant after a local day, in UTC."""
    return start_of(day + timedelta(days=1), time_zone)


def start_of(day: date, time_zone: str) -> datetime:
    """Give the first instant of a local day, in UTC."""
    return datetime.combine(day, time(0), ZoneInfo(time_zone)).astimezone(UTC)


def within(day: date, first: date | None, last: date | None) -> bool:
    """Say whether a day lies between two days, both included; None is an open end."""
    return (first is None or first <= day) and (last is None or day <= last)
