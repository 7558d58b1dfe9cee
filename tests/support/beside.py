"""Operations that are written at once to PostgreSQL, and what is sent for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from config.database import Database
from config.side_by_side import About
from settlement import ledger
from settlement.accounts import POINTS, counter_account

_WAITING = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)
AT = datetime(2026, 12, 1, tzinfo=UTC)


def listen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Keep what is sent as one message from now on: each statement, and for how many operations."""
    told: list[tuple[str, int]] = []

    def listening(name: str, how_many: Callable[..., int]) -> None:
        send = getattr(asyncpg.Connection, name)

        async def sending(self: Any, query: str, *args: Any, **options: Any) -> Any:
            told.append((query, how_many(*args)))
            return await send(self, query, *args, **options)

        monkeypatch.setattr(asyncpg.Connection, name, sending)

    listening("fetchmany", len)
    listening("fetchval", lambda *_: 1)
    listening("fetchrow", lambda *_: 1)
    listening("fetch", lambda *values: len(values[0]) if values and isinstance(values[0], list) else 1)
    return told


async def at_once(database: Database, *operations: About[Any] | Callable[[Connection], Any]) -> list[Any]:
    """Write all of them; answer what each gives or raises."""
    return await asyncio.gather(*(database.write(each) for each in operations), return_exceptions=True)


async def give(database: Database, *members: str) -> None:
    """Give each of them 600 points."""
    for member in members:
        issue = partial(ledger.issue, key=f"start:{member}", member_id=member, commodity=POINTS, quantity=600, at=AT)
        await database.write(partial(issue, expires_at=None, reason="start", reference="start"))


def holding(member: str, key: str, quantity: int = 100) -> About[Any]:
    """Hold points of a member."""
    hold = partial(ledger.hold, key=key, member_id=member, commodity=POINTS, quantity=quantity, at=AT, reference=key)
    return About(member, hold)


def capturing(member: str, key: str) -> About[bool]:
    """Capture a hold."""
    return About(member, partial(ledger.capture, hold_key=key, key=f"{key}:end", at=AT, to=counter_account(POINTS)))


async def until_one_waits(connection: AsyncConnection) -> None:
    """Return when a transaction of this database waits for a lock."""
    async with asyncio.timeout(10):
        while not await connection.scalar(_WAITING):
            await asyncio.sleep(0.01)
            await connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
