"""A signed callback taken in: verified over the raw bytes, stored, acknowledged; 32 senders at once.

The floor is a bare route of the same framework and one raw insert, committed in groups by the same writer. The peer is
FastAPI with the signature checked by hand and the row added by an async ORM, a transaction each.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import FastAPI, Header
from fastapi import Request as FastRequest
from litestar import Litestar, Request, post
from sqlalchemy import Connection
from sqlalchemy.orm import registry

from adapters.sdk.webhooks import sign
from config import migrate
from config.clock import SystemClock
from config.database import Database
from config.prepared import Prepared, inserting
from config.settings import DatabaseSettings, FolderSettings, OAuthSettings, Settings
from gateway.app import create_app
from gateway.edge_tables import webhook_inbox
from gateway.wiring import open_gateway
from tests.bench import databases, holds_orm
from tests.bench.measure import Result
from tests.bench.together import ROUNDS, Together, Work, measure_together
from tests.support.asgi import ask

CONCURRENT = 32
EACH = 8
PARTNER = "skyhub-lounge"
PATH = f"/v1/webhooks/{PARTNER}"
BODY = b'{"event":"visit.recorded","reference":"P-1","guests":0,"occurred_at":"2026-12-01T08:00:00Z"}'
_ADD = Prepared(inserting(webhook_inbox))
_serial = itertools.count(1)


def results() -> list[Result]:
    """Measure on both databases; PostgreSQL only where a server answers."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="bench-webhooks-"))
        found = [asyncio.run(_measured([f"sqlite:///{folder}/{name}.db" for name in "abc"], "SQLite FULL"))]
        if databases.postgresql_answers():
            urls = [stack.enter_context(databases.postgresql()) for _ in range(3)]
            found.append(asyncio.run(_measured(urls, "PostgreSQL")))
    return found


async def _measured(urls: list[str], where: str) -> Result:
    async with AsyncExitStack() as stack:
        floor, ours, peer = [
            await stack.enter_async_context(contender(url))
            for contender, url in zip((_bare, _ours, _textbook), urls, strict=True)
        ]
        return await measure_together(
            Together(
                name=f"webhook accepted, {CONCURRENT} at once, {where}",
                floor=floor,
                ours=ours,
                peer=peer,
                goal=0.5,
                concurrent=CONCURRENT,
                each=EACH,
            )
        )


def _row(body: bytes) -> dict[str, Any]:
    number, now = next(_serial), SystemClock().now()
    return {
        "id": f"evt_{number}", "partner": PARTNER, "message_id": f"m{number}", "body": body, "state": "waiting",
        "body_hash": hashlib.sha256(body).hexdigest(), "attempts": 0, "reason": None, "received_at": now,
        "next_attempt_at": now, "finished_at": None,
    }  # fmt: skip


@asynccontextmanager
async def _bare(url: str) -> AsyncIterator[Work]:
    database = await Database.open(DatabaseSettings(url=url))
    await migrate.upgrade(database)

    async def take(request: Request[Any, Any, Any]) -> dict[str, str]:
        row = _row(await request.body())
        await database.write(partial(_insert, row), short=True)
        return {"status": "accepted"}

    app = Litestar([post("/", status_code=202)(take)], logging_config=None, openapi_config=None)
    headers = [(b"content-type", b"application/json")]
    try:
        yield lambda: ask(app, "POST", "/", headers, BODY, expected=202)
    finally:
        await database.close()


def _insert(row: dict[str, Any], connection: Connection) -> int:
    return _ADD.change(connection, **row)


@asynccontextmanager
async def _ours(url: str) -> AsyncIterator[Work]:
    with TemporaryDirectory(prefix="bench-webhooks-") as folder:
        place = Path(folder)
        settings = Settings(
            database=DatabaseSettings(url=url, upgrade_on_start=True),
            oauth=OAuthSettings(key_file=place / "key.json"),
            folders=FolderSettings(data=place, exports=place),
        )
        gateway = await open_gateway(settings, SystemClock(), environ={})
        secret = gateway.partners[PARTNER].webhook_secrets[0].reveal()
        app, signed = create_app(gateway), _signed(secret)

        async def send() -> bytes:
            return await ask(app, "POST", PATH, signed.pop(), BODY, expected=202)

        try:
            async with app.lifespan():
                yield send
        finally:
            await gateway.close()


def _signed(secret: str) -> list[list[tuple[bytes, bytes]]]:
    """Make the headers of every callback beforehand: to sign is the sender's work."""
    now = int(SystemClock().now().timestamp())
    made = [sign(secret, f"msg_{next(_serial)}", now, BODY) for _ in range(CONCURRENT * (EACH * ROUNDS + 1))]
    plain = (b"content-type", b"application/json")
    return [[plain, *((a.encode(), b.encode()) for a, b in signed.items())] for signed in made]


class Message:
    """A row of the inbox."""


registry(metadata=webhook_inbox.metadata).map_imperatively(Message, webhook_inbox)


@asynccontextmanager
async def _textbook(url: str) -> AsyncIterator[Work]:
    database = await Database.open(DatabaseSettings(url=url))
    await migrate.upgrade(database)
    await database.close()
    sessions, app = holds_orm.sessions(url), FastAPI()
    secret = f"whsec_{base64.b64encode(b'k' * 24).decode()}"

    async def take(
        request: FastRequest,
        webhook_id: str = Header(),
        webhook_timestamp: str = Header(),
        webhook_signature: str = Header(),
    ) -> dict[str, str]:
        body = await request.body()
        signed = f"{webhook_id}.{webhook_timestamp}.".encode() + body
        made = base64.b64encode(hmac.digest(b"k" * 24, signed, "sha256")).decode()
        assert hmac.compare_digest(f"v1,{made}", webhook_signature)
        async with sessions() as session, session.begin():
            session.add(holds_orm.new(Message, **_row(body)))
        return {"status": "accepted"}

    app.add_api_route(PATH, take, methods=["POST"], status_code=202)
    signed = _signed(secret)

    async def send() -> bytes:
        return await ask(app, "POST", PATH, signed.pop(), BODY, expected=202)

    try:
        yield send
    finally:
        await holds_orm.close(sessions)
