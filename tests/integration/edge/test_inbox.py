"""The inbox on both databases: once per id, retried, dead after ten, finished with its effect."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database
from gateway.edge_tables import webhook_conflicts, webhook_inbox
from gateway.webhooks import inbox
from gateway.webhooks.inbox import RETRY_SECONDS, TRIES, Receipt

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


async def receive(database: Database, new_id: str = "evt_1", message_id: str = "m1", body: bytes = b"{}") -> Receipt:
    return await database.write(
        partial(inbox.receive, new_id=new_id, partner="lounge", message_id=message_id, body=body, at=NOON)
    )


async def due(database: Database, at: datetime = NOON) -> list[str]:
    messages = await database.read(partial(inbox.due, now=at, limit=10))
    return [message.id for message in messages]


async def test_kept_once_per_partner_and_id(database: Database) -> None:
    assert await receive(database) is Receipt.NEW
    assert await receive(database, "evt_2") is Receipt.KNOWN
    assert await receive(database, "evt_3", body=b"[]") is Receipt.CONFLICT
    assert await receive(database, "evt_4", body=b"[]") is Receipt.CONFLICT
    other = partial(inbox.receive, new_id="evt_5", partner="hotel", message_id="m1", body=b"{}", at=NOON)
    assert await database.write(other) is Receipt.NEW
    assert await due(database) == ["evt_1", "evt_5"]
    conflicts = await database.read(lambda connection: connection.execute(sa.select(webhook_conflicts)).all())
    assert len(conflicts) == 1


async def test_wh_07_many_at_once_are_one(database: Database) -> None:
    receipts = await asyncio.gather(*(receive(database, f"evt_{number}") for number in range(30)))
    assert sorted(receipts) == [Receipt.KNOWN] * 29 + [Receipt.NEW]


async def test_a_message_is_finished_once_and_with_its_effect(database: Database) -> None:
    await receive(database)

    def crash(connection: Connection) -> None:
        assert inbox.done(connection, "evt_1", NOON)
        raise RuntimeError("the effect failed")

    with pytest.raises(RuntimeError):
        await database.write(crash)
    assert await due(database) == ["evt_1"]
    finish = partial(inbox.done, inbox_id="evt_1", at=NOON)
    assert await database.write(finish)
    assert not await database.write(finish)
    assert await due(database) == []


async def test_wh_19_poison_is_put_off_longer_and_longer_and_dead_after_ten(database: Database) -> None:
    await receive(database)
    at = NOON
    for number in range(TRIES - 1):
        assert await due(database, at) == ["evt_1"]
        failed = partial(inbox.failed, inbox_id="evt_1", reason="x" * 900, at=at)
        assert not await database.write(failed)
        wait = timedelta(seconds=RETRY_SECONDS[number])
        assert await due(database, at + wait - timedelta(seconds=1)) == []
        at += wait
    assert await database.write(partial(inbox.failed, inbox_id="evt_1", reason="again", at=at))
    assert await due(database, at + timedelta(days=30)) == []
    row = await database.read(lambda connection: connection.execute(sa.select(webhook_inbox)).one())
    assert (row.state, row.attempts, row.reason) == ("dead", TRIES, "again")
    assert not await database.write(partial(inbox.failed, inbox_id="evt_1", reason="late", at=at))
    assert not await database.write(partial(inbox.done, inbox_id="evt_1", at=at))
