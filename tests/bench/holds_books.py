"""Databases to hold and capture in: a migrated one with members who have points, for each contender its own."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from config import migrate
from config.database import Database
from config.settings import DatabaseSettings
from settlement import ledger
from settlement.accounts import POINTS
from tests.bench.databases import postgresql

MEMBERS = 500
AT = datetime(2026, 12, 1, tzinfo=UTC)
EXPIRES = datetime(2028, 12, 1, tzinfo=UTC)
PLENTY = 1_000_000_000


def member(number: int) -> str:
    """Name a member; numbers go round."""
    return f"m{number % MEMBERS}"


@contextlib.contextmanager
def sqlite_book() -> Iterator[str]:
    """Make a SQLite file with points in it; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-holds-") as folder:
        url = f"sqlite:///{Path(folder) / 'book.db'}"
        asyncio.run(_fill(url))
        yield url


@contextlib.contextmanager
def postgresql_book() -> Iterator[str]:
    """Make a PostgreSQL database with points in it; gone afterwards."""
    with postgresql() as url:
        asyncio.run(_fill(url))
        yield url


async def _fill(url: str) -> None:
    database = await Database.open(DatabaseSettings(url=url))
    await migrate.upgrade(database)
    await database.write(_issue_to_all)
    await database.close()


def _issue_to_all(connection: Connection) -> None:
    for number in range(MEMBERS):
        ledger.issue(
            connection, key=f"start:{number}", member_id=member(number), commodity=POINTS, quantity=PLENTY,
            at=AT, expires_at=EXPIRES, reason="start", reference=f"start:{number}",
        )  # fmt: skip
