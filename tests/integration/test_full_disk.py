"""A disk that is full or fails is told of in the log, once in a while and not with every request, on both databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from config.database import Database
from config.database_errors import DatabaseStoppedError, DiskFailedError, DiskFullError
from config.disk_watch import AGAIN_SECONDS, DiskWatch
from config.errors import DatabaseError

NO_ROOM, BROKEN = "53100", "58030"
MEANT = {NO_ROOM: (DiskFullError, "database.disk_full"), BROKEN: (DiskFailedError, "database.disk_failed")}


def answering(state: str) -> Callable[[Connection], Any]:
    """Let PostgreSQL answer with a state of SQL."""
    words = f"DO $$ BEGIN RAISE EXCEPTION 'could not write' USING ERRCODE = '{state}'; END $$"
    return lambda connection: connection.exec_driver_sql(words)


def failing(connection: Connection) -> None:
    """Fail as SQLite does when the disk answers EIO to a sync."""
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    raise OperationalError("COMMIT", {}, fault)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, Any]]:
    """Answer level, event and whether it stopped the writing, of each line about the disk."""
    lines: list[Any] = [record for record in caplog.records if record.name == "config.disk_watch"]
    return [(line.levelname, line.msg["event"], line.msg["stopped"]) for line in lines]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("state", MEANT)
async def test_cr_11_what_postgresql_says_of_its_disk_is_told_once(
    database: Database, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    kind, event = MEANT[state]
    for verb in (database.write, database.read, database.write):
        with pytest.raises(kind):
            await verb(answering(state))
    assert told(caplog) == [("ERROR", event, False)]
    assert database.stopped is None
    assert await database.write(lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_cr_10_a_disk_that_failed_is_told_once_and_says_so(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        with pytest.raises(DatabaseStoppedError):
            await database.write(failing)
    assert told(caplog) == [("ERROR", "database.disk_failed", True)]
    assert database.stopped is not None
    assert "start the process again" in database.stopped


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_who_closes_a_database_is_told_of_no_disk(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    await database.close()
    with pytest.raises(DatabaseStoppedError):
        await database.write(failing)
    assert (told(caplog), database.stopped) == ([], None)


def test_the_same_is_told_again_after_a_while_and_an_end_never(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    watch = DiskWatch("sqlite:///club.db", lambda: now)
    seen: list[tuple[DatabaseError, str | None]] = [
        (DiskFullError("full"), None),
        (DatabaseError("locked"), None),
        (DiskFailedError("unread"), None),
        (DatabaseStoppedError("failed"), "failed"),
    ]
    for moment in (0.0, AGAIN_SECONDS - 1, AGAIN_SECONDS):
        now = moment
        for error, stopped in seen:
            watch.see(error, stopped)
    full, unread = ("ERROR", "database.disk_full", False), ("ERROR", "database.disk_failed", False)
    assert told(caplog) == [full, unread, ("ERROR", "database.disk_failed", True), full, unread]
