"""A PostgreSQL database for a measurement, where a server answers; gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import uuid
from collections.abc import Iterator

import asyncpg
import sqlalchemy as sa

SERVER = sa.make_url(os.environ.get("GATEWAY_TEST_POSTGRESQL", f"postgresql://{getpass.getuser()}@127.0.0.1:5432/test"))


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Make an empty database; gives its address."""
    name = f"gateway_bench_{uuid.uuid4().hex[:12]}"
    asyncio.run(_administer(f"CREATE DATABASE {name}"))
    try:
        yield SERVER.set(database=name).render_as_string(hide_password=False)
    finally:
        asyncio.run(_administer(f"DROP DATABASE {name} WITH (FORCE)"))


def postgresql_answers() -> bool:
    """Say whether there is a server to measure on."""
    try:
        asyncio.run(_administer("SELECT 1"))
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    return True


async def _administer(statement: str) -> None:
    connection = await asyncpg.connect(SERVER.render_as_string(hide_password=False), timeout=5)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
