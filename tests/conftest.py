"""Fixtures for every test: a migrated database of each kind that is there.

SQLite always runs. PostgreSQL runs when ``GATEWAY_TEST_POSTGRESQL`` (default ``postgresql://127.0.0.1:5432/test``)
answers; with ``GATEWAY_TEST_REQUIRE_POSTGRESQL=1`` its absence is a failure instead of a loud skip.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

from config import migrate
from config.database import Database
from config.settings import DatabaseSettings

POSTGRESQL = sa.make_url(
    os.environ.get("GATEWAY_TEST_POSTGRESQL", f"postgresql://{getpass.getuser()}@127.0.0.1:5432/test")
)

# A busy machine is slow, and that is no fault of what is tested. In CI (hypothesis looks for it) examples are the same
# in every run; elsewhere they differ, so that new ones are tried.
settings.register_profile("patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


async def _administer(*statements: str) -> None:
    connection = await asyncpg.connect(POSTGRESQL.render_as_string(hide_password=False), timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


_ended: list[str] = []
"""Databases of tests that are over: each is dropped over the connection that makes the next one, which saves a process
of the server's for every test."""


def _make(name: str, *, template: str = "template1") -> None:
    """Make a database of a test's own, and drop those of the tests before."""
    dropped = [f"DROP DATABASE IF EXISTS {each} WITH (FORCE)" for each in _ended]
    _ended.clear()
    asyncio.run(_administer(*dropped, f"CREATE DATABASE {name} TEMPLATE {template}"))


async def _migrated(url: str) -> None:
    database = await Database.open(DatabaseSettings(url=url))
    await migrate.upgrade(database)
    await database.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated SQLite file, copied for each test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    asyncio.run(_migrated(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgresql_template() -> Iterator[str]:
    """One migrated PostgreSQL database, the template of each test's own; skips loudly when no server answers."""
    name = f"gateway_template_{uuid.uuid4().hex[:12]}"
    try:
        asyncio.run(_administer(f"CREATE DATABASE {name}"))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        if os.environ.get("GATEWAY_TEST_REQUIRE_POSTGRESQL"):
            raise
        pytest.skip(f"NO POSTGRESQL at {POSTGRESQL.host}:{POSTGRESQL.port}: {error!r}")
    asyncio.run(_migrated(POSTGRESQL.set(database=name).render_as_string(hide_password=False)))
    yield name
    asyncio.run(_administer(*(f"DROP DATABASE IF EXISTS {each} WITH (FORCE)" for each in (*_ended, name))))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database of this test's own, once per kind of database."""
    if request.param == "sqlite":
        path = tmp_path / "gateway.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("postgresql_template")
    name = f"gateway_test_{uuid.uuid4().hex[:12]}"
    _make(name, template=template)
    yield POSTGRESQL.set(database=name).render_as_string(hide_password=False)
    _ended.append(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of this test's own without a schema, once per kind of database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    request.getfixturevalue("postgresql_template")  # skips when no server answers
    name = f"gateway_test_{uuid.uuid4().hex[:12]}"
    _make(name)
    yield POSTGRESQL.set(database=name).render_as_string(hide_password=False)
    _ended.append(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open, empty, migrated database, once per kind."""
    database = await Database.open(DatabaseSettings(url=database_url))
    yield database
    await database.close()
