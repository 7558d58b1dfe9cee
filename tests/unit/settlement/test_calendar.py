"""Business days: at the cut-off to the millisecond, and over changes of the clock.

Changes of the clock are those of the IANA time zone database: America/New_York springs forward on 2026-03-08 at 07:00
UTC and falls back on 2026-11-01 at 06:00 UTC; Australia/Lord_Howe moves by half an hour, on 2026-04-04 at 15:00 UTC
(to +10:30) and on 2026-10-03 at 15:30 UTC (to +11:00).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import pytest

from settlement.calendar import CutOff, business_date_of, business_day, day_end

MILLISECOND = timedelta(milliseconds=1)
SHANGHAI = CutOff(time(0), "Asia/Shanghai")
EVENING = CutOff(time(22), "Asia/Shanghai", "same_day")
AUDIT = CutOff(time(3), "Asia/Shanghai", "next_day")


@pytest.mark.parametrize(
    ("cut_off", "ends_at"),
    [
        (SHANGHAI, datetime(2026, 11, 22, 16, tzinfo=UTC)),
        (EVENING, datetime(2026, 11, 22, 14, tzinfo=UTC)),
        (AUDIT, datetime(2026, 11, 22, 19, tzinfo=UTC)),
    ],
    ids=["midnight", "evening", "night_audit"],
)
def test_st_10_instant_at_the_cut_off_belongs_to_the_next_day(cut_off: CutOff, ends_at: datetime) -> None:
    day, following = date(2026, 11, 22), date(2026, 11, 23)
    assert day_end(cut_off, day) == ends_at
    assert business_date_of(cut_off, ends_at - MILLISECOND) == day
    assert business_date_of(cut_off, ends_at) == following
    assert business_date_of(cut_off, ends_at + MILLISECOND) == following


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Shanghai", date(2026, 3, 8), 24),
    ],
)
def test_day_is_longer_or_shorter_when_the_clocks_change(zone: str, day: date, hours: float) -> None:
    start, end = business_day(CutOff(time(0), zone), day)
    assert end - start == timedelta(hours=hours)
    assert business_date_of(CutOff(time(0), zone), start) == day
    assert business_date_of(CutOff(time(0), zone), end - MILLISECOND) == day
    assert business_date_of(CutOff(time(0), zone), end) == day + timedelta(days=1)


def test_skipped_cut_off_means_what_the_old_clock_would_have_shown() -> None:
    assert day_end(CutOff(time(2, 30), "America/New_York"), date(2026, 3, 7)) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)


def test_repeated_cut_off_means_its_first_occurrence() -> None:
    assert day_end(CutOff(time(1, 30), "America/New_York"), date(2026, 10, 31)) == datetime(
        2026, 11, 1, 5, 30, tzinfo=UTC
    )


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"])
@pytest.mark.parametrize("falls_on", ["same_day", "next_day"])
def test_days_of_a_year_follow_each_other_without_gap(zone: str, falls_on: Literal["same_day", "next_day"]) -> None:
    for clock in (time(0), time(1, 45), time(2, 30), time(23, 59)):
        cut_off = CutOff(clock, zone, falls_on)
        day = date(2026, 1, 1)
        while day.year == 2026:
            start, end = business_day(cut_off, day)
            assert start < end
            assert (business_date_of(cut_off, start), business_date_of(cut_off, end - MILLISECOND)) == (day, day)
            day += timedelta(days=1)


def test_naive_instant_has_no_business_date() -> None:
    with pytest.raises(ValueError, match="aware"):
        business_date_of(SHANGHAI, datetime(2026, 11, 22))  # noqa: DTZ001
