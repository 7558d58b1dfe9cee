"""A tier's life: raised, warned of, kept or ended, won back; told of once each."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection

from catalogue.programme_standing import list_reviews
from catalogue.tables import statuses
from gateway.services.standing import read_standing
from tests.integration.programme.club import Club
from tests.support.later import any_word

END = date(2028, 11, 22)


async def test_joining_and_rising_are_told_once(club: Club) -> None:
    liu = await club.join("liu")
    assert await club.join("liu", city="Beijing") == liu
    assert (await club.earn(liu, 250_000, reference="car")).tier_before == "silver"
    assert (await club.earn(liu, 250_000, reference="car")).tier == "gold"
    assert await club.told(liu) == ["joined", "upgraded"]
    assert (await club.events(liu))[1] == {
        "type": "upgraded",
        "member_id": liu,
        "tier": "gold",
        "tier_before": "silver",
        "valid_from_date": "2026-11-22",
        "valid_to_date": "2028-11-22",
    }


async def test_a_tier_that_is_not_kept_is_warned_of_ended_and_won_back(club: Club) -> None:
    liu = await club.join("liu")
    await club.earn(liu, 250_000)
    for day in (END - timedelta(91), END - timedelta(90), END - timedelta(60), END - timedelta(30), END):
        club.go_to(day)
        await club.night()
    ahead = await club.events(liu, "downgrade_ahead")
    assert [(one["missing"], one["tier_after"], one["valid_to_date"]) for one in ahead] == [
        (150_000, "silver", "2028-11-22"),
        (150_000, "silver", "2028-11-22"),
    ]
    assert await club.events(liu, "downgraded") == []
    club.go_to(END + timedelta(1))
    assert (await club.night())["tiers"].handled == 1
    ended = await club.events(liu, "downgraded")
    assert [(one["tier_before"], one["tier"]) for one in ended] == [("gold", "silver")]
    club.go_to(END + timedelta(60))
    assert (await club.earn(liu, 74_999, "parts")).tier == "silver"
    assert (await club.earn(liu, 1, "parts")).tier == "gold"
    assert (await club.events(liu, "upgraded"))[-1]["valid_to_date"] == "2031-01-21"
    await club.require_clean_books()


async def test_a_tier_that_is_kept_has_no_gap_and_no_warning(club: Club) -> None:
    liu = await club.join("liu")
    await club.earn(liu, 300_000)
    club.go_to(date(2028, 11, 1))
    await club.earn(liu, 299_999)
    assert await club.events(liu, "tier_kept") == []
    club.go_to(END)
    await club.earn(liu, 1)
    kept = await club.events(liu, "tier_kept")
    assert [(one["tier"], one["valid_from_date"]) for one in kept] == [("platinum", "2028-11-23")]
    club.go_to(END + timedelta(1))
    assert (await club.earn(liu, 10, "parts")).tier == "platinum"
    await club.night()
    assert await club.events(liu, "downgraded") == []
    reviews = await club.database.read(lambda connection: list_reviews(connection, liu))
    assert [row.outcome for row in reviews] == ["covered"]


async def test_a_late_night_judges_what_ended_as_it_stood_then(club: Club) -> None:
    liu = await club.join("liu")
    await club.earn(liu, 700_000)
    club.go_to(END + timedelta(200))
    assert (await club.earn(liu, 1_000, "parts")).tier == "silver"
    assert [one["tier_before"] for one in await club.events(liu, "downgraded")] == ["diamond"]
    assert (await club.night())["tiers"].handled == 0, "earning judged it already"
    reviews = await club.database.read(lambda connection: list_reviews(connection, liu))
    assert [(row.tier, row.outcome, row.tier_after) for row in reviews] == [("diamond", "lapsed", "silver")]


async def test_a_soft_landing_falls_one_step_at_a_time(club: Club) -> None:
    rules = msgspec.structs.replace(club.programme.tier_rules, soft_landing=True)
    club.programme = msgspec.structs.replace(club.programme, tier_rules=rules)
    liu = await club.join("liu")
    await club.earn(liu, 700_000)
    club.go_to(date(2033, 1, 1))
    assert (await club.night())["tiers"].handled == 3
    falls = [(one["tier_before"], one["tier"]) for one in await club.events(liu, "downgraded")]
    assert falls == [("diamond", "platinum"), ("platinum", "gold"), ("gold", "silver")]


async def test_points_count_from_the_day_of_the_activity(club: Club) -> None:
    liu = await club.join("liu")
    await club.earn(liu, 100_000, days_ago=300)
    await club.earn(liu, 49_999)
    assert (await club.earn(liu, 1)).tier == "gold"
    wang = await club.join("wang")
    await club.earn(wang, 100_000, days_ago=320)
    club.go_to(club.today + timedelta(730 - 320))
    assert (await club.earn(wang, 60_000, "parts")).tier == "silver", "the first activity no longer counts"


async def test_a_standing_as_of_a_day_does_not_change_with_what_comes_later(club: Club) -> None:
    liu = await club.join("liu")
    await club.earn(liu, 250_000)

    async def as_of(day: date) -> dict[str, object]:
        found = await club.database.read(
            lambda connection: read_standing(
                connection, club.programme, member_id=liu, on_date=day, now=club.clock.now()
            )
        )
        return {name: getattr(found, name) for name in ("tier", "qualifying_points", "valid_to_date", "ending")}

    asked = club.today
    before = await as_of(asked)
    assert (before["tier"], before["qualifying_points"]) == ("gold", 250_000)
    club.go_to(date(2027, 1, 5))
    await club.earn(liu, 500_000)
    club.go_to(END + timedelta(5))
    await club.night()
    assert await as_of(asked) == before
    assert (await as_of(date(2027, 1, 5)))["tier"] == "diamond"


async def test_op_08_a_status_come_by_in_a_way_of_a_later_version_ends_unjudged_and_stops_no_night(club: Club) -> None:
    liu, wang = await club.join("liu"), await club.join("wang")
    for one in (liu, wang):
        await club.earn(one, 250_000)

    def inherit(connection: Connection) -> None:
        any_word(connection, statuses)
        connection.execute(statuses.update().where(statuses.c.member_id == liu).values(provenance="inherited"))

    await club.database.write(inherit)
    standing = partial(read_standing, programme=club.programme, on_date=None, now=club.clock.now())
    assert (await club.database.read(partial(standing, member_id=liu))).tier == "gold"
    club.go_to(END + timedelta(1))
    night = await club.night()
    assert (night["tiers"].handled, night["tiers"].failed, night["warnings"].failed) == (1, (), ())
    reviews = partial(list_reviews, member_id=wang)
    assert [row.outcome for row in await club.database.read(reviews)] == ["lapsed"]
    assert await club.database.read(partial(list_reviews, member_id=liu)) == []
