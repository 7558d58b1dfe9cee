"""Operations that run side by side over one connection: where several ask for the same statement, it is asked once.

On PostgreSQL a way over the socket costs more than most statements. Operations that wait together and are about
different things (`About`) need not take turns: each runs until it asks for something, and what asks for the same
statement is sent as one message: with a row of values for each (asyncpg's ``fetchmany``), or, where the statement is
made for it, with a list of them (`look_for_each`) or with what they put together (`config.put_off.Merged`). An
operation is written as everywhere and sees what it would see; its neighbours' rows are those of a transaction that
shares its own.

What one of them decides must hold whatever its neighbours do in the same transaction, where no lock keeps them out:
by guarded statements, or because two that look at the same rows are about the same thing, and so take turns. What a
sum over several has to obey is judged after the write, when each sees the others.

What an operation puts off (`put_off`) is sent when it ends, or before it looks at a table that is written so.

There are no savepoints here. Whoever needs one undone (`stop`), is refused or has the database refuse a statement ends
the attempt: all of it is rolled back, and it is the caller's to run the operations otherwise.

Here is what an operation sees of this; `config.shared_connection` asks the database for what they want.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

import asyncpg
from greenlet import GreenletExit, getcurrent, greenlet
from sqlalchemy import Connection

from config.database_errors import of_driver
from config.put_off import Check, Merged, Part, steps, together, writes_to
from config.waiting import Waiting

T = TypeVar("T")
_MARK = "side_by_side"


@dataclass(frozen=True, slots=True)
class About(Generic[T]):
    """An operation that decides about the rows of one subject (a member), and may run beside one about another."""

    subject: str
    operation: Callable[[Connection], T]

    def __call__(self, connection: Connection) -> T:
        """Run it, as an operation like any other."""
        return self.operation(connection)


class Turn(IntEnum):
    """When it is the turn of a statement, of those that operations want at one time.

    All that only looks comes first, so that nothing is locked meanwhile; what was put off last, step by step, so that
    as much as can be is merged.
    """

    LOOK = 0
    WORK = 1
    WRITE_FIRST = 2
    MERGED = 3
    WRITE = 4
    CHECK = 5


class Asked(NamedTuple):
    """A statement that gives one value; ``$1`` stands for the first of the values. ``alike``, ``tables``: see `ask`."""

    sql: str
    values: Sequence[Any]
    alike: bool
    tables: frozenset[str]

    @property
    def turn(self) -> Turn:
        """What may write waits until the others have looked."""
        return Turn.LOOK if self.alike else Turn.WORK


class LookedFor(NamedTuple):
    """A statement that takes a list of each value and gives a row for each operation; see `look_for_each`."""

    sql: str
    values: Sequence[Any]
    tables: frozenset[str]

    @property
    def turn(self) -> Turn:
        """It only looks."""
        return Turn.LOOK


class Sent(NamedTuple):
    """What an operation had put off and is sent now, as one statement."""

    sql: str
    parts: Sequence[Part]
    turn: Turn


Statement = Asked | LookedFor | Sent


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
        alike: it only reads and locks nothing, so that it is run once for all that give the same values.
        tables: it looks at these, where something may have been put off.
    """
    return getcurrent().parent.switch(Asked(sql, values, alike, tables))


def look_for_each(sql: str, values: Sequence[Any], tables: frozenset[str]) -> Any:
    """Ask for a statement that only reads and is run once for all that ask, each ``$`` of it a list of their values.

    It gives a row for each of them, in their order; answer the first column of this operation's. See `ask`.
    """
    asked, running = LookedFor(sql, values, tables), _running()
    if running.seen is not None and running.seen[0] == asked and not running.puts_off_in(tables):
        return running.seen[1]
    return getcurrent().parent.switch(asked)


def foresee(sql: str, values: Sequence[Any], tables: frozenset[str]) -> None:
    """Say that this operation will as good as certainly ask for this look (`look_for_each`).

    It may be sent along with what a lone operation asks for before, as long as that only looks, too.
    """
    _running().foresees = LookedFor(sql, values, tables)


def put_off(part: Part) -> None:
    """Put something off to the operation's end. Should it not do what it must, the operation runs again alone."""
    _running().puts_off.append(part)


def puts_off_in(tables: frozenset[str]) -> bool:
    """Say whether this operation, which runs beside others, has put off something in one of these tables."""
    return _running().puts_off_in(tables)


def _running() -> Running:
    running: Running = getattr(getcurrent(), _MARK)
    return running


def stop() -> NoReturn:
    """End an operation that needs what it cannot have beside others."""
    raise _StoppedError


class Running:
    """One operation under way: what is to be asked for it now, what it puts off, and what it raised."""

    def __init__(self, waiting: Waiting, connection: Connection) -> None:
        """Begin with nothing done; `go_on` runs it."""
        self.waiting = waiting
        self.raised: BaseException | None = None
        self.asks: Statement | Awaitable[Any] | None = None
        self.puts_off: list[Part] = []
        self.foresees: LookedFor | None = None
        self.seen: tuple[LookedFor, Any] | None = None
        self._sending: deque[Sent] = deque()
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
        if not isinstance(self.asks, Asked | LookedFor) or self.asks.turn is not Turn.LOOK:
            self.foresees = self.seen = None  # what was seen before it wrote is not what it would see now
        if self.puts_off and self._may_see_what_it_puts_off():
            self._sending.extend(_sent(self.puts_off))

    @property
    def wants(self) -> Statement | Awaitable[Any] | None:
        """What is to be asked for it now: what it puts off goes first where that might be seen."""
        return self._sending[0] if self._sending else self.asks

    @property
    def leaves(self) -> Sequence[Part]:
        """All that is still to be sent of an operation that has ended, as long as nothing of it is."""
        return self.puts_off if self.asks is None else ()

    def answer(self, answer: Any) -> bool:
        """Go on with the answer to what is asked for it; False when what it put off did not do what it must."""
        if not self._sending:
            self.go_on(answer)
            return True
        self._sending.popleft()
        self.puts_off, self.foresees, self.seen = [], None, None
        return bool(answer)

    def _may_see_what_it_puts_off(self) -> bool:
        """At its end everybody does; who asks through SQLAlchemy does not say what it looks at."""
        return not isinstance(self.asks, Asked | LookedFor) or self.puts_off_in(self.asks.tables)

    def puts_off_in(self, tables: frozenset[str]) -> bool:
        """Say whether something in one of these tables is put off."""
        return any(writes_to(each, tables) for each in self.puts_off)

    def end(self) -> None:
        """Let go of an operation that waits for an answer it will not get.

        One that waits within SQLAlchemy is told that the driver failed: of anything else that ends it there SQLAlchemy
        takes the connection for lost.
        """
        while not self._greenlet.dead:
            if isinstance(self.asks, Statement):
                self.asks = self._greenlet.throw(GreenletExit)
            else:
                if isinstance(self.asks, Coroutine):
                    self.asks.close()
                self.asks = self._greenlet.throw(of_driver("", asyncpg.InterfaceError("let go")))


def _sent(parts: Sequence[Part]) -> Iterator[Sent]:
    """Give what is put off step by step."""
    divided = steps(parts)
    merged = [number for number, step in enumerate(divided) if isinstance(step[0], Merged)]
    for number, step in enumerate(divided):
        first = step[0]
        if isinstance(first, Merged):
            yield Sent(first.sql, step, Turn.MERGED)
        elif isinstance(first, Check):
            yield Sent(together(step)[0], step, Turn.CHECK)
        else:
            comes_first = bool(merged) and number < merged[-1]
            yield Sent(together(step)[0], step, Turn.WRITE_FIRST if comes_first else Turn.WRITE)
