"""The peer: hold and capture as an async ORM does them on the same schema, a transaction each."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import registry

from settlement import tables
from tests.bench.holds_books import AT

AMOUNT = 100


class Account:
    """A row of the table of the same name; so are the following."""

    balance: int


class Lot:
    """A lot."""

    id: str
    remaining: int


class Posting:
    """A leg."""

    lot_id: str


class Entry:
    """A header."""


_mapped = registry(metadata=tables.accounts.metadata)
for _class, _table in (
    (Account, tables.accounts),
    (Lot, tables.lots),
    (Posting, tables.postings),
    (Entry, tables.journal_entries),
):
    _mapped.map_imperatively(_class, _table)

Sessions = async_sessionmaker[AsyncSession]


def sessions(url: str) -> Sessions:
    """Make the sessions of an address."""
    address = sa.make_url(url)
    if address.drivername == "sqlite":
        engine = create_async_engine(address.set(drivername="sqlite+aiosqlite"), connect_args={"timeout": 60})
        event.listen(engine.sync_engine, "connect", _durable)
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    else:
        engine = create_async_engine(address.set(drivername="postgresql+asyncpg"), pool_size=10, max_overflow=0)
    return async_sessionmaker(engine, expire_on_commit=False)


async def close(made: Sessions) -> None:
    """Close the connections below."""
    engine: AsyncEngine = made.kw["bind"]
    await engine.dispose()


def _durable(raw: Any, _record: Any) -> None:
    raw.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}")


async def hold_and_capture(made: Sessions, key: str, of: str) -> None:
    """Hold and capture, the textbook's way."""
    async with made() as session, session.begin():
        await hold(session, key, of)
    async with made() as session, session.begin():
        await capture(session, key, of)


async def hold(session: AsyncSession, key: str, of: str) -> None:
    """Hold, in the caller's transaction."""
    available = await session.get(Account, (f"member/{of}/available", "PTS"), with_for_update=True)
    lots, columns = sa.select(Lot), tables.lots.c
    wanted = lots.where(columns.member_id == of, columns.remaining > 0).order_by(columns.expires_at, columns.id)
    lot = (await session.scalars(wanted)).first()
    held = await session.get(Account, (f"member/{of}/held", "PTS"), with_for_update=True)
    if held is None:
        held = new(Account, code=f"member/{of}/held", commodity="PTS", kind="member", may_go_negative=False, balance=0)
        session.add(held)
    assert available is not None
    assert lot is not None
    assert available.balance >= AMOUNT <= lot.remaining
    lot.remaining -= AMOUNT
    available.balance -= AMOUNT
    held.balance += AMOUNT
    legs = ((f"member/{of}/available", -AMOUNT, lot.id), (f"member/{of}/held", AMOUNT, lot.id))
    await _write(session, f"{key}:hold", "hold", of, None, legs)


async def capture(session: AsyncSession, key: str, of: str) -> None:
    """Capture, in the caller's transaction."""
    columns = tables.postings.c
    leg = (
        await session.scalars(sa.select(Posting).where(columns.entry_key == f"{key}:hold", columns.number == 2))
    ).one()
    held = await session.get(Account, (f"member/{of}/held", "PTS"), with_for_update=True)
    liability = await session.get(Account, ("programme/liability", "PTS"), with_for_update=True)
    assert held is not None
    assert liability is not None
    held.balance -= AMOUNT
    liability.balance += AMOUNT
    legs = ((f"member/{of}/held", -AMOUNT, leg.lot_id), ("programme/liability", AMOUNT, None))
    await _write(session, f"{key}:capture", "capture", of, f"{key}:hold", legs)


async def _write(
    session: AsyncSession,
    key: str,
    kind: str,
    of: str,
    ends: str | None,
    legs: tuple[tuple[str, int, str | None], ...],
) -> None:
    for number, (account, amount, lot) in enumerate(legs, start=1):
        session.add(
            new(Posting, entry_key=key, number=number, account=account, commodity="PTS", amount=amount, lot_id=lot)
        )
    await session.flush()
    session.add(
        new(
            Entry,
            key=key,
            kind=kind,
            reference=key,
            member_id=of,
            ends_key=ends,
            fingerprint="",
            effective_at=AT,
            recorded_at=AT,
            facts={},
        )
    )


def new(of: type, **values: Any) -> Any:
    """Make an object of a mapped class."""
    made = of()
    for name, value in values.items():
        setattr(made, name, value)
    return made
