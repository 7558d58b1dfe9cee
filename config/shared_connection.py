"""Runs operations side by side in one transaction on PostgreSQL, over connections that are kept for it.

What operations want at one time (`config.side_by_side`) is asked in the order of its turns, and what is the same
statement is asked once. The transaction begins as late as it can: under READ COMMITTED what only looks sees the same
before. And where nothing had to be locked or written before the end, it is not begun at all: what is left of a lone
operation is one statement, which is a transaction by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import Any

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from config.database_errors import ASYNCPG_ERRORS, of_driver
from config.put_off import Merged, Part, numbered_from, together, whole
from config.side_by_side import About, Asked, LookedFor, Running, Sent, Statement, Turn
from config.waiting import Waiting

PATIENCE_MS = 250
"""Longer than another batch holds a row; two that wait for each other all the same do not do so for long. Whoever waits
longer than that runs again alone, where he may."""

LEFT_TO_OTHERS = 2
"""Connections of the pool that are never kept."""

_BE_IMPATIENT = f"SET lock_timeout = {PATIENCE_MS}"
_BE_PATIENT = "RESET lock_timeout"
_LOST = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says while a server's farewell is on its way
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    OSError,
)
_REFUSED = (*ASYNCPG_ERRORS, OSError)


class NotTogetherError(Exception):
    """Operations could not be run side by side; nothing of them is committed.

    ``alone`` are those that stopped it, where that is known, and the others may be tried once more.
    """

    def __init__(self, alone: Sequence[Waiting] = ()) -> None:
        """Keep them."""
        super().__init__()
        self.alone = tuple(alone)


class SideBySide:
    """Runs operations side by side, over connections that it keeps from one transaction to the next.

    To take one from the pool, make it ready and give it back costs as much as several statements.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        """Keep the engine, which stays the caller's; nothing is opened before the first operation."""
        self._engine = engine
        pool = engine.pool
        self._may_keep = pool.size() - LEFT_TO_OTHERS if isinstance(pool, QueuePool) else 0
        self._kept: list[AsyncConnection] = []

    async def commit(self, operations: Sequence[Waiting]) -> None:
        """Run operations that are about something in one transaction, on disk when this returns; each has its result.

        Raises:
            NotTogetherError: one of them, or the database, refused; nothing was written.
            DBAPIError: the transaction was refused when it was to end, or (connection lost) it is not known.
        """
        connection = await self._ready()
        try:
            below, raw = connection.sync_connection, (await connection.get_raw_connection()).driver_connection
            assert below is not None
            assert isinstance(raw, asyncpg.Connection)
            await _in_transaction(raw, below, operations)
            if connection.in_transaction():
                await connection.rollback()  # what SQLAlchemy believes has begun; below it all is committed
        except BaseException as error:
            await _given_back(connection, lost=isinstance(error.__cause__ or getattr(error, "orig", None), _LOST))
            raise
        if len(self._kept) < self._may_keep:
            self._kept.append(connection)
        else:
            await _given_back(connection)

    async def close(self) -> None:
        """Give the connections back."""
        while self._kept:
            await _given_back(self._kept.pop())

    async def _ready(self) -> AsyncConnection:
        """Give a connection that is kept, or take one from the pool; what was lost there meanwhile is thrown away.

        Raises:
            NotTogetherError: it was lost just now.
            DBAPIError: there is none to be had.
        """
        while True:
            is_new = not self._kept
            connection = await self._engine.connect() if is_new else self._kept.pop()
            try:
                raw = (await connection.get_raw_connection()).driver_connection
                assert isinstance(raw, asyncpg.Connection)
                if not raw.is_closed():
                    if is_new:
                        await connection.execution_options(isolation_level="AUTOCOMMIT")
                        await raw.execute(_BE_IMPATIENT)
                    return connection
            except BaseException as error:
                await _given_back(connection, lost=True)
                if isinstance(error, _REFUSED):
                    raise NotTogetherError from error
                raise
            await _given_back(connection, lost=True)


async def _given_back(connection: AsyncConnection, *, lost: bool = False) -> None:
    """Give a connection back to the pool, unless it is lost or whatever it was asked last is not over."""
    raw = None if lost or connection.invalidated else (await connection.get_raw_connection()).driver_connection
    if raw is None or raw.is_closed() or raw.is_in_transaction() or not await _is_patient_again(raw):
        await connection.invalidate()
    await connection.close()


async def _is_patient_again(raw: asyncpg.Connection) -> bool:
    """Let it wait for locks as all others do; False when it was lost, which is nobody's answer any more."""
    try:
        await raw.execute(_BE_PATIENT)
    except _REFUSED:
        return False
    return True


class _Transaction:
    """A transaction below SQLAlchemy, which begins when it has to."""

    def __init__(self, raw: asyncpg.Connection, connection: Connection) -> None:
        self.raw = raw
        self.connection = connection
        self.has_begun = False

    async def begin(self) -> None:
        """Begin; once."""
        if not self.has_begun:
            self.has_begun = True
            await self.raw.execute("BEGIN")

    async def be_one_statement(self, parts: Sequence[Part]) -> None:
        """Do all there is to do by one statement.

        Raises:
            DBAPIError: the connection was lost, and nobody knows whether it is on disk.
            asyncpg.PostgresError: it was refused; nothing was written.
        """
        if self.raw.is_closed():
            raise asyncpg.InterfaceError("the connection is closed")
        sql, values = whole(parts)
        try:
            await self.raw.fetchval(sql, *values)
        except _LOST as error:
            raise of_driver(sql, error) from None

    async def end(self) -> None:
        """Commit what has begun.

        Raises:
            DBAPIError: it was refused, or the connection was lost, and nobody knows.
        """
        if self.has_begun:
            try:
                await self.raw.execute("COMMIT")
            except _REFUSED as error:
                raise of_driver("COMMIT", error) from None

    async def undo(self) -> None:
        """Roll back what has begun."""
        if self.has_begun:
            await self.raw.execute("ROLLBACK")


async def _in_transaction(raw: asyncpg.Connection, connection: Connection, operations: Sequence[Waiting]) -> None:
    transaction = _Transaction(raw, connection)
    waves = list(_waves(operations))
    try:
        try:
            for wave in waves:
                await _run(transaction, wave, is_all=len(waves) == 1)
        except BaseException:
            await transaction.undo()
            raise
    except _REFUSED as error:
        raise NotTogetherError from error
    await transaction.end()


def _waves(operations: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """Let those about one subject take turns; those that run together in the order of their subjects.

    That is the order in which they lock rows of their own, so that two transactions do not wait for each other.
    """
    waves: list[dict[str, Waiting]] = []
    for each in operations:
        assert isinstance(each.operation, About)
        subject = each.operation.subject
        wave = next((wave for wave in waves if subject not in wave), None)
        if wave is None:
            wave = {}
            waves.append(wave)
        wave[subject] = each
    for wave in waves:
        yield [wave[subject] for subject in sorted(wave)]


async def _run(transaction: _Transaction, wave: Sequence[Waiting], *, is_all: bool) -> None:
    running = [Running(each, transaction.connection) for each in wave]
    try:
        for each in running:
            each.go_on()
        while asking := _asking(running):
            if is_all and not transaction.has_begun and (left := _all_that_is_left(asking)):
                await transaction.be_one_statement(left)
                return
            await _asked_next(transaction, asking)
    finally:
        for each in running:
            each.end()


def _all_that_is_left(asking: Sequence[Running]) -> Sequence[Part]:
    """Give what would end everything as one statement: all of a lone operation, or one part that can be merged."""
    if len(asking) == 1:
        return asking[0].leaves
    left = [part for each in asking for part in (each.leaves or (None,))]
    first = left[0]
    parts = [part.part for part in left if isinstance(part, Merged)]
    if not isinstance(first, Merged) or len(parts) < len(left):
        return ()
    return [first._replace(part=parts, put=lambda gathered: first.put(*gathered))]


async def _asked_next(transaction: _Transaction, asking: Sequence[Running]) -> None:
    """Ask for what has its turn, and let those go on who wanted it."""
    chosen = _chosen(asking)
    first = chosen[0].wants
    if _turn(first) is not Turn.LOOK:
        await transaction.begin()
    if isinstance(first, Asked) and len(asking) == 1 and asking[0].foresees is not None:
        asking[0].answer(await _answer_with_what_is_foreseen(transaction.raw, first, asking[0]))
        return
    if isinstance(first, Statement):
        answers = zip(chosen, await _answered(transaction.raw, first, chosen), strict=True)
        mistaken = [each.waiting for each, answer in answers if not each.answer(answer)]
        if mistaken:
            raise NotTogetherError(mistaken)
        return
    chosen[0].answer(await _through_sqlalchemy(first))
    if transaction.connection.in_nested_transaction():
        raise NotTogetherError([chosen[0].waiting])


async def _answered(raw: asyncpg.Connection, first: Statement, asking: Sequence[Running]) -> list[Any]:
    """Run the statement that all ask for; answer what it gives to each."""
    asked = [each.wants for each in asking]
    if isinstance(first, Asked):
        values = [tuple(each.values) for each in asked if isinstance(each, Asked)]
        return await _answers(raw, first.sql, values, alike=first.alike)
    if isinstance(first, LookedFor):
        rows = [each.values for each in asked if isinstance(each, LookedFor)]
        return [row[0] for row in await raw.fetch(first.sql, *map(list, zip(*rows, strict=True)))]
    sent = [each.parts for each in asked if isinstance(each, Sent)]
    if first.turn is Turn.MERGED:
        return await _answer_of_merged(raw, [part for parts in sent for part in parts if isinstance(part, Merged)])
    values = [tuple(together(parts)[1]) for parts in sent]
    return await _answers(raw, first.sql, values, alike=first.turn is Turn.CHECK)


async def _answer_with_what_is_foreseen(raw: asyncpg.Connection, first: Asked, running: Running) -> Any:
    """Run a look of a lone operation, and the one that it will ask for, as one statement."""
    look = running.foresees
    assert look is not None
    sql = f"SELECT ({first.sql}), ({numbered_from(look.sql, len(first.values), len(look.values))})"
    answer, seen = await raw.fetchrow(sql, *first.values, *([value] for value in look.values))
    running.foresees, running.seen = None, (look, seen)
    return answer


async def _answer_of_merged(raw: asyncpg.Connection, merged: Sequence[Merged]) -> list[bool]:
    """Do what is merged; of several nobody knows whose part it was that could not be done."""
    first = merged[0]
    done = await raw.fetchval(f"SELECT {first.sql}", first.put([each.part for each in merged])) is None
    if not done and len(merged) > 1:
        raise NotTogetherError
    return [done] * len(merged)


async def _through_sqlalchemy(asked: Awaitable[Any] | None) -> Any:
    assert asked is not None
    try:
        return await asked
    except Exception as error:
        raise NotTogetherError from error


async def _answers(raw: asyncpg.Connection, sql: str, values: list[tuple[Any, ...]], *, alike: bool) -> list[Any]:
    rows = list(dict.fromkeys(values)) if alike else values
    found = [row[0] for row in await raw.fetchmany(sql, rows)]
    if len(rows) == len(values):
        return found
    by_values = dict(zip(rows, found, strict=True))
    return [by_values[row] for row in values]


def _asking(running: Iterable[Running]) -> list[Running]:
    """List those that have not ended.

    Raises:
        NotTogetherError: some have ended by raising.
    """
    raised = [each.waiting for each in running if each.raised is not None]
    if raised:
        raise NotTogetherError(raised)
    return [each for each in running if each.wants is not None]


def _chosen(asking: Sequence[Running]) -> list[Running]:
    """Choose those whose turn it is: of them, who want what most want; what is no statement is asked one by one."""
    turn = min(_turn(each.wants) for each in asking)
    by_statement: dict[str, list[Running]] = {}
    for each in asking:
        wanted = each.wants
        if _turn(wanted) is turn:
            if not isinstance(wanted, Statement):
                return [each]
            by_statement.setdefault(wanted.sql, []).append(each)
    return max(by_statement.values(), key=len)


def _turn(wanted: Statement | Awaitable[Any] | None) -> Turn:
    return wanted.turn if isinstance(wanted, Statement) else Turn.WORK
