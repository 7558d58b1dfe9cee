"""A partner that answers again after an outage: what waits for it is looked at at once. Several sweepers do it once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from itertools import repeat

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import StepResult
from config.database import Database
from config.database_errors import DatabaseBusyError
from config.settings import DatabaseSettings, RedemptionSettings
from gateway.redemption import lease_store
from gateway.redemption.engine import Engine
from gateway.redemption.recovery import FAILURES_IN_A_ROW, ROUNDS, SCOUT_SECONDS, Recovery
from gateway.redemption.states import State
from gateway.redemption.sweeper import Sweeper
from gateway.redemption.tables import redemptions
from tests.support.partners import LookingUpPartner, lost
from tests.support.room import PARTNER, Room, open_room

HOURS = 100_000


async def wait_long(room: Room, waiting: list[str]) -> None:
    """Put redemptions off, as after many looks in vain."""
    for one in waiting:
        current = await room.get(one)
        assert current.next_action_at is not None
        until = current.next_action_at.replace(year=current.next_action_at.year + 1)
        put_off = partial(lease_store.put_off, redemption_id=one, now=current.next_action_at, until=until)
        await room.database.write(put_off)


@pytest.mark.parametrize(("failures", "hastened"), [(FAILURES_IN_A_ROW, True), (FAILURES_IN_A_ROW - 1, False)])
async def test_the_first_answer_after_an_outage_wakes_what_waits(
    database: Database, failures: int, hastened: bool
) -> None:
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    partner.scripts.extend(repeat(lost, failures))
    waiting = [(await room.redeem(points=100)).id for _ in range(failures)]
    await wait_long(room, waiting)
    assert (await room.redeem(points=100)).state is State.CAPTURED
    await room.sweeper.sweep()
    found = {(await room.get(one)).state for one in waiting}
    assert found == ({State.CAPTURED} if hastened else {State.UNKNOWN})


async def test_a_partner_that_is_out_is_asked_one_thing_at_a_time_until_it_is_back(database: Database) -> None:
    """Without traffic: all that waits was put off for a year, and the partner's return is noticed all the same."""
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    partner.scripts.extend(repeat(lost, FAILURES_IN_A_ROW))
    waiting = [(await room.redeem(points=100)).id for _ in range(FAILURES_IN_A_ROW)]
    await wait_long(room, waiting)
    partner.look_ups.append(LookUpAnswer.UNKNOWN)
    assert [await room.sweeper.sweep(), await room.sweeper.sweep()] == [1, 0]
    await wait_long(room, waiting)
    room.clock.advance(seconds=SCOUT_SECONDS)
    assert [await room.sweeper.sweep(), await room.sweeper.sweep()] == [1, FAILURES_IN_A_ROW - 1]
    assert {(await room.get(one)).state for one in waiting} == {State.CAPTURED}
    room.clock.advance(seconds=SCOUT_SECONDS)
    assert await room.sweeper.sweep() == 0


def test_what_a_breaker_turned_away_is_woken_a_few_times_more() -> None:
    recovery = Recovery()
    nothing = StepResult(outcome=Outcome.UNKNOWN)
    for _ in range(FAILURES_IN_A_ROW - 1):
        assert not recovery.is_back(PARTNER, nothing)
    assert recovery.to_wake(0.0) == {}
    recovery.is_back(PARTNER, nothing)
    assert [recovery.to_wake(at) for at in (0.0, SCOUT_SECONDS - 0.1, SCOUT_SECONDS)] == [
        {PARTNER: 1},
        {},
        {PARTNER: 1},
    ]
    assert recovery.is_back(PARTNER, StepResult(outcome=Outcome.NO))
    woken = [recovery.to_wake(SCOUT_SECONDS * turn) for turn in range(2, 3 + ROUNDS)]
    assert woken == [{PARTNER: None}] * ROUNDS + [{}]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("at_most", "woken"), [(None, 2), (1, 1)])
async def test_what_is_being_worked_on_is_not_waited_for_when_the_rest_is_woken(
    database: Database, at_most: int | None, woken: int
) -> None:
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    partner.scripts.extend(repeat(lost, 3))
    waiting = [(await room.redeem(points=100)).id for _ in range(3)]
    hasten = partial(lease_store.hasten, partner=PARTNER, now=room.clock.now(), at_most=at_most)
    locks, done = asyncio.Event(), asyncio.Event()
    other = create_async_engine(database.url.replace("postgresql", "postgresql+asyncpg", 1))

    async def work_on_one() -> None:
        async with other.begin() as connection:
            await connection.execute(
                sa.select(redemptions.c.id).where(redemptions.c.id == waiting[0]).with_for_update()
            )
            locks.set()
            await done.wait()

    working = asyncio.create_task(work_on_one())
    try:
        await locks.wait()
        assert await asyncio.wait_for(database.write(hasten), 10) == woken
    finally:
        done.set()
        await working
        await other.dispose()
    left = [one for one in waiting if (await room.get(one)).next_action_at != room.clock.now()]
    assert waiting[0] in left
    assert len(left) == 3 - woken


async def test_an_answer_in_hand_is_kept_though_what_waits_cannot_be_woken(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    partner.scripts.extend(repeat(lost, FAILURES_IN_A_ROW))
    for _ in range(FAILURES_IN_A_ROW):
        await room.redeem(points=100)
    tried: list[str] = []

    def busy(_connection: object, partner: str, now: object) -> int:
        tried.append(partner)
        raise DatabaseBusyError("Too much is waiting.")

    monkeypatch.setattr(lease_store, "hasten", busy)
    assert (await room.redeem(points=100)).state is State.CAPTURED
    assert tried == [PARTNER]


async def test_a_look_up_that_is_answered_ends_an_outage_too(database: Database) -> None:
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    partner.scripts.extend(repeat(lost, 2))
    first, second = [(await room.redeem(points=100)).id for _ in range(2)]
    partner.look_ups.extend(repeat(LookUpAnswer.UNKNOWN, FAILURES_IN_A_ROW))
    for _ in range(FAILURES_IN_A_ROW):
        room.clock.advance(seconds=HOURS / 10_000)
        await room.engine.advance(first)
    await wait_long(room, [second])
    await room.engine.advance(first)
    await room.sweeper.sweep()
    assert (await room.get(second)).state is State.CAPTURED


@pytest.fixture
async def others(database: Database, database_url: str) -> AsyncIterator[list[Database]]:
    """Connections of three further processes to the same database."""
    found = [await Database.open(DatabaseSettings(url=database_url)) for _ in range(3)]
    yield found
    for one in found:
        await one.close()


async def test_cr_13_four_sweepers_at_once_handle_each_row_once(database: Database, others: list[Database]) -> None:
    partner = LookingUpPartner()
    room = await open_room(database, skyhub_lounge=partner)
    waiting = [await room.take_in(points=10) for _ in range(40)]
    settings = RedemptionSettings(sweep_batch=40)
    sweepers = [
        Sweeper(one, room.clock, Engine(room.seams_on(one)), room.reversals, settings) for one in (database, *others)
    ]
    room.clock.advance(seconds=60)
    for _ in range(4):
        await asyncio.gather(*(sweeper.sweep() for sweeper in sweepers))
    assert Counter(partner.keys) == dict.fromkeys([(await room.get(one)).partner_key for one in waiting], 1)
    assert {(await room.get(one)).state for one in waiting} == {State.CAPTURED}
    await room.require_clean_books()
