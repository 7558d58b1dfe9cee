"""What a SQLite log holds comes into the file aside of the writer; a log that nobody brings there ends by itself."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config import engines
from config.checkpoints import EVERY_COMMITS, FAILED, Checkpoints
from config.database import Database
from config.settings import DatabaseSettings

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


async def test_every_few_commits_the_log_comes_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "marks.db"
    database = await opened(path)
    try:
        for number in range(EVERY_COMMITS * 2):
            await database.write(add(number), short=number % 2 == 0)
        await eventually(lambda: in_file_alone(path) >= EVERY_COMMITS)
    finally:
        await database.close()
    assert in_file_alone(path) == EVERY_COMMITS * 2
    assert not path.with_name("marks.db-wal").exists()


async def test_a_log_that_nobody_brings_into_the_file_does_not_grow_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LOG_PAGES", 50)
    monkeypatch.setattr(Checkpoints, "committed", lambda _: None)
    path = tmp_path / "marks.db"
    database = await opened(path)
    try:
        for number in range(300):
            await database.write(add(number))
        assert path.with_name("marks.db-wal").stat().st_size < 60 * PAGE
        assert in_file_alone(path) > 200
    finally:
        await database.close()


async def test_a_failure_is_told_once_and_the_thread_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "not" / "yet" / "marks.db"
    aside = Checkpoints(sa.create_engine(f"sqlite:///{path}"))
    tries: list[object] = []
    sa.event.listen(aside._engine, "do_connect", lambda *of: tries.append(of))

    def told() -> int:
        return sum(record.getMessage().count(FAILED) for record in caplog.records)

    def come_due() -> None:
        for _ in range(EVERY_COMMITS):
            aside.committed()

    try:
        for number in range(1, 4):
            come_due()
            await eventually(lambda expected=number: len(tries) == expected)  # type: ignore[misc]
        await eventually(lambda: told() == 1)
        path.parent.mkdir(parents=True)
        come_due()
        await eventually(path.exists)
    finally:
        aside.close()
    assert told() == 1
