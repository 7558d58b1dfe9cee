"""Whole memberships in the ledger: opened with what an older programme owes, merged, closed; expired points renewed.

Each function is a set of movements in the caller's transaction, idempotent by keys derived from what it is about. The
same rules as in `settlement.ledger`: a known key with another content is `LedgerConflictError`.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from settlement import entries, lots
from settlement.accounts import (
    POINTS,
    Account,
    counter_account,
    member_available,
    member_qualifying,
    programme_breakage,
)
from settlement.entries import Links
from settlement.errors import LedgerStateError
from settlement.journal import JournalEntry, Posting, fingerprint, require_quantity
from settlement.lots import Lot
from settlement.member_points import open_items, qualifying_credits
from settlement.tables import accounts
from settlement.tables import lots as lot_table


def open_lot_balance(
    connection: Connection,
    *,
    key: str,
    member_id: str,
    points: int,
    expires_at: datetime | None,
    at: datetime,
    reference: str,
) -> bool:
    """Credit spendable points that an older programme owed; see `settlement.issues.issue` for the errors."""
    require_quantity(points)
    digest = fingerprint("opening", member_id, points, expires_at, reference)
    entries.lock_member(connection, member_id, POINTS)
    if entries.is_known(connection, key, digest):
        return False
    lot_id = lots.open_lot(
        connection,
        member_id=member_id,
        commodity=POINTS,
        entry_key=key,
        quantity=points,
        at=at,
        expires_at=expires_at,
    )
    legs = (Posting(member_available(member_id), points, lot_id), Posting(counter_account(POINTS), -points))
    _write(connection, key, "opening", reference, legs, digest, member_id, at, at)
    return True


def open_qualifying_balance(
    connection: Connection,
    *,
    key: str,
    member_id: str,
    points: int,
    effective_at: datetime,
    at: datetime,
    reference: str,
) -> bool:
    """Credit qualifying points that were earned in an older programme, to count from their own day on."""
    require_quantity(points)
    digest = fingerprint("opening_qualifying", member_id, points, effective_at, reference)
    entries.lock_member(connection, member_id, POINTS)
    if entries.is_known(connection, key, digest):
        return False
    account = member_qualifying(member_id)
    legs = (Posting(account, points), Posting(counter_account(account.commodity), -points))
    _write(connection, key, "opening", reference, legs, digest, member_id, effective_at, at)
    return True


def renew_expired(
    connection: Connection, *, key: str, member_id: str, points: int, at: datetime, expires_at: datetime, reference: str
) -> bool:
    """Give expired points back from breakage, in a new lot.

    Raises:
        QuantityError: not a positive integer.
        LedgerConflictError: the key is known with another content.
        InsufficientFundsError: more than ever expired.
    """
    require_quantity(points)
    digest = fingerprint("renewal", member_id, reference)
    entries.lock_member(connection, member_id, POINTS)
    if entries.is_known(connection, key, digest):
        return False
    lot_id = lots.open_lot(
        connection,
        member_id=member_id,
        commodity=POINTS,
        entry_key=key,
        quantity=points,
        at=at,
        expires_at=expires_at,
    )
    legs = (Posting(programme_breakage(POINTS), -points), Posting(member_available(member_id), points, lot_id))
    _write(connection, key, "renewal", reference, legs, digest, member_id, at, at)
    return True


def merge(connection: Connection, *, absorbed: str, into: str, number: int, at: datetime) -> int:
    """Move what a member has to another: points lot by lot with their expiry, qualifying points with their day.

    Uses of entitlements do not add up: the absorbed member's go back to the programme. Keys
    ``merge:<absorbed>:<number>:...``; a later number moves what came in after the first merge (a refund).

    Returns:
        The points that moved.

    Raises:
        LedgerStateError: points of either are held, or of the absorbed member pending.
    """
    commodities = _commodities(connection, absorbed)
    for commodity in sorted({*commodities, POINTS}):
        for member_id in sorted((absorbed, into)):
            entries.lock_member(connection, member_id, commodity)
    refuse_open(connection, absorbed)
    if open_items(connection, into).held:
        raise LedgerStateError("Points of the member who stays are held; wait for the redemption.", state="held")
    prefix = f"merge:{absorbed}:{number}"
    for commodity in commodities:
        if commodity != POINTS:
            _give_up(connection, absorbed, f"{prefix}:{commodity}", commodity, counter_account(commodity), "merge", at)
    _move_qualifying(connection, absorbed, into, prefix, at)
    return _move_points(connection, absorbed, into, prefix, at)


def forfeit(connection: Connection, *, member_id: str, number: int, at: datetime) -> int:
    """Take what a member who leaves has left: points to breakage, uses back to the programme.

    Keys ``close:<member>:<number>:<commodity>``.

    Returns:
        The points that were forfeited.

    Raises:
        LedgerStateError: points are held or pending.
    """
    commodities = _commodities(connection, member_id)
    for commodity in commodities:
        entries.lock_member(connection, member_id, commodity)
    refuse_open(connection, member_id)
    taken = {
        commodity: _give_up(
            connection,
            member_id,
            f"close:{member_id}:{number}:{commodity}",
            commodity,
            programme_breakage(commodity) if commodity == POINTS else counter_account(commodity),
            "forfeit",
            at,
        )
        for commodity in commodities
    }
    return taken.get(POINTS, 0)


def refuse_open(connection: Connection, member_id: str) -> None:
    """Refuse to end a membership that has points held or pending.

    Raises:
        LedgerStateError: it has; the fact ``state`` says which.
    """
    found = open_items(connection, member_id)
    if found.held:
        raise LedgerStateError("Points are held for a redemption; wait until it has ended.", state="held")
    if found.pending:
        raise LedgerStateError("Points are pending; wait until they are released.", state="pending")


def _commodities(connection: Connection, member_id: str) -> list[str]:
    """List what a member has available, in the order in which it is locked."""
    code = member_available(member_id).code
    query = sa.select(accounts.c.commodity).where(accounts.c.code == code, accounts.c.balance > 0)
    return sorted(connection.execute(query).scalars())


def _filled(connection: Connection, member_id: str, commodity: str) -> list[Lot]:
    """List every lot with a remainder, whether its time is over or not."""
    columns = [lot_table.c[name] for name in Lot.__struct_fields__]
    mine = sa.and_(lot_table.c.member_id == member_id, lot_table.c.commodity == commodity, lot_table.c.remaining > 0)
    return [Lot(*row) for row in connection.execute(sa.select(*columns).where(mine).order_by(lot_table.c.id))]


def _empty(connection: Connection, held: list[Lot]) -> tuple[Posting, ...]:
    connection.execute(sa.update(lot_table).where(lot_table.c.id.in_([lot.id for lot in held])).values(remaining=0))
    return tuple(Posting(member_available(lot.member_id, lot.commodity), -lot.remaining, lot.id) for lot in held)


def _give_up(
    connection: Connection, member_id: str, key: str, commodity: str, to: Account, kind: str, at: datetime
) -> int:
    held = _filled(connection, member_id, commodity)
    total = sum(lot.remaining for lot in held)
    if total == 0:
        return 0
    digest = fingerprint(kind, member_id, commodity)
    if entries.is_known(connection, key, digest):
        return 0
    legs = (*_empty(connection, held), Posting(to, total))
    _write(connection, key, kind, member_id, legs, digest, member_id, at, at)
    return total


def _move_points(connection: Connection, absorbed: str, into: str, prefix: str, at: datetime) -> int:
    held = _filled(connection, absorbed, POINTS)
    total = sum(lot.remaining for lot in held)
    digest = fingerprint("merge", absorbed, into)
    if total == 0 or entries.is_known(connection, f"{prefix}:out", digest):
        return 0
    out = (*_empty(connection, held), Posting(counter_account(POINTS), total))
    _write(connection, f"{prefix}:out", "merge", into, out, digest, absorbed, at, at)
    came = tuple(
        Posting(
            member_available(into),
            lot.remaining,
            lots.open_lot(
                connection,
                member_id=into,
                commodity=POINTS,
                entry_key=f"{prefix}:in",
                quantity=lot.remaining,
                at=at,
                expires_at=lot.expires_at,
                suffix=f":{number}",
            ),
        )
        for number, lot in enumerate(held, start=1)
    )
    legs = (*came, Posting(counter_account(POINTS), -total))
    _write(connection, f"{prefix}:in", "merge", absorbed, legs, digest, into, at, at)
    return total


def _move_qualifying(connection: Connection, absorbed: str, into: str, prefix: str, at: datetime) -> None:
    gone, come = member_qualifying(absorbed), member_qualifying(into)
    other = counter_account(gone.commodity)
    digest = fingerprint("merge_qualifying", absorbed, into)
    for number, (counted_from, points) in enumerate(qualifying_credits(connection, absorbed), start=1):
        key = f"{prefix}:qualifying:{number}"
        if points <= 0 or entries.is_known(connection, f"{key}:out", digest):
            continue
        out = (Posting(gone, -points), Posting(other, points))
        _write(connection, f"{key}:out", "merge", into, out, digest, absorbed, counted_from, at)
        back = (Posting(come, points), Posting(other, -points))
        _write(connection, f"{key}:in", "merge", absorbed, back, digest, into, counted_from, at)


def _write(
    connection: Connection,
    key: str,
    kind: str,
    reference: str,
    legs: tuple[Posting, ...],
    digest: str,
    member_id: str,
    effective_at: datetime,
    at: datetime,
) -> None:
    entry = JournalEntry(key=key, kind=kind, reference=reference, postings=legs, effective_at=effective_at)
    entries.write(connection, entry, digest, at, Links(member_id=member_id))
