"""How value comes in and lapses: issues, accruals, entitlements, expiry. See `settlement.ledger` for the rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from settlement import entries, lots
from settlement.accounts import (
    POINTS,
    Account,
    counter_account,
    member_available,
    member_pending,
    member_qualifying,
    programme_breakage,
    visits,
)
from settlement.entries import Links
from settlement.errors import LedgerStateError, QuantityError
from settlement.journal import JournalEntry, Posting, fingerprint, require_quantity
from settlement.lots import Lot
from settlement.tables import lots as lot_table


class Occasion(msgspec.Struct, frozen=True):
    """What an accrual is for: words for the member (activity, dealer, rule), and when it happened (None: now)."""

    facts: Mapping[str, str] = {}
    effective_at: datetime | None = None


def issue(
    connection: Connection,
    *,
    key: str,
    member_id: str,
    commodity: str,
    quantity: int,
    at: datetime,
    expires_at: datetime | None,
    reason: str,
    reference: str,
) -> bool:
    """Credit a member with something spendable and open a lot for it; it never expires when ``expires_at`` is None.

    Raises:
        QuantityError: not a positive integer.
        LedgerConflictError: the key is known with another content.
    """
    require_quantity(quantity)
    digest = fingerprint("issue", member_id, commodity, quantity, expires_at, reason, reference)
    entries.lock_member(connection, member_id, commodity)
    if entries.is_known(connection, key, digest):
        return False
    legs = _opening(connection, key, member_id, commodity, quantity, at, expires_at)
    entry = JournalEntry(
        key=key, kind="issue", reference=reference, postings=legs, effective_at=at, facts={"reason": reason}
    )
    entries.write(connection, entry, digest, at, Links(member_id=member_id))
    return True


def accrue(
    connection: Connection,
    *,
    key: str,
    member_id: str,
    points: int,
    qualifying: int,
    at: datetime,
    expires_at: datetime | None,
    reference: str,
    occasion: Occasion = Occasion(),  # noqa: B008 frozen
) -> bool:
    """Credit redeemable and qualifying points of one activity in one entry; either may be zero, not both.

    Qualifying points count from the occasion's ``effective_at`` on.

    Raises:
        QuantityError: a negative or fractional quantity, or nothing at all.
        LedgerConflictError: the key is known with another content.
    """
    words = dict(occasion.facts)
    digest = fingerprint("accrual", member_id, points, qualifying, expires_at, reference, words)
    entries.lock_member(connection, member_id, POINTS)
    if entries.is_known(connection, key, digest):
        return False
    legs = _qualifying_legs(member_id, points, qualifying)
    if points != 0:
        legs += _opening(connection, key, member_id, POINTS, require_quantity(points), at, expires_at)
    entry = JournalEntry(
        key=key,
        kind="accrual",
        reference=reference,
        postings=legs,
        effective_at=occasion.effective_at or at,
        facts=words,
    )
    entries.write(connection, entry, digest, at, Links(member_id=member_id))
    return True


def accrue_pending(
    connection: Connection,
    *,
    key: str,
    member_id: str,
    points: int,
    qualifying: int,
    at: datetime,
    reference: str,
    facts: Mapping[str, str] | None = None,
) -> bool:
    """Credit points that may not be spent before `release`: they have no lot and no expiry yet.

    Qualifying points count at once. See `accrue` for the errors.
    """
    words = dict(facts or {})
    digest = fingerprint("pending_accrual", member_id, points, qualifying, reference, words)
    entries.lock_member(connection, member_id, POINTS)
    if entries.is_known(connection, key, digest):
        return False
    legs = _qualifying_legs(member_id, points, qualifying)
    if points != 0:
        legs += _pair(member_pending(member_id), require_quantity(points))
    entry = JournalEntry(
        key=key, kind="pending_accrual", reference=reference, postings=legs, effective_at=at, facts=words
    )
    entries.write(connection, entry, digest, at, Links(member_id=member_id))
    return True


def release(connection: Connection, *, accrual_key: str, key: str, at: datetime, expires_at: datetime | None) -> bool:
    """Make pending points spendable and open their lot.

    Raises:
        LedgerStateError: there is no such pending accrual, or it was released under another key.
        LedgerConflictError: the key is known with another content.
    """
    digest = fingerprint("release", accrual_key, expires_at)
    header = entries.find(connection, accrual_key)
    if header is None or header.kind != "pending_accrual" or header.member_id is None:
        raise LedgerStateError(f"There is no pending accrual {accrual_key}.", state="none", key=accrual_key)
    entries.lock_member(connection, header.member_id, POINTS)
    if entries.is_known(connection, key, digest):
        return False
    entries.refuse_ended(entries.find_end(connection, accrual_key), accrual_key)
    pending = member_pending(header.member_id)
    waiting = [leg for leg in entries.read_postings(connection, accrual_key) if leg.account == pending]
    if not waiting:
        raise LedgerStateError(f"{accrual_key} has no points that wait.", state="none", key=accrual_key)
    quantity = waiting[0].amount
    lot_id = lots.open_lot(
        connection,
        member_id=header.member_id,
        commodity=POINTS,
        entry_key=key,
        quantity=quantity,
        at=at,
        expires_at=expires_at,
    )
    legs = (Posting(pending, -quantity), Posting(member_available(header.member_id), quantity, lot_id))
    entry = JournalEntry(key=key, kind="release", reference=header.reference, postings=legs, effective_at=at)
    entries.write(connection, entry, digest, at, Links(member_id=header.member_id, ends_key=accrual_key))
    return True


def grant_entitlement(
    connection: Connection,
    *,
    member_id: str,
    benefit_id: str,
    uses: int,
    window_start_at: datetime,
    window_end_at: datetime,
    at: datetime,
) -> bool:
    """See to it that a member was granted so many uses of a benefit in a window; False when that was so already.

    The uses are a lot that lapses at the window's end, held, captured and voided as points are. A higher number later
    in the window (a better tier) grants the difference; a lower one takes nothing away. The key is derived from
    member, benefit, window and what was granted before.
    """
    require_quantity(uses)
    commodity = visits(benefit_id)
    entries.lock_member(connection, member_id, commodity)
    granted = _granted(connection, member_id, commodity, window_end_at)
    if granted >= uses:
        return False
    window = f"{window_start_at.isoformat()}/{window_end_at.isoformat()}"
    return issue(
        connection,
        key=f"entitlement:{member_id}:{benefit_id}:{window_end_at.isoformat()}:{granted}",
        member_id=member_id,
        commodity=commodity,
        quantity=uses - granted,
        at=at,
        expires_at=window_end_at,
        reason="entitlement",
        reference=window,
    )


def expire_lots(connection: Connection, *, at: datetime, limit: int = 500) -> int:
    """Move what is left of lots whose time is over to breakage; answer how many lots there were.

    Run it until it answers less than ``limit``. Uses of an entitlement go back to the programme's entitlement account.
    A lot that a void fills again after its expiry lapses again at the next run: the key counts what lapsed before.
    """
    swept = 0
    for lot in lots.expiring(connection, at, limit):
        entries.lock_member(connection, lot.member_id, lot.commodity)
        if lots.expire(connection, lot):
            _write_expiry(connection, lot, at)
            swept += 1
    return swept


def _write_expiry(connection: Connection, lot: Lot, at: datetime) -> None:
    to = programme_breakage(lot.commodity) if lot.commodity == POINTS else counter_account(lot.commodity)
    entry = JournalEntry(
        key=f"expiry:{lot.id}:{lot.expired}",
        kind="expiry",
        reference=lot.id,
        postings=(
            Posting(member_available(lot.member_id, lot.commodity), -lot.remaining, lot.id),
            Posting(to, lot.remaining),
        ),
        effective_at=lot.expires_at or at,
    )
    digest = fingerprint("expiry", lot.id, lot.expired, lot.remaining)
    entries.write(connection, entry, digest, at, Links(member_id=lot.member_id))


def _opening(
    connection: Connection,
    key: str,
    member_id: str,
    commodity: str,
    quantity: int,
    at: datetime,
    expires_at: datetime | None,
) -> tuple[Posting, ...]:
    lot_id = lots.open_lot(
        connection,
        member_id=member_id,
        commodity=commodity,
        entry_key=key,
        quantity=quantity,
        at=at,
        expires_at=expires_at,
    )
    return _pair(member_available(member_id, commodity), quantity, lot_id)


def _qualifying_legs(member_id: str, points: int, qualifying: int) -> tuple[Posting, ...]:
    if points == 0 == qualifying:
        raise QuantityError("Nothing is accrued; an activity that earns nothing has no entry.")
    return _pair(member_qualifying(member_id), require_quantity(qualifying)) if qualifying != 0 else ()


def _pair(account: Account, quantity: int, lot_id: str | None = None) -> tuple[Posting, Posting]:
    return Posting(account, quantity, lot_id), Posting(counter_account(account.commodity), -quantity)


def _granted(connection: Connection, member_id: str, commodity: str, window_end_at: datetime) -> int:
    total = connection.execute(
        sa.select(sa.func.coalesce(sa.func.sum(lot_table.c.amount), 0)).where(
            lot_table.c.member_id == member_id,
            lot_table.c.commodity == commodity,
            lot_table.c.expires_at == window_end_at,
        )
    ).scalar_one()
    return int(total)
