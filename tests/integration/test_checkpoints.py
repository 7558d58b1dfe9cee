"""What a SQLite log holds comes into the file once nothing waits; a log of a writer that never rests ends by itself."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from config import engines, group_commit
from config.database import Database
from config.group_commit import CHECKPOINT_TURNS, GroupCommit
from config.settings import DatabaseSettings
from config.shared_transaction import CHECKPOINT_FAILED, SharedTransaction

PAGE = 4_120
"""Bytes of a page in the log, with its header."""


def add(number: int) -> Callable[[Connection], None]:
    return lambda connection: connection.exec_driver_sql(
        "INSERT INTO marks VALUES (?, ?)", (number, "x" * 3_000)
    ).close()


async def opened(path: Path) -> Database:
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{path}"))
    await database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE marks (id, text)").close())
    return database


def in_file_alone(path: Path) -> int:
    """Count what the file holds without its log."""
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    with sqlite3.connect(copy) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'marks'").fetchone():
            return 0
        found: int = connection.execute("SELECT count(*) FROM marks").fetchone()[0]
        return found


async def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_once_nothing_waits_the_log_comes_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "marks.db"
    database = await opened(path)
    try:
        for number in range(CHECKPOINT_TURNS * 2):
            await database.write(add(number), short=number % 2 == 0)
        await eventually(lambda: in_file_alone(path) >= CHECKPOINT_TURNS)
    finally:
        await database.close()
    assert in_file_alone(path) == CHECKPOINT_TURNS * 2
    assert not path.with_name("marks.db-wal").exists()


async def test_who_waits_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = await opened(tmp_path / "marks.db")
    waiting: list[int] = []
    taken, let_go = threading.Event(), threading.Event()

    def gate(_: Connection) -> None:
        taken.set()
        assert let_go.wait(30)

    monkeypatch.setattr(SharedTransaction, "checkpoint", lambda _: waiting.append(database.writes_waiting))
    monkeypatch.setattr(group_commit, "CHECKPOINT_TURNS", 1)
    try:
        first = asyncio.create_task(database.write(gate))
        await asyncio.to_thread(taken.wait, 30)
        others = [asyncio.create_task(database.write(add(number))) for number in range(200)]
        await eventually(lambda: database.writes_waiting == len(others))
        let_go.set()
        await asyncio.gather(first, *others)
        await eventually(lambda: bool(waiting))
        assert set(waiting) == {0}, "the turns before left somebody waiting"
    finally:
        await database.close()


async def test_a_log_that_nobody_brings_into_the_file_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOG_PAGES", 50)
    monkeypatch.setattr(SharedTransaction, "checkpoint", lambda _: None)
    path = tmp_path / "marks.db"
    database = await opened(path)
    try:
        for number in range(300):
            await database.write(add(number))
        assert path.with_name("marks.db-wal").stat().st_size < 60 * PAGE
        assert in_file_alone(path) > 200
    finally:
        await database.close()


async def test_a_checkpoint_that_fails_is_told_once_and_costs_nobody_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(group_commit, "CHECKPOINT_TURNS", 1)
    database = await opened(tmp_path / "marks.db")
    writer = database._writer
    assert isinstance(writer, GroupCommit)
    raw, fails = writer._transaction._raw, True
    tries: list[str] = []

    class Failing:
        """The connection, on a disk that fails under checkpoints."""

        def __getattr__(self, name: str) -> Any:
            return getattr(raw, name)

        def execute(self, sql: str, *values: Any) -> Any:
            if "checkpoint" in sql:
                tries.append(sql)
                if fails:
                    raise sqlite3.OperationalError("disk I/O error")
            return raw.execute(sql, *values)

    def told() -> int:
        return sum(record.getMessage().count(CHECKPOINT_FAILED) for record in caplog.records)

    async def write(number: int) -> None:
        """Write, and wait for what is done once that is answered."""
        before = len(tries)
        await database.write(add(number))
        await eventually(lambda: len(tries) > before)

    writer._transaction._raw = Failing()
    try:
        for number in range(3):
            await write(number)
        fails = False
        await write(4)
        assert told() == 1
        fails = True
        await write(5)
        await eventually(lambda: told() == 2)
    finally:
        await database.close()
