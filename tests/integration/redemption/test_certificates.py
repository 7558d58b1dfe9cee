"""A partner shows a certificate that is not to be trusted: nothing is sent, it is told, and ends once it is mended."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sdk.answers import failed_step
from adapters.sdk.calls import CallFailure, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.manifest import Limits
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import ReservationRequest, StepResult
from config.database import Database
from config.errors import DatabaseError
from gateway.operations.alarms import Alarm, list_alarms
from gateway.operations.certificates import AGAIN_SECONDS, CertificateWatch
from gateway.redemption.states import State
from gateway.redemption.tables import outbox
from tests.support.certificates import Authority
from tests.support.partners import CAPABILITIES, FencingPartner, connected
from tests.support.room import OPENING, PARTNER, Room, open_room


class Distant(FencingPartner):
    """Books by a call over a real line; looks up and fences in memory."""

    client: PartnerClient

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        self.keys.append(request.key)
        answer = await self.client.call(
            PartnerCall(operation=step, method="PUT", path=f"/v1/{request.key}", body=b"{}")
        )
        if isinstance(answer, CallFailure):
            return failed_step(answer)
        self.book.issue(request.key)
        return StepResult(outcome=Outcome.OK, partner_reference="P-1")


class Wearing:
    """A server that shows, at each handshake, the certificate that it wears now."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.good = self._context(folder, "127.0.0.1")
        self.worn = self.bad = self._context(folder, "127.0.0.2")
        self.requests = 0
        self.base_url = ""

    def _context(self, folder: Path, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        path = folder / "worn.pem"
        path.write_text("".join(reversed(self.authority.issue(name))), encoding="ascii")
        context.load_cert_chain(path)
        return context

    def _dress(self, handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        handshake.context = self.worn

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"PUT /v1/")
        self.requests += 1
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        self.good.sni_callback = self._dress
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self.good)
        self.base_url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()


@asynccontextmanager
async def room_over(server: Wearing, database: Database) -> AsyncIterator[tuple[Room, CertificateWatch]]:
    """Open the room with a partner behind a server."""
    room, adapter = await open_room(database), Distant()
    async with server.serving():
        adapter.client = PartnerClient(
            base_url=server.base_url, limits=Limits(), clock=room.clock, ca_file=server.authority.file
        )
        room.partners[PARTNER] = replace(connected(adapter, partner=PARTNER), client=adapter.client)
        try:
            yield room, CertificateWatch(room.database, room.clock, room.partners, room.identifiers)
        finally:
            await adapter.client.aclose()


@pytest.fixture(autouse=True)
def _capabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAPABILITIES, Distant, CAPABILITIES[FencingPartner])


async def alarms(room: Room) -> list[Alarm]:
    return await room.database.read(partial(list_alarms, limit=9))


async def test_nw_03_a_redemption_over_a_bad_certificate_waits_is_told_and_ends_once_it_is_mended(
    database: Database, tmp_path: Path
) -> None:
    server = Wearing(tmp_path)
    async with room_over(server, database) as (room, watch):
        redemption = await room.redeem()
        assert (redemption.state, await room.balance()) == (State.HELD, (OPENING - 600, 600)), "nothing can be granted"
        assert redemption.next_action_at is not None
        await watch.look()
        (alarm,) = await alarms(room)
        assert (alarm.kind, alarm.subject, alarm.partner, alarm.times) == ("bad_certificate", PARTNER, PARTNER, 1)
        assert alarm.facts == {"code": "certificate", "calls": "1"}

        room.clock.advance(seconds=60)
        assert await room.sweeper.sweep() == 1
        assert (await room.get(redemption.id)).state is State.HELD
        assert server.requests == 0

        server.worn = server.good
        room.clock.advance(seconds=120)
        await room.sweeper.sweep()
        ended = await room.get(redemption.id)
        assert (ended.state, server.requests) == (State.CAPTURED, 1)
        assert await room.balance() == (OPENING - 600, 0)
        await room.require_clean_books()


async def test_nw_03_a_certificate_that_is_not_mended_in_time_gives_the_points_back(
    database: Database, tmp_path: Path
) -> None:
    server = Wearing(tmp_path)
    async with room_over(server, database) as (room, _):
        redemption = await room.redeem()
        for _ in range(60):
            room.clock.advance(seconds=60)
            await room.sweeper.sweep()
        assert (await room.get(redemption.id)).state is State.VOIDED
        assert (await room.balance(), server.requests) == ((OPENING, 0), 0)
        await room.require_clean_books()


async def test_nw_03_one_alarm_counts_and_is_not_raised_with_every_call(database: Database, tmp_path: Path) -> None:
    server = Wearing(tmp_path)
    async with room_over(server, database) as (room, watch):
        client = room.partners[PARTNER].client
        assert client is not None
        await watch.look()
        assert await alarms(room) == []
        for _ in range(4):
            await client.call(PartnerCall(operation="status", method="GET", path="/v1/accounts"))
            await watch.look()
        assert [each.times for each in await alarms(room)] == [1], "a call that is about no redemption is seen, too"
        room.clock.advance(seconds=AGAIN_SECONDS)
        await watch.look()
        (alarm,) = await alarms(room)
        assert (alarm.times, alarm.facts["calls"]) == (2, "4")
        room.clock.advance(seconds=AGAIN_SECONDS)
        await watch.look()
        assert [each.times for each in await alarms(room)] == [2], "nothing new happened"
        told = sa.select(sa.func.count()).where(outbox.c.type == "alarm.bad_certificate")
        assert await database.read(lambda connection: connection.execute(told).scalar_one()) == 2


async def test_nw_03_what_the_database_does_not_take_is_told_later(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Wearing(tmp_path)
    async with room_over(server, database) as (room, watch):
        await room.redeem()

        async def refuse(*_: object, **__: object) -> None:
            raise DatabaseError("locked")

        with monkeypatch.context() as patched:
            patched.setattr(database, "write", refuse)
            await watch.look()
        assert await alarms(room) == []
        await watch.look()
        assert [each.times for each in await alarms(room)] == [1]
