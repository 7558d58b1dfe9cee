"""Undecided redemptions and the partner's closed file: which wait for it, and ending them by what it says."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from gateway.errors import TransitionError
from gateway.redemption.engine import Engine
from gateway.redemption.states import Event, State
from gateway.redemption.tables import redemptions
from settlement.calendar import business_date_of
from settlement.contracts import PartnerContract
from settlement.undecided import SettledByFile, Undecided

WAITING = (State.MANUAL, State.UNKNOWN, State.ACCEPTED)
"""States that a statement file may end."""


def waiting_for_file(connection: Connection, contract: PartnerContract) -> tuple[Undecided, ...]:
    """List a partner's redemptions that its file may decide, by id.

    An absence counts only for those given to people, and only when the contract's window for late rows has passed.
    """
    row = redemptions.c
    query = (
        sa.select(row.id, row.partner_key, row.requested_at, row.state)
        .where(row.partner == contract.partner, row.state.in_([state.value for state in WAITING]))
        .order_by(row.id)
    )
    return tuple(
        Undecided(
            redemption_id=found.id,
            reference=found.partner_key,
            business_date=business_date_of(contract.day, found.requested_at),
            closes_after_days=contract.late_window_days if found.state == State.MANUAL else None,
        )
        for found in connection.execute(query)
    )


def settle_by_file(connection: Connection, engine: Engine, item: SettledByFile) -> bool:
    """End one redemption by what the file says; False when it had ended, or moved on, before."""
    event = Event.FILE_SAYS_ISSUED if item.issued else Event.FILE_SAYS_NOT_ISSUED
    evidence = item.statement_line_id or "absent from the closed file"
    try:
        return engine.settle(connection, item.redemption_id, event, f"statement: {evidence}")
    except TransitionError:
        return False
