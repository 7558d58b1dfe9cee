"""What a redemption costs in a small database and in a large one: 10 thousand members against five times as many.

Every member has an opening and one captured redemption behind him, all tables included: one real redemption is made
and copied by the database itself. ``GATEWAY_BENCH_MEMBERS`` sets the size of the large one. Redemptions are made for
members anywhere in the table, by the room's own intake and engine, at a partner that answers at once.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue import tables as catalogue_tables
from catalogue.members import MemberInput, upsert_member
from config import migrate
from config.database import Database
from config.settings import DatabaseSettings
from config.types import Instant
from gateway.redemption import store
from gateway.redemption import tables as redemption_tables
from gateway.redemption.records import POINTS, Quote
from settlement import ledger
from settlement import tables as ledger_tables
from tests.bench import databases
from tests.bench.measure import Result
from tests.bench.redemptions import take_in
from tests.bench.together import ROUNDS, Together, Work, measure_together
from tests.support.clocks import RunningClock
from tests.support.partners import FencingPartner
from tests.support.room import Room, open_room

SMALL = 10_000
LARGE = int(os.environ.get("GATEWAY_BENCH_MEMBERS", "50000"))
CONCURRENT = 32
EACH = 8
PLENTY = 1_000_000
TEMPLATE = f"mbr_{7:026d}"
COPIED = (
    catalogue_tables.members,
    ledger_tables.accounts,
    ledger_tables.lots,
    ledger_tables.postings,
    ledger_tables.journal_entries,
    redemption_tables.quotes,
    redemption_tables.redemptions,
    redemption_tables.redemption_history,
    redemption_tables.outbox,
    redemption_tables.attempts,
    catalogue_tables.benefit_uses,
    catalogue_tables.budget_claims,
    catalogue_tables.vouchers,
    catalogue_tables.voucher_events,
    ledger_tables.settlement_lines,
    ledger_tables.settlement_line_shares,
)
"""In an order that foreign keys and the seal of an entry allow."""


def results() -> list[Result]:
    """Measure on both databases; PostgreSQL only where a server answers."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="bench-growth-"))
        found = [asyncio.run(_measured([f"sqlite:///{folder}/{name}.db" for name in "ab"], "SQLite FULL"))]
        if databases.postgresql_answers():
            urls = [stack.enter_context(databases.postgresql()) for _ in range(2)]
            found.append(asyncio.run(_measured(urls, "PostgreSQL")))
    return found


async def _measured(urls: list[str], where: str) -> Result:
    opened = [await Database.open(DatabaseSettings(url=url)) for url in urls]
    try:
        small, large = [await _filled(database, size) for database, size in zip(opened, (SMALL, LARGE), strict=True)]
        row = Together(
            name=f"a redemption among {LARGE:,} members, floor among {SMALL:,}, {where}",
            floor=small,
            ours=large,
            goal=1 / 1.3,
            concurrent=CONCURRENT,
            each=EACH,
        )
        return await measure_together(row)
    finally:
        for database in opened:
            await database.close()


async def _filled(database: Database, size: int) -> Work:
    await migrate.upgrade(database)
    room = await open_room(database, clock=RunningClock(), skyhub_lounge=FencingPartner())
    like = await room.quote(points=100)
    await database.write(partial(_open_template, room))
    quote = msgspec.structs.replace(like, id=room.identifiers.new("quote"), member_id=TEMPLATE)
    await database.write(partial(store.add_quote, quote=quote))
    await _redeem(room, quote)
    await database.write(partial(_copy, quote, size))
    quotes = [
        msgspec.structs.replace(like, id=room.identifiers.new("quote"), member_id=_member(random.randrange(size)))
        for _ in range(CONCURRENT * (EACH * ROUNDS + 1))
    ]
    await database.write(partial(_add, quotes))
    return lambda: _redeem(room, quotes.pop())


async def _redeem(room: Room, quote: Quote) -> None:
    begun = await room.database.write(partial(take_in, room, quote), short=True)
    assert begun is not None
    await room.engine.go_on(begun)


def _member(number: int) -> str:
    return f"mbr_{_body(number)}"


def _body(number: int) -> str:
    return f"9{number:025d}"


def _add(quotes: list[Quote], connection: Connection) -> None:
    for quote in quotes:
        store.add_quote(connection, quote)


def _open_template(room: Room, connection: Connection) -> None:
    now, body = room.clock.now(), TEMPLATE.partition("_")[2]
    upsert_member(connection, MemberInput(external_id=f"x{body}"), TEMPLATE, now)
    ledger.issue(
        connection, key=f"bench:{body}", member_id=TEMPLATE, commodity=POINTS, quantity=PLENTY, at=now,
        expires_at=now + timedelta(days=365), reason="opening", reference=f"bench:{body}",
    )  # fmt: skip


def _copy(quote: Quote, size: int, connection: Connection) -> None:
    """Copy everything of the template's member once for each number, under other identifiers."""
    own = redemption_tables.redemptions.c
    redemption = connection.execute(sa.select(own.id).where(own.quote_id == quote.id)).scalar_one()
    columns = catalogue_tables.vouchers.c
    voucher = connection.execute(
        sa.select(columns.id, columns.code_hash, columns.code).where(columns.redemption_id == redemption)
    ).one()
    lines = ledger_tables.settlement_lines.c
    line = connection.execute(sa.select(lines.id).where(lines.redemption_id == redemption)).scalar_one()
    bodies = [name.partition("_")[2] for name in (TEMPLATE, redemption, quote.id, voucher.id, line)]
    wholes = [*bodies, voucher.code_hash, voucher.code]
    guards = _without_guards(connection)
    for table in COPIED:
        _copy_table(connection, table, wholes, size)
    for guard in guards:
        connection.exec_driver_sql(guard)


def _without_guards(connection: Connection) -> list[str]:
    """Take the triggers away for the copies, which need no check; answer how they are made again."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return []
    found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
    for name, _ in found:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    return [sql for _, sql in found]


def _copy_table(connection: Connection, table: sa.Table, wholes: list[str], size: int) -> None:
    sqlite = connection.dialect.name == "sqlite"
    numbers = (
        "RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers LIMIT :size)"
        if sqlite
        else "numbers AS (SELECT generate_series(0, :size - 1) AS n)"
    )
    body = "'9' || printf('%025d', n)" if sqlite else "'9' || lpad(n::text, 25, '0')"
    texts = [column for column in table.c if _is_text(column)]
    names = ", ".join(column.name for column in table.c)
    values = ", ".join(_renamed(column, wholes, body) if column in texts else column.name for column in table.c)
    ours = " OR ".join(f"{column.name} LIKE '%{whole}%'" for column in texts for whole in wholes)
    own = f"own AS MATERIALIZED (SELECT * FROM {table.name} WHERE {ours})"
    told = f"INSERT INTO {table.name} ({names}) WITH {numbers}, {own} SELECT {values} FROM own CROSS JOIN numbers"
    connection.execute(sa.text(told), {"size": size})


def _renamed(column: sa.Column[Any], wholes: list[str], body: str) -> str:
    made = column.name
    for whole in wholes[:5]:
        made = f"replace({made}, '{whole}', {body})"
    if column.name in {"code_hash", "code"} and column.table.name == "vouchers":
        made = f"substr({body}, {1 if column.name == 'code_hash' else 15})"
    return made


def _is_text(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.String) and not isinstance(column.type, Instant)
