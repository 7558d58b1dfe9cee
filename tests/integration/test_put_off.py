"""What an operation puts off beside others: sent in one way at its end, and as if it had been written at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from config import batched_writes, put_off
from config.database import Database, insert_surely_new
from config.errors import DatabaseError
from config.hot_statements import check_put_off
from config.prepared import Prepared, inserting
from config.settings import DatabaseSettings
from config.side_by_side import About, is_beside
from tests.support.beside import at_once, listen

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

TABLES = sa.MetaData()
PARENTS = sa.Table(
    "put_off_parents",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("said", sa.String, nullable=False),
)
CHILDREN = sa.Table(
    "put_off_children",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.ForeignKey(PARENTS.c.id), nullable=False),
)
LATE_CHILDREN = sa.Table(
    "put_off_late_children",
    TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.ForeignKey(PARENTS.c.id, deferrable=True, initially="DEFERRED"), nullable=False),
)
_ADD = Prepared(inserting(PARENTS))
_ADD_CHILD = Prepared(inserting(CHILDREN))
_ADD_LATE_CHILD = Prepared(inserting(LATE_CHILDREN))
_SAY = Prepared(sa.update(PARENTS).where(PARENTS.c.id == sa.bindparam("wanted")).values(said=sa.bindparam("told")))
_SAID = Prepared(sa.select(PARENTS.c.said).where(PARENTS.c.id == sa.bindparam("wanted")))
_HAS_CHILD = Prepared(
    sa.select(sa.func.count()).select_from(CHILDREN).where(CHILDREN.c.parent_id == sa.bindparam("wanted"))
)


@pytest.fixture
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A PostgreSQL database with one flusher, so that what is written at once shares a transaction."""
    monkeypatch.setattr(batched_writes, "FLUSHERS", 1)
    database = await Database.open(DatabaseSettings(url=database_url))
    await database.write(TABLES.create_all)
    yield database
    await database.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is sent as one message: each statement, and for how many."""
    return listen(monkeypatch)


def rows(connection: Connection) -> tuple[dict[int, str], dict[int, int]]:
    parents, children = connection.execute(sa.select(PARENTS)).all(), connection.execute(sa.select(CHILDREN)).all()
    return {row.id: row.said for row in parents}, {row.id: row.parent_id for row in children}


async def test_all_that_is_put_off_is_one_way_for_all_that_put_off_alike(
    database: Database, sent: list[tuple[str, int]]
) -> None:
    def operation(number: int, connection: Connection) -> bool:
        _ADD.later(connection, id=number, said="a")
        _ADD_CHILD.later(connection, id=number, parent_id=number)
        return insert_surely_new(connection, PARENTS, {"id": number + 100, "said": "b"}, unique=["id"])

    found = await at_once(database, *(About(str(number), partial(operation, number)) for number in range(4)))
    assert found == [True] * 4
    assert [count for _, count in sent] == [4]
    parents, children = await database.read(rows)
    assert parents == dict.fromkeys(range(4), "a") | {number + 100: "b" for number in range(4)}
    assert children == {number: number for number in range(4)}


async def test_who_looks_at_the_table_sees_it_and_who_looks_elsewhere_does_not_wait_for_it(
    database: Database, sent: list[tuple[str, int]]
) -> None:
    def operation(connection: Connection) -> list[Any]:
        _ADD.later(connection, id=1, said="a")
        elsewhere = _HAS_CHILD.scalar(connection, wanted=1)
        seen = _SAID.scalar(connection, wanted=1)
        _ADD.later(connection, id=2, said="b")
        through_sqlalchemy = connection.execute(sa.select(PARENTS.c.said).order_by(PARENTS.c.id)).scalars().all()
        return [elsewhere, seen, list(through_sqlalchemy), is_beside()]

    assert await at_once(database, About("a", operation)) == [[0, "a", ["a", "b"], True]]
    assert len(sent) == 4, "a look elsewhere, the first row, a look at it, the second row"


async def test_a_change_of_a_row_that_is_put_off_is_not_lost(database: Database) -> None:
    def operation(connection: Connection) -> bool:
        _ADD.later(connection, id=1, said="a")
        _SAY.later(connection, wanted=1, told="b")
        return is_beside()

    assert await at_once(database, About("a", operation)) == [True]
    assert (await database.read(rows))[0] == {1: "b"}


async def test_a_row_may_refer_to_one_that_is_put_off(database: Database) -> None:
    def operation(connection: Connection) -> bool:
        _ADD.later(connection, id=1, said="a")
        _ADD_CHILD.change(connection, id=1, parent_id=1)
        return is_beside()

    assert await at_once(database, About("a", operation)) == [True]
    assert (await database.read(rows))[1] == {1: 1}


async def test_who_was_wrong_to_be_sure_runs_alone_and_is_told_so_and_its_neighbours_are_done(
    database: Database,
) -> None:
    def operation(number: int, connection: Connection) -> tuple[bool, bool]:
        return insert_surely_new(connection, PARENTS, {"id": number, "said": "x"}, unique=["id"]), is_beside()

    await database.write(partial(_ADD.change, id=2, said="there"))
    found = await at_once(database, *(About(str(number), partial(operation, number)) for number in (1, 2, 3)))
    assert found == [(True, True), (False, False), (True, True)]
    assert (await database.read(rows))[0] == {1: "x", 2: "there", 3: "x"}


async def test_a_lone_one_that_only_looks_before_its_end_is_one_statement_that_is_the_transaction(
    database: Database, sent: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain: list[str] = []
    execute = asyncpg.Connection.execute

    async def listening(self: Any, query: str, *values: Any, **options: Any) -> Any:
        plain.append(query)
        return await execute(self, query, *values, **options)

    def operation(connection: Connection) -> tuple[Any, bool]:
        found = _SAID.row(connection, wanted=1)
        _SAY.later(connection, wanted=2, told="b")
        return found, insert_surely_new(connection, PARENTS, {"id": 1, "said": "a"}, unique=["id"])

    await database.write(partial(_ADD.change, id=2, said="there"))
    await database.write(About("a", lambda _: None))
    sent.clear()
    monkeypatch.setattr(asyncpg.Connection, "execute", listening)
    assert await at_once(database, About("a", operation)) == [(None, True)]
    assert plain == []
    assert len(sent) == 2, "a look, and all there is to write"
    assert await at_once(database, About("a", operation)) == [(["a"], False)], "wrong to be sure: it ran again alone"
    assert (await database.read(rows))[0] == {1: "a", 2: "b"}


async def test_when_the_server_leaves_in_such_a_statement_nobody_knows_and_it_is_not_run_again(
    database: Database,
) -> None:
    runs: list[bool] = []

    def operation(connection: Connection) -> None:
        runs.append(is_beside())
        _ADD.later(connection, id=1, said="a")
        check_put_off("pg_terminate_backend(pg_backend_pid())", ())

    found = await at_once(database, About("a", operation))
    assert ([type(each) for each in found], runs) == ([DatabaseError], [True])
    assert (await database.read(rows))[0] == {}


_COUNTS = """
    CREATE FUNCTION put_off_count() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT count(*) FROM put_off_parents'
"""


@pytest.mark.parametrize("together", [1, 3])
async def test_a_check_sees_what_is_written_with_it_and_who_fails_it_runs_alone(
    database: Database, together: int
) -> None:
    await database.write(lambda connection: connection.execute(sa.text(_COUNTS)))

    def operation(number: int, connection: Connection) -> bool:
        assert insert_surely_new(connection, PARENTS, {"id": number, "said": "a"}, unique=["id"])
        if check_put_off("put_off_count() <= $1", (2,)):
            return True
        if connection.scalar(sa.text("SELECT put_off_count()")) > 2:
            raise KeyError(number)
        return False

    found: list[Any] = []
    for first in range(0, 3, together):
        found += await at_once(
            database, *(About(str(number), partial(operation, number)) for number in range(first, first + together))
        )
    assert [isinstance(each, KeyError) for each in found].count(True) == 1
    assert len((await database.read(rows))[0]) == 2


async def test_what_the_database_refuses_is_the_answer_of_who_put_it_off_alone(database: Database) -> None:
    def operation(number: int, connection: Connection) -> int:
        _ADD_CHILD.later(connection, id=number, parent_id=number)
        return number

    await database.write(partial(_ADD.change, id=1, said="a"))
    found = await at_once(database, About("a", partial(operation, 1)), About("b", partial(operation, 7)))
    assert found[0] == 1
    assert type(found[1]).__name__ == "RefusedByDatabaseError"
    assert (await database.read(rows))[1] == {1: 1}


@pytest.mark.parametrize("together", [1, 2])
async def test_what_is_refused_as_late_as_by_the_commit_is_the_answer_of_who_did_it_alone(
    database: Database, together: int
) -> None:
    def operation(number: int, connection: Connection) -> int:
        _ADD_LATE_CHILD.later(connection, id=number, parent_id=number)
        return number

    await database.write(partial(_ADD.change, id=1, said="a"))
    found = await at_once(database, *(About(str(number), partial(operation, number)) for number in (7, 1)[:together]))
    assert type(found[0]).__name__ == "RefusedByDatabaseError"
    assert found[1:] == [1] * (together - 1)
    there = await database.read(lambda connection: connection.scalars(sa.select(LATE_CHILDREN.c.id)).all())
    assert there == [1] * (together - 1)


async def test_what_one_had_put_off_that_raises_is_not_written(database: Database) -> None:
    def refusing(connection: Connection) -> None:
        _ADD.later(connection, id=7, said="a")
        raise KeyError("mine")

    found = await at_once(database, About("a", partial(_ADD.change, id=1, said="a")), About("b", refusing))
    assert [found[0], type(found[1])] == [1, KeyError]
    assert (await database.read(rows))[0] == {1: "a"}


def add_once(connection: Connection, own: int, _: int) -> None:
    if _SAID.row(connection, wanted=own) is None:
        _ADD.later(connection, id=own, said="added")


def add_child(connection: Connection, own: int, number: int) -> None:
    """Every other one is put off."""
    if _SAID.row(connection, wanted=own) is not None:
        (_ADD_CHILD.later if number % 2 else _ADD_CHILD.change)(connection, id=own * 10 + number, parent_id=own)


def look(connection: Connection, own: int, _: int) -> Any:
    return connection.execute(sa.select(PARENTS.c.said).where(PARENTS.c.id == own)).scalar()


_DOES: dict[str, Callable[[Connection, int, int], Any]] = {
    "add": add_once,
    "surely": lambda c, own, _: insert_surely_new(c, PARENTS, {"id": own, "said": "new"}, unique=["id"]),
    "say": lambda c, own, number: _SAY.later(c, wanted=own, told=f"step {number}"),
    "child": add_child,
    "said": lambda c, own, _: _SAID.scalar(c, wanted=own),
    "look": look,
}
_STEPS = st.lists(
    st.lists(st.tuples(st.sampled_from(sorted(_DOES)), st.integers(1, 3)), max_size=7), min_size=1, max_size=3
)
"""What each of some operations does, with which of its own rows."""


def doing(which: int, steps: list[tuple[str, int]], connection: Connection) -> list[Any]:
    return [_DOES[what](connection, which * 10 + row, number) for number, (what, row) in enumerate(steps)]


async def test_it_is_as_if_all_had_been_written_at_once(database: Database) -> None:
    loop = asyncio.get_running_loop()

    async def written(all_steps: list[list[tuple[str, int]]], *, beside: bool) -> tuple[list[Any], Any]:
        await database.write(lambda connection: [connection.execute(sa.delete(each)) for each in (CHILDREN, PARENTS)])
        asked = [partial(doing, which, steps) for which, steps in enumerate(all_steps)]
        if beside:
            found = await at_once(database, *(About(str(number), each) for number, each in enumerate(asked)))
        else:
            found = [await database.write(each) for each in asked]
        return found, await database.read(rows)

    @given(_STEPS)
    @settings(max_examples=60, deadline=None)
    def same(all_steps: list[list[tuple[str, int]]]) -> None:
        in_turn = asyncio.run_coroutine_threadsafe(written(all_steps, beside=False), loop).result()
        beside = asyncio.run_coroutine_threadsafe(written(all_steps, beside=True), loop).result()
        assert beside == in_turn

    await asyncio.to_thread(same)


def test_the_values_of_each_part_are_numbered_from_those_before_it(database_url: str) -> None:
    one = put_off.Write("INSERT INTO a VALUES ($1, $2, $1) RETURNING 1", ["x", "y"], "a", one_row=True)
    other = put_off.Write("UPDATE b SET c = $1 RETURNING 1", ["z"], "b", one_row=False)
    sql, values = put_off.together([one, other, one])
    assert values == ["x", "y", "z", "x", "y"]
    assert sql == (
        "WITH w0 AS (INSERT INTO a VALUES ($1, $2, $1) RETURNING 1), w1 AS (UPDATE b SET c = $3 RETURNING 1), "
        "w2 AS (INSERT INTO a VALUES ($4, $5, $4) RETURNING 1) "
        "SELECT (SELECT count(*) FROM w0) = 1 AND (SELECT count(*) FROM w2) = 1"
    )
    assert put_off.together([other])[0].endswith("SELECT true")


def test_a_whole_operation_is_one_statement_in_its_order_with_what_is_checked_at_its_end(database_url: str) -> None:
    one = put_off.Write("INSERT INTO a VALUES ($1) RETURNING 1", ["x"], "a", one_row=True)
    check = put_off.Check("told($1) < $2", [1, 2])
    merged = put_off.Merged("booked($1)", "part", lambda parts: [*parts, "put"], frozenset({"b"}))
    sql, values = put_off.whole([one, check, merged, one])
    assert values == ["x", ["part", "put"], "x", 1, 2]
    assert sql == (
        "WITH w0 AS (INSERT INTO a VALUES ($1) RETURNING 1), w2 AS (INSERT INTO a VALUES ($3) RETURNING 1) "
        "SELECT CASE WHEN (SELECT count(*) FROM w0) = 1 AND booked($2) IS NULL AND (SELECT count(*) FROM w2) = 1 "
        "AND (told($4) < $5) THEN true ELSE refuse_unwritten() END"
    )
    assert put_off.steps([one, check, merged, one]) == [[one], [merged], [one], [check]]
