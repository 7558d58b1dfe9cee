"""The member did not come: what the benefit's rule gives back, what the contract lets the partner ask, told once.

Nothing is asked for by us: a partner's closed file, or its own word when it is looked up, says so (rule R13).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from config.database import insert_new
from gateway.redemption import reversal_store
from gateway.redemption.effects import Effects
from gateway.redemption.records import Redemption
from gateway.redemption.states import ReversalState, State
from gateway.redemption.tables import outbox

NO_SHOW = "no_show"
"""The reason of what is given back, the status in a partner's file, and what a look-up carries as ``true``."""


def not_shown(connection: Connection, effects: Effects, redemption: Redemption, at: datetime) -> bool:
    """Post that nobody came for a captured redemption; the benefit is over, and stays captured.

    Keys: ``<id>:reverse:<n>`` (the share of the points that the benefit's rule gives back), ``<id>:no_show`` (the
    partner's fee, where the contract has terms for one). The event ``redemption.no_show`` is the mark that it was done.

    Args:
        connection: of the transaction that holds the redemption's lock.
        effects: what prices and books it.
        redemption: as read under the lock.
        at: when it was found out.

    Returns:
        False when it was posted before, or the redemption is not captured, or is being undone.

    Raises:
        TransitionError: only a later version of the code understands it.
    """
    redemption.require_understood()
    undone = reversal_store.standing(connection, redemption.id) is not None
    if redemption.state is not State.CAPTURED or undone or not _tell(connection, redemption, at):
        return False
    back = min(effects.back_after_no_show(redemption), reversal_store.left(connection, redemption))
    if back > 0:
        given = reversal_store.ask(
            connection,
            redemption,
            quantity=back,
            reason=NO_SHOW,
            at=at,
            state=ReversalState.APPLIED,
            undoes=False,
        )
        assert given is not None
        effects.reversed(connection, redemption, given, at)
    effects.no_show_fee(connection, redemption, at)
    return True


def _tell(connection: Connection, redemption: Redemption, at: datetime) -> bool:
    """Write the event; False when it was told before."""
    row = {
        "id": f"evt_{redemption.id.partition('_')[2]}_no_show",
        "aggregate_id": f"{redemption.id}:{NO_SHOW}",
        "seq": 1,
        "type": "redemption.no_show",
        "payload": {"redemption_id": redemption.id, "member_id": redemption.member_id},
        "created_at": at,
    }
    return insert_new(connection, outbox, row, unique=["aggregate_id", "seq"])
