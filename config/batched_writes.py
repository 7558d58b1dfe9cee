"""Writes to PostgreSQL: what waits shares a transaction.

A few flushers take what waits, each over a connection of its own. A commit is a wait for the server's disk, in which
the rows that everybody writes (the programme's own accounts) stay locked; shared by many operations it is paid once. A
lone operation is a transaction of its own at once, and nothing is delayed to gather more.

Other flushers, and other processes on the same database, lock the same rows. A transaction of several operations must
therefore never wait for a lock while it holds those of another operation, or two of them wait for each other: only its
first operation waits as long as it takes. A later one that meets a lock ends the batch: what was done is committed, and
it begins the next one, where it may wait because nothing is held. The same goes for one that loses a race.

A savepoint costs one way over the socket, where a hold costs two. A batch therefore begins without any: when an
operation in it raises, all is rolled back and the batch runs again with a savepoint for each operation, so that what is
refused takes nothing of its neighbours; so do the next few batches, for a refusal seldom comes alone.

Operations that say what they are about (`config.side_by_side.About`) make batches of their own and do not take turns:
what several of them ask for is asked once, so that a batch holds its rows for as many ways over the socket as one of
them would. In such a batch all lock rows in one order and wait for each other's batches a little; one that is refused
or waits too long ends it, and what is left is run as all others are, one after the other.

When the transaction as a whole fails (a constraint that is only judged at commit), its operations run again one by one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from config.database_errors import (
    ASYNCPG_ERRORS,
    DRIVER_ERRORS,
    LOST_RACE,
    DatabaseBusyError,
    DatabaseStoppedError,
    converted,
    of_driver,
    refused_at_commit,
)
from config.shared_connection import NotTogetherError, SideBySide
from config.side_by_side import About
from config.waiting import Waiting, bare

T = TypeVar("T")
FLUSHERS = 2
"""One that waits for a lock or for the disk, and one that goes on."""

WORTH_A_BATCH = 8
"""So many share a transaction well; a crowd that is larger is divided among the flushers that have nothing to do."""

_ATTEMPTS = 5
_PATIENCE_MS = 5
_LOCKED = "55P03"
_CAREFUL_BATCHES = 16
_IMPATIENT = f"SET LOCAL lock_timeout = {_PATIENCE_MS}"
_FIRST = "SAVEPOINT operation"
_NEXT = f"RELEASE SAVEPOINT operation; {_IMPATIENT}; SAVEPOINT operation"
_UNDO = "ROLLBACK TO SAVEPOINT operation"


class BatchedWrites:
    """The writer of one PostgreSQL database in one event loop."""

    def __init__(self, engine: AsyncEngine, *, queue_limit: int, batch_limit: int) -> None:
        """Begin with nothing waiting.

        Args:
            engine: of the connections that write; it stays the caller's.
            queue_limit: operations that may wait; one more is refused.
            batch_limit: operations that share one commit at most.
        """
        self._engine = engine
        self._side_by_side = SideBySide(engine)
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._queue: deque[Waiting] = deque()
        self._flushers: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._careful = 0
        self._closed = False

    @property
    def waiting(self) -> int:
        """How many operations wait."""
        return len(self._queue)

    async def write(self, operation: Callable[[Connection], T]) -> T:
        """Run an operation and answer when it is on the server's disk.

        Raises:
            DatabaseBusyError: too many wait; nothing was tried.
            DatabaseStoppedError: the writer is closed; nothing was tried.
            DatabaseError: nothing was written, or (connection lost during commit) it is not known.
            Whatever the operation raises.
        """
        if self._closed:
            raise DatabaseStoppedError("The database is closed.")
        if len(self._queue) >= self._queue_limit:
            raise DatabaseBusyError(f"{self._queue_limit} operations wait for the database already.")
        loop = asyncio.get_running_loop()
        waiting = Waiting(operation, loop, loop.create_future())
        self._queue.append(waiting)
        if len(self._flushers) < FLUSHERS:
            self._flushers.add(loop.create_task(self._flush()))
        result: T = await waiting.answer
        return result

    async def close(self) -> None:
        """Commit what waits."""
        self._closed = True
        while self._flushers:
            await asyncio.wait(set(self._flushers))
        await self._side_by_side.close()

    async def _flush(self) -> None:
        """Commit until nothing waits; whoever comes after that finds no flusher and starts one."""
        try:
            while self._queue:
                taken = self._take()
                self._under_way += 1
                try:
                    await self._commit_and_tell([each for each in taken if not each.answer.cancelled()])
                finally:
                    self._under_way -= 1
        finally:
            self._flushers.discard(asyncio.current_task())

    def _take(self) -> list[Waiting]:
        """Take from the queue what shares a transaction: all of the kind of what has waited longest."""
        kind = _may_be_beside(self._queue[0])
        share = -(-len(self._queue) // (FLUSHERS - self._under_way))
        limit = min(self._batch_limit, max(share, WORTH_A_BATCH))
        taken: list[Waiting] = []
        left: list[Waiting] = []
        while self._queue and len(taken) < limit:
            each = self._queue.popleft()
            (taken if _may_be_beside(each) is kind else left).append(each)
        self._queue.extendleft(reversed(left))
        return taken

    async def _commit_and_tell(self, batch: list[Waiting]) -> None:
        left = batch
        if batch and _may_be_beside(batch[0]) and self._careful == 0:
            left = await self._beside(batch)
            for each in batch:
                if each not in left:
                    each.tell()
        if left:
            for each in await self._commit(left):
                each.tell()

    async def _beside(self, batch: list[Waiting]) -> list[Waiting]:
        """Run a batch side by side in one transaction; answer those of it that have to be run otherwise."""
        together, apart = batch, list[Waiting]()
        while together:
            try:
                await self._side_by_side.commit(together)
            except NotTogetherError as error:
                if apart or not error.alone:
                    self._careful = _CAREFUL_BATCHES if len(batch) > 1 else 0
                    return batch
                apart = list(error.alone)
                together = [each for each in batch if each not in apart]
            except Exception as error:  # noqa: BLE001  # whatever it is, it is every caller's answer
                if refused_at_commit(error):
                    return batch
                _failed(together, error)
                return apart
            else:
                return apart
        return apart

    async def _commit(self, batch: list[Waiting]) -> list[Waiting]:
        """Run a batch; answer those that were dealt with. The others are waiting again, before everybody else."""
        if len(batch) > 1:
            try:
                done = await self._share(batch)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is every caller's answer
                if refused_at_commit(error):
                    return await self._one_by_one(batch)
                return _failed(batch, error)
            self._queue.extendleft(reversed(batch[done:]))
            return batch[:done]
        self._careful = max(0, self._careful - 1)
        return await self._one_by_one(batch)

    async def _share(self, batch: list[Waiting]) -> int:
        """Run a batch in one transaction; answer how many of it were dealt with."""
        if self._careful == 0:
            try:
                async with self._engine.connect() as connection, connection.begin():
                    return await connection.run_sync(_run_trusting, batch)
            except _RaisedError:
                self._careful = _CAREFUL_BATCHES
        self._careful = max(0, self._careful - 1)
        async with self._engine.connect() as connection, connection.begin():
            return await connection.run_sync(_run_in_savepoints, batch)

    async def _one_by_one(self, batch: list[Waiting]) -> list[Waiting]:
        for each in batch:
            while not await self._alone(each):
                each.lost_races += 1
        return batch

    async def _alone(self, waiting: Waiting) -> bool:
        """Run one operation in a transaction of its own; False when it lost a race and may try again."""
        try:
            async with self._engine.connect() as connection, connection.begin():
                await connection.run_sync(waiting.run)
        except BaseException as error:  # noqa: BLE001  # the caller's own, whatever it is; the flusher lives on
            if _state(error) in LOST_RACE and waiting.lost_races < _ATTEMPTS - 1:
                return False
            waiting.error = _answer(error)
        return True


class _RaisedError(Exception):
    """An operation of a batch without savepoints raised; nothing of the batch was committed."""


def _run_trusting(connection: Connection, batch: list[Waiting]) -> int:
    """Run operations without savepoints.

    Raises:
        _RaisedError: one of them raised, or must wait for a lock.
    """
    for number, waiting in enumerate(batch):
        try:
            if number == 1:
                connection.exec_driver_sql(_IMPATIENT)
            waiting.run(connection)
        except BaseException as error:
            raise _RaisedError from error
    return len(batch)


def _run_in_savepoints(connection: Connection, batch: list[Waiting]) -> int:
    """Run operations, each in a savepoint, until one must wait for a lock; answer how many were dealt with."""
    connection.exec_driver_sql(_FIRST)
    driver = connection.connection.driver_connection
    assert isinstance(driver, asyncpg.Connection)
    for number, waiting in enumerate(batch):
        if number:
            await_only(driver.execute(_NEXT))
        try:
            waiting.run(connection)
        except BaseException as error:  # noqa: BLE001  # the caller's own, whatever it is
            await_only(driver.execute(_UNDO))
            if number and _state(error) == _LOCKED:
                return number
            if _state(error) in LOST_RACE and waiting.lost_races < _ATTEMPTS - 1:
                waiting.lost_races += 1
                return number
            waiting.error = _answer(error)
    return len(batch)


def _may_be_beside(waiting: Waiting) -> bool:
    return isinstance(waiting.operation, About)


def _failed(batch: list[Waiting], error: BaseException) -> list[Waiting]:
    """Give a whole transaction's failure to everybody in it."""
    for each in batch:
        each.error = _answer(error)
    return batch


def _answer(error: BaseException) -> BaseException:
    """Make our error of a driver's; the caller's own passes."""
    if isinstance(error, ASYNCPG_ERRORS):
        error = of_driver("", error)
    return bare(converted(error)) if isinstance(error, DRIVER_ERRORS) else error


def _state(error: BaseException) -> Any:
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
