"""The one connection that writes to a SQLite file, and the transaction that many operations share on it.

An operation runs inside a savepoint of its own, so that one that is refused takes nothing of its neighbours with it.
When the transaction as a whole fails (a constraint that is only judged at commit, an error that ended the transaction),
its operations run again one by one, so that each gets the answer it would have got alone. (Only a deferred foreign key
may be answered otherwise: by a row that a neighbour adds. No operation of ours names another's row before it is there.)

When the disk itself fails, nothing is known any more of what it keeps: nothing is written any more for good.

`config.group_commit` decides which thread calls what, and sees to it that no two do at once.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from math import inf
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from config.database_errors import DatabaseStoppedError, converted, disk_failed
from config.engines import BUSY_TIMEOUT_MS
from config.hot_statements import on_sqlite
from config.observability import get_logger
from config.waiting import Waiting, bare

log = get_logger(__name__)
CHECKPOINT_FAILED = "database.checkpoint_failed"
_SAVEPOINT = "SAVEPOINT operation"
_UNDO = "ROLLBACK TO operation"
_RELEASE = "RELEASE operation"
_STEPS = 2_000
"""Steps of SQLite's machine between two looks at the clock: some tens of microseconds."""


class HoldsUpError(Exception):
    """The operations would hold up the loop: nothing of them is done, and they are to be run aside."""


class _EndedEarlyError(Exception):
    """An operation's error ended the transaction of the whole batch."""


class SharedTransaction:
    """One transaction at a time, over a connection that is opened by the first one that may wait."""

    def __init__(self, engine: Engine) -> None:
        """Keep the engine, which is disposed of by `close`."""
        self.stopped: str | None = None
        self._engine = engine
        self._connection: Connection | None = None
        self._raw: Any = None
        self._until = inf
        self._interrupted = False
        self._patient = True
        self._checkpoint_failed = False

    def run(self, batch: list[Waiting]) -> None:
        """Run operations in one transaction and commit it; each is given what came of it."""
        if len(batch) <= 1:
            self.run_one_by_one(batch)
            return
        try:
            self._begin(patient=True)
            for each in batch:
                self._in_savepoint(each)
            self._commit()
        except _EndedEarlyError:
            self._roll_back()
            self.run_one_by_one(batch)
        except DBAPIError as error:
            self._failed(batch, error)

    def run_one_by_one(self, batch: Iterable[Waiting]) -> None:
        """Run each operation in a transaction of its own."""
        for each in batch:
            self._alone(each)

    def begin_here(self, operations: Iterator[Waiting], enough_seconds: float, budget_seconds: float) -> None:
        """Run operations of a transaction that `commit` ends, on a thread that must not be held up.

        Args:
            operations: what is to be run, in order; each is taken when its turn comes.
            enough_seconds: when this has passed, no further operation is taken.
            budget_seconds: the most that one operation may take.

        Raises:
            HoldsUpError: the file is locked, one of them takes longer, or one needs a transaction of its own.
        """
        if self._connection is None or self.stopped:
            raise HoldsUpError
        try:
            self._begin(patient=False)
            self._until_enough(operations, enough_seconds, budget_seconds)
        except (_EndedEarlyError, DBAPIError):
            self._roll_back()
            raise HoldsUpError from None
        finally:
            self._until = inf

    def _until_enough(self, operations: Iterator[Waiting], enough_seconds: float, budget_seconds: float) -> None:
        begun_at = now = time.monotonic()
        while now - begun_at <= enough_seconds and (each := next(operations, None)) is not None:
            self._until = now + budget_seconds
            self._in_savepoint(each)
            now = time.monotonic()

    def commit(self, batch: list[Waiting]) -> None:
        """Commit what `begin_here` has run."""
        try:
            self._commit()
        except DBAPIError as error:
            self._failed(batch, error)

    def checkpoint(self) -> None:
        """Bring what SQLite's log holds into the file, between transactions.

        What fails here is tried again by the next one, and loses nothing: the log holds it. The first of a row of
        failures is told.
        """
        if self._connection is None or self.stopped:
            return
        try:
            self._raw.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        except sqlite3.Error as error:
            if not self._checkpoint_failed:
                log.warning(CHECKPOINT_FAILED, reason=str(error))
            self._checkpoint_failed = True
        else:
            self._checkpoint_failed = False

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _begin(self, *, patient: bool) -> None:
        """Begin to write; a patient one waits for whoever else writes to the file."""
        connection = self._opened()
        if patient is not self._patient:
            on_sqlite(connection, f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS if patient else 0}", ())
            self._patient = patient
        self._interrupted = False
        on_sqlite(connection, "BEGIN IMMEDIATE", ())

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._raw = self._connection.connection.dbapi_connection
            self._raw.set_progress_handler(self._is_over, _STEPS)
        return self._connection

    def _is_over(self) -> bool:
        if time.monotonic() <= self._until:
            return False
        self._interrupted = True
        return True

    def _in_savepoint(self, waiting: Waiting) -> None:
        """Run an operation so that its failure leaves its neighbours' writes as they are.

        Raises:
            _EndedEarlyError: the database ended the whole transaction, or it was interrupted.
            DBAPIError: the disk failed.
        """
        connection = self._opened()
        on_sqlite(connection, _SAVEPOINT, ())
        try:
            waiting.run(connection)
        except BaseException as error:
            if isinstance(error, DBAPIError) and disk_failed(error):
                raise
            waiting.error = bare(converted(error)) if isinstance(error, DBAPIError) else error
            if self._interrupted or not self._raw.in_transaction:
                raise _EndedEarlyError from error
            on_sqlite(connection, _UNDO, ())
        if self._interrupted:
            raise _EndedEarlyError
        on_sqlite(connection, _RELEASE, ())

    def _alone(self, waiting: Waiting) -> None:
        """Run one operation in a transaction of its own."""
        if self.stopped:
            waiting.error = DatabaseStoppedError(self.stopped)
            return
        try:
            self._begin(patient=True)
            waiting.run(self._opened())
            self._commit()
        except DBAPIError as error:
            self._fail([waiting], error)
        except BaseException as error:  # noqa: BLE001  # the caller's own, whatever it is; the writer lives on
            waiting.error = error
            self._roll_back()

    def _commit(self) -> None:
        """End the transaction, as SQLAlchemy knows it where an operation went through it."""
        transaction = self._opened().get_transaction()
        if transaction is not None:
            transaction.commit()
            return
        try:
            self._raw.commit()
        except sqlite3.Error as error:
            raise DBAPIError.instance("COMMIT", None, error, sqlite3.Error, hide_parameters=True) from None

    def _roll_back(self) -> None:
        """End what was begun; a disk that fails under this, too, has told so before."""
        if self._connection is None:
            return
        with contextlib.suppress(DBAPIError, sqlite3.Error):
            transaction = self._connection.get_transaction()
            if transaction is not None:
                transaction.rollback()
            self._raw.rollback()

    def _failed(self, batch: list[Waiting], error: DBAPIError) -> None:
        """Give each of a batch the answer that it would have got alone; all of them the disk's, when that failed."""
        if isinstance(error, IntegrityError):
            self._roll_back()
            self.run_one_by_one(batch)
        else:
            self._fail(batch, error)

    def _fail(self, batch: Iterable[Waiting], error: DBAPIError) -> None:
        """Give a whole transaction's failure to everybody in it; a failed disk ends the writing."""
        if disk_failed(error):
            self.stopped = f"The disk failed under a write ({error.orig}); start the process again."
        self._roll_back()
        for each in batch:
            each.error = DatabaseStoppedError(self.stopped) if self.stopped else bare(converted(error))
