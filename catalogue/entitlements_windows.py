"""Over which days or occasions uses are counted: calendar year, month, any so many days, one stay, one trip.

Counting is pure: a use that is wanted is judged against the uses that stand. For rolling days the fullest stretch that
the wanted day lies in counts, in both directions, so that bookings made out of order never overfill a stretch.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from catalogue.calendar import add_months, end_of, start_of
from catalogue.values import AtLeastOne, NotNegative


class WindowKind(StrEnum):
    """How uses are counted together."""

    CALENDAR_YEAR = "calendar_year"
    CALENDAR_MONTH = "calendar_month"
    ROLLING_DAYS = "rolling_days"
    STAY = "stay"
    TRIP = "trip"


DATED = frozenset({WindowKind.CALENDAR_YEAR, WindowKind.CALENDAR_MONTH})
"""Windows that the day alone decides: their uses are granted together and lapse together."""


class Window(msgspec.Struct, frozen=True):
    """The days a right is counted over, both included; ``key`` names it in derived ledger keys."""

    key: str
    start_date: date
    last_date: date

    def starts_at(self, time_zone: str) -> datetime:
        """Give the first instant of the window at a place."""
        return start_of(self.start_date, time_zone)

    def ends_at(self, time_zone: str) -> datetime:
        """Give the first instant after the window at a place: when what remains of the right is gone."""
        return end_of(self.last_date, time_zone)


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One use that stands or is wanted.

    Attributes:
        stay: what makes two uses part of one stay (the place and its first day).
        trip: the itinerary, or the redemption itself when it stands alone.
        guests: beside the member.
    """

    service_date: date
    stay: str = ""
    trip: str = ""
    guests: int = 0


class Counting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A window as data; ``days`` belongs to `WindowKind.ROLLING_DAYS` alone."""

    window: WindowKind = WindowKind.CALENDAR_YEAR
    days: AtLeastOne | None = None

    def __post_init__(self) -> None:
        """Refuse days that mean nothing, and rolling days that are not said."""
        if (self.window is WindowKind.ROLLING_DAYS) != (self.days is not None):
            raise ValueError("days belongs to the window rolling_days, and only to it")


class Quota(Counting, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """At most so many per member in a window, however they are paid for.

    Attributes:
        limit: the most that may stand in one window.
        counts: uses, the guests among them, or visitors (member and guests).
    """

    limit: NotNegative
    counts: Literal["uses", "guests", "visitors"] = "uses"


def calendar_year(on_date: date) -> Window:
    """Give the calendar year of a day as a window."""
    return Window(f"{on_date.year:04d}", date(on_date.year, 1, 1), date(on_date.year, 12, 31))


def calendar_month(on_date: date) -> Window:
    """Give the calendar month of a day as a window."""
    first = on_date.replace(day=1)
    return Window(f"{first:%Y-%m}", first, add_months(first, 1) - timedelta(days=1))


def window_of(counting: Counting, on_date: date) -> Window:
    """Give the window of a day: of the kinds that a day alone does not decide, the stretch that ends on it."""
    if counting.window is WindowKind.CALENDAR_YEAR:
        return calendar_year(on_date)
    if counting.window is WindowKind.CALENDAR_MONTH:
        return calendar_month(on_date)
    days = counting.days or 1
    return Window(on_date.isoformat(), on_date - timedelta(days=days - 1), on_date)


def counted(counting: Counting, wanted: Use, standing: Iterable[Use], counts: str = "uses") -> int:
    """Count what stands in the fullest window that a wanted use would lie in, without the wanted one itself.

    Args:
        counting: the window.
        wanted: judged by its day, stay and trip.
        standing: uses that stand, in any order.
        counts: as `Quota.counts`.
    """
    if counting.window is WindowKind.ROLLING_DAYS:
        assert counting.days is not None
        return _fullest(wanted.service_date, counting.days, standing, counts)
    return sum(weight(one, counts) for one in standing if _together(counting.window, one, wanted))


def weight(use: Use, counts: str) -> int:
    """Say how much one use counts."""
    if counts == "uses":
        return 1
    return use.guests if counts == "guests" else 1 + use.guests


def _together(kind: WindowKind, one: Use, other: Use) -> bool:
    if kind is WindowKind.CALENDAR_YEAR:
        return one.service_date.year == other.service_date.year
    if kind is WindowKind.CALENDAR_MONTH:
        return one.service_date.replace(day=1) == other.service_date.replace(day=1)
    if kind is WindowKind.STAY:
        return one.stay == other.stay
    return one.trip == other.trip


def _fullest(day: date, days: int, standing: Iterable[Use], counts: str) -> int:
    reach = timedelta(days=days - 1)
    near = [one for one in standing if day - reach <= one.service_date <= day + reach]
    starts = {day, *(one.service_date for one in near if one.service_date <= day)}
    return max(
        sum(weight(one, counts) for one in near if start <= one.service_date <= start + reach) for start in starts
    )
