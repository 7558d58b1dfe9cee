"""How the schema is brought up: by several processes at once, after an interruption, and when it is newer already."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config import migrate
from config.database import Database
from config.database_errors import DatabaseBusyError
from config.errors import ConfigurationError
from config.migration_run import change
from config.settings import DatabaseSettings

OLD = "0014"
NEWER = "9999"
ON_POSTGRESQL = pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(DatabaseSettings(url=empty_database_url))
    yield database
    await database.close()


@pytest.fixture
async def old(empty: Database) -> Database:
    await empty.write(partial(change, folder=migrate.FOLDER, revision=OLD))
    return empty


def execute(*statements: str) -> Callable[[Connection], None]:
    """Make an operation of statements."""

    def operation(connection: Connection) -> None:
        for statement in statements:
            connection.execute(sa.text(statement))

    return operation


def indexes(connection: Connection) -> list[tuple[str, bool]]:
    """List the indexes of lots by their entry and whether PostgreSQL uses them."""
    of = "pg_index JOIN pg_class ON oid = indexrelid WHERE relname LIKE 'ix_lots_entry%'"
    return [(name, valid) for name, valid in connection.execute(sa.text(f"SELECT relname, indisvalid FROM {of}"))]


@pytest.mark.parametrize("kind", ["empty", "old"])
async def test_several_processes_bring_one_schema_up(kind: str, empty: Database) -> None:
    if kind == "old":
        await empty.write(partial(change, folder=migrate.FOLDER, revision=OLD))
    others = [await Database.open(DatabaseSettings(url=empty.url)) for _ in range(2)]
    reached = await asyncio.gather(*(migrate.upgrade(database) for database in (empty, *others)))
    assert {*reached, await migrate.current_revision(empty)} == {migrate.head_revision()}
    for other in others:
        await other.close()


@ON_POSTGRESQL
async def test_an_index_that_was_interrupted_is_built_anew(old: Database) -> None:
    await old.write(
        execute(
            "CREATE INDEX ix_lots_entry_key ON lots (entry_key)",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_lots_entry_key'::regclass",
        )
    )
    assert await old.read(indexes) == [("ix_lots_entry_key", False)]
    await migrate.upgrade(old)
    assert await old.read(indexes) == [("ix_lots_entry_key", True)]


@ON_POSTGRESQL
async def test_a_lock_that_is_never_had_ends_the_migration_and_loses_nothing(
    old: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_TRIES", 2)
    holder = await asyncpg.connect(old.url)
    async with holder.transaction():
        await holder.execute("SELECT count(*) FROM partner_accounts")
        with pytest.raises(DatabaseBusyError, match="0019"):
            await migrate.upgrade(old)
        assert await migrate.current_revision(old) == "0018"
    assert await migrate.upgrade(old) == migrate.head_revision()
    await holder.close()


def newer(oldest: str) -> Callable[[Connection], None]:
    """Do to a schema what a later version's migrations would: it still serves versions from ``oldest`` on."""
    return execute(
        f"UPDATE alembic_version SET version_num = '{NEWER}'", f"UPDATE schema_compatibility SET oldest = '{oldest}'"
    )


@pytest.mark.parametrize("upgrade", [True, False])
async def test_a_newer_schema_is_used_as_long_as_it_says_so(database: Database, upgrade: bool) -> None:
    await database.write(newer(migrate.head_revision()))
    await migrate.bring_up_to_date(database, upgrade=upgrade)
    assert await migrate.upgrade(database) == NEWER
    await database.write(newer(NEWER))
    with pytest.raises(ConfigurationError, match=f"at revision {NEWER}.*no further than {migrate.head_revision()}"):
        await migrate.bring_up_to_date(database, upgrade=upgrade)
    with pytest.raises(ConfigurationError, match="cannot use it any more"):
        await migrate.upgrade(database)


@pytest.mark.parametrize(
    ("revision", "oldest", "serves"),
    [(None, None, False), (OLD, None, False), ("head", None, True), (NEWER, "head", True), (NEWER, OLD, True),
     (NEWER, NEWER, False), (NEWER, None, False)],
)  # fmt: skip
def test_which_schemas_serve(revision: str | None, oldest: str | None, serves: bool) -> None:
    def named(which: Any) -> Any:
        return migrate.head_revision() if which == "head" else which

    assert migrate.Schema(named(revision), named(oldest)).serves is serves
