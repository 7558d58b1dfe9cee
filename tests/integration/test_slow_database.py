"""OP-07: PostgreSQL is slow, or all its connections are taken: whoever comes is told so soon, and nothing locks up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database
from config.database_errors import DatabaseBusyError
from config.settings import DatabaseSettings
from settlement import ledger
from settlement.accounts import POINTS
from settlement.audit import audit
from settlement.ledger import Held
from tests.integration.test_batched_writes import AT, give_points

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

CONNECTIONS = 3


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with few connections and little patience."""
    settings = DatabaseSettings(url=database_url, pool_size=CONNECTIONS, patience_seconds=0.3)
    database = await Database.open(settings)
    yield database
    await database.close()


def slow(connection: Connection) -> int:
    connection.execute(sa.text("SELECT pg_sleep(3)"))
    return 1


def quick(connection: Connection) -> int:
    return int(connection.execute(sa.text("SELECT 1")).scalar_one())


async def test_op_07_who_finds_every_connection_taken_is_told_while_they_are(database: Database) -> None:
    reading = [asyncio.create_task(database.read(slow)) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.2)
    for asked in (database.read(quick), database.write(quick)):
        with pytest.raises(DatabaseBusyError, match="connection"):
            await asked
    assert not any(task.done() for task in reading)
    assert await asyncio.gather(*reading) == [1] * CONNECTIONS
    assert (await database.read(quick), await database.write(quick)) == (1, 1)


async def test_op_07_a_row_that_another_holds_is_waited_for_a_while_only(database: Database, database_url: str) -> None:
    for member in ("mbr_held", "mbr_free"):
        await database.write(partial(give_points, member))
    other = await asyncpg.connect(database_url)
    locking = other.transaction()
    await locking.start()
    await other.execute("SELECT 1 FROM accounts WHERE code = 'member/mbr_held/available' FOR UPDATE")
    with pytest.raises(DatabaseBusyError, match="holds"):
        await database.write(partial(_hold, "mbr_held"))
    assert await database.write(partial(_hold, "mbr_free")), "others go on while the row is held"
    await locking.rollback()
    await other.close()
    assert await database.write(partial(_hold, "mbr_held")), "nothing of the refused one was kept"
    assert (await database.read(audit)).findings == ()


def _hold(member: str, connection: Connection) -> Held | None:
    return ledger.hold(
        connection, key=f"{member}:hold", member_id=member, commodity=POINTS, quantity=10, at=AT, reference="slow"
    )
