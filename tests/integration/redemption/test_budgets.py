"""Budgets at intake: claimed with the hold, never past the cap, and given back with it, on both databases."""

from __future__ import annotations

import asyncio
from datetime import date
from functools import partial

import msgspec
import pytest
import sqlalchemy as sa

from catalogue import budget_store, rate_store
from catalogue.budget_store import Claim, Counter
from catalogue.budgets import Budget
from catalogue.errors import BudgetExhaustedError, RateUnavailableError
from catalogue.loader import load_catalogue
from catalogue.tables import budget_claims
from config.database import Database, RefusedByDatabaseError
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from config.settings import DatabaseSettings, RedemptionSettings
from gateway.redemption import reversal_store
from gateway.redemption.effects import Effects
from gateway.redemption.intake import Intake
from gateway.redemption.seams import Seams
from gateway.redemption.states import State
from settlement.contracts import read_contract
from tests.support.partners import FencingPartner, no
from tests.support.room import MEMBER, OPENING, PARTNER, Room, open_room

DECEMBER = date(2026, 12, 1)
VISIT_FEN = 12_000
"""What the packaged contract of the lounge asks for a visitor."""


def money(cap: int = VISIT_FEN * 2, *, name: str = "lounges", currency: str = "CNY") -> Budget:
    return Budget(
        id=name,
        cap=cap,
        measure="money",
        currency=currency,
        period="month",
        partner=PARTNER,
        benefits=("lounge-visit",),
        effective_from_date=date(2026, 1, 1),
    )


def counted(measure: str, cap: int, name: str = "counted") -> Budget:
    plain = {"id": name, "cap": cap, "measure": measure, "period": "year", "effective_from_date": "2026-01-01"}
    return msgspec.convert(plain, Budget)


async def room_with(database: Database, *budgets: Budget, adapter: FencingPartner | None = None) -> Room:
    """The redemption room around a catalogue with these budgets."""
    room = await open_room(database, skyhub_lounge=adapter or FencingPartner())
    files = read_partner_files(PACKAGED_FOLDER)
    contracts = {
        name: read_contract(PACKAGED_FOLDER / "partners" / f"{name}.toml", file) for name, file in files.items()
    }
    catalogue = msgspec.structs.replace(load_catalogue(PACKAGED_FOLDER, tuple(files)), budgets=budgets)
    effects = Effects(catalogue, contracts, room.identifiers)
    seams = Seams(database, room.clock, room.partners, effects, room.identifiers, RedemptionSettings())
    room.intake = Intake(seams, catalogue)
    return room


async def used(database: Database, budget_id: str = "lounges", start: date = DECEMBER) -> int:
    """What the counter says, which is what the claims say."""
    by_claims: int = await database.read(partial(budget_store.taken, budget_id=budget_id, period_start_date=start))
    found = [
        one.used
        for one in await database.read(budget_store.counters)
        if (one.budget_id, one.period_start_date) == (budget_id, start)
    ]
    assert sum(found) == by_claims
    return by_claims


async def test_what_the_partner_will_be_owed_is_claimed_with_the_hold(database: Database) -> None:
    room = await room_with(database, money())
    await room.take_in(points=600)
    assert await used(database) == VISIT_FEN
    assert await database.read(budget_store.counters) == (Counter("lounges", DECEMBER, VISIT_FEN),)
    await room.take_in(points=600)
    assert await used(database) == VISIT_FEN * 2


async def test_a_used_up_budget_refuses_and_nothing_is_held(database: Database) -> None:
    room = await room_with(database, money(VISIT_FEN * 2 - 1))
    await room.take_in(points=600)
    with pytest.raises(BudgetExhaustedError) as refused:
        await room.take_in(points=600)
    assert refused.value.message == (
        "This is not available any more for services up to 2026-12-31; for services from 2027-01-01 on it may be again."
    )
    assert refused.value.facts == {
        "benefit_id": "lounge-visit", "partner": PARTNER, "available_again_from_date": "2027-01-01",
    }  # fmt: skip
    assert await room.balance() == (OPENING - 600, 600)
    assert await used(database) == VISIT_FEN
    await room.require_clean_books()


async def test_several_budgets_are_taken_together_or_not_at_all(database: Database) -> None:
    room = await room_with(database, money(VISIT_FEN * 9, name="a"), counted("points", 1_000), counted("uses", 9, "z"))
    await room.take_in(points=600)
    assert [one.used for one in await database.read(budget_store.counters)] == [VISIT_FEN, 600, 1]
    with pytest.raises(BudgetExhaustedError):
        await room.take_in(points=600)
    assert [one.used for one in await database.read(budget_store.counters)] == [VISIT_FEN, 600, 1]


async def test_guests_count(database: Database) -> None:
    room = await room_with(database, money(VISIT_FEN * 3), counted("uses", 3))
    await room.take_in(points=1_800, guests=2)
    assert await used(database) == VISIT_FEN * 3
    assert await used(database, "counted", date(2026, 1, 1)) == 3


async def test_other_benefits_and_days_do_not_count(database: Database) -> None:
    elsewhere = msgspec.structs.replace(money(1), benefits=("lounge-for-parts",))
    over = msgspec.structs.replace(money(1, name="over"), effective_to_date=date(2026, 11, 30))
    room = await room_with(database, elsewhere, over)
    await room.take_in(points=600)
    assert await database.read(budget_store.counters) == ()


async def test_a_voided_redemption_gives_its_budget_back(database: Database) -> None:
    partner = FencingPartner()
    partner.scripts.append(no)
    room = await room_with(database, money(VISIT_FEN), counted("points", 600), adapter=partner)
    assert (await room.redeem()).state is State.VOIDED
    assert await used(database) == 0
    assert await used(database, "counted", date(2026, 1, 1)) == 0
    assert (await room.redeem()).state is State.CAPTURED
    assert await used(database) == VISIT_FEN
    await room.require_clean_books()


@pytest.mark.parametrize(("returned", "points_left"), [(600, 0), (300, 600)])
async def test_an_undone_redemption_gives_back_money_and_the_points_that_came_back(
    database: Database, returned: int, points_left: int
) -> None:
    room = await room_with(database, money(VISIT_FEN), counted("points", 600))
    redemption = await room.redeem()
    now = room.clock.now()
    ask = partial(reversal_store.ask, redemption=redemption, quantity=returned, reason="test", at=now)
    await database.write(ask)
    assert await used(database) == VISIT_FEN
    await room.reversals.advance(redemption.id, 1)
    assert await used(database) == 0
    assert await used(database, "counted", date(2026, 1, 1)) == points_left
    await room.require_clean_books()


async def test_an_undecided_redemption_keeps_its_budget(database: Database) -> None:
    room = await room_with(database, money(VISIT_FEN))
    await room.take_in(points=600)
    room.clock.advance(days=40)
    assert await used(database) == VISIT_FEN


async def test_many_at_once_never_pass_the_cap(database: Database) -> None:
    room = await room_with(database, money(VISIT_FEN * 3))
    quotes = [await room.quote(points=600) for _ in range(8)]
    other = await Database.open(DatabaseSettings(url=database.url))

    async def attempt(number: int, quote_id: str) -> bool:
        place = database if number % 2 else other
        try:
            await place.write(partial(room.intake.take_in, quote_id=quote_id, member_id=MEMBER))
        except BudgetExhaustedError:
            return False
        return True

    try:
        taken = await asyncio.gather(*(attempt(number, quote.id) for number, quote in enumerate(quotes)))
    finally:
        await other.close()
    assert sum(taken) == 3
    assert await used(database) == VISIT_FEN * 3
    assert await room.balance() == (OPENING - 1_800, 1_800)
    await room.require_clean_books()


async def test_the_same_claim_and_the_same_release_count_once(database: Database) -> None:
    room = await room_with(database)
    wanted = Claim(money(), 5, DECEMBER)
    for _ in range(2):
        assert await database.write(partial(budget_store.claim, wanted=wanted, reference="r", at=room.clock.now()))
    assert await used(database) == 5
    released = [
        await database.write(partial(budget_store.release, reference="r", at=room.clock.now())) for _ in range(2)
    ]
    assert released == [1, 0]
    assert await used(database) == 0


async def test_what_is_owed_already_counts_above_the_cap(database: Database) -> None:
    room = await room_with(database)
    wanted = Claim(money(5), 6, DECEMBER)
    claim = partial(budget_store.claim, wanted=wanted, reference="owed", at=room.clock.now(), guarded=False)
    assert await database.write(claim)
    assert await used(database) == 6


async def test_the_database_keeps_a_counter_from_going_below_nothing(database: Database) -> None:
    room = await room_with(database, money())
    await room.take_in(points=600)
    below = sa.text("UPDATE budget_counters SET used = -1")
    with pytest.raises(RefusedByDatabaseError):
        await database.write(lambda connection: connection.execute(below))
    over = budget_claims.update().values(released=budget_claims.c.amount + 1, released_at=room.clock.now())
    with pytest.raises(RefusedByDatabaseError):
        await database.write(lambda connection: connection.execute(over))


FEED = """rate_date,from_currency,to_currency,rate,source
{day},USD,CNY,7,a test's own
TOTAL,1,,7,
"""


async def load(database: Database, room: Room, day: str) -> None:
    now = room.clock.now()
    text = FEED.format(day=day)
    take = partial(rate_store.take_feed, text=text, name="f.csv", today=now.date(), at=now, by="liu")
    await database.write(take)


async def test_a_cap_in_another_currency_counts_at_the_rate_of_the_day_rounded_up(database: Database) -> None:
    room = await room_with(database, money(10_000, currency="USD"))
    await load(database, room, "2026-11-20")
    await room.take_in(points=600)
    assert await used(database) == 1_715  # 120.00 CNY / 7 = 17.1428... USD


@pytest.mark.parametrize("day", [None, "2026-11-01"])
async def test_without_a_fresh_rate_nothing_is_taken_in(database: Database, day: str | None) -> None:
    room = await room_with(database, money(10_000, currency="USD"))
    if day is not None:
        await load(database, room, day)
    with pytest.raises(RateUnavailableError, match="load a feed"):
        await room.take_in(points=600)
    assert await room.balance() == (OPENING, 0)
    assert await database.read(budget_store.counters) == ()
