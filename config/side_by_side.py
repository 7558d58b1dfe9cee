"""Operations that run side by side over one connection: where several ask for the same statement, it is asked once.

On PostgreSQL a way over the socket costs more than most statements. Operations that wait together and are about
different things (`About`) need not take turns: each runs until it asks for something, and what asks for the same
statement is sent as one message: with a row of values for each (asyncpg's ``fetchmany``), or, where the statement is
made for it, with a list of them (`ask_for_each`) or with what they put together (`ask_for_all`). An operation is
written as everywhere and sees what it would see; its neighbours' rows are those of a transaction that shares its own.

What one of them decides must hold whatever its neighbours do in the same transaction, where no lock keeps them out:
by guarded statements, or because two that look at the same rows are about the same thing, and so take turns. What a
sum over several has to obey is judged after the write, when each sees the others.

What an operation puts off (`put_off`) is sent in one way when it ends, or before it looks at a table of those writes.

There are no savepoints here. Whoever needs one undone (`stop`), is refused or has the database refuse a statement ends
the attempt: all of it is rolled back, and it is the caller's to run the operations otherwise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

import asyncpg
from greenlet import GreenletExit, getcurrent, greenlet
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from config.database_errors import ASYNCPG_ERRORS, of_driver
from config.put_off import Write, together
from config.waiting import Waiting

T = TypeVar("T")
PATIENCE_MS = 250
"""Longer than another batch holds a row; two that wait for each other all the same do not do so for long."""

LEFT_TO_OTHERS = 2
"""Connections of the pool that are never kept."""

_BEGIN = f"BEGIN; SET LOCAL lock_timeout = {PATIENCE_MS}"
_LOST = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says while a server's farewell is on its way
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    OSError,
)
_REFUSED = (*ASYNCPG_ERRORS, OSError)
_MARK = "side_by_side"


@dataclass(frozen=True, slots=True)
class About(Generic[T]):
    """An operation that decides about the rows of one subject (a member), and may run beside one about another."""

    subject: str
    operation: Callable[[Connection], T]

    def __call__(self, connection: Connection) -> T:
        """Run it, as an operation like any other."""
        return self.operation(connection)


class NotTogetherError(Exception):
    """Operations could not be run side by side; nothing of them may be committed.

    ``alone`` are those that stopped it, where that is known, and the others may be tried once more.
    """

    def __init__(self, alone: Sequence[Waiting] = ()) -> None:
        """Keep them."""
        super().__init__()
        self.alone = tuple(alone)


class _Asked(NamedTuple):
    """A statement that gives one value; ``$1`` stands for the first of the values. ``alike``, ``tables``: see `ask`."""

    sql: str
    values: Sequence[Any]
    alike: bool = False
    tables: frozenset[str] = frozenset()


class _AskedForEach(NamedTuple):
    """A statement that takes a list of each value and gives a row for each operation; see `ask_for_each`."""

    sql: str
    values: Sequence[Any]


class _AskedForAll(NamedTuple):
    """A statement that does the parts of all that ask for it at once; see `ask_for_all`."""

    sql: str
    part: Any
    put: Callable[[Sequence[Any]], Any]


_Statement = _Asked | _AskedForEach | _AskedForAll


class _StoppedError(BaseException):
    """What ends an operation that cannot go on here; no operation's own handler takes it for its own."""


def is_beside() -> bool:
    """Say whether this operation runs side by side with others."""
    return hasattr(getcurrent(), _MARK)


def ask(sql: str, values: Sequence[Any], *, alike: bool = False, tables: frozenset[str] = frozenset()) -> Any:
    """Ask for a statement that gives exactly one row, of an operation that runs side by side; answer its first column.

    What the database says against it is not told to the operation: it ends there and runs again otherwise.

    Args:
        sql: the statement.
        values: ``$1`` stands for the first of them.
        alike: it only reads, so that it is run once for all that give the same values.
        tables: it looks at these, where something may have been put off. A function of the schema, which names none,
            keeps to tables of its own, where nothing ever is.
    """
    return getcurrent().parent.switch(_Asked(sql, values, alike, tables))


def put_off(write: Write) -> None:
    """Write something by the operation's end. Should it not write what it must, the operation runs again alone."""
    _running().puts_off.append(write)


def puts_off_in(tables: frozenset[str]) -> bool:
    """Say whether this operation, which runs beside others, has put off something in one of these tables."""
    return _running().puts_off_in(tables)


def _running() -> _Running:
    running: _Running = getattr(getcurrent(), _MARK)
    return running


def ask_for_each(sql: str, values: Sequence[Any]) -> Any:
    """Ask for a statement that is run once for all that ask for it, each ``$`` of it a list of their values.

    It gives a row for each of them, in their order; answer the first column of this operation's. See `ask`.
    """
    return getcurrent().parent.switch(_AskedForEach(sql, values))


def ask_for_all(sql: str, part: Any, put: Callable[[Sequence[Any]], Any]) -> Any:
    """Ask for a statement that is run once, with what ``put`` makes of the parts of all that ask for it.

    It gives null when all parts are done. Anything else is the answer of one that asked alone; of several nobody knows
    whose part it was, and all of them run again otherwise.
    """
    return getcurrent().parent.switch(_AskedForAll(sql, part, put))


def stop() -> NoReturn:
    """End an operation that needs what it cannot have beside others."""
    raise _StoppedError


class _Running:
    """One operation under way: what is to be asked for it now, what it puts off, and what it raised."""

    def __init__(self, waiting: Waiting, connection: Connection) -> None:
        self.waiting = waiting
        self.raised: BaseException | None = None
        self.asks: _Statement | Awaitable[Any] | None = None
        self.puts_off: list[Write] = []
        self._first: _Asked | None = None
        self._greenlet = greenlet(lambda: self._work(connection))
        self._greenlet.__sqlalchemy_greenlet_provider__ = True
        setattr(self._greenlet, _MARK, self)

    def _work(self, connection: Connection) -> None:
        try:
            self.waiting.run(connection)
        except BaseException as error:  # noqa: BLE001  # whatever it is, it runs again and then it is the caller's
            self.raised = error

    def go_on(self, *answer: Any) -> None:
        """Run until it asks for something or ends."""
        self.asks = self._greenlet.switch(*answer)
        if self.puts_off and self._may_see_what_it_puts_off():
            self._first = _Asked(*together(self.puts_off))

    @property
    def wants(self) -> _Statement | Awaitable[Any] | None:
        """What is to be asked for it now: what it puts off goes first where that might be seen."""
        return self._first or self.asks

    def answer(self, answer: Any) -> bool:
        """Go on with the answer to what is asked for it; False when what it put off did not write what it must."""
        if self._first is None:
            self.go_on(answer)
            return True
        self._first, self.puts_off = None, []
        return bool(answer)

    def _may_see_what_it_puts_off(self) -> bool:
        """At its end everybody does; who asks through SQLAlchemy does not say what it looks at."""
        if isinstance(self.asks, _AskedForEach | _AskedForAll):
            return False
        return not isinstance(self.asks, _Asked) or self.puts_off_in(self.asks.tables)

    def puts_off_in(self, tables: frozenset[str]) -> bool:
        """Say whether something in one of these tables is put off."""
        return any(each.table in tables for each in self.puts_off)

    def end(self) -> None:
        """Let go of an operation that waits for an answer it will not get.

        One that waits within SQLAlchemy is told that the driver failed: of anything else that ends it there SQLAlchemy
        takes the connection for lost.
        """
        while not self._greenlet.dead:
            if isinstance(self.asks, _Statement):
                self.asks = self._greenlet.throw(GreenletExit)
            else:
                if isinstance(self.asks, Coroutine):
                    self.asks.close()
                self.asks = self._greenlet.throw(of_driver("", asyncpg.InterfaceError("let go")))


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
        connection = self._kept.pop() if self._kept else await self._opened()
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

    async def _opened(self) -> AsyncConnection:
        connection = await self._engine.connect()
        try:
            return await connection.execution_options(isolation_level="AUTOCOMMIT")
        except BaseException:
            await _given_back(connection, lost=True)
            raise


async def _given_back(connection: AsyncConnection, *, lost: bool = False) -> None:
    """Give a connection back to the pool, unless it is lost or whatever it was asked last is not over."""
    raw = None if lost or connection.invalidated else (await connection.get_raw_connection()).driver_connection
    if raw is None or raw.is_closed() or raw.is_in_transaction():
        await connection.invalidate()
    await connection.close()


async def _in_transaction(raw: asyncpg.Connection, connection: Connection, operations: Sequence[Waiting]) -> None:
    """Begin and end below SQLAlchemy: with what has to be said at the beginning it is one way over the socket."""
    try:
        await raw.execute(_BEGIN)
        try:
            for wave in _waves(operations):
                await _run(raw, connection, wave)
        except BaseException:
            await raw.execute("ROLLBACK")
            raise
    except _REFUSED as error:
        raise NotTogetherError from error
    try:
        await raw.execute("COMMIT")
    except _REFUSED as error:
        raise of_driver("COMMIT", error) from None


async def _run(raw: asyncpg.Connection, connection: Connection, wave: Sequence[Waiting]) -> None:
    running = [_Running(each, connection) for each in wave]
    try:
        await _side_by_side(raw, connection, running)
    finally:
        for each in running:
            each.end()


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


async def _side_by_side(raw: asyncpg.Connection, connection: Connection, running: list[_Running]) -> None:
    for each in running:
        each.go_on()
    while asking := _asking(running):
        chosen = _most_wanted(asking)
        first = chosen[0].wants
        if isinstance(first, _Statement):
            answers = zip(chosen, await _answered(raw, first, chosen), strict=True)
            mistaken = [each.waiting for each, answer in answers if not each.answer(answer)]
            if mistaken:
                raise NotTogetherError(mistaken)
        else:
            chosen[0].answer(await _through_sqlalchemy(first))
            if connection.in_nested_transaction():
                raise NotTogetherError([chosen[0].waiting])


async def _answered(raw: asyncpg.Connection, first: _Statement, asking: list[_Running]) -> list[Any]:
    """Run the statement that all ask for; answer what it gives to each."""
    asked = [each.wants for each in asking]
    if isinstance(first, _AskedForAll):
        return await _answer_for_all(raw, first, [each.part for each in asked if isinstance(each, _AskedForAll)])
    values = [tuple(each.values) for each in asked if isinstance(each, _Asked | _AskedForEach)]
    if isinstance(first, _AskedForEach):
        return [row[0] for row in await raw.fetch(first.sql, *map(list, zip(*values, strict=True)))]
    return await _answers(raw, first, values)


async def _answer_for_all(raw: asyncpg.Connection, first: _AskedForAll, parts: list[Any]) -> list[Any]:
    answer = await raw.fetchval(first.sql, first.put(parts))
    if answer is not None and len(parts) > 1:
        raise NotTogetherError
    return [answer] * len(parts)


async def _through_sqlalchemy(asked: Awaitable[Any] | None) -> Any:
    assert asked is not None
    try:
        return await asked
    except Exception as error:
        raise NotTogetherError from error


async def _answers(raw: asyncpg.Connection, first: _Asked, values: list[tuple[Any, ...]]) -> list[Any]:
    rows = list(dict.fromkeys(values)) if first.alike else values
    found = [row[0] for row in await raw.fetchmany(first.sql, rows)]
    if len(rows) == len(values):
        return found
    by_values = dict(zip(rows, found, strict=True))
    return [by_values[row] for row in values]


def _asking(running: Iterable[_Running]) -> list[_Running]:
    """List those that have not ended.

    Raises:
        NotTogetherError: some have ended by raising.
    """
    raised = [each.waiting for each in running if each.raised is not None]
    if raised:
        raise NotTogetherError(raised)
    return [each for each in running if each.wants is not None]


def _most_wanted(asking: list[_Running]) -> list[_Running]:
    """Choose those that ask for the statement that most of them ask for; what is none is asked one by one."""
    by_statement: dict[str, list[_Running]] = {}
    for each in asking:
        wanted = each.wants
        if not isinstance(wanted, _Statement):
            return [each]
        by_statement.setdefault(wanted.sql, []).append(each)
    return max(by_statement.values(), key=len)
