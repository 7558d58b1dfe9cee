"""The database seam means the same on both databases."""

from __future__ import annotations

import asyncio
import sqlite3
import traceback
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import StatementError
from sqlalchemy.util import await_only

from config import migrate
from config.database import Database, RefusedByDatabaseError, database_now, insert_new
from config.engines import _configure_sqlite
from config.errors import ConfigurationError, DatabaseError
from config.migration_run import configuration
from config.settings import DatabaseSettings
from config.types import Instant, JsonDocument

SQLITE: Dialect = sa.create_engine("sqlite://").dialect
PROBE = sa.Table(
    "probe",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("amount", sa.BigInteger, sa.CheckConstraint("amount >= 0"), nullable=False, default=0),
    sa.Column("at", Instant),
    sa.Column("facts", JsonDocument),
    sa.Column("parent", sa.Text, sa.ForeignKey("probe.id", deferrable=True, initially="DEFERRED")),
)


@pytest.fixture
async def probed(database: Database) -> Database:
    """The database with one more table to play with."""
    await database.write(PROBE.create)
    return database


def _add(identifier: str, **row: Any) -> Any:
    return lambda connection: connection.execute(PROBE.insert().values(id=identifier, **row)).rowcount


def _ids(connection: Connection) -> list[str]:
    return list(connection.execute(sa.select(PROBE.c.id).order_by(PROBE.c.id)).scalars())


async def test_migrations_reach_the_head(database: Database) -> None:
    assert await migrate.current_revision(database) == migrate.head_revision()


def test_the_head_is_the_one_that_the_files_lead_to() -> None:
    assert ScriptDirectory.from_config(configuration(migrate.FOLDER)).get_heads() == [migrate.head_revision()]


async def test_an_empty_database_is_brought_up(tmp_path: Path) -> None:
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path}/below/new.db"))
    assert await migrate.current_revision(database) is None
    assert await migrate.upgrade(database) == migrate.head_revision()
    assert await migrate.upgrade(database) == await migrate.current_revision(database)
    await database.close()


async def test_database_clock_is_aware_and_near_ours(database: Database) -> None:
    now = await database.read(database_now)
    assert abs((now - datetime.now(UTC)).total_seconds()) < 60


async def test_what_write_returns_is_there_for_others(probed: Database) -> None:
    assert await probed.write(_add("a")) == 1
    other = await Database.open(DatabaseSettings(url=probed.url))
    assert await other.read(_ids) == ["a"]
    await other.close()


@pytest.mark.parametrize("error", [KeyError("mine"), asyncio.CancelledError()])
async def test_an_operation_that_raises_leaves_nothing(probed: Database, error: BaseException) -> None:
    def operation(connection: Connection) -> None:
        _add("a")(connection)
        raise error

    with pytest.raises(type(error)):
        await probed.write(operation)
    assert await probed.read(_ids) == []
    await probed.write(_add("b"))
    assert await probed.read(_ids) == ["b"]


@pytest.mark.parametrize(
    "row",
    [{"id": "a"}, {"id": "b", "amount": -1}, {"id": "b", "amount": None}, {"id": "b", "parent": "absent"}],
    ids=["unique", "check", "not_null", "deferred_foreign_key"],
)
async def test_a_constraint_refuses_and_the_transaction_goes_whole(probed: Database, row: dict[str, Any]) -> None:
    await probed.write(_add("a"))

    def operation(connection: Connection) -> None:
        _add("x")(connection)
        connection.execute(PROBE.insert().values(**row))

    with pytest.raises(RefusedByDatabaseError) as caught:
        await probed.write(operation)
    assert caught.value.code == "database_refused"
    assert await probed.read(_ids) == ["a"]


async def test_a_trigger_that_speaks_is_a_refusal(probed: Database) -> None:
    def guard(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(
                "CREATE TRIGGER guard BEFORE DELETE ON probe BEGIN SELECT RAISE(ABORT, 'kept for ever'); END"
            )
            return
        connection.exec_driver_sql(
            "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'kept for ever'; END $$"
        )
        connection.exec_driver_sql("CREATE TRIGGER guard BEFORE DELETE ON probe FOR EACH ROW EXECUTE FUNCTION guard()")

    await probed.write(guard)
    await probed.write(_add("a"))
    with pytest.raises(RefusedByDatabaseError, match="kept for ever"):
        await probed.write(lambda connection: connection.execute(PROBE.delete()))
    assert await probed.read(_ids) == ["a"]


async def test_nonsense_is_an_error_of_the_database(probed: Database) -> None:
    with pytest.raises(DatabaseError) as caught:
        await probed.read(lambda connection: connection.exec_driver_sql("SELECT nothing FROM nowhere"))
    assert not isinstance(caught.value, RefusedByDatabaseError)


@pytest.mark.parametrize(
    "row",
    [
        {"id": "canary-4711"},
        {"id": "x", "amount": -4711},
        {"id": "x", "parent": "canary-absent"},
        {"id": "x", "amount": "canary"},
    ],
    ids=["unique", "check", "foreign_key", "type"],
)
async def test_an_error_shows_the_statement_and_no_value(probed: Database, row: dict[str, Any]) -> None:
    if row.get("amount") == "canary" and probed.dialect == "sqlite":
        row = {"id": "x", "amount": None}  # SQLite takes any value in any column
    await probed.write(_add("canary-4711", amount=1))
    with pytest.raises(DatabaseError) as caught:
        await probed.write(
            lambda connection: connection.execute(PROBE.insert().values(**{"facts": {"n": 4711}, **row}))
        )
    shown = "".join(traceback.format_exception(caught.value))
    assert "4711" not in shown
    assert "canary" not in shown
    assert "<class" not in str(caught.value)
    assert ("\nStatement: INSERT INTO probe" in shown) == ("parent" not in row)  # that one is found by the commit


async def test_a_reading_operation_cannot_write(probed: Database) -> None:
    with pytest.raises(DatabaseError):
        await probed.read(_add("a"))
    assert await probed.read(_ids) == []


async def test_a_read_sees_one_moment(probed: Database) -> None:
    loop = asyncio.get_running_loop()

    def look_twice(connection: Connection) -> tuple[list[str], list[str]]:
        first = _ids(connection)
        if probed.dialect == "sqlite":
            _add_from_outside(probed, "a")
        else:
            await_only(loop.create_task(probed.write(_add("a"))))
        return first, _ids(connection)

    before, after = await probed.read(look_twice)
    assert before == after == []
    assert await probed.read(_ids) == ["a"]


def _add_from_outside(database: Database, identifier: str) -> None:
    with closing(sqlite3.connect(str(sa.make_url(database.url).database))) as other, other:
        other.execute("INSERT INTO probe (id, amount) VALUES (?, 1)", [identifier])


async def test_concurrent_writers_lose_nothing(probed: Database) -> None:
    await probed.write(_add("counter", amount=0))
    other = await Database.open(DatabaseSettings(url=probed.url))

    def increase(connection: Connection) -> None:
        row = connection.execute(
            sa.select(PROBE.c.amount).where(PROBE.c.id == "counter").with_for_update()
        ).scalar_one()
        connection.execute(PROBE.update().where(PROBE.c.id == "counter").values(amount=row + 1))

    await asyncio.gather(*(each.write(increase) for each in (probed, other) for _ in range(20)))
    await other.close()
    assert await probed.read(lambda connection: connection.execute(sa.select(PROBE.c.amount)).scalar_one()) == 40


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_deadlock_is_run_again(probed: Database) -> None:
    await probed.write(_add("a"))
    await probed.write(_add("b"))
    runs: list[str] = []
    both_hold_one = asyncio.Barrier(2)

    def move(first: str, second: str) -> Any:
        def operation(connection: Connection) -> None:
            runs.append(first)
            _increase(connection, first)
            if len(runs) <= 2:
                await_only(both_hold_one.wait())
            _increase(connection, second)

        return operation

    other = await Database.open(DatabaseSettings(url=probed.url))
    await asyncio.gather(probed.write(move("a", "b")), other.write(move("b", "a")))
    await other.close()
    amounts = await probed.read(lambda connection: list(connection.execute(sa.select(PROBE.c.amount)).scalars()))
    assert amounts == [2, 2]
    assert len(runs) == 3


def _increase(connection: Connection, identifier: str) -> None:
    connection.execute(PROBE.update().where(PROBE.c.id == identifier).values(amount=PROBE.c.amount + 1))


async def test_insert_new_says_whether_it_was(probed: Database) -> None:
    def twice(connection: Connection) -> list[bool]:
        return [insert_new(connection, PROBE, {"id": "a", "amount": n}, unique=["id"]) for n in (1, 2)]

    assert await probed.write(twice) == [True, False]
    assert await probed.read(lambda connection: connection.execute(sa.select(PROBE.c.amount)).scalar_one()) == 1


async def test_instants_and_documents_come_back_as_they_went_in(probed: Database) -> None:
    shanghai = datetime(2026, 11, 22, 7, 59, 59, 123456, tzinfo=timezone(timedelta(hours=8)))
    await probed.write(_add("a", at=shanghai, facts={"kind": "金", "n": [1, None]}))
    await probed.write(_add("b", at=shanghai + timedelta(microseconds=1)))
    rows = await probed.read(
        lambda connection: connection.execute(sa.select(PROBE.c.at, PROBE.c.facts).order_by(PROBE.c.at)).all()
    )
    assert rows[0] == (shanghai, {"kind": "金", "n": [1, None]})
    assert rows[0][0].tzinfo is UTC
    assert rows[1] == (shanghai + timedelta(microseconds=1), None)


async def test_a_naive_instant_is_refused(probed: Database) -> None:
    with pytest.raises(StatementError, match="aware"):
        await probed.write(_add("a", at=datetime(2026, 11, 22)))  # noqa: DTZ001


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=2))
def test_instants_as_text_sort_like_instants(pair: list[datetime]) -> None:
    texts = [Instant().process_bind_param(each, SQLITE) for each in pair]
    assert (texts[0] < texts[1]) == (pair[0] < pair[1])
    assert [Instant().process_result_value(text, SQLITE) for text in texts] == pair


@pytest.mark.parametrize(
    "url", ["mysql://127.0.0.1/x", "sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"]
)
async def test_addresses_that_are_not_served(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"database\.url"):
        await Database.open(DatabaseSettings(url=url))


@pytest.mark.parametrize("weaker", ["journal_mode=DELETE", "synchronous=NORMAL"])
async def test_sqlite_that_is_not_durable_is_refused(
    weaker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def configure(raw: Any, record: Any) -> None:
        _configure_sqlite(raw, record)
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA {weaker}")
        cursor.close()

    monkeypatch.setattr("config.engines._configure_sqlite", configure)
    with pytest.raises(ConfigurationError, match="FULL is needed"):
        await Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path}/a.db"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_postgresql_that_does_not_wait_for_the_disk_is_refused(database: Database) -> None:
    name = sa.make_url(database.url).database
    await database.write(
        lambda connection: connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    )
    with pytest.raises(ConfigurationError, match="synchronous_commit=off"):
        await Database.open(DatabaseSettings(url=database.url))


async def test_every_sqlite_connection_is_durable_and_checks_keys(tmp_path: Path) -> None:
    database = await Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path}/a.db"))

    def pragmas(connection: Connection) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names]

    for _ in range(2):
        assert await database.write(pragmas) == ["wal", 2, 1, 1]
        assert await database.read(pragmas) == ["wal", 2, 1, 1]
    await database.close()


async def test_callers_that_are_cancelled_while_it_is_closed_leave_nothing_waiting(database_url: str) -> None:
    async def keep_on_reading(database: Database) -> None:
        while True:
            await database.read(lambda connection: connection.scalar(sa.select(1)))

    for pause in range(40):
        database = await Database.open(DatabaseSettings(url=database_url))
        caller = asyncio.create_task(keep_on_reading(database))
        await asyncio.sleep(0.01 + pause / 8000)
        caller.cancel()
        async with asyncio.timeout(10):
            await database.close()
            await asyncio.gather(caller, return_exceptions=True)
        assert caller.cancelled()


async def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(DatabaseError):
        await Database.open(DatabaseSettings(url="postgresql://nobody@127.0.0.1:1/none"))
