"""What a member has and how it came about, read from the ledger."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from settlement import lots as lot_store
from settlement.accounts import member_available, member_held, member_pending, member_qualifying, visits
from settlement.tables import accounts, journal_entries, lots, postings

_PARTS = ("available", "held", "pending", "qualifying")


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a member has of one commodity, and the next of it to expire (the quantity that goes at that instant)."""

    commodity: str
    available: int = 0
    held: int = 0
    pending: int = 0
    qualifying: int = 0
    next_expiry_quantity: int = 0
    next_expiry_at: datetime | None = None


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as a member sees it; ``changes`` are (commodity, part of the wallet, amount)."""

    entry_key: str
    kind: str
    reference: str
    effective_at: datetime
    recorded_at: datetime
    facts: dict[str, str]
    changes: tuple[tuple[str, str, int], ...]

    @property
    def cursor(self) -> tuple[datetime, str]:
        """The position after which the next page begins."""
        return self.recorded_at, self.entry_key


def balances(connection: Connection, member_id: str, *, at: datetime | None = None) -> tuple[Balance, ...]:
    """Read a member's balances by commodity; none for a member who never had anything.

    Args:
        connection: of a reading or writing transaction.
        member_id: ours.
        at: when given, what expired before it and was not yet swept to breakage is left out of ``available``.
    """
    codes = {
        account(member_id).code: part
        for part, account in zip(
            _PARTS, (member_available, member_held, member_pending, member_qualifying), strict=True
        )
    }
    rows = connection.execute(
        sa.select(accounts.c.code, accounts.c.commodity, accounts.c.balance).where(accounts.c.code.in_(codes))
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row.commodity][codes[row.code]] = row.balance
    return tuple(_balance(connection, member_id, commodity, found[commodity], at) for commodity in sorted(found))


def activity(
    connection: Connection, member_id: str, *, before: tuple[datetime, str] | None = None, limit: int = 50
) -> tuple[Movement, ...]:
    """Read a member's entries, newest first, after a `Movement.cursor` of the page before."""
    page = sa.select(journal_entries).where(journal_entries.c.member_id == member_id)
    if before is not None:
        at, key = before
        same = sa.and_(journal_entries.c.recorded_at == at, journal_entries.c.key < key)
        page = page.where(sa.or_(journal_entries.c.recorded_at < at, same))
    page = page.order_by(journal_entries.c.recorded_at.desc(), journal_entries.c.key.desc()).limit(limit)
    headers = connection.execute(page).all()
    changes = _changes(connection, member_id, [header.key for header in headers])
    return tuple(
        Movement(
            entry_key=header.key,
            kind=header.kind,
            reference=header.reference,
            effective_at=header.effective_at,
            recorded_at=header.recorded_at,
            facts=header.facts,
            changes=changes[header.key],
        )
        for header in headers
    )


class UsesStanding(msgspec.Struct, frozen=True):
    """Uses of one window: granted in all, still available, and held for redemptions under way."""

    granted: int
    available: int
    held: int


def uses_standing(connection: Connection, member_id: str, benefit_id: str, window_end_at: datetime) -> UsesStanding:
    """Count the uses of the window that ends at an instant, from its own lots: other windows' uses do not mix in."""
    commodity = visits(benefit_id)
    of_window = sa.and_(
        lots.c.member_id == member_id, lots.c.commodity == commodity, lots.c.expires_at == window_end_at
    )
    total = sa.func.coalesce(sa.func.sum(lots.c.amount), 0), sa.func.coalesce(sa.func.sum(lots.c.remaining), 0)
    granted, available = connection.execute(sa.select(*total).where(of_window)).one()
    held = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(postings.c.amount), 0)).where(
            postings.c.account == member_held(member_id, commodity).code,
            postings.c.commodity == commodity,
            postings.c.lot_id.in_(sa.select(lots.c.id).where(of_window)),
        )
    ).scalar_one()
    return UsesStanding(int(granted), int(available), int(held))


def _balance(
    connection: Connection, member_id: str, commodity: str, parts: dict[str, int], at: datetime | None
) -> Balance:
    available = parts.get("available", 0)
    since = at or datetime(1970, 1, 1, tzinfo=UTC)
    spendable = lot_store.spendable(connection, member_id, commodity, since) if available else []
    dated = [lot for lot in spendable if lot.expires_at is not None]
    next_at = dated[0].expires_at if dated else None
    return Balance(
        commodity=commodity,
        available=sum(lot.remaining for lot in spendable) if at else available,
        held=parts.get("held", 0),
        pending=parts.get("pending", 0),
        qualifying=parts.get("qualifying", 0),
        next_expiry_quantity=sum(lot.remaining for lot in dated if lot.expires_at == next_at),
        next_expiry_at=next_at,
    )


def _changes(connection: Connection, member_id: str, keys: list[str]) -> dict[str, tuple[tuple[str, str, int], ...]]:
    prefix = f"member/{member_id}/"
    rows = connection.execute(
        sa.select(postings.c.entry_key, postings.c.commodity, postings.c.account, sa.func.sum(postings.c.amount))
        .where(postings.c.entry_key.in_(keys), postings.c.account.startswith(prefix, autoescape=True))
        .group_by(postings.c.entry_key, postings.c.commodity, postings.c.account)
        .order_by(postings.c.entry_key, postings.c.commodity, postings.c.account)
    )
    changes: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for key, commodity, account, amount in rows:
        changes[key].append((commodity, account.removeprefix(prefix), int(amount)))
    return defaultdict(tuple, {key: tuple(found) for key, found in changes.items()})
