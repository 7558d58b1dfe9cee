"""Rates in the database: feeds whole and once, the rate of a day, never a guess; figures are the tests' own."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from catalogue import rate_store
from catalogue.errors import RateFeedRefusedError, RateUnavailableError
from catalogue.rate_store import TakenFeed
from catalogue.rates import DatedRate
from config.database import Database, RefusedByDatabaseError

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
HEAD = "rate_date,from_currency,to_currency,rate,source\n"


def feed(*rows: tuple[str, str, str, str], source: str = "a test's own") -> str:
    total = sum((Fraction(rate) for *_, rate in rows), Fraction(0))
    lines = "".join(f"{','.join(row)},{source}\n" for row in rows)
    return f"{HEAD}{lines}TOTAL,{len(rows)},,{float(total):.4f},\n"


async def take(database: Database, text: str, **more: Any) -> TakenFeed:
    given: dict[str, Any] = {"name": "rates.csv", "today": AT.date(), "at": AT, "by": "liu", **more}
    return await database.write(partial(rate_store.take_feed, text=text, **given))


async def rate(database: Database, pair: str, on_date: date, max_age_days: int = 10) -> DatedRate:
    source, target = pair.split("/")
    wanted = {"from_currency": source, "to_currency": target, "on_date": on_date, "max_age_days": max_age_days}
    return await database.read(lambda connection: rate_store.rate_on(connection, **wanted))  # type: ignore[arg-type]


async def test_the_rate_of_a_day_is_the_latest_up_to_it(database: Database) -> None:
    await take(database, feed(("2026-11-16", "USD", "CNY", "7.1"), ("2026-11-18", "USD", "CNY", "7.2")))
    assert (await rate(database, "USD/CNY", date(2026, 11, 18))).fraction == Fraction("7.2")
    assert (await rate(database, "USD/CNY", date(2026, 11, 17))).fraction == Fraction("7.1")
    assert (await rate(database, "USD/CNY", date(2026, 11, 28))).rate_date == date(2026, 11, 18)


async def test_missing_and_stale_rates_are_told_not_guessed(database: Database) -> None:
    await take(database, feed(("2026-11-16", "USD", "CNY", "7.1")))
    for pair, day, said in (
        ("EUR/CNY", date(2026, 11, 16), "No rate from EUR to CNY is known"),
        ("USD/CNY", date(2026, 11, 15), "No rate from USD to CNY is known for 2026-11-15"),
        ("USD/CNY", date(2026, 11, 27), "is of 2026-11-16, too old for 2026-11-27"),
    ):
        with pytest.raises(RateUnavailableError, match=said):
            await rate(database, pair, day)


async def test_the_other_direction_serves_exactly_and_the_pair_itself_goes_first(database: Database) -> None:
    await take(database, feed(("2026-11-16", "USD", "CNY", "7.1")))
    back = await rate(database, "CNY/USD", date(2026, 11, 16))
    assert (back.from_currency, back.fraction) == ("CNY", 1 / Fraction("7.1"))
    await take(database, feed(("2026-11-16", "CNY", "USD", "0.1409")))
    assert (await rate(database, "CNY/USD", date(2026, 11, 16))).fraction == Fraction("0.1409")
    await take(database, feed(("2026-11-17", "USD", "CNY", "7.2")))
    assert (await rate(database, "CNY/USD", date(2026, 11, 17))).fraction == 1 / Fraction("7.2")


async def test_the_same_file_is_taken_once_and_a_later_one_corrects_it(database: Database) -> None:
    text = feed(("2026-11-16", "USD", "CNY", "7.1"))
    assert await take(database, text) == TakenFeed(1, 1, True)
    assert await take(database, text, name="again.csv") == TakenFeed(1, 1, False)
    assert await take(database, feed(("2026-11-16", "USD", "CNY", "7.15"))) == TakenFeed(2, 1, True)
    assert (await rate(database, "USD/CNY", date(2026, 11, 16))).fraction == Fraction("7.15")


async def test_a_refused_feed_leaves_nothing_and_names_every_finding(database: Database) -> None:
    with pytest.raises(RateFeedRefusedError) as refused:
        await take(database, feed(("2026-11-16", "USD", "CNY", "0"), ("2026-11-16", "EUR", "CNY", "-1")))
    lines = refused.value.message.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["rates.csv, line 2, rate", "rates.csv, line 3, rate"]
    assert await database.read(rate_store.latest) == {}


async def test_an_unusual_move_needs_somebody_who_has_checked_it(database: Database) -> None:
    await take(database, feed(("2026-11-16", "USD", "CNY", "7.1")))
    moved = feed(("2026-11-17", "USD", "CNY", "71"))
    with pytest.raises(RateFeedRefusedError, match=r"more than a quarter away from 7\.1 of 2026-11-16"):
        await take(database, moved)
    assert (await take(database, moved, accept_moves=True)).is_new


async def test_feeds_loaded_at_once_get_numbers_of_their_own(database: Database) -> None:
    texts = [feed((f"2026-11-1{day}", "USD", "CNY", "7.1")) for day in (5, 6, 7)]
    assert sorted(one.number for one in await asyncio.gather(*(take(database, text) for text in texts))) == [1, 2, 3]


@pytest.mark.parametrize("statement", ["DELETE FROM currency_rates", "UPDATE currency_rates SET numerator = 1"])
async def test_rates_stay_as_they_were_loaded(database: Database, statement: str) -> None:
    await take(database, feed(("2026-11-16", "USD", "CNY", "7.1")))
    with pytest.raises(RefusedByDatabaseError, match="never changed"):
        await database.write(lambda connection: connection.execute(sa.text(statement)))
