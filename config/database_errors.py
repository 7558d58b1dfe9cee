"""What a driver's error becomes: one of ours, without the values that drivers like to quote.

DatabaseError                 locked, full, gone: nothing was written, or (connection lost at commit) nobody knows
|-- RefusedByDatabaseError    a constraint or trigger refused it
|-- DatabaseBusyError         more waits than is taken in, or it waited too long for its turn; nothing was written
|-- DiskFullError             there is no room; nothing was written, and it is as soon as there is room again
|-- DiskFailedError           the disk did not answer; what its server makes of it is the server's
`-- DatabaseStoppedError      the disk failed; this process writes no more until it is started again
"""

from __future__ import annotations

import asyncpg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from config.errors import DatabaseError

LOST_RACE = {"40001", "40P01"}
"""SQL states after which the same operation is simply run again: serialisation failure, deadlock."""

DRIVER_ERRORS = (DBAPIError, OSError, PoolTimeoutError)
"""What `converted` makes one of ours of."""
ASYNCPG_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where it is asked below SQLAlchemy; the last while a server's farewell is on its way."""
_CONSTRAINT = "23"
"""The class of SQL states of constraints that were violated."""

_RAISED_BY_TRIGGER = "P0001"
LOCK_NOT_HAD = "55P03"
"""The SQL state of PostgreSQL when a lock was not had in time."""

_DISK_FAILED = {10, 11, 26}
"""SQLite's primary result codes IOERR, CORRUPT and NOTADB. Source: SQLite result codes, read 2026-11-28."""
_DISK_FULL = 13
"""SQLite's primary result code FULL."""
_STATE_DISK_FULL, _STATE_DISK_FAILED = "53100", "58030"
"""PostgreSQL's disk_full and io_error. Source: its manual, appendix A, read 2026-11-28."""


class RefusedByDatabaseError(DatabaseError):
    """A constraint or trigger refused the statement: the last line of defence spoke; the message is the database's."""

    code = "database_refused"


class DatabaseBusyError(DatabaseError):
    """More waits than is taken in, or it waited too long: nothing was written, a little later it may work (503)."""

    code = "database_busy"


class DiskFullError(DatabaseError):
    """There is no room for a write: nothing was written; with room it is taken again (503)."""

    code = "database_full"


class DiskFailedError(DatabaseError):
    """The disk did not give or take what it was asked for (503)."""

    code = "database_disk"


class DatabaseStoppedError(DatabaseError):
    """The disk failed under a write: what is there can be read, nothing more is written by this process (503)."""

    code = "database_stopped"


def converted(error: DBAPIError | OSError | PoolTimeoutError) -> DatabaseError:
    """Make our error of a driver's, without the values: a message is logged, answered and part of tracebacks.

    Drivers quote values in the details of their own errors (a whole row for a failed check), so these are not chained,
    and in complaints about input; the statement, whose values are bound, is kept as a note for who reads the traceback.
    """
    if isinstance(error, OSError):
        return DatabaseError(f"The database cannot be reached: {error.strerror or error}.")
    if isinstance(error, PoolTimeoutError):
        return DatabaseBusyError("Every connection to the database is taken.")
    state = sqlstate(error)
    if state == LOCK_NOT_HAD:
        return DatabaseBusyError("Another holds for too long what has to be changed.", sqlstate=state)
    complains_of_input = isinstance(error, DataError) or "invalid input" in str(error.orig)
    words = "a value does not fit its column" if complains_of_input else str(error.orig)
    if isinstance(error, IntegrityError) or state == _RAISED_BY_TRIGGER:
        made: DatabaseError = RefusedByDatabaseError(f"The database refused: {words}", sqlstate=state)
    elif state == _STATE_DISK_FULL or _primary_code(error) == _DISK_FULL:
        made = DiskFullError(f"The database has no room: {words}", sqlstate=state)
    elif state == _STATE_DISK_FAILED or disk_failed(error):
        made = DiskFailedError(f"The disk of the database failed: {words}", sqlstate=state)
    else:
        kind = "did not take the operation" if isinstance(error, OperationalError) else "refused the operation"
        made = DatabaseError(f"The database {kind}: {words}", sqlstate=state)
    if error.statement is not None:
        made.add_note(f"Statement: {error.statement}")
    return made


def of_driver(sql: str, error: Exception) -> DBAPIError:
    """Make SQLAlchemy's error of one of asyncpg's, so that whoever handles errors knows of one kind only."""
    state = str(getattr(error, "sqlstate", None) or "")
    refused = IntegrityError if state.startswith(_CONSTRAINT) else DBAPIError
    return refused(sql, None, error, hide_parameters=True)


def disk_failed(error: DBAPIError) -> bool:
    """Say whether SQLite met a disk that does not keep what it is given: what is on it is not known any more."""
    return _primary_code(error) in _DISK_FAILED


def _primary_code(error: DBAPIError) -> int | None:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def refused_at_commit(error: BaseException) -> bool:
    """Say whether a whole transaction failed for what one operation in it may have done: a constraint, a lost race."""
    return isinstance(error, IntegrityError) or (isinstance(error, DBAPIError) and sqlstate(error) in LOST_RACE)


def sqlstate(error: DBAPIError) -> str | None:
    """Answer the SQL state of a driver's error; SQLite has none."""
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
