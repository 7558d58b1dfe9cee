"""What is undecided past its deadline and what partners claim is listed with its age, in lists and in the night."""

from __future__ import annotations

import json
from functools import partial

import pytest

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from config.clock import SystemClock
from config.database import Database
from gateway.operations.overdue import Open, open_of, overdue, told
from gateway.redemption.states import State
from tests.integration.operations.test_audit_command import Commands
from tests.support.partners import FencingPartner, LookingUpPartner, lost
from tests.support.room import PARTNER, Room, open_room


async def waiting(room: Room) -> Open:
    return await room.database.read(partial(open_of, now=room.clock.now()))


async def test_an_undecided_one_is_overdue_from_its_deadline_on(database: Database) -> None:
    adapter = FencingPartner()
    adapter.scripts.append(lost)
    adapter.fence_outcomes.extend([Outcome.UNKNOWN] * 9)
    here = await open_room(database, skyhub_lounge=adapter)
    redemption = await here.redeem()
    here.clock.advance(seconds=899)
    assert await waiting(here) == Open((), ())
    here.clock.advance(seconds=1)
    (late,) = (await waiting(here)).overdue
    assert (late.id, late.partner, late.quantity, late.age_seconds) == (redemption.id, PARTNER, 600, 0)
    here.clock.advance(hours=3)
    await here.sweeper.sweep()
    (late,) = (await waiting(here)).overdue
    assert (late.state, late.age_seconds) == (State.CANCELLING.value, 10_800)
    assert told(await waiting(here)) == [
        f"overdue  {late.id}  cancelling at {PARTNER} as {late.partner_key}, 600 PTS, 3 h past its deadline (timeout)"
    ]
    assert await database.read(partial(overdue, now=here.clock.now(), after=late.id, limit=9)) == []
    assert (await database.read(partial(open_of, now=here.clock.now(), partner="another"))).overdue == ()


async def test_a_reversal_with_people_and_a_claim_are_listed(database: Database) -> None:
    adapter = LookingUpPartner()
    here = await open_room(database, skyhub_lounge=adapter)
    undone = await here.redeem()
    await database.write(partial(here.effects.ask_reversal, redemption=undone, reason="refund", at=here.clock.now()))
    await here.sweeper.sweep()
    here.clock.advance(hours=25)
    (late,) = (await waiting(here)).overdue
    assert (late.id, late.state, late.age_seconds) == (f"{undone.id}:reverse:1", "manual", 3600)
    adapter.scripts.append(lost)
    adapter.look_ups.extend([LookUpAnswer.REFUSED, LookUpAnswer.ISSUED])
    voided = await here.redeem()
    here.clock.advance(seconds=5)
    await here.sweeper.sweep()
    assert (await here.get(voided.id)).state is State.VOIDED
    await here.observer.look(voided.id)
    here.clock.advance(minutes=90)
    (claim,) = (await waiting(here)).claims
    assert (claim.id, claim.price, claim.currency, claim.age_seconds) == (voided.id, 12_000, "CNY", 5400)


async def test_the_command_tells_it(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Commands(database_url, capsys, monkeypatch)
    assert await gateway("watch", "open") == (0, {"overdue": [], "claims": []})
    adapter = FencingPartner()
    adapter.scripts.append(lost)
    here = await open_room(database, skyhub_lounge=adapter)
    redemption = await here.redeem()
    here.clock.advance(days=2)
    monkeypatch.setattr(SystemClock, "now", lambda _: here.clock.now())
    code, found = await gateway("watch", "open")
    assert (code, [one["id"] for one in found["overdue"]]) == (1, [redemption.id])
    assert (await gateway("watch", "open", "--partner", "another"))[0] == 0
    assert (await gateway("watch", "alarms")) == (0, [])
    assert json.dumps(found["overdue"][0]["age_seconds"]) == str(2 * 86_400 - 900)
