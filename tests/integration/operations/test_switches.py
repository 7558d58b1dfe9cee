"""A partner is switched off and on, persisted: nothing new is taken in, what is open is finished."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import httpx
import pytest

from adapters.sdk.calls import PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.manifest import Limits
from config.database import Database, RefusedByDatabaseError
from config.errors import ConflictError, RuleError
from gateway.errors import PartnerBusyError, PartnerDisabledError
from gateway.operations import switches
from gateway.operations.tables import partner_changes
from gateway.redemption.states import State
from tests.support.clocks import START
from tests.support.partners import FencingPartner, granted_then_lost
from tests.support.room import PARTNER, Room, open_room

CALL = PartnerCall(operation="look_up", method="GET", path="/v1/things/1")
switch = partial(switches.change, partner=PARTNER, reason="books wrong dates", by="ann", at=START)


async def open_one(database: Database) -> tuple[Room, FencingPartner, str]:
    adapter = FencingPartner()
    adapter.scripts.append(granted_then_lost)
    here = await open_room(database, skyhub_lounge=adapter)
    return here, adapter, (await here.redeem()).id


async def test_nothing_new_is_taken_in_and_what_is_open_is_finished(database: Database) -> None:
    here, adapter, redemption_id = await open_one(database)
    done = await database.write(partial(switch, what="disabled"))
    assert (done.disabled, done.last_change and done.last_change.changed_by) == (True, "ann")
    before = await here.balance()
    with pytest.raises(PartnerDisabledError):
        await here.take_in()
    assert await here.balance() == before
    here.clock.advance(seconds=3)
    await here.sweeper.sweep()
    assert (await here.get(redemption_id)).state is State.CAPTURED
    again = await database.write(partial(switch, what="enabled", by="bob"))
    assert not again.disabled
    assert (await here.redeem()).state is State.CAPTURED
    assert len(adapter.book.issued) == 2


async def test_a_switch_is_kept_and_tells_who_and_why(database: Database) -> None:
    await open_room(database, skyhub_lounge=FencingPartner())
    assert await database.read(partial(switches.read_switch, partner=PARTNER)) == switches.Switch()
    for what in ("disabled", "enabled", "distrusted", "trusted"):
        await database.write(partial(switch, what=what))
        with pytest.raises(ConflictError):
            await database.write(partial(switch, what=what))
    kept = await database.read(lambda connection: connection.execute(partner_changes.select()).all())
    assert [(row.number, row.change) for row in kept] == [
        (1, "disabled"),
        (2, "enabled"),
        (3, "distrusted"),
        (4, "trusted"),
    ]
    for wrong in ({"reason": " x "}, {"by": " "}):
        with pytest.raises(RuleError):
            await database.write(partial(switch, what="disabled", **wrong))
    with pytest.raises(RefusedByDatabaseError):
        await database.write(lambda c: c.execute(partner_changes.update().values(change="lost")))


async def test_another_partner_is_not_touched(database: Database) -> None:
    here = await open_room(database, skyhub_lounge=FencingPartner(), expedia_rapid=FencingPartner())
    await database.write(partial(switch, what="disabled", partner="expedia-rapid"))
    assert (await here.redeem()).state is State.CAPTURED


async def test_op_05_a_saturated_partner_refuses_before_anything_is_held(database: Database) -> None:
    here = await open_room(database, skyhub_lounge=FencingPartner())
    gate = asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        await gate.wait()
        return httpx.Response(200, content=b"{}")

    client = PartnerClient(
        base_url="http://fake.test",
        limits=Limits(deadline_seconds=60, concurrency=1, queue=1),
        clock=here.clock,
        http=httpx.AsyncClient(transport=httpx.MockTransport(slow)),
    )
    here.partners[PARTNER] = replace(here.partners[PARTNER], client=client)
    calls = [asyncio.create_task(client.call(CALL)) for _ in range(2)]
    while not client.turns_away:  # noqa: ASYNC110
        await asyncio.sleep(0)
    before = await here.balance()
    with pytest.raises(PartnerBusyError):
        await here.take_in()
    assert await here.balance() == before
    gate.set()
    await asyncio.gather(*calls)
    assert (await here.redeem()).state is State.CAPTURED
    await client.aclose()
