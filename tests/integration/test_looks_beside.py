"""What is looked at without a lock beside others, and what is foreseen: never wrong in what is written of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config import batched_writes, shared_connection
from config.database import Database
from config.hot_statements import on_postgresql
from config.prepared import Prepared
from config.settings import DatabaseSettings
from config.side_by_side import About, is_beside
from settlement import ledger
from settlement.accounts import POINTS, Account, AccountKind, counter_account, partner_payable
from settlement.audit import audit
from settlement.errors import AccountFrozenError, InsufficientFundsError, LedgerStateError
from settlement.journal import Posting
from settlement.tables import accounts, frozen_accounts
from tests.support.beside import AT, at_once, capturing, give, holding, listen, until_one_waits

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

_FROZEN = Prepared(sa.select(frozen_accounts.c.id))
_BALANCES = Prepared(sa.select(accounts.c.balance).order_by(accounts.c.code))


@pytest.fixture
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A PostgreSQL database with one flusher, so that what is written at once shares a transaction."""
    monkeypatch.setattr(batched_writes, "FLUSHERS", 1)
    database = await Database.open(DatabaseSettings(url=database_url))
    yield database
    await database.close()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What is sent as one message: each statement, and for how many."""
    return listen(monkeypatch)


@pytest.mark.parametrize("together", [1, 2])
async def test_what_another_process_takes_between_the_look_and_the_write_is_not_taken_twice(
    database: Database, together: int
) -> None:
    await give(database, "m1", "m2")
    other = await Database.open(DatabaseSettings(url=database.url))
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(member: str, connection: Connection) -> Any:
        held = holding(member, f"slow:{member}", 100)(connection)
        loop.call_soon(looked.set)
        if is_beside():
            on_postgresql(connection, "SELECT pg_sleep(0.3)")
        return held

    members = ["m1", "m2"][:together]
    waiting = asyncio.create_task(at_once(database, *(About(each, partial(slowly, each)) for each in members)))
    await looked.wait()
    await other.write(holding("m1", "quick", 550))
    found = await waiting
    assert isinstance(found[0], InsufficientFundsError)
    assert [each.quantity for each in found[1:]] == [100] * (together - 1)
    assert (await database.read(audit)).clean
    await other.close()


def foreseen(steps: list[tuple[str, int]], connection: Connection, *, looks: bool = False) -> list[Any]:
    """Foresee the last of some holds, look at something else, then place all of them, with a look at all in between."""
    ledger.foresee_hold(key=steps[-1][0], member_id="m1", commodity=POINTS, at=AT)
    _FROZEN.rows(connection)
    placed: list[Any] = []
    for key, quantity in steps:
        placed.append(holding("m1", key, quantity)(connection))
        if looks:
            _BALANCES.rows(connection)
    return placed


async def test_what_a_lone_one_foresees_is_sent_along_with_what_it_asks_for_before(
    database: Database, sent: list[tuple[str, int]]
) -> None:
    await give(database, "m1")
    sent.clear()
    (found,) = await at_once(database, About("m1", partial(foreseen, [("a", 600)])))
    assert [each.quantity for each in found] == [600]
    assert len(sent) == 2, "a look for both, and the write"
    assert (await database.read(audit)).clean


@pytest.mark.parametrize("looks", [False, True])
async def test_what_was_foreseen_is_looked_at_anew_after_a_write(
    database: Database, sent: list[tuple[str, int]], looks: bool
) -> None:
    await give(database, "m1")
    sent.clear()
    steps = [("a", 500), ("b", 100)]
    (found,) = await at_once(database, About("m1", partial(foreseen, steps, looks=looks)))
    assert [each.parts[0].quantity for each in found] == [500, 100]
    looked = [sql for sql, _ in sent if "ledger_look_at_wallets" in sql]
    assert [sql.count("array_agg") > 0 for sql in looked] == [True, False, False]
    assert (await database.read(audit)).clean


async def test_several_at_once_do_without_what_they_foresee(database: Database, sent: list[tuple[str, int]]) -> None:
    await give(database, "m1", "m2")
    sent.clear()
    found = await at_once(database, About("m1", partial(foreseen, [("a", 100)])), holding("m2", "b", 100))
    assert found[0][0].quantity == found[1].quantity == 100
    assert [count for sql, count in sent if "ledger_look_at_wallets" in sql] == [2]


async def test_processes_that_look_without_a_lock_never_spend_or_end_twice(database: Database) -> None:
    await give(database, "m1", "m2")
    others = [await Database.open(DatabaseSettings(url=database.url)) for _ in range(3)]
    processes = (database, *others)
    wanted = [
        (each, f"h:{member}:{number}", member) for number in range(4) for each in processes for member in ("m1", "m2")
    ]
    placed = await asyncio.gather(
        *(each.write(holding(member, f"{key}:{id(each)}")) for each, key, member in wanted), return_exceptions=True
    )
    held = [each for each in placed if isinstance(each, ledger.Held)]
    assert len(held) == 12
    assert {type(each) for each in placed} == {ledger.Held, InsufficientFundsError}

    def ending(of: ledger.Held, number: int) -> About[bool]:
        if number % 2:
            return About(of.member_id, partial(ledger.void, hold_key=of.key, key=f"{of.key}:void", at=AT))
        return capturing(of.member_id, of.key)

    ends = [(each, ending(of, number)) for of in held for number, each in enumerate(processes)]
    ended = await asyncio.gather(*(each.write(end) for each, end in ends), return_exceptions=True)
    assert [each for each in ended if each is True] == [True] * 12
    assert {type(each) for each in ended} == {bool, LedgerStateError}
    for other in others:
        await other.close()
    assert (await database.read(audit)).clean


_BEARER, _PAYABLE = (
    Account("bearer/maker/expense", "CNY", AccountKind.BEARER, may_go_negative=True),
    partner_payable("p", "CNY"),
)


def ending(member: str, *, granted: bool) -> About[bool]:
    """Capture a member's hold, with money that is owed for it, or void it."""
    hold, end = f"h:{member}", f"h:{member}:end"
    if not granted:
        return About(member, partial(ledger.void, hold_key=hold, key=end, at=AT))
    also = (Posting(_BEARER, 7), Posting(_PAYABLE, -7))
    return About(member, partial(ledger.capture, hold_key=hold, key=end, at=AT, to=counter_account(POINTS), also=also))


@pytest.mark.parametrize("together", [1, 2])
@pytest.mark.parametrize("granted", [True, False])
async def test_the_end_of_a_hold_that_waits_for_the_wallet_has_locked_nothing_that_its_keeper_may_want(
    database: Database, monkeypatch: pytest.MonkeyPatch, together: int, *, granted: bool
) -> None:
    monkeypatch.setattr(shared_connection, "_BE_IMPATIENT", "SET lock_timeout = '5s'")
    members = ["m0", "m1", "m2"][: together + 1]
    await give(database, *members)
    await at_once(database, *(holding(member, f"h:{member}") for member in members))
    await database.write(ending("m0", granted=True))
    async with database._reading.connect() as keeper:
        await keeper.exec_driver_sql("SELECT 1 FROM accounts WHERE code = 'member/m1/available' FOR UPDATE")
        ends = asyncio.create_task(at_once(database, *(ending(member, granted=granted) for member in members[1:])))
        await until_one_waits(keeper)
        await keeper.exec_driver_sql("SELECT 1 FROM lots WHERE member_id = 'm1' FOR UPDATE NOWAIT")
        await keeper.exec_driver_sql("SELECT 1 FROM accounts WHERE code NOT LIKE 'member/%' FOR UPDATE NOWAIT")
        await keeper.rollback()
    assert await ends == [True] * together
    assert (await database.read(audit)).clean


@pytest.mark.parametrize("together", [1, 3])
async def test_who_meets_a_stopped_account_is_told_so_and_its_neighbours_are_done(
    database: Database, together: int
) -> None:
    members = ["m1", "m2", "m3"][:together]
    await give(database, *members)
    stop = sa.insert(frozen_accounts).values(
        id="stop", code="member/m1/available", commodity=POINTS, rule="balance_drifted", found="by hand", frozen_at=AT
    )
    await database.write(lambda connection: connection.execute(stop))
    found = await at_once(database, *(holding(member, f"h:{member}") for member in members))
    assert isinstance(found[0], AccountFrozenError)
    assert [each.quantity for each in found[1:]] == [100] * (together - 1)
    (balance,) = await database.read(partial(ledger.balances, member_id="m1"))
    assert (balance.available, balance.held) == (600, 0)
    assert (await database.read(audit)).clean
