"""SQLite is read on the loop's own thread while that is short, and aside when it is not."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config import engines
from config.database import Database
from config.database_errors import DatabaseStoppedError
from config.settings import DatabaseSettings
from config.short_reads import ShortReads, TakesLongerError

COUNTING = sa.text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT :many) SELECT count(*) FROM n")
LONG = 2_000_000


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in a file of its own."""
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path}/a.db"))
    yield database
    await database.close()


def _counted(many: int, threads: list[int]) -> Callable[[Connection], int]:
    def operation(connection: Connection) -> int:
        threads.append(threading.get_ident())
        return int(connection.execute(COUNTING, {"many": many}).scalar_one())

    return operation


async def test_a_short_read_changes_no_thread(opened: Database) -> None:
    threads: list[int] = []
    assert await opened.read(_counted(10, threads)) == 10
    assert threads == [threading.get_ident()]


async def test_a_long_read_goes_on_aside_and_lets_the_loop_go_on(opened: Database) -> None:
    threads: list[int] = []
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    assert await opened.read(_counted(LONG, threads)) == LONG
    beating.cancel()
    assert len(threads) == 2
    assert beats > 100


def test_what_takes_longer_is_interrupted_and_the_next_read_works(tmp_path: Path) -> None:
    reads = ShortReads(engines.sqlite_short_reader(DatabaseSettings(url=f"sqlite:///{tmp_path}/a.db")))
    with pytest.raises(TakesLongerError):
        reads.run(_counted(100 * LONG, []))
    assert reads.run(_counted(3, [])) == 3
    reads.close()
    with pytest.raises(DatabaseStoppedError):
        reads.run(_counted(3, []))


async def test_a_read_that_meets_a_lock_waits_for_it_aside(opened: Database, tmp_path: Path) -> None:
    await opened.close()
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        for statement in ("PRAGMA locking_mode=EXCLUSIVE", "BEGIN EXCLUSIVE", "CREATE TABLE other (id TEXT)", "COMMIT"):
            other.execute(statement)
        reads = ShortReads(engines.sqlite_short_reader(DatabaseSettings(url=opened.url)))
        with pytest.raises(TakesLongerError):
            reads.run(_counted(3, []))
    assert reads.run(_counted(3, [])) == 3
    reads.close()


async def test_a_caller_that_only_reads_can_be_cancelled(opened: Database) -> None:
    async def for_ever() -> None:
        while True:
            await opened.read(_counted(1, []))

    reading = asyncio.create_task(for_ever())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
