"""Two entries cannot wait for each other: PostgreSQL locks their accounts in the order of the codes.

Another transaction stops an entry at each of its accounts in turn. What comes before that one must be locked by then,
and what comes after it must be free: whoever holds an account waits for later ones only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import pytest

from config.database import Database
from settlement import ledger
from settlement.accounts import Account, bearer_expense, partner_payable, programme_suspense
from settlement.journal import JournalEntry, Posting
from tests.integration.ledger.helpers import AT

ACCOUNTS = (bearer_expense("maker", "CNY"), partner_payable("aurora-lounge", "CNY"), programme_suspense("CNY"))
"""In the order of their codes."""
AMOUNTS = (500, -700, 200)
PATIENCE_SECONDS = 10.0
TAKE = """
    INSERT INTO accounts (code, commodity, kind, may_go_negative, balance) VALUES ($1, $2, $3, true, 0)
    ON CONFLICT (code, commodity) DO UPDATE SET balance = accounts.balance
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def entry(name: str, order: tuple[int, ...]) -> JournalEntry:
    """Move something of every account, named in some order."""
    legs = tuple(Posting(ACCOUNTS[place], AMOUNTS[place]) for place in order)
    return JournalEntry(key=name, kind="correction", reference=name, postings=legs, effective_at=AT)


@asynccontextmanager
async def holding(connection: asyncpg.Connection, account: Account) -> AsyncIterator[None]:
    """Hold an account, or the right to make it, and leave it as it was."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(TAKE, account.code, account.commodity, account.kind.value)
        yield
    finally:
        await transaction.rollback()


async def is_taken(connection: asyncpg.Connection, account: Account) -> bool:
    """Say whether somebody holds an account."""
    try:
        async with holding(connection, account):
            return False
    except asyncpg.LockNotAvailableError:
        return True


async def until_one_waits(connection: asyncpg.Connection) -> None:
    """Wait until a transaction waits for a lock."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            if await connection.fetchval(WAITING):
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=["as coded", "reversed"])
@pytest.mark.parametrize("place", range(len(ACCOUNTS)))
@pytest.mark.parametrize("there", [True, False], ids=["accounts that are there", "accounts that are made"])
async def test_an_entry_holds_what_comes_before_the_account_it_waits_for_and_nothing_after_it(
    database: Database, database_url: str, order: tuple[int, ...], place: int, there: bool
) -> None:
    post = partial(ledger.post, at=AT)
    if there:
        await database.write(partial(post, entry=entry("first", order)))
    other, probe = [await asyncpg.connect(database_url) for _ in range(2)]
    await probe.execute("SET lock_timeout = '100ms'")
    try:
        async with holding(other, ACCOUNTS[place]):
            writing = asyncio.create_task(database.write(partial(post, entry=entry("second", order))))
            await until_one_waits(probe)
            taken = [await is_taken(probe, account) for account in ACCOUNTS]
        written = await writing
        assert (taken, written) == ([number <= place for number in range(len(ACCOUNTS))], True)
    finally:
        await asyncio.gather(other.close(), probe.close())
