"""NW-21 with the adapter of our own contract: whatever the partner answers about, only what was asked for counts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from adapters.sdk.client import PartnerClient
from adapters.sdk.context import AdapterContext
from adapters.sdk.registry import discover
from config.database import Database
from config.files import PACKAGED_FOLDER
from config.partner_files import PartnerEnvironment, read_partner_files
from gateway.operations.alarms import list_alarms
from gateway.partners import ConnectedPartner
from gateway.redemption.states import State
from tests.support.room import OPENING, PARTNER, Room, open_room

OTHERS: dict[str, dict[str, Any]] = {
    "key": {"key": "rdm_00000000000000000000000000"},
    "amount": {"price": {"amount": "121.00", "currency": "CNY"}},
    "currency": {"price": {"amount": "120.00", "currency": "EUR"}},
    "service": {"service": {"kind": "visit", "airport": "PVG", "lounge_id": "L2", "visit_date": "2026-12-01"}},
    "offer": {"offer": "another"},
}


async def streamed(body: bytes) -> AsyncIterator[bytes]:
    """Hand a body over as a network does."""
    yield body


async def speaking(room: Room, changes: dict[str, Any]) -> None:
    """Connect the lounge's real adapter to a partner that echoes with changes."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.method != "PUT":
            return httpx.Response(503, json={})
        asked = json.loads(request.content)
        echo = {"key": request.url.path.rpartition("/")[2], "status": "reserved", "reference": "R-1"}
        body = echo | {name: asked[name] for name in ("offer", "service", "price")} | changes
        return httpx.Response(201, content=streamed(json.dumps(body).encode()))

    package = discover().packages["direct"]
    client = PartnerClient(
        base_url="http://fake.test",
        limits=package.manifest.limits,
        clock=room.clock,
        http=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
    )
    context = AdapterContext(
        partner=PARTNER, manifest=package.manifest, client=client, clock=room.clock, options={}, credentials={}
    )
    room.partners[PARTNER] = ConnectedPartner(
        file=read_partner_files(PACKAGED_FOLDER)[PARTNER],
        environment=PartnerEnvironment(base_url="http://fake.test"),
        manifest=package.manifest,
        adapter=package.create(context),
        client=client,
    )


@pytest.mark.parametrize("other", OTHERS)
async def test_nw_21_another_thing_than_what_was_asked(database: Database, other: str) -> None:
    room = await open_room(database)
    await speaking(room, OTHERS[other])
    redemption = await room.redeem()
    assert (redemption.state, redemption.reason) == (State.UNKNOWN, "wrong_echo")
    assert await room.balance() == (OPENING - 600, 600)
    (alarm,) = await database.read(partial(list_alarms, limit=5))
    assert (alarm.kind, alarm.facts["redemption_id"]) == ("wrong_echo", redemption.id)


async def test_the_right_echo_is_no_alarm(database: Database) -> None:
    room = await open_room(database)
    await speaking(room, {})
    assert (await room.redeem()).state is State.CAPTURED
    assert await database.read(partial(list_alarms, limit=5)) == []
