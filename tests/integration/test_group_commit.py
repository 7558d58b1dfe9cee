"""Writes that share a commit are as safe from each other as writes that do not, and what was acknowledged stays."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from config.database import Database, RefusedByDatabaseError
from config.database_errors import DatabaseBusyError, DatabaseStoppedError
from config.errors import DatabaseError
from config.settings import DatabaseSettings
from config.shared_transaction import SharedTransaction
from config.waiting import Waiting

MARKS = sa.Table(
    "marks",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("amount", sa.Integer, sa.CheckConstraint("amount >= 0"), nullable=False),
    sa.Column("parent", sa.Integer, sa.ForeignKey("marks.id", deferrable=True, initially="DEFERRED")),
)
QUEUE_LIMIT = 8
Operation = Callable[[Connection], Any]


def mark(number: int, amount: int = 1, parent: int | None = None) -> Operation:
    return lambda connection: connection.execute(MARKS.insert().values(id=number, amount=amount, parent=parent))


def marks(connection: Connection) -> list[int]:
    return list(connection.execute(sa.select(MARKS.c.id).order_by(MARKS.c.id)).scalars())


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A SQLite database whose writer takes a few operations at a time."""
    url = f"sqlite:///{tmp_path}/marks.db"
    database = await Database.open(DatabaseSettings(url=url, queue_limit=QUEUE_LIMIT, batch_limit=QUEUE_LIMIT))
    await database.write(MARKS.create)
    yield database
    await database.close()


class Gate:
    """An operation that keeps the writer until it is let go, so that what follows shares a commit."""

    def __init__(self, database: Database) -> None:
        self.taken, self._let_go = threading.Event(), threading.Event()
        self.task = asyncio.create_task(database.write(self._wait))

    def _wait(self, connection: Connection) -> None:
        self.taken.set()
        assert self._let_go.wait(30)

    async def shut(self) -> Gate:
        await asyncio.to_thread(self.taken.wait, 30)
        return self

    async def open(self) -> None:
        self._let_go.set()
        await self.task


async def together(database: Database, *operations: Operation, short: bool = False) -> list[Any]:
    """Run operations in one commit and answer what each came to."""
    gate = await Gate(database).shut()
    tasks = [asyncio.create_task(database.write(each, short=short)) for each in operations]
    await asyncio.sleep(0)
    await gate.open()
    return await asyncio.gather(*tasks, return_exceptions=True)


everywhere = pytest.mark.parametrize("short", [False, True], ids=["aside", "in the loop"])


@everywhere
async def test_what_waits_shares_a_commit_and_what_fails_takes_nothing_with_it(
    database: Database, *, short: bool
) -> None:
    def broken(connection: Connection) -> None:
        mark(7)(connection)
        raise KeyError("mine")

    found = await together(database, mark(1), mark(1), mark(2, amount=-1), broken, mark(3, parent=1), short=short)
    assert [type(each) for each in found[1:4]] == [RefusedByDatabaseError, RefusedByDatabaseError, KeyError]
    assert await database.read(marks) == [1, 3]


@everywhere
async def test_a_constraint_judged_at_the_commit_refuses_its_own_operation_only(
    database: Database, *, short: bool
) -> None:
    found = await together(database, mark(1), mark(2, parent=99), mark(3), short=short)
    assert isinstance(found[1], RefusedByDatabaseError)
    assert not any(isinstance(each, Exception) for each in (found[0], found[2]))
    assert await database.read(marks) == [1, 3]


@everywhere
async def test_a_commit_is_shared_by_no_more_than_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, short: bool
) -> None:
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path}/few.db", batch_limit=2))
    await database.write(MARKS.create)
    name, shared = "commit" if short else "run", list[int]()
    end = getattr(SharedTransaction, name)

    def ending(self: SharedTransaction, batch: list[Waiting]) -> None:
        shared.append(len(batch))
        end(self, batch)

    monkeypatch.setattr(SharedTransaction, name, ending)
    await together(database, *map(mark, range(5)), short=short)
    assert await database.read(marks) == list(range(5))
    assert max(shared) == 2
    await database.close()


@everywhere
async def test_an_error_that_ends_the_transaction_costs_the_others_nothing(database: Database, *, short: bool) -> None:
    def ending(connection: Connection) -> None:
        mark(2)(connection)
        connection.exec_driver_sql("ROLLBACK")
        raise KeyError("mine")

    found = await together(database, mark(1), ending, mark(3), short=short)
    assert isinstance(found[1], KeyError)
    assert await database.read(marks) == [1, 3]


NUMBERS = st.integers(min_value=1, max_value=4)
ROWS = st.tuples(NUMBERS, st.integers(min_value=-1, max_value=2), st.sampled_from([None, 99]))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, min_size=1, max_size=QUEUE_LIMIT - 1), st.booleans())
def test_together_is_the_same_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], short: bool
) -> None:
    async def both() -> tuple[Any, Any]:
        endings = []
        for in_one_commit in (True, False):
            url = f"sqlite:///{tmp_path_factory.mktemp('marks')}/marks.db"
            database = await Database.open(DatabaseSettings(url=url, queue_limit=QUEUE_LIMIT))
            await database.write(MARKS.create)
            if in_one_commit:
                found = await together(database, *(mark(*row) for row in rows), short=short)
            else:
                found = [(await asyncio.gather(database.write(mark(*row)), return_exceptions=True))[0] for row in rows]
            endings.append(([isinstance(each, RefusedByDatabaseError) for each in found], await database.read(marks)))
            await database.close()
        return endings[0], endings[1]

    grouped, single = asyncio.run(both())
    assert grouped == single


@everywhere
async def test_more_than_may_wait_is_refused_untried(database: Database, *, short: bool) -> None:
    gate = await Gate(database).shut()
    waiting = [asyncio.create_task(database.write(mark(number), short=short)) for number in range(QUEUE_LIMIT)]
    await asyncio.sleep(0)
    with pytest.raises(DatabaseBusyError):
        await database.write(mark(99))
    await gate.open()
    await asyncio.gather(*waiting)
    await database.write(mark(100))
    assert await database.read(marks) == [*range(QUEUE_LIMIT), 100]


@everywhere
async def test_who_gave_up_before_the_turn_came_has_written_nothing(database: Database, *, short: bool) -> None:
    gate = await Gate(database).shut()
    impatient, patient = (asyncio.create_task(database.write(mark(number), short=short)) for number in (1, 2))
    await asyncio.sleep(0)
    impatient.cancel()
    await gate.open()
    await patient
    assert impatient.cancelled()
    assert await database.read(marks) == [2]


@everywhere
async def test_closing_commits_what_waits_and_takes_no_more(database: Database, *, short: bool) -> None:
    gate = await Gate(database).shut()
    waiting = asyncio.create_task(database.write(mark(1), short=short))
    await asyncio.sleep(0)
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    with pytest.raises(DatabaseStoppedError):
        await database.write(mark(2))
    await gate.open()
    await asyncio.gather(waiting, closing)
    again = await Database.open(DatabaseSettings(url=database.url))
    assert await again.read(marks) == [1]
    await again.close()


@everywhere
async def test_a_full_disk_refuses_writes_until_there_is_room(database: Database, *, short: bool) -> None:
    pages = await database.write(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    await database.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").close())

    def much(connection: Connection) -> None:
        connection.execute(MARKS.insert(), [{"id": number, "amount": 1} for number in range(10, 2000)])

    found = await together(database, mark(1), much, mark(2), short=short)
    assert isinstance(found[1], DatabaseError)
    assert "full" in str(found[1])
    assert await database.read(marks) == [1, 2]
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=100000").close())
    await database.write(much)
    assert len(await database.read(marks)) == 1992


@everywhere
async def test_a_disk_that_fails_stops_the_writing_for_good_and_reads_go_on(database: Database, *, short: bool) -> None:
    await database.write(mark(1))

    def failing(connection: Connection) -> None:
        fault = sqlite3.OperationalError("disk I/O error")
        fault.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise OperationalError("COMMIT", {}, fault)

    found = await together(database, mark(2), failing, mark(3), short=short)
    assert [type(each) for each in found] == [DatabaseStoppedError] * 3
    with pytest.raises(DatabaseStoppedError):
        await database.write(mark(4), short=short)
    assert await database.read(marks) == [1]


def _where(threads: list[int], number: int, seconds: float = 0.0) -> Operation:
    def operation(connection: Connection) -> None:
        threads.append(threading.get_ident())
        time.sleep(seconds)
        mark(number)(connection)

    return operation


async def test_what_is_short_runs_in_the_loop_and_the_rest_aside(database: Database) -> None:
    short: list[int] = []
    other: list[int] = []
    await database.write(_where(short, 1), short=True)
    await database.write(_where(other, 2))
    here = threading.get_ident()
    assert short == [here]
    assert len(other) == 1
    assert other != [here]
    assert await database.read(marks) == [1, 2]


async def test_a_crowd_of_short_ones_lets_the_loop_go_on_between(database: Database) -> None:
    """Nobody waits for the last of a crowd: some are answered while others are still waiting."""
    answered: list[int] = []
    seen: list[int] = []

    async def one(number: int) -> None:
        await database.write(_where(seen, number, 0.003), short=True)
        answered.append(len(seen))

    await asyncio.gather(*(one(number) for number in range(QUEUE_LIMIT)))
    assert answered[0] < QUEUE_LIMIT
    assert await database.read(marks) == list(range(QUEUE_LIMIT))


COUNTING = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 3000000) SELECT count(*) FROM n"


async def test_what_is_not_short_after_all_is_undone_and_run_again_aside(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database._writer, "_enough_seconds", 1.0)  # both in one turn, however busy the machine is
    threads: list[int] = []
    beats = 0

    def slow(connection: Connection) -> int:
        _where(threads, 2)(connection)
        with contextlib.suppress(OperationalError):  # as an operation might that takes it for a refusal
            return int(connection.exec_driver_sql(COUNTING).scalar_one())
        return 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.001)

    beating = asyncio.create_task(beat())
    found = await together(database, _where(threads, 1), slow, short=True)
    beating.cancel()
    assert found[1] == 3_000_000
    assert threads[:2] == [threading.get_ident()] * 2
    assert len(threads) == 4
    assert threading.get_ident() not in threads[2:]
    assert beats > 10
    assert await database.read(marks) == [1, 2]
    await database.write(_where(threads, 3), short=True)
    assert threads[-1] == threading.get_ident()


async def test_the_loop_never_waits_for_who_else_writes_to_the_file(database: Database) -> None:
    path = database.url.removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.write(mark(1), short=True))
        begun = time.monotonic()
        await asyncio.sleep(0.05)
        assert time.monotonic() - begun < 1
        assert not writing.done()
        other.execute("COMMIT")
        await writing
    assert await database.read(marks) == [1]


WRITER = """
import asyncio, sys
from config.database import Database
from config.settings import DatabaseSettings
from tests.integration.test_group_commit import mark

async def one(database, number):
    await database.write(mark(number), short=number % 3 > 0)
    print(number, flush=True)

async def main():
    database = await Database.open(DatabaseSettings(url=sys.argv[1]))
    for begin in range(1, 1_000_000, 50):
        await asyncio.gather(*(one(database, begin + number) for number in range(50)))

asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_a_kill(database_url: str) -> None:
    database = await Database.open(DatabaseSettings(url=database_url))
    await database.write(MARKS.create)
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", WRITER, database_url], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(333)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in process.stdout.read().splitlines()]
    assert process.wait(timeout=30) == -signal.SIGKILL
    process.stdout.close()
    assert set(acknowledged) <= set(await database.read(marks))
    await database.close()
