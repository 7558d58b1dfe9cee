"""The programme's night: once per job and date, safe to run again, nobody left out."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Connection

from catalogue.programme import Programme
from catalogue.programme_rules import Renewal
from catalogue.values import Rate
from config.errors import RuleError
from gateway.services import bonuses, programme_jobs
from settlement import leases
from settlement.errors import RunInProgressError
from tests.integration.ledger.helpers import capture, hold
from tests.integration.programme.club import Club


async def test_a_night_run_twice_changes_nothing(club: Club) -> None:
    liu = await club.born("liu", "11-22")
    await club.earn(liu, 250_000)
    first = await club.night()
    assert (first["birthdays"].handled, first["birthdays"].changed) == (1, True)
    entries, told = await club.entries(), await club.told(liu)
    again = await club.night()
    assert {name for name, one in again.items() if one.changed} == set()
    assert again["birthdays"].handled == 1
    assert (await club.entries(), await club.told(liu)) == (entries, told)


async def test_a_day_ahead_and_a_night_under_way_are_refused(club: Club) -> None:
    with pytest.raises(RuleError, match="not begun"):
        await programme_jobs.run_jobs(club.database, club.clock, club.programme, club.today + timedelta(1), "test")
    lease = f"programme:expiry:{club.today}"
    await club.database.write(lambda connection: leases.acquire(connection, lease, "another", 60))
    with pytest.raises(RunInProgressError):
        await club.night()


async def test_p14_what_is_left_is_had_less_spent_plus_earned(club: Club) -> None:
    """77 - 77 redeemed + 82 earned is 82 (an app showed 159): github.com/ucraft-com/POS-Awesome/issues/45."""
    member = await club.join("p14")
    await club.earn(member, 770, "parts")
    assert (await club.points(member)).available == 77
    await spend(club, member, 77)
    assert (await club.points(member)).available == 0
    await club.earn(member, 820, "parts")
    assert (await club.points(member)).available == 82
    await club.require_clean_books()


async def test_points_expire_after_their_last_day_and_are_told_of_before(club: Club) -> None:
    liu = await club.join("liu")
    await club.earn(liu, 1_000, "parts")
    last = date(2028, 11, 22)
    for left in (61, 60, 40, 14, 0):
        club.go_to(last - timedelta(left))
        await club.night()
    assert [(one["points"], one["last_date"]) for one in await club.events(liu, "points_expiring")] == [
        (100, "2028-11-22"),
        (100, "2028-11-22"),
    ]
    assert (await club.points(liu)).available == 100
    club.go_to(last + timedelta(1))
    assert (await club.night())["expiry"].handled == 1
    assert (await club.points(liu)).available == 0
    await club.require_clean_books()


async def test_birthdays_earn_once_a_year_leap_days_too(club: Club) -> None:
    leap, other = await club.born("leap", "02-29"), await club.born("other", "03-01")
    for day in (date(2027, 2, 28), date(2027, 3, 1), date(2028, 2, 28), date(2028, 2, 29)):
        club.go_to(day)
        await club.night()
        if day == date(2027, 2, 28):
            await club.born("leap", "03-01")
        if day == date(2027, 3, 1):
            await club.born("leap", "02-29")
    rewards = [len(await club.events(member, "bonus")) for member in (leap, other)]
    assert rewards == [2, 1], "once in 2027 though the birthday was moved, once on the leap day"
    await club.require_clean_books()


async def test_a_referral_is_rewarded_when_the_car_is_bought(club: Club) -> None:
    liu = await club.join("liu")
    wang = await club.join("wang", referred_by="liu")
    await club.earn(wang, 1_000, "parts")
    assert (await club.points(liu)).available == 0
    await club.earn(wang, 100_000)
    await club.earn(wang, 100_000)
    assert (await club.points(liu)).available == 5_000
    assert (await club.points(wang)).available == 100 + 1_000 + 1_000 + 1_000
    with pytest.raises(RuleError) as refused:
        await club.join("li", referred_by="nobody")
    assert refused.value.facts["pointer"] == "/referred_by"


async def test_a_referrer_is_rewarded_ten_times_a_year(club: Club) -> None:
    liu = await club.join("liu")
    for number in range(11):
        friend = await club.join(f"friend-{number}", referred_by="liu")
        await club.earn(friend, 100_000)
    assert (await club.points(liu)).available == 50_000
    club.go_to(date(2027, 1, 2))
    friend = await club.join("friend-next-year", referred_by="liu")
    await club.earn(friend, 100_000)
    assert (await club.points(liu)).available == 55_000


def renewal(activity: str | None) -> Renewal:
    return Renewal(
        id="back",
        effective_from_date=date(2029, 1, 1),
        effective_to_date=date(2029, 3, 31),
        expired_from_date=date(2028, 11, 22),
        expired_to_date=date(2028, 12, 31),
        share=Rate(2, 1),
        lot_months=6,
        activity=activity,
    )


@pytest.mark.parametrize("activity", [None, "service"])
async def test_expired_points_come_back_by_a_campaign_once(club: Club, activity: str | None) -> None:
    club.programme = msgspec.structs.replace(club.programme, renewals=(renewal(activity),))
    liu = await club.join("liu")
    await club.earn(liu, 10_010, "parts")
    club.go_to(date(2028, 12, 1))
    await club.night()
    assert (await club.points(liu)).available == 0
    club.go_to(date(2029, 1, 1))
    assert (await club.night())["renewals"].handled == (activity is None)
    if activity is not None:
        await club.earn(liu, 1, activity)
        await club.earn(liu, 1, activity)
    club.go_to(date(2029, 1, 2))
    assert (await club.night())["renewals"].handled == 0
    found = await club.points(liu)
    assert (found.available, len(await club.events(liu, "points_renewed"))) == (500, 1)
    assert found.next_expiry_at is not None
    assert club.programme.today(found.next_expiry_at) == date(2029, 7, 2)
    await club.require_clean_books()


async def test_one_who_cannot_be_handled_stops_nobody_and_the_job_is_run_again(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await club.born("first", "11-22"), await club.born("second", "11-22")
    given = bonuses.birthday

    def broken(connection: Connection, programme: Programme, member_id: str, day: date, at: datetime) -> int:
        if member_id == first:
            raise RuleError("not today")
        return given(connection, programme, member_id, day, at)

    monkeypatch.setattr(bonuses, "birthday", broken)
    report = (await club.night())["birthdays"]
    assert (report.handled, report.failed) == (1, (f"{first}: not today",))
    monkeypatch.undo()
    again = (await club.night())["birthdays"]
    assert (again.handled, again.failed, again.changed) == (1, (), True)
    assert [(await club.points(one)).available for one in (first, second)] == [200, 200]


async def spend(club: Club, member: str, points: int) -> None:
    """Hold and capture."""
    at = club.clock.now()

    def work(connection: Connection) -> None:
        hold(connection, "spent", points, at, member)
        capture(connection, "spent", at)

    await club.database.write(work)
