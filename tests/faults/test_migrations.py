"""OP-09: the schema is changed by a process of its own while another, of the version before, goes on writing."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.records import Traveller, Visit
from catalogue.benefits import PayWith
from config import migrate
from config.database import Database
from config.migration_run import change
from config.settings import DatabaseSettings
from config.types import Instant
from gateway.redemption import store
from gateway.redemption.records import Quote, Redemption
from gateway.redemption.states import Event, State
from settlement import entries_hot, ledger
from settlement.tables import journal_entries

OLD = "0012"
"""Before large tables got further indexes, columns and tables that refer to them."""

AT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MEMBERS, KEPT = 20, 2_000
LONGEST_SECONDS = {"postgresql": 1.0, "sqlite": 5.0}
"""What a writer may wait. On SQLite all wait for the one who writes: for the longest revision."""

REPORT_SECONDS = 3
"""Somebody who reads in one transaction has read locks that are in the way of migrations, and keeps them so long."""


def redemption_of(number: int) -> Redemption:
    """Make a redemption of 10 points as it is taken in."""
    member = f"mbr_{number % MEMBERS}"
    quote = Quote(
        id=f"quo_{number}",
        kind="benefit",
        member_id=member,
        partner="skyhub-lounge",
        benefit_id="lounge-visit",
        benefit_version=1,
        contract_id=None,
        contract_version=None,
        pay_with=PayWith.POINTS,
        commodity="PTS",
        quantity=10,
        service=Visit(airport="PVG", lounge_id="L1", visit_date=AT.date()),
        offer_token="offer",
        title="Visit",
        price=None,
        base_price=None,
        created_at=AT,
        expires_at=AT,
    )
    return Redemption(
        id=f"rdm_{number}",
        quote=quote,
        member_id=member,
        partner=quote.partner,
        itinerary_id=None,
        leg=None,
        partner_key=f"key-{number}",
        state=State.HELD,
        version=1,
        step=0,
        carried={},
        partner_reference=None,
        reason=None,
        traveller=Traveller(),
        requested_at=AT,
        window_ends_at=AT,
        cancel_deadline_at=AT,
        withdrawal_asked_at=None,
        next_action_at=None,
        look_ups=0,
        lease_owner=None,
        lease_until=None,
        updated_at=AT,
    )


def take_in(redemption: Redemption, connection: Connection) -> None:
    """Hold and store, as one transaction of the version before."""
    move_points(connection, redemption, "hold", "available", "held")
    store.add_quote(connection, redemption.quote)
    store.add_redemption(connection, redemption)


def withdraw(redemption: Redemption, connection: Connection) -> None:
    """Void and end it; write down a refused undoing in the words of the version before."""
    move_points(connection, redemption, "void", "held", "available")
    store.move(connection, redemption, Event.WITHDRAWN, at=AT, next_action_at=None)
    connection.execute(
        sa.text(
            "INSERT INTO reversals (redemption_id, number, quantity, reason, state, version, requested_at, deadline_at,"
            " tries) SELECT id, 1, 10, 'asked', 'refused', 1, requested_at, requested_at, 0"
            " FROM redemptions WHERE id = :id"
        ),
        {"id": redemption.id},
    )


def move_points(connection: Connection, redemption: Redemption, kind: str, source: str, to: str) -> None:
    """Hold or void by the ledger; on PostgreSQL by the functions of its schema as revision 0011 made them."""
    key, hold_key, quantity = f"{redemption.id}:{kind}", f"{redemption.id}:hold", redemption.quote.quantity
    if connection.dialect.name == "sqlite":
        if kind == "void":
            ledger.void(connection, hold_key=hold_key, key=key, at=AT)
            return
        member = redemption.member_id
        give = partial(ledger.hold, connection, key=key, member_id=member, quantity=quantity, reference=redemption.id)
        give(commodity="PTS", at=AT)
        return
    change = as_sent_before(connection, redemption, kind, f"{source} {to}")
    assert (
        connection.execute(sa.text("SELECT ledger_write(CAST(:change AS jsonb))"), {"change": change}).scalar() is None
    )


def as_sent_before(connection: Connection, redemption: Redemption, kind: str, ways: str) -> str:
    """Write an entry as the version before sent it: one at a time, its header by itself."""
    member, quantity = redemption.member_id, redemption.quote.quantity
    see = sa.text("SELECT ledger_see_wallet(:member, 'PTS', 'none', :at)").bindparams(sa.bindparam("at", type_=Instant))
    ((lot, *_), *_) = json.loads(connection.execute(see, {"member": member, "at": AT}).scalar_one())["lots"]
    key, amounts = f"{redemption.id}:{kind}", (-quantity, quantity)
    codes = [f"member/{member}/{way}" for way in ways.split()]
    moves = [
        {"code": code, "commodity": "PTS", "kind": "member", "may_go_negative": False, "amount": amount}
        for code, amount in zip(codes, amounts, strict=True)
    ]
    postings = [
        {"entry_key": key, "number": number, "account": one["code"], "commodity": "PTS", "amount": one["amount"],
         "lot_id": lot}
        for number, one in enumerate(moves, start=1)
    ]  # fmt: skip
    at = AT.isoformat()
    header = {"key": key, "kind": kind, "reference": redemption.id, "member_id": member, "fingerprint": key,
              "effective_at": at, "recorded_at": at, "facts": {}}  # fmt: skip
    if kind == "void":
        header["ends_key"] = f"{redemption.id}:hold"
    taken = [{"lot_id": lot, "quantity": quantity if kind == "hold" else -quantity}]
    ordered = sorted(moves, key=lambda one: str(one["code"]))
    return json.dumps({"taken": taken, "moves": ordered, "postings": postings, "header": header})


def open_accounts(connection: Connection) -> None:
    """Give every member points for all that is held here."""
    for number in range(MEMBERS):
        ledger.issue(
            connection,
            key=f"opening-{number}",
            member_id=f"mbr_{number}",
            commodity="PTS",
            quantity=1_000_000,
            at=AT,
            expires_at=AT + timedelta(days=365),
            reason="opening",
            reference="opening",
        )


def keep_many(numbers: range, connection: Connection) -> None:
    """Write many redemptions at once."""
    for number in numbers:
        take_in(redemption_of(number), connection)


@dataclass
class Load:
    """The version before at work, from connections of its own, until it is told to stop; how long it waited."""

    database: Database
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(KEPT))
    acknowledged: list[str] = field(default_factory=list)
    longest: dict[str, float] = field(default_factory=lambda: {"write": 0.0, "read": 0.0})
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def timed(self, kind: str, work: Awaitable[Any]) -> None:
        """Wait for something and remember how long that took."""
        began = time.monotonic()
        await work
        self.longest[kind] = max(self.longest[kind], time.monotonic() - began)

    async def write(self) -> None:
        """Take in and withdraw redemptions."""
        while not self.stopped.is_set():
            redemption = redemption_of(next(self.numbers))
            await self.timed("write", self.database.write(partial(take_in, redemption)))
            self.acknowledged.append(f"{redemption.id}:hold")
            await self.timed("write", self.database.write(partial(withdraw, redemption)))
            self.acknowledged.append(f"{redemption.id}:void")
            await asyncio.sleep(0.01)

    async def read(self) -> None:
        """Read what members look at."""
        for number in itertools.cycle(range(KEPT)):
            if self.stopped.is_set():
                return
            await self.timed("read", self.database.read(partial(store.must_get, redemption_id=f"rdm_{number}")))
            await self.timed("read", self.database.read(partial(ledger.balances, member_id=f"mbr_{number % MEMBERS}")))
            await asyncio.sleep(0.01)


@asynccontextmanager
async def under_load(database: Database) -> AsyncIterator[Load]:
    """Write and read until the block ends; what failed there fails here."""
    load = Load(database)
    async with asyncio.TaskGroup() as tasks:
        for work in (load.write, load.write, load.write, load.read):
            tasks.create_task(work())
        yield load
        load.stopped.set()


async def report(database: Database, begun: asyncio.Event) -> None:
    """Read in one long transaction, as reports and backups do: from before the first migration until well after it."""
    connection = await asyncpg.connect(database.url)
    try:
        async with connection.transaction():
            for table in ("redemptions", "reversals", "claims", "members", "lots", "partner_accounts"):
                await connection.execute(f"SELECT count(*) FROM {table}")
            begun.set()
            while await migrate.current_revision(database) == OLD:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            await asyncio.sleep(REPORT_SECONDS)
    finally:
        await connection.close()


async def gateway(url: str, *words: str) -> tuple[int, bytes]:
    """Run one of the gateway's commands in a process of its own."""
    environment = {**os.environ, "GATEWAY__DATABASE__URL": url}
    command = [sys.executable, "-m", "gateway", *words, "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env=environment)
    output, _ = await process.communicate()
    return process.returncode or 0, output


def with_one_header(now: Callable[[Any], str]) -> Callable[[Any], str]:
    """Send an entry of today's to the ledger's function of before 0020."""

    def sent(changes: Any) -> str:
        change = json.loads(now(changes))
        (change["header"],) = change.pop("headers")
        return json.dumps(change)

    return sent


@pytest.fixture
async def old(empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database of an older revision with some thousands of rows, as the version of then has it open."""
    database = await Database.open(DatabaseSettings(url=empty_database_url))
    await database.write(partial(change, folder=migrate.FOLDER, revision=OLD))
    with monkeypatch.context() as patched:
        patched.setattr(entries_hot, "_as_sent", with_one_header(entries_hot._as_sent))
        await database.write(open_accounts)
    await database.write(partial(keep_many, range(KEPT)))
    yield database
    await database.close()


def keys(connection: Connection) -> set[str]:
    """List the keys of all entries."""
    return set(connection.execute(sa.select(journal_entries.c.key)).scalars())


async def test_op_09_the_schema_changes_under_load(old: Database) -> None:
    async with under_load(old) as load, asyncio.TaskGroup() as others:
        if old.dialect == "postgresql":
            begun = asyncio.Event()
            others.create_task(report(old, begun))
            await begun.wait()
        await asyncio.sleep(0.5)
        before = len(load.acknowledged)
        code, output = await gateway(old.url, "db", "upgrade")
        meanwhile = len(load.acknowledged) - before
        await asyncio.sleep(0.5)
    assert (code, json.loads(output)) == (0, {"before": OLD, "after": migrate.head_revision()})
    assert meanwhile > 10
    assert load.longest["write"] < LONGEST_SECONDS[old.dialect], load.longest
    assert load.longest["read"] < 1.0, load.longest
    assert await old.read(keys) >= set(load.acknowledged)
    code, output = await gateway(old.url, "audit")
    assert (code, json.loads(output)["findings"]) == (0, [])
