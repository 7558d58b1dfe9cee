"""A planned stop: calls to partners that are under way end, and what they bring is recorded."""

from __future__ import annotations

import asyncio
import contextlib

from config.database import Database
from gateway.redemption.states import State
from tests.support.partners import FencingPartner, lost, ok
from tests.support.room import Room, open_room


class Held:
    """A partner's answer that is held back until it may come."""

    def __init__(self) -> None:
        self.asked, self.may_come = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        self.asked.set()
        await self.may_come.wait()


async def stopping(room: Room, answer: Held) -> None:
    """Stop while an answer is awaited, let it come, and wait for the stop."""
    stop = asyncio.create_task(room.engine.close())
    await asyncio.sleep(0.05)
    assert not stop.done()
    answer.may_come.set()
    await asyncio.wait_for(stop, 5)


async def test_a_stop_waits_for_the_call_of_the_sweeper(database: Database) -> None:
    partner, answer = FencingPartner(), Held()
    partner.scripts.extend([lost, ok])
    room = await open_room(database, skyhub_lounge=partner)
    redemption = await room.redeem()
    room.clock.advance(seconds=3)
    partner.before_answer = answer
    sweeping = asyncio.create_task(room.sweeper.run())
    await asyncio.wait_for(answer.asked.wait(), 5)
    sweeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sweeping
    await stopping(room, answer)
    assert (await room.get(redemption.id)).state is State.CAPTURED
    await room.require_clean_books()


async def test_a_stop_waits_for_what_the_work_under_way_leads_to(database: Database) -> None:
    partner, answer = FencingPartner(), Held()
    partner.before_answer = answer
    room = await open_room(database, skyhub_lounge=partner)
    taken = await room.take_in()

    async def take_in_and_go_on() -> None:
        await asyncio.sleep(0.02)
        room.engine.start(taken)

    request = asyncio.create_task(room.engine.to_its_end(take_in_and_go_on()))
    await asyncio.sleep(0)
    request.cancel()
    await stopping(room, answer)
    assert (await room.get(taken)).state is State.CAPTURED
