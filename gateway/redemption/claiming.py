"""How a claim ends: the partner withdraws it, or the programme accepts what it never wanted (rule R11).

Whatever it is, the member pays nothing and gets nothing back: he was told that the redemption had failed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.redemption.records import Redemption
from gateway.redemption.tables import claims
from settlement import ledger
from settlement.accounts import bearer_expense
from settlement.entries import read_postings
from settlement.journal import JournalEntry, Posting

ClaimOutcome = Literal["withdrawn", "accepted"]


def is_open(connection: Connection, redemption_id: str) -> bool:
    """Say whether a redemption has a claim that nobody has ended."""
    query = sa.select(claims.c.partner).where(claims.c.redemption_id == redemption_id, claims.c.closed_at.is_(None))
    return connection.execute(query).first() is not None


def close(connection: Connection, redemption: Redemption, outcome: ClaimOutcome, at: datetime) -> None:
    """End a claim and clear the suspense account of it.

    Withdrawn: nothing is owed. Accepted: the partner is paid, and the maker bears it.

    Key: ``<id>:claim:<outcome>``.

    Args:
        connection: of the transaction that holds the redemption's lock.
        redemption: the voided one, whose claim is open.
        outcome: of the two.
        at: now.
    """
    values = {"closed_at": at, "outcome": outcome}
    connection.execute(claims.update().where(claims.c.redemption_id == redemption.id).values(values))
    posted = read_postings(connection, f"{redemption.id}:claim")
    if not posted:
        return
    suspense, payable = posted
    other = payable.account if outcome == "withdrawn" else bearer_expense("maker", suspense.account.commodity)
    entry = JournalEntry(
        key=f"{redemption.id}:claim:{outcome}",
        kind="claim_end",
        reference=redemption.id,
        postings=(Posting(suspense.account, -suspense.amount), Posting(other, suspense.amount)),
        effective_at=at,
    )
    ledger.post(connection, entry, at)
