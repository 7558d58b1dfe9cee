"""Budgets in the database: a guarded counter for each budget and period, and the claims that it counts.

A claim is made in the transaction of the hold. The counter is moved by one statement that refuses to pass the cap, so
two redemptions can never both take the last of it. What a claim took is given back when its redemption ends without
effect or is undone, once, however often that is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from catalogue.budgets import Budget, Measure, period_of
from catalogue.tables import budget_claims, budget_counters
from config.database import insert_surely_new
from config.prepared import Prepared


class Claim(NamedTuple):
    """What one redemption takes of one budget: ``amount`` of what the budget measures, on the day of the service."""

    budget: Budget
    amount: int
    service_date: date


class Counter(msgspec.Struct, frozen=True):
    """What is taken of a budget in the period that begins on a day."""

    budget_id: str
    period_start_date: date
    used: int


def claim(connection: Connection, wanted: Claim, reference: str, at: datetime, *, guarded: bool = True) -> bool:
    """Take of a budget; False when the cap does not allow it, and nothing was taken.

    Key: (reference, budget): the same claim again takes nothing. Claims of one transaction are made by budget id, so
    that two transactions lock the counters in one order.

    Args:
        connection: of a writing transaction.
        wanted: what is taken; its amount is positive.
        reference: of the redemption, or of a further cost of it.
        at: now.
        guarded: False for what is owed already: it counts, above the cap too.
    """
    budget, amount = wanted.budget, wanted.amount
    assert amount > 0
    start = period_of(budget, wanted.service_date).start_date
    row = {
        "reference": reference,
        "budget_id": budget.id,
        "period_start_date": start,
        "measure": budget.measure,
        "amount": amount,
        "released": 0,
        "claimed_at": at,
    }
    if not insert_surely_new(connection, budget_claims, row, unique=["reference", "budget_id"]):
        return True
    counter = {"budget_id": budget.id, "period_start_date": start, "amount": amount, "updated_at": at}
    if not guarded:
        return _COUNT.change(connection, **counter) == 1
    return amount <= budget.cap and _COUNT_GUARDED.surely(connection, cap=budget.cap, **counter)


def _counting(dialect: str, *, guarded: bool) -> sa.Executable:
    """Add to a counter, which begins with the first claim; guarded, it refuses to pass the cap."""
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    names = ("budget_id", "period_start_date", "updated_at")
    amount = sa.bindparam("amount", type_=budget_counters.c.used.type)
    used = budget_counters.c.used + amount
    return (
        insert(budget_counters)
        .values({name: sa.bindparam(name) for name in names} | {"used": amount})
        .inline()
        .on_conflict_do_update(
            index_elements=["budget_id", "period_start_date"],
            set_={"used": used, "updated_at": sa.bindparam("updated_at", type_=budget_counters.c.updated_at.type)},
            where=used <= sa.bindparam("cap", type_=budget_counters.c.used.type) if guarded else None,
        )
    )


_COUNT = Prepared(partial(_counting, guarded=False))
_COUNT_GUARDED = Prepared(partial(_counting, guarded=True))


def release(
    connection: Connection, reference: str, at: datetime, measures: Iterable[Measure] = ("money", "points", "uses")
) -> int:
    """Give back what the claims of a reference took; answer how many there were. Again, it gives back nothing.

    Args:
        connection: of a writing transaction.
        reference: as it was claimed.
        at: now.
        measures: only the claims of these.
    """
    own = budget_claims.c
    claims = connection.execute(
        sa.select(budget_claims)
        .where(own.reference == reference, own.released == 0, own.measure.in_(list(measures)))
        .order_by(own.budget_id)
    ).all()
    return sum(_release(connection, row, at) for row in claims)


def _release(connection: Connection, row: sa.Row[Any], at: datetime) -> bool:
    own, counter = budget_claims.c, budget_counters.c
    changed = connection.execute(
        budget_claims.update()
        .where(own.reference == row.reference, own.budget_id == row.budget_id, own.released == 0)
        .values(released=row.amount, released_at=at)
    )
    if changed.rowcount != 1:
        return False
    moved = connection.execute(
        budget_counters.update()
        .where(counter.budget_id == row.budget_id, counter.period_start_date == row.period_start_date)
        .values(used=counter.used - row.amount, updated_at=at)
    )
    assert moved.rowcount == 1
    return True


def counters(connection: Connection) -> tuple[Counter, ...]:
    """List every counter, by budget and period."""
    rows = connection.execute(
        sa.select(budget_counters.c.budget_id, budget_counters.c.period_start_date, budget_counters.c.used).order_by(
            budget_counters.c.budget_id, budget_counters.c.period_start_date
        )
    ).mappings()
    return tuple(Counter(**row) for row in rows)


def taken(connection: Connection, budget_id: str, period_start_date: date) -> int:
    """Sum the claims of a budget and period, which its counter must equal."""
    own = budget_claims.c
    query = sa.select(sa.func.coalesce(sa.func.sum(own.amount - own.released), 0))
    return int(
        connection.execute(
            query.where(own.budget_id == budget_id, own.period_start_date == period_start_date)
        ).scalar_one()
    )
