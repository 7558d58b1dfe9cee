"""OP-01: a partner that hangs keeps its own redemptions waiting and nobody else's."""

from __future__ import annotations

import asyncio

from config.database import Database
from gateway.redemption.states import State
from gateway.redemption.sweeper import PER_PARTNER
from tests.support.partners import FencingPartner
from tests.support.room import OPENING, OTHER_PARTNER, PARTNER, open_room


async def test_op_01_a_hanging_partner_holds_up_no_other(database: Database) -> None:
    gate, hanging = asyncio.Event(), FencingPartner()

    async def hang() -> None:
        await gate.wait()

    hanging.before_answer = hang
    room = await open_room(database, skyhub_lounge=FencingPartner(), expedia_rapid=hanging)
    stuck = [await room.take_in(points=10, partner=OTHER_PARTNER) for _ in range(PER_PARTNER + 2)]
    served = await room.take_in(points=10, partner=PARTNER)
    room.clock.advance(seconds=5)
    sweep = asyncio.create_task(room.sweeper.sweep())
    async with asyncio.timeout(30):
        while (await room.get(served)).state is not State.CAPTURED:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    states = [(await room.get(one)).state for one in stuck]
    assert states.count(State.CAPTURED) == 0
    assert len(hanging.calls) <= PER_PARTNER
    available, held = await room.balance()
    assert (available, held) == (OPENING - 10 * (len(stuck) + 1), 10 * len(stuck)), "reading goes on"
    gate.set()
    await sweep
    assert all([(await room.get(one)).state in {State.CAPTURED, State.HELD} for one in stuck])
