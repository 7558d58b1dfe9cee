"""Leases: who may work on a thing now, judged by the database's clock so that all processes agree.

A lease is taken in one transaction and lapses by itself; whoever writes under it checks in the same transaction that
it is still theirs (`check`), so that a process that was asleep cannot write after another took over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from config.database import database_now
from settlement.errors import LeaseLostError
from settlement.night_tables import leases


def acquire(connection: Connection, name: str, holder: str, seconds: int) -> bool:
    """Take or extend a lease.

    Args:
        connection: of a writing transaction.
        name: what is leased.
        holder: who asks; the same holder extends its own.
        seconds: how long from the database's now.

    Returns:
        False when somebody else holds it.
    """
    now = database_now(connection)
    row = {"name": name, "holder": holder, "expires_at": now + timedelta(seconds=seconds)}
    insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(leases).values(**row)
    statement = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": holder, "expires_at": row["expires_at"]},
        where=sa.or_(leases.c.holder == holder, leases.c.expires_at <= now),
    )
    return connection.execute(statement).rowcount == 1


def check(connection: Connection, name: str, holder: str, seconds: int) -> None:
    """Extend a lease that must be held, in the transaction that writes under it.

    Raises:
        LeaseLostError: it lapsed and is somebody else's now.
    """
    now = database_now(connection)
    extended = connection.execute(
        sa.update(leases)
        .where(leases.c.name == name, leases.c.holder == holder)
        .values(expires_at=now + timedelta(seconds=seconds))
    )
    if extended.rowcount != 1:
        raise LeaseLostError(f"The lease {name!r} is no longer held; what was written before stands, the rest was not.")


def release(connection: Connection, name: str, holder: str) -> None:
    """Give a lease back; nothing happens when it is not held."""
    connection.execute(sa.delete(leases).where(leases.c.name == name, leases.c.holder == holder))


def held_until(connection: Connection, name: str) -> datetime | None:
    """Answer until when somebody works on this; None when nobody does."""
    row = connection.execute(sa.select(leases.c.expires_at).where(leases.c.name == name)).scalar_one_or_none()
    return row if row is not None and row > database_now(connection) else None
