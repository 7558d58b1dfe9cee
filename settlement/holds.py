"""Holds and how they end: captured, voided, and after a capture reversed. See `settlement.ledger` for the rules.

Capture and void race on the unique link from an end to its hold, so that the database too lets only one of them in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from settlement import entries, lots
from settlement.accounts import Account, AccountKind, member_available, member_held
from settlement.entries import Links
from settlement.entries_hot import foresee_wallet, see_hold, see_wallet
from settlement.errors import JournalEntryError, LedgerStateError, QuantityError
from settlement.journal import JournalEntry, Posting, fingerprint, postings_content, require_quantity
from settlement.lots import Part


class Held(msgspec.Struct, frozen=True):
    """A hold as it was placed: whose, of what, from which lots. Nothing of it ever changes."""

    key: str
    member_id: str
    reference: str
    commodity: str
    parts: tuple[Part, ...]

    @property
    def quantity(self) -> int:
        """What it reserves."""
        return sum(part.quantity for part in self.parts)


def hold(
    connection: Connection,
    *,
    key: str,
    member_id: str,
    commodity: str,
    quantity: int,
    at: datetime,
    reference: str,
    facts: Mapping[str, str] | None = None,
    expiring_at: datetime | None = None,
) -> Held | None:
    """Reserve a quantity, lots first-expiring-first; lots whose time is over at ``at`` are not spendable.

    ``expiring_at``: take only from lots that expire then: a use of next year's right is not one of this year's.

    Returns:
        What was reserved; None when it had been before, and nothing was done.

    Raises:
        QuantityError: not a positive integer.
        InsufficientFundsError: too little is spendable; nothing was reserved.
        LedgerConflictError: the key holds something else.
    """
    require_quantity(quantity)
    digest = fingerprint("hold", member_id, commodity, quantity, reference)
    wallet = see_wallet(connection, member_id, commodity, key, at)
    if entries.is_same(key, wallet.known, digest):
        return None
    parts = lots.to_take(wallet.lots, commodity, quantity, expiring_at)
    available, held = member_available(member_id, commodity), member_held(member_id, commodity)
    entry = JournalEntry(
        key=key,
        kind="hold",
        reference=reference,
        postings=_legs(parts, available, -1) + _legs(parts, held, +1),
        effective_at=at,
        facts=dict(facts or {}),
    )
    entries.write(connection, entry, digest, at, Links(member_id=member_id), taken=parts)
    return Held(key, member_id, reference, commodity, parts)


def foresee_hold(*, key: str, member_id: str, commodity: str, at: datetime) -> None:
    """Say that this operation will as good as certainly place a hold; nothing depends on whether it does."""
    foresee_wallet(member_id, commodity, key, at)


def capture(
    connection: Connection,
    *,
    hold_key: str,
    key: str,
    at: datetime,
    to: Account,
    also: tuple[Posting, ...] = (),
    quantity: int | None = None,
    held: Held | None = None,
) -> bool:
    """End a hold by taking what it reserved.

    Args:
        connection: of the transaction that also records the outcome.
        hold_key: the hold to end.
        key: of this entry.
        at: when it took effect; how late does not matter, a lot that expired meanwhile is still captured.
        to: where it goes, in the hold's commodity: `counter_account` for a benefit, the clearing account for a
            conversion.
        also: money, barter or miles postings of the same fact, balanced in themselves, never in the hold's commodity.
        quantity: less than the hold reserved; the rest goes back to its lots in the same entry. All of it when None.
        held: the hold, by who has placed it and knows by other means that nobody has ended it: it is not looked at, and
            should it have been ended all the same, the database refuses.

    Raises:
        LedgerStateError: there is no such hold, or it was ended by another entry.
        LedgerConflictError: the key is known with another content.
        QuantityError: more than the hold reserved.
    """
    digest = fingerprint("capture", hold_key, to.code, to.commodity, quantity, postings_content(also))
    found = held or _open_hold(connection, hold_key, key, digest)
    if found is None:
        return False
    _refuse_foreign(found, to, also)
    taken = found.quantity if quantity is None else require_quantity(quantity)
    if taken > found.quantity:
        raise QuantityError(f"{hold_key} holds {found.quantity}, not {taken}.", asked=taken, held=found.quantity)
    first, rest = lots.split_parts(found.parts, taken)
    reserved = _legs(found.parts, member_held(found.member_id, found.commodity), -1)
    legs = (*reserved, Posting(to, taken), *_legs(rest, member_available(found.member_id, found.commodity), +1), *also)
    assert sum(part.quantity for part in first) == taken
    _end(connection, found, key, "capture", legs, digest, at)
    lots.restore(connection, rest)
    return True


def void(connection: Connection, *, hold_key: str, key: str, at: datetime) -> bool:
    """End a hold by giving everything back to the lots it came from, whatever their expiry.

    Raises:
        LedgerStateError: there is no such hold, or it was ended by another entry.
        LedgerConflictError: the key is known with another content.
    """
    digest = fingerprint("void", hold_key)
    found = _open_hold(connection, hold_key, key, digest)
    if found is None:
        return False
    held, available = member_held(found.member_id, found.commodity), member_available(found.member_id, found.commodity)
    legs = _legs(found.parts, held, -1) + _legs(found.parts, available, +1)
    _end(connection, found, key, "void", legs, digest, at)
    lots.restore(connection, found.parts)
    return True


def reverse(
    connection: Connection,
    *,
    capture_key: str,
    key: str,
    quantity: int,
    at: datetime,
    also: tuple[Posting, ...] = (),
) -> bool:
    """Give back all or part of what was captured, to the lots and expiry it came from; may be repeated.

    What is given back first is what would expire last: that was taken last.

    Raises:
        LedgerStateError: there is no such capture, or less than ``quantity`` of it is left to give back.
        LedgerConflictError: the key is known with another content.
    """
    require_quantity(quantity)
    digest = fingerprint("reverse", capture_key, quantity, postings_content(also))
    header = entries.find(connection, capture_key)
    if header is None or header.kind != "capture" or header.ends_key is None or header.member_id is None:
        raise LedgerStateError(f"There is no capture {capture_key}.", state="none", key=capture_key)
    found = _read_hold(connection, header.ends_key, header.member_id, header.reference)
    entries.lock_member(connection, found.member_id, found.commodity)
    if entries.is_known(connection, key, digest):
        return False
    taken_to = _destination(connection, capture_key, found.commodity)
    _refuse_foreign(found, taken_to.account, also)
    parts = _left_to_reverse(connection, found, taken_to.amount, capture_key)
    chosen = lots.choose(((part.lot_id, part.quantity) for part in reversed(parts)), quantity)
    if chosen is None:
        left = sum(part.quantity for part in parts)
        raise LedgerStateError(f"Of {capture_key} {left} are left, not {quantity}.", state="reversed", left=left)
    lots.restore(connection, chosen)
    entry = JournalEntry(
        key=key,
        kind="reversal",
        reference=found.reference,
        postings=(
            Posting(taken_to.account, -quantity),
            *_legs(chosen, member_available(found.member_id, found.commodity), +1),
            *also,
        ),
        effective_at=at,
    )
    entries.write(connection, entry, digest, at, Links(member_id=found.member_id, reverses_key=capture_key))
    return True


def lots_taken(connection: Connection, hold_key: str) -> tuple[Part, ...]:
    """List what a hold took from each lot, in the order it was taken.

    Raises:
        LedgerStateError: there is no such hold.
    """
    return _hold_of(connection, hold_key).parts


def _legs(parts: tuple[Part, ...], account: Account, sign: int) -> tuple[Posting, ...]:
    return tuple(Posting(account, sign * part.quantity, part.lot_id) for part in parts)


def _read_hold(connection: Connection, key: str, member_id: str, reference: str) -> Held:
    legs = [leg for leg in entries.read_postings(connection, key) if leg.amount > 0]
    parts = tuple(Part(leg.lot_id, leg.amount) for leg in legs if leg.lot_id is not None)
    return Held(key, member_id, reference, legs[0].account.commodity, parts)


def _hold_of(connection: Connection, hold_key: str) -> Held:
    header = entries.find(connection, hold_key)
    if header is None or header.kind != "hold" or header.member_id is None:
        raise LedgerStateError(f"There is no hold {hold_key}.", state="none", key=hold_key)
    return _read_hold(connection, hold_key, header.member_id, header.reference)


def _open_hold(connection: Connection, hold_key: str, key: str, digest: str) -> Held | None:
    """Read a hold that may be ended under a key; None when this very entry has ended it."""
    seen = see_hold(connection, hold_key, key)
    if seen is None:
        raise LedgerStateError(f"There is no hold {hold_key}.", state="none", key=hold_key)
    if entries.is_same(key, seen.known, digest):
        return None
    if seen.end_key is not None:
        raise LedgerStateError(f"{hold_key} was already ended by {seen.end_key}.", state=seen.end_kind, key=hold_key)
    parts = tuple(Part(lot_id, quantity) for lot_id, quantity in seen.parts)
    return Held(hold_key, seen.member_id, seen.reference, seen.commodity, parts)


def _end(
    connection: Connection,
    found: Held,
    key: str,
    kind: str,
    legs: tuple[Posting, ...],
    digest: str,
    at: datetime,
) -> None:
    entry = JournalEntry(key=key, kind=kind, reference=found.reference, postings=legs, effective_at=at)
    links, wallet = Links(found.member_id, ends_key=found.key), member_available(found.member_id, found.commodity)
    entries.write(connection, entry, digest, at, links, locked=wallet)


def _refuse_foreign(found: Held, to: Account, also: tuple[Posting, ...]) -> None:
    if to.commodity != found.commodity or to.kind is AccountKind.MEMBER:
        raise JournalEntryError(f"{found.key} holds {found.commodity}; it cannot go to {to.code} in {to.commodity}.")
    if any(leg.account.commodity == found.commodity for leg in also):
        raise JournalEntryError(f"{found.key}: what is posted also is never in the hold's own commodity.")


def _destination(connection: Connection, capture_key: str, commodity: str) -> Posting:
    """Find the one leg of a capture that is not the member's, in the commodity that was held."""
    (leg,) = (
        leg
        for leg in entries.read_postings(connection, capture_key)
        if leg.account.commodity == commodity and leg.account.kind is not AccountKind.MEMBER
    )
    return leg


def _left_to_reverse(connection: Connection, found: Held, taken: int, capture_key: str) -> tuple[Part, ...]:
    captured, _ = lots.split_parts(found.parts, taken)
    returned = entries.returned_by_lot(connection, capture_key, member_available(found.member_id, found.commodity))
    left = (Part(part.lot_id, part.quantity - returned.get(part.lot_id, 0)) for part in captured)
    return tuple(part for part in left if part.quantity > 0)
