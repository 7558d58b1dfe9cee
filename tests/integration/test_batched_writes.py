"""Writes to PostgreSQL that share a transaction: safe from each other, and from other processes' batches."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from config import batched_writes
from config.database import Database, RefusedByDatabaseError
from config.database_errors import DatabaseBusyError, DatabaseStoppedError
from config.settings import DatabaseSettings
from config.side_by_side import About
from settlement import ledger
from settlement.accounts import POINTS, counter_account
from settlement.audit import audit
from settlement.errors import InsufficientFundsError

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

AT = datetime(2026, 12, 1, tzinfo=UTC)
MARKS = sa.Table(
    "marks",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("amount", sa.Integer, sa.CheckConstraint("amount >= 0"), nullable=False),
    sa.Column("parent", sa.Integer, sa.ForeignKey("marks.id", deferrable=True, initially="DEFERRED")),
)
Operation = Callable[[Connection], Any]


def mark(number: int, amount: int = 1, parent: int | None = None) -> Operation:
    return lambda connection: connection.execute(MARKS.insert().values(id=number, amount=amount, parent=parent))


def marks(connection: Connection) -> list[int]:
    return list(connection.execute(sa.select(MARKS.c.id).order_by(MARKS.c.id)).scalars())


def give_points(member: str, connection: Connection) -> None:
    ledger.issue(
        connection,
        key=f"start:{member}",
        member_id=member,
        commodity=POINTS,
        quantity=600,
        at=AT,
        expires_at=None,
        reason="start",
        reference="start",
    )


def transaction_of(connection: Connection) -> int:
    return int(connection.execute(sa.text("SELECT txid_current()")).scalar_one())


def refusing(connection: Connection) -> None:
    mark(77)(connection)
    raise KeyError("mine")


@pytest.fixture
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A PostgreSQL database with one flusher, so that what is written at once shares a transaction."""
    monkeypatch.setattr(batched_writes, "FLUSHERS", 1)
    database = await Database.open(DatabaseSettings(url=database_url, queue_limit=8))
    await database.write(MARKS.create)
    yield database
    await database.close()


Together = Callable[..., Coroutine[Any, Any, list[Any]]]


@pytest.fixture(params=["in turn", "side by side"])
def together(request: pytest.FixtureRequest) -> Together:
    """Write operations at once: in turn, or each about something else, so that they run side by side."""
    numbers = itertools.count()

    async def written(database: Database, *operations: Operation) -> list[Any]:
        if request.param == "side by side":
            operations = tuple(About(f"subject {next(numbers)}", each) for each in operations)
        return await asyncio.gather(*(database.write(each) for each in operations), return_exceptions=True)

    return written


async def test_what_waits_shares_a_transaction_and_a_lone_one_does_not_wait(
    database: Database, together: Together
) -> None:
    first, second, third = await together(database, transaction_of, transaction_of, transaction_of)
    assert first == second == third
    assert await database.write(transaction_of) > first


@pytest.mark.parametrize(
    ("flushers", "worth", "sizes"), [(2, 2, [4, 5]), (2, 8, [1, 8]), (3, 2, [3, 3, 3]), (1, 2, [9]), (2, 16, [9])]
)
async def test_a_crowd_is_divided_among_those_that_have_nothing_to_do_as_far_as_that_is_worth_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, flushers: int, worth: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(batched_writes, "FLUSHERS", flushers)
    monkeypatch.setattr(batched_writes, "WORTH_A_BATCH", worth)
    monkeypatch.setattr(database._writer, "_queue_limit", 9)
    asked = (database.write(About(str(number), transaction_of)) for number in range(9))
    found = collections.Counter(await asyncio.gather(*asked))
    assert sorted(found.values()) == sizes


async def test_what_is_refused_takes_nothing_of_its_neighbours(database: Database, together: Together) -> None:
    found = await together(database, mark(1), mark(2, amount=-1), refusing, mark(3), mark(1))
    assert [type(each) for each in (found[1], found[2], found[4])] == [
        RefusedByDatabaseError,
        KeyError,
        RefusedByDatabaseError,
    ]
    assert await database.read(marks) == [1, 3]


async def test_what_is_only_judged_at_commit_fails_alone(database: Database, together: Together) -> None:
    found = await together(database, mark(1), mark(2, parent=99), mark(3))
    assert isinstance(found[1], RefusedByDatabaseError)
    assert await database.read(marks) == [1, 3]


async def test_more_than_may_wait_is_refused_untried_and_a_closed_writer_refuses(
    database: Database, together: Together
) -> None:
    found = await together(database, *(mark(number) for number in range(12)))
    assert [isinstance(each, DatabaseBusyError) for each in found] == [False] * 8 + [True] * 4
    assert await database.read(marks) == list(range(8))
    await database.close()
    with pytest.raises(DatabaseStoppedError):
        await database.write(mark(50))


async def test_closing_commits_what_waits(database: Database) -> None:
    tasks = [asyncio.create_task(database.write(mark(number))) for number in range(8)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*tasks)
    again = await Database.open(DatabaseSettings(url=database.url))
    assert await again.read(marks) == list(range(8))
    await again.close()


async def test_a_cancelled_caller_disturbs_nobody(database: Database) -> None:
    tasks = [asyncio.create_task(database.write(mark(number))) for number in range(6)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[2], asyncio.CancelledError)
    assert set(await database.read(marks)) >= {0, 1, 3, 4, 5}


async def test_an_operation_runs_in_its_callers_context(database: Database) -> None:
    who: contextvars.ContextVar[int] = contextvars.ContextVar("who")

    async def caller(number: int) -> tuple[int, int]:
        who.set(number)
        return number, await database.write(lambda connection: (transaction_of(connection), who.get())[1])

    assert all(number == seen for number, seen in await asyncio.gather(*map(caller, range(5))))


async def test_a_batch_that_meets_a_lock_commits_what_it_has_and_waits_holding_nothing(
    database: Database, together: Together
) -> None:
    await together(database, mark(1), mark(2))
    other = await Database.open(DatabaseSettings(url=database.url))
    held, let_go = asyncio.Event(), asyncio.Event()

    def keep(connection: Connection) -> None:
        connection.execute(MARKS.update().where(MARKS.c.id == 2).values(amount=5))
        held.set()
        await_only(let_go.wait())

    keeping = asyncio.create_task(other.write(keep))
    await held.wait()

    def add(connection: Connection) -> None:
        connection.execute(MARKS.update().where(MARKS.c.id == 2).values(amount=MARKS.c.amount + 1))

    waiting = asyncio.create_task(together(database, mark(3), add, mark(4)))
    await asyncio.sleep(1)
    assert await database.read(marks) == [1, 2, 3]
    assert not waiting.done()
    let_go.set()
    await asyncio.gather(keeping, waiting)
    of_two = sa.select(MARKS.c.amount).where(MARKS.c.id == 2)
    assert await database.read(lambda connection: connection.execute(of_two).scalar_one()) == 6
    await other.close()


@pytest.mark.parametrize("beside", [False, True])
async def test_two_processes_on_the_same_members_lose_and_create_nothing(database_url: str, beside: bool) -> None:
    one, two = [await Database.open(DatabaseSettings(url=database_url)) for _ in range(2)]
    for number in range(3):
        await one.write(partial(give_points, f"m{number}"))

    async def redeem(database: Database, key: str, member: str) -> None:
        hold = partial(
            ledger.hold, key=f"{key}:hold", member_id=member, commodity=POINTS, quantity=50, at=AT, reference=key
        )
        capture = partial(
            ledger.capture, hold_key=f"{key}:hold", key=f"{key}:capture", at=AT, to=counter_account(POINTS)
        )
        for operation in (hold, capture):
            await database.write(About(member, operation) if beside else operation)

    asked = [
        redeem(database, f"{name}{member}{turn}", f"m{member}")
        for turn, (name, database), member in itertools.product(range(10), (("one", one), ("two", two)), range(3))
    ]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in found if each is not None] == [InsufficientFundsError] * 24
    for number in range(3):
        (balance,) = await two.read(partial(ledger.balances, member_id=f"m{number}"))
        assert (balance.available, balance.held) == (0, 0)
    assert (await one.read(audit)).clean
    await one.close()
    await two.close()
