"""Operations that run side by side over one connection of PostgreSQL: each as if alone, for the ways of one."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql
from sqlalchemy.pool import QueuePool

from config import batched_writes, shared_connection
from config.database import Database
from config.database_errors import DatabaseBusyError
from config.errors import DatabaseError
from config.hot_statements import on_postgresql, savepoint
from config.prepared import Prepared, inserting
from config.settings import DatabaseSettings
from config.side_by_side import About, is_beside
from settlement import ledger
from settlement.accounts import POINTS, Account, AccountKind, counter_account, partner_payable
from settlement.audit import audit
from settlement.errors import InsufficientFundsError
from settlement.journal import Posting
from settlement.tables import accounts, journal_entries, lots, postings
from tests.support.beside import AT, at_once, capturing, give, holding, listen

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

ROWS = sa.Table(
    "rows_beside",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("said", sa.String),
    sa.Column("at", sa.DateTime(timezone=True)),
    sa.Column("facts", postgresql.JSONB),
)
_ADD = Prepared(inserting(ROWS))
_ADD_NEW = Prepared(
    lambda _: postgresql.insert(ROWS).values({c.key: sa.bindparam(c.key) for c in ROWS.c}).on_conflict_do_nothing()
)
_ALL = Prepared(sa.select(ROWS).where(ROWS.c.id >= sa.bindparam("least")).order_by(ROWS.c.id.desc()))
_CHANGE = Prepared(
    sa.update(ROWS)
    .where(ROWS.c.id >= sa.bindparam("least"))
    .values(said=sa.bindparam("told"))
    .returning(ROWS.c.id, ROWS.c.at, ROWS.c.facts)
)
_GROW = Prepared(sa.update(ROWS).values(said=ROWS.c.said + "x").returning(ROWS.c.said))
_DROP = Prepared(sa.delete(ROWS).where(ROWS.c.id >= sa.bindparam("least")))


@pytest.fixture
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A PostgreSQL database with one flusher, so that what is written at once shares a transaction."""
    monkeypatch.setattr(batched_writes, "FLUSHERS", 1)
    database = await Database.open(DatabaseSettings(url=database_url))
    await database.write(ROWS.create)
    yield database
    await database.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is sent as one message: each statement, and for how many."""
    return listen(monkeypatch)


def add(number: int, **others: Any) -> Any:
    row = {"id": number, "said": None, "at": None, "facts": None} | others
    return partial(_ADD.change, **row)


def ids(connection: Connection) -> list[int]:
    return sorted(row[0] for row in _ALL.rows(connection, least=0))


async def test_holds_of_many_members_ask_for_each_statement_once(
    database: Database, sent: list[tuple[str, int]]
) -> None:
    members = [f"m{number}" for number in range(9)]
    await give(database, *members)
    sent.clear()
    found = await at_once(database, *(holding(member, f"h:{member}") for member in members))
    assert [each.quantity for each in found] == [100] * 9
    assert [count for _, count in sent] == [9, 1]
    assert await at_once(database, *(capturing(member, f"h:{member}") for member in members)) == [True] * 9
    assert [count for _, count in sent] == [9, 1, 9, 1]
    assert (await database.read(audit)).clean


async def test_two_about_one_subject_take_turns_and_the_second_sees_what_the_first_did(database: Database) -> None:
    await give(database, "m1", "m2")
    found = await at_once(
        database, holding("m1", "a", 400), holding("m1", "b", 200), holding("m2", "c", 600), holding("m1", "d", 1)
    )
    assert [each.quantity for each in found[:3]] == [400, 200, 600]
    assert isinstance(found[3], InsufficientFundsError)
    (balance,) = await database.read(partial(ledger.balances, member_id="m1"))
    assert (balance.available, balance.held) == (0, 600)
    assert (await database.read(audit)).clean


async def test_one_that_is_refused_runs_alone_and_its_neighbours_are_still_side_by_side(
    database: Database, sent: list[tuple[str, int]]
) -> None:
    members = [f"m{number}" for number in range(5)]
    await give(database, *members)
    sent.clear()
    asked = [holding(member, f"h:{member}", 700 if member == "m3" else 100) for member in members]
    found = await at_once(database, *asked)
    assert [isinstance(each, InsufficientFundsError) for each in found] == [False, False, False, True, False]
    assert [count for _, count in sent] == [5, 4, 1, 1]
    assert (await database.read(audit)).clean


async def test_what_only_reads_is_asked_once_for_all_that_ask_alike(
    database: Database, sent: list[tuple[str, int]]
) -> None:
    await database.write(add(1))
    await database.write(add(2))
    asked = [About(str(least), partial(_ALL.rows, least=least % 2 + 1)) for least in range(6)]
    found = await at_once(database, *asked)
    assert [[row[0] for row in rows] for rows in found] == [[2, 1], [2], [2, 1], [2], [2, 1], [2]]
    assert [count for _, count in sent] == [2]


async def test_what_writes_is_run_for_each_though_all_ask_alike(database: Database) -> None:
    await database.write(add(1, said=""))
    grown = await at_once(database, *(About(name, _GROW.rows) for name in "abc"))
    assert grown == [[["x"]], [["xx"]], [["xxx"]]]


async def test_what_one_had_written_that_raises_is_undone(database: Database) -> None:
    def refusing(connection: Connection) -> None:
        add(7)(connection)
        raise KeyError("mine")

    found = await at_once(database, About("a", add(1)), About("b", refusing), About("c", add(2)))
    assert [found[0], type(found[1]), found[2]] == [1, KeyError, 1]
    assert await database.read(ids) == [1, 2]


async def test_a_savepoint_undoes_what_is_in_it_and_nothing_of_the_neighbours(database: Database) -> None:
    def undone(connection: Connection) -> bool:
        try:
            with savepoint(connection, "mine"):
                add(7)(connection)
                raise ValueError("undo it")
        except ValueError:
            add(8)(connection)
        return is_beside()

    found = await at_once(database, About("a", add(1)), About("b", undone), About("c", add(2)))
    assert found == [1, False, 1]
    assert await database.read(ids) == [1, 2, 8]


async def test_a_savepoint_of_sqlalchemy_s_runs_alone_too(database: Database) -> None:
    def undone(connection: Connection) -> None:
        nested = connection.begin_nested()
        add(7)(connection)
        nested.rollback()
        connection.execute(ROWS.insert().values(id=8))

    await at_once(database, About("a", add(1)), About("b", undone), About("c", add(2)))
    assert await database.read(ids) == [1, 2, 8]


async def test_operations_that_do_different_things_meet_where_they_ask_for_the_same(
    database: Database, sent: list[tuple[str, int]]
) -> None:
    def through_sqlalchemy(connection: Connection) -> int:
        connection.execute(ROWS.insert().values(id=5))
        return int(add(6)(connection))

    assert await at_once(database, About("a", add(1)), About("b", through_sqlalchemy)) == [1, 1]
    assert sum(count for _, count in sent) == 2
    assert await database.read(ids) == [1, 5, 6]


async def test_each_runs_in_its_callers_context(database: Database) -> None:
    who: contextvars.ContextVar[int] = contextvars.ContextVar("who")

    def whose(connection: Connection) -> int:
        on_postgresql(connection, "SELECT 1")
        return who.get()

    async def caller(number: int) -> int:
        who.set(number)
        return await database.write(About(str(number), whose))

    assert await asyncio.gather(*map(caller, range(5))) == list(range(5))


async def test_a_row_that_another_process_keeps_for_long_ends_the_attempt_and_is_waited_for_holding_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_connection, "_BE_IMPATIENT", "SET lock_timeout = 20")
    await give(database, "m1", "m2")
    other = await Database.open(DatabaseSettings(url=database.url))
    async with other._reading.connect() as keeping:
        await keeping.exec_driver_sql("SELECT 1 FROM accounts WHERE code = 'member/m1/available' FOR UPDATE")
        waiting = asyncio.create_task(at_once(database, holding("m1", "a"), holding("m2", "b")))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await keeping.rollback()
    assert [each.member_id for each in await waiting] == ["m1", "m2"]
    assert (await database.read(audit)).clean
    await other.close()


async def test_a_lone_one_waits_for_a_lock_as_long_as_is_set_and_not_twice(database_url: str) -> None:
    database = await Database.open(DatabaseSettings(url=database_url, patience_seconds=1.0))
    await give(database, "m1")
    other = await Database.open(DatabaseSettings(url=database.url))
    async with other._reading.connect() as keeping:
        await keeping.exec_driver_sql("SELECT 1 FROM accounts WHERE code = 'member/m1/available' FOR UPDATE")
        began = time.monotonic()
        with pytest.raises(DatabaseBusyError):
            await database.write(holding("m1", "a"))
        assert 1.0 < time.monotonic() - began < 1.9
        await keeping.rollback()
    await other.close()
    await database.close()


async def test_a_connection_that_is_given_back_is_as_patient_as_before(database_url: str) -> None:
    def patience(connection: Connection) -> str:
        return str(connection.scalar(sa.text("SHOW lock_timeout")))

    database = await Database.open(DatabaseSettings(url=database_url, pool_size=1, patience_seconds=3.0))
    assert await database.write(About("a", patience)) == "250ms"
    assert await database.write(patience) == "3s"
    await database.close()


async def test_what_is_committed_stays_so_when_the_connection_is_lost_as_it_is_given_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = await Database.open(DatabaseSettings(url=database_url, pool_size=1))
    await database.write(ROWS.create)
    monkeypatch.setattr(shared_connection, "_BE_PATIENT", "SELECT pg_terminate_backend(pg_backend_pid())")
    for number in range(3):
        assert await database.write(About("a", add(number))) == 1
    assert await database.read(ids) == [0, 1, 2]
    await database.close()


async def test_a_connection_that_is_lost_in_between_is_not_used_again(database: Database) -> None:
    lost: list[int] = []

    def losing(connection: Connection) -> int:
        pid = int(on_postgresql(connection, "SELECT pg_backend_pid()"))
        if not lost:
            lost.append(pid)
            on_postgresql(connection, "SELECT pg_terminate_backend(pg_backend_pid())")
        return pid

    found = await at_once(database, About("a", add(1)), About("b", losing))
    assert found[0] == 1
    assert found[1] != lost[0]
    assert await database.read(ids) == [1]


async def test_all_that_were_mistaken_in_what_they_put_off_run_again_alone_and_their_neighbours_beside(
    database: Database,
) -> None:
    for number in (2, 4):
        await database.write(add(number))

    def surely(number: int, connection: Connection) -> tuple[bool, bool]:
        row = {"id": number, "said": None, "at": None, "facts": None}
        return _ADD_NEW.surely(connection, **row), is_beside()

    found = await at_once(database, *(About(str(number), partial(surely, number)) for number in range(1, 7)))
    assert found == [(True, True), (False, False), (True, True), (False, False), (True, True), (True, True)]
    assert await database.read(ids) == list(range(1, 7))


async def test_a_server_that_leaves_in_a_shared_transaction_is_a_database_error_for_everybody(
    database: Database,
) -> None:
    def losing(connection: Connection) -> None:
        connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    found = await at_once(database, add(1), losing, add(2))
    assert all(type(each) is DatabaseError for each in found), found
    assert await database.read(ids) == []
    assert await database.write(add(3)) == 1


async def test_a_server_that_leaves_within_a_savepoint_is_a_database_error(database: Database) -> None:
    def losing(connection: Connection) -> None:
        with savepoint(connection, "mine"):
            connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))

    for asked in ((losing,), (About("a", losing),), (add(1), losing)):
        found = await at_once(database, *asked)
        assert all(type(each) is DatabaseError for each in found), found
    assert await database.read(ids) == []


async def test_a_connection_is_kept_and_a_small_pool_is_left_to_others(database_url: str) -> None:
    def whose(connection: Connection) -> int:
        assert is_beside()
        return int(on_postgresql(connection, "SELECT pg_backend_pid()"))

    for size, kept in ((1, 0), (4, 1)):
        database = await Database.open(DatabaseSettings(url=database_url, pool_size=size, patience_seconds=2.0))
        pids = [await database.write(About("a", whose)) for _ in range(3)]
        assert len(set(pids)) == 1
        pool = database._reading.pool
        assert isinstance(pool, QueuePool)
        assert pool.checkedout() == kept
        assert await database.read(lambda connection: connection.scalar(sa.text("SELECT 1"))) == 1
        await database.close()
        assert pool.checkedout() == 0


async def test_a_kept_connection_that_was_lost_meanwhile_is_not_used_again(database: Database) -> None:
    def whose(connection: Connection) -> int:
        return int(on_postgresql(connection, "SELECT pg_backend_pid()"))

    kept = await database.write(About("a", whose))
    other = await Database.open(DatabaseSettings(url=database.url))
    await other.write(lambda connection: connection.scalar(sa.text(f"SELECT pg_terminate_backend({kept})")))
    await other.close()
    assert await database.write(About("a", whose)) != kept
    assert await database.write(About("a", add(1))) == 1
    assert await database.read(ids) == [1]


@pytest.mark.parametrize("kept", [True, False])
async def test_when_the_server_has_closed_all_connections_that_wait_nobody_is_told_of_it(
    database: Database, *, kept: bool
) -> None:
    """As one does that is started again: what a partner has granted meanwhile must not be lost by that."""

    def slowly(connection: Connection) -> None:
        connection.execute(sa.text("SELECT pg_sleep(0.1)"))

    if kept:
        await database.write(About("a", add(7)))
    await asyncio.gather(*(database.read(slowly) for _ in range(4)))
    other = await Database.open(DatabaseSettings(url=database.url))
    all_others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    await other.write(lambda connection: connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {all_others}"))
    for number in range(3):
        assert await database.write(About("a", add(number))) == 1
    assert (await other.read(ids))[:3] == [0, 1, 2]
    await other.close()


_TEXTS = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
_INSTANTS = st.none() | st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC)
)
_FACTS = st.none() | st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | st.none() | st.lists(st.booleans()))
_MADE = st.lists(st.tuples(st.integers(0, 4), _TEXTS, _INSTANTS, _FACTS), max_size=6)


async def test_a_statement_answers_beside_others_what_it_answers_in_turn(database: Database) -> None:
    loop = asyncio.get_running_loop()

    def steps(made: list[Any], least: int, connection: Connection) -> list[Any]:
        told: list[Any] = [_DROP.change(connection, least=0) >= 0]
        told += [_ADD_NEW.change(connection, id=i, said=s, at=a, facts=f) for i, s, a, f in made]
        told += [_ALL.rows(connection, least=least), _ALL.named(connection, least=least)]
        told += [_ALL.row(connection, least=least), _ALL.scalar(connection, least=least)]
        told += [sorted(_CHANGE.rows(connection, least=least, told="x")), _ALL.rows(connection, least=0)]
        return [*told, _DROP.change(connection, least=least), is_beside()]

    @given(_MADE, st.integers(0, 5))
    @settings(max_examples=60, deadline=None)
    def same(made: list[Any], least: int) -> None:
        asked = partial(steps, made, least)
        in_turn = asyncio.run_coroutine_threadsafe(database.write(asked), loop).result()
        beside = asyncio.run_coroutine_threadsafe(database.write(About("it", asked)), loop).result()
        assert (in_turn.pop(), beside.pop()) == (False, True)
        assert beside == in_turn

    await asyncio.to_thread(same)


_STEP = st.tuples(st.sampled_from(["hold", "hold", "capture", "void"]), st.integers(0, 2), st.integers(1, 400))
_ROUNDS = st.lists(st.dictionaries(st.integers(0, 3), _STEP, min_size=1), min_size=1, max_size=6)
"""What each of four members does in each round: of which of his holds, and how much."""

_OWED = Account("bearer/maker/expense", "CNY", AccountKind.BEARER, may_go_negative=True), partner_payable("p", "CNY")


async def test_entries_written_together_are_those_that_would_be_written_in_turn(database: Database) -> None:
    loop, runs = asyncio.get_running_loop(), itertools.count()

    def operation(run: str, number: int, step: tuple[str, int, int]) -> About[bool]:
        what, which, quantity = step
        member, key = f"{run}m{number}", f"{run}m{number}:{which}"
        if what == "hold":
            return holding(member, key, quantity)
        if what == "void":
            return About(member, partial(ledger.void, hold_key=key, key=f"{key}:void", at=AT))
        also = tuple(Posting(account, sign * quantity) for account, sign in zip(_OWED, (1, -1), strict=True))
        end = partial(ledger.capture, hold_key=key, key=f"{key}:end", at=AT, to=counter_account(POINTS), also=also)
        return About(member, end)

    async def written(run: str, rounds: list[Any], *, together: bool) -> tuple[list[Any], Any]:
        await give(database, *(f"{run}m{number}" for number in range(4)))
        before = await database.read(shared_balances)
        found: list[Any] = []
        for steps in rounds:
            asked = [operation(run, number, steps[number]) for number in sorted(steps)]
            for part in [asked] if together else [[each] for each in asked]:
                found += await at_once(database, *part)
        after = await database.read(shared_balances)
        told = [each if isinstance(each, bool | None) else type(each) for each in found]
        moved = {of: balance - before.get(of, 0) for of, balance in after.items()}
        return told, (moved, await database.read(partial(entries_of, run)))

    @given(_ROUNDS)
    @example([dict.fromkeys(range(4), ("hold", 0, 100)), dict.fromkeys(range(4), ("capture", 0, 7))])
    @settings(max_examples=20, deadline=None)
    def same(rounds: list[Any]) -> None:
        one, other = f"a{next(runs)}", f"b{next(runs)}"
        in_turn = asyncio.run_coroutine_threadsafe(written(one, rounds, together=False), loop).result()
        beside = asyncio.run_coroutine_threadsafe(written(other, rounds, together=True), loop).result()
        assert beside == in_turn

    await asyncio.to_thread(same)
    assert (await database.read(audit)).clean


def shared_balances(connection: Connection) -> dict[tuple[str, str], int]:
    own = accounts.c
    rows = connection.execute(sa.select(own.code, own.commodity, own.balance).where(own.code.not_like("member/%")))
    return {(row.code, row.commodity): row.balance for row in rows}


_OF_ITS_OWN = {"fingerprint"}


def entries_of(run: str, connection: Connection) -> list[Any]:
    """Everything of a run's members: headers, postings, lots and balances, without the run's own name."""
    told: list[Any] = []
    for table, column in (
        (journal_entries, journal_entries.c.member_id),
        (postings, postings.c.entry_key),
        (lots, lots.c.member_id),
        (accounts, sa.func.substr(accounts.c.code, len("member/") + 1)),
    ):
        rows = connection.execute(sa.select(table).where(column.startswith(f"{run}m")))
        kept = ({name: value for name, value in row.items() if name not in _OF_ITS_OWN} for row in rows.mappings())
        told.append(sorted(repr(row).replace(run, "") for row in kept))
    return told
