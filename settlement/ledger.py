"""The ledger: everything that moves is an entry made here. Functions of a connection, idempotent by key.

Each function is one movement: its balances, lots, postings and header are written in the caller's transaction. Made
again under the same key it changes nothing and answers False (`hold` None); another content under a known key is
`LedgerConflictError`. Keys are derived by the caller (``<redemption id>:hold``, ``:capture``, ``:void``,
``:reverse:<n>``, ``accrual:<source>:<reference>``). A hold is ended once, by a capture or a void; no clock ends it.
Sums are checked by the code first and refused by the database last.

The parts: `settlement.holds` (hold, capture, void, reverse), `settlement.issues` (issue, accrue, release, entitlements,
expiry), `settlement.balances` (reading), `settlement.entries` and `settlement.lots` (writing).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from settlement import entries
from settlement.balances import Balance, Movement, activity, balances
from settlement.entries import lock_member, reversals_of
from settlement.holds import Held, capture, foresee_hold, hold, lots_taken, reverse, void
from settlement.issues import accrue, accrue_pending, expire_lots, grant_entitlement, issue, release
from settlement.journal import JournalEntry, entry_fingerprint

__all__ = [
    "Balance",
    "Held",
    "Movement",
    "accrue",
    "accrue_pending",
    "activity",
    "balances",
    "capture",
    "expire_lots",
    "foresee_hold",
    "grant_entitlement",
    "hold",
    "issue",
    "lock_member",
    "lots_taken",
    "post",
    "release",
    "reversals_of",
    "reverse",
    "void",
]


def post(connection: Connection, entry: JournalEntry, at: datetime) -> bool:
    """Write an entry that touches no lots; False when exactly this entry is there already.

    Raises:
        LedgerConflictError: the key is known with another kind, reference, fact, account, commodity or amount.
        InsufficientFundsError: an account that may not go negative would.
    """
    digest = entry_fingerprint(entry)
    entries.lock_key(connection, entry.key)
    if entries.is_known(connection, entry.key, digest):
        return False
    entries.write(connection, entry, digest, at)
    return True
