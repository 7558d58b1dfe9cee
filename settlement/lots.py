"""Lots: what a member may spend, by when it expires. Debited first-expiring-first, restored to where it came from.

A lot's ``remaining`` follows the postings on the member's available account that name the lot; the audit compares.
Callers hold the member's lock (`settlement.entries.lock_member`); beside others they change lots after the entry that
takes it (`settlement.entries.write`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from settlement.entries_hot import LotSeen
from settlement.errors import InsufficientFundsError
from settlement.tables import lots


class Part(msgspec.Struct, frozen=True):
    """A quantity of one lot."""

    lot_id: str
    quantity: int


class Lot(msgspec.Struct, frozen=True):
    """What is left of a lot; ``expired`` is what of it went to breakage so far."""

    id: str
    member_id: str
    commodity: str
    remaining: int
    expired: int
    expires_at: datetime | None


_COLUMNS = [lots.c[name] for name in Lot.__struct_fields__]
_SPENDABLE = (
    sa.select(*_COLUMNS)
    .where(
        lots.c.member_id == sa.bindparam("of_member"),
        lots.c.commodity == sa.bindparam("of_commodity"),
        lots.c.remaining > 0,
        sa.or_(lots.c.expires_at.is_(None), lots.c.expires_at > sa.bindparam("now", type_=lots.c.expires_at.type)),
    )
    .order_by(lots.c.expires_at.is_(None), lots.c.expires_at, lots.c.id)
)
_RESTORE = (
    lots.update()
    .where(lots.c.id == sa.bindparam("lot_id"))
    .values(remaining=lots.c.remaining + sa.bindparam("quantity"))
)
_EXPIRE = (
    lots.update()
    .where(lots.c.id == sa.bindparam("lot_id"), lots.c.remaining == sa.bindparam("quantity"))
    .values(remaining=0, expired=lots.c.expired + sa.bindparam("quantity"))
)


def choose(available: Iterable[tuple[str, int]], quantity: int) -> tuple[Part, ...] | None:
    """Choose from lots in the given order until the quantity is met; None when they do not hold it."""
    parts: list[Part] = []
    for lot_id, remaining in available:
        taken = min(remaining, quantity)
        parts.append(Part(lot_id, taken))
        quantity -= taken
        if quantity == 0:
            return tuple(parts)
    return None


def split_parts(parts: Iterable[Part], quantity: int) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Divide parts into the first ``quantity`` of them and the rest."""
    first: list[Part] = []
    rest: list[Part] = []
    for part in parts:
        taken = min(part.quantity, quantity)
        quantity -= taken
        if taken:
            first.append(Part(part.lot_id, taken))
        if part.quantity > taken:
            rest.append(Part(part.lot_id, part.quantity - taken))
    return tuple(first), tuple(rest)


def spendable(connection: Connection, member_id: str, commodity: str, at: datetime) -> list[Lot]:
    """List what may be spent at an instant, first expiring first; a lot is spendable until just before its expiry."""
    rows = connection.execute(_SPENDABLE, {"of_member": member_id, "of_commodity": commodity, "now": at})
    return [Lot(*row) for row in rows]


def to_take(
    held: Sequence[LotSeen], commodity: str, quantity: int, expiring_at: datetime | None = None
) -> tuple[Part, ...]:
    """Say what is taken from where, of lots in their order; with ``expiring_at`` only from lots that expire then.

    Raises:
        InsufficientFundsError: the lots hold too little.
    """
    if expiring_at is not None:
        held = [lot for lot in held if lot.expires_at == expiring_at]
    parts = choose(((lot.id, lot.remaining) for lot in held), quantity)
    if parts is None:
        raise InsufficientFundsError(
            f"{sum(lot.remaining for lot in held)} {commodity} are available and {quantity} were asked for.",
            asked=quantity,
            available=sum(lot.remaining for lot in held),
            commodity=commodity,
        )
    return parts


def restore(connection: Connection, parts: Iterable[Part]) -> None:
    """Give quantities back to their lots; the database refuses more than was taken."""
    rows = [_values(part) for part in parts]
    if rows:
        connection.execute(_RESTORE, rows)


def open_lot(
    connection: Connection,
    *,
    member_id: str,
    commodity: str,
    entry_key: str,
    quantity: int,
    at: datetime,
    expires_at: datetime | None,
    suffix: str = "",
) -> str:
    """Open a lot for what an entry credits and answer its id; call before the entry is written.

    An entry that opens several lots of one commodity tells them apart by ``suffix``.
    """
    lot_id = f"{entry_key}#{commodity}{suffix}"
    connection.execute(
        lots.insert(),
        {
            "id": lot_id,
            "member_id": member_id,
            "commodity": commodity,
            "entry_key": entry_key,
            "amount": quantity,
            "remaining": quantity,
            "expired": 0,
            "opened_at": at,
            "expires_at": expires_at,
        },
    )
    return lot_id


def expiring(connection: Connection, at: datetime, limit: int) -> list[Lot]:
    """List lots with a remainder whose time is over, by member, so that locks are taken in one order."""
    due = sa.select(*_COLUMNS).where(lots.c.remaining > 0, lots.c.expires_at <= at).order_by(lots.c.expires_at)
    rows = connection.execute(due.limit(limit))
    return sorted((Lot(*row) for row in rows), key=lambda lot: (lot.member_id, lot.commodity, lot.id))


def expire(connection: Connection, lot: Lot) -> bool:
    """Empty a lot as it was read; False when it has changed since."""
    return connection.execute(_EXPIRE, {"lot_id": lot.id, "quantity": lot.remaining}).rowcount == 1


def _values(part: Part) -> dict[str, str | int]:
    return {"lot_id": part.lot_id, "quantity": part.quantity}
