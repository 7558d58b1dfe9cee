"""One thread that writes: it takes what waits, runs it in one transaction, and answers when that is on disk.

A commit costs a wait for the disk; many operations share one. An operation runs inside a savepoint of its own, so that
one that is refused takes nothing of its neighbours with it. Nothing is delayed to gather more: a lone operation is
committed at once, and what arrives meanwhile is the next batch. When the transaction as a whole fails (a constraint
that is only judged at commit, an error that ended the transaction), its operations run again one by one, so that each
gets the answer it would have got alone. (Only a deferred foreign key may be answered otherwise: by a row that a
neighbour adds. No operation of ours names another's row before it is there.) The queue is bounded: what does not fit is
refused before it is tried.

When the disk itself fails, nothing is known any more of what it keeps: the writer stops for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from config.database_errors import DatabaseBusyError, DatabaseStoppedError, converted, disk_failed
from config.waiting import Waiting, bare

T = TypeVar("T")
_SAVEPOINT = "operation"


class GroupCommit:
    """The writer of one database: one connection, one thread, one transaction for all that waits."""

    def __init__(self, engine: Engine, *, queue_limit: int, batch_limit: int) -> None:
        """Start the thread; nothing is opened before the first operation.

        Args:
            engine: of the connection that writes; it is disposed of by `close`.
            queue_limit: operations that may wait; one more is refused.
            batch_limit: operations that share one commit at most.
        """
        self._engine = engine
        self._batch_limit = batch_limit
        self._queue: queue.Queue[Waiting | None] = queue.Queue(queue_limit)
        self._closed = False
        self._stopped: str | None = None
        self._thread = threading.Thread(target=self._work, name="database writer", daemon=True)
        self._thread.start()

    async def write(self, operation: Callable[[Connection], T]) -> T:
        """Run an operation and answer when it is on disk.

        Raises:
            DatabaseBusyError: too many wait; nothing was tried.
            DatabaseStoppedError: the disk has failed, or the writer is closed; nothing was tried.
            DatabaseError: nothing was written.
            Whatever the operation raises.
        """
        if self._closed or self._stopped:
            raise DatabaseStoppedError(self._stopped or "The database is closed.")
        loop = asyncio.get_running_loop()
        waiting = Waiting(operation, loop, loop.create_future())
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise DatabaseBusyError(f"{self._queue.maxsize} operations wait for the database already.") from None
        result: T = await waiting.answer
        return result

    async def close(self) -> None:
        """Commit what waits, then end the thread."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._queue.put, None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        try:
            more = True
            while more:
                batch, more = self._collect()
                self._commit([each for each in batch if not each.answer.cancelled()])
                _tell(batch)
        finally:
            self._engine.dispose()

    def _collect(self) -> tuple[list[Waiting], bool]:
        """Wait for one operation and take what waits behind it; False when nothing comes any more."""
        batch: list[Waiting] = []
        next_one = self._queue.get()
        while next_one is not None:
            batch.append(next_one)
            if len(batch) == self._batch_limit:
                return batch, True
            try:
                next_one = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[Waiting]) -> None:
        if len(batch) == 1:
            self._alone(batch[0])
            return
        try:
            with self._engine.begin() as connection:
                for each in batch:
                    _in_savepoint(connection, each)
        except (IntegrityError, _EndedEarlyError):
            for each in batch:
                self._alone(each)
        except DBAPIError as error:
            self._fail(batch, error)

    def _alone(self, waiting: Waiting) -> None:
        """Run one operation in a transaction of its own."""
        if self._stopped:
            waiting.error = DatabaseStoppedError(self._stopped)
            return
        try:
            with self._engine.begin() as connection:
                waiting.run(connection)
        except DBAPIError as error:
            self._fail([waiting], error)
        except BaseException as error:  # noqa: BLE001  # the caller's own, whatever it is; the thread lives on
            waiting.error = error

    def _fail(self, batch: Iterable[Waiting], error: DBAPIError) -> None:
        """Give a whole transaction's failure to everybody in it; a failed disk ends the writer."""
        if disk_failed(error):
            self._stopped = f"The disk failed under a write ({error.orig}); start the process again."
        for each in batch:
            each.error = DatabaseStoppedError(self._stopped) if self._stopped else bare(converted(error))


class _EndedEarlyError(Exception):
    """An operation's error ended the transaction of the whole batch."""


def _in_savepoint(connection: Connection, waiting: Waiting) -> None:
    """Run an operation so that its failure leaves its neighbours' writes as they are.

    Raises:
        _EndedEarlyError: the database ended the whole transaction.
        DBAPIError: the disk failed.
    """
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.execute(f"SAVEPOINT {_SAVEPOINT}")
    try:
        waiting.run(connection)
    except BaseException as error:
        if isinstance(error, DBAPIError) and disk_failed(error):
            raise
        waiting.error = bare(converted(error)) if isinstance(error, DBAPIError) else error
        if not raw.in_transaction:
            raise _EndedEarlyError from error
        raw.execute(f"ROLLBACK TO {_SAVEPOINT}")
    raw.execute(f"RELEASE {_SAVEPOINT}")


def _tell(batch: Iterable[Waiting]) -> None:
    """Wake each loop once for all of its callers in a batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
    for each in batch:
        by_loop.setdefault(each.loop, []).append(each)
    for loop, callers in by_loop.items():
        with _unless_ended():
            loop.call_soon_threadsafe(_tell_all, callers)


def _tell_all(callers: Iterable[Waiting]) -> None:
    for each in callers:
        each.tell()


@contextlib.contextmanager
def _unless_ended() -> Iterator[None]:
    """A loop that was closed has no caller left to answer."""
    try:
        yield
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
