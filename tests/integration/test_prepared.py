"""Prepared statements mean what SQLAlchemy's own execution means, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database, RefusedByDatabaseError
from config.errors import DatabaseError
from config.prepared import Prepared, among, inserting
from config.types import Instant, JsonDocument

THINGS = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("id", sa.String(20), primary_key=True),
    sa.Column("amount", sa.BigInteger, sa.CheckConstraint("amount >= 0"), nullable=False),
    sa.Column("at", Instant),
    sa.Column("on", sa.Date),
    sa.Column("facts", JsonDocument),
    sa.Column("open", sa.Boolean),
)
ADD = Prepared(inserting(THINGS))
SHANGHAI = datetime(2026, 11, 22, 7, 59, 59, 123456, tzinfo=timezone(timedelta(hours=8)))
ROW: dict[str, Any] = {
    "id": "a", "amount": 2**40, "at": SHANGHAI, "on": date(2026, 11, 22), "facts": {"kind": "金"}, "open": True,
}  # fmt: skip
BY_ID = THINGS.c.id == sa.bindparam("wanted")


@pytest.fixture
async def stored(database: Database) -> Database:
    """A database with one row."""
    await database.write(THINGS.create)
    assert await database.write(lambda connection: ADD.change(connection, **ROW)) == 1
    return database


async def test_values_come_back_as_they_went_in(stored: Database) -> None:
    def both(connection: Connection) -> tuple[Any, Any]:
        (ours,) = Prepared(sa.select(THINGS)).named(connection)
        return ours, dict(connection.execute(sa.select(THINGS)).mappings().one())

    for read in (stored.read, stored.write):
        ours, theirs = await read(both)
        assert ours == theirs == ROW
        assert ours["at"].tzinfo is UTC
        assert ours["open"] is True


async def test_nothing_stays_nothing(stored: Database) -> None:
    empty = dict.fromkeys(ROW) | {"id": "b", "amount": 0}
    await stored.write(lambda connection: ADD.change(connection, **empty))
    read = Prepared(sa.select(THINGS).where(BY_ID))
    assert await stored.read(lambda connection: read.row(connection, wanted="b")) == list(empty.values())
    assert await stored.read(lambda connection: read.row(connection, wanted="c")) is None
    assert await stored.read(lambda connection: read.scalar(connection, wanted="c")) is None


async def test_constants_lists_and_values_of_the_update_are_told_apart(stored: Database) -> None:
    change = Prepared(
        sa.update(THINGS)
        .where(BY_ID, among(THINGS.c.amount, [1, 2**40]), THINGS.c.open.is_(True))
        .values(amount=sa.bindparam("amount"), facts={"n": 1})
        .returning(THINGS.c.id, THINGS.c.facts)
    )
    assert await stored.write(lambda connection: change.rows(connection, wanted="a", amount=7)) == [["a", {"n": 1}]]
    assert await stored.write(lambda connection: change.rows(connection, wanted="a", amount=8)) == []


async def test_it_says_how_many_rows_it_wrote(stored: Database) -> None:
    gone = Prepared(sa.delete(THINGS).where(BY_ID))
    assert await stored.write(lambda connection: gone.change(connection, wanted="x")) == 0
    assert await stored.write(lambda connection: gone.change(connection, wanted="a")) == 1


async def test_one_statement_for_each_database(stored: Database) -> None:
    asked: list[str] = []

    def made(dialect: str) -> sa.Executable:
        asked.append(dialect)
        return sa.select(sa.literal(dialect))

    statement = Prepared(made)
    for _ in range(2):
        assert await stored.read(statement.scalar) == stored.dialect
    assert asked == [stored.dialect]


async def test_refusals_are_the_databases_and_show_no_value(stored: Database) -> None:
    with pytest.raises(RefusedByDatabaseError) as caught:
        await stored.write(lambda connection: ADD.change(connection, **{**ROW, "facts": {"n": "canary"}}))
    assert "canary" not in str(caught.value)
    with pytest.raises(RefusedByDatabaseError):
        await stored.write(lambda connection: ADD.change(connection, **{**ROW, "id": "b", "amount": -1}))
    with pytest.raises(DatabaseError):
        await stored.read(lambda connection: ADD.change(connection, **{**ROW, "id": "c"}))
    count = Prepared(sa.select(sa.func.count()).select_from(THINGS))
    assert await stored.read(count.scalar) == 1


async def test_a_column_with_a_default_of_pythons_is_refused(stored: Database) -> None:
    table = sa.Table("x", sa.MetaData(), sa.Column("id", sa.Text), sa.Column("n", sa.Integer, default=1))
    with pytest.raises(AssertionError, match="default"):
        await stored.read(lambda connection: Prepared(inserting(table, "id")).change(connection, id="a"))
