"""Undoes captured redemptions: the same order of writes as a redemption, the same outcome rules.

Which call undoes it, `undoing` says. Points return to their lots only when the
partner's answer, or a look-up, says that the benefit is gone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from adapters.sdk.capabilities import LooksUp
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult
from catalogue.values import Money
from config.observability import get_logger
from gateway.errors import TransitionError
from gateway.partners import ConnectedPartner
from gateway.redemption import attempt_store, reversal_store, store
from gateway.redemption.effects import Effects
from gateway.redemption.ordering import IDLE, OTHERS_TURN
from gateway.redemption.patience import Patience
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.seams import Seams
from gateway.redemption.states import ReversalState
from gateway.redemption.suspicions import Suspicions
from gateway.redemption.undoing import can_undo, undo

log = get_logger(__name__)

CANCEL = "cancel"
LOOK_UP = "look_up"


class Order(msgspec.Struct, frozen=True):
    """One call that has been written down and is now to be made, within ``lease``.

    ``repeated``: one like it was made before and may have reached the partner.
    """

    redemption: Redemption
    reversal: Reversal
    operation: str
    attempt: int
    lease: timedelta
    repeated: bool


class ReversalEngine:
    """Advances reversals."""

    def __init__(self, seams: Seams, jitter: Callable[[], float] = random.random) -> None:
        """Keep the seams; nothing is opened."""
        self._database = seams.database
        self._clock = seams.clock
        self._partners = seams.partners
        self._effects = seams.effects
        self._identifiers = seams.identifiers
        self._settings = seams.settings
        self._patience = Patience(seams.settings, jitter)
        self._suspicions = Suspicions(seams)

    async def advance_standing(self, redemption_id: str) -> None:
        """Make the next call of the reversal that a redemption has under way, if it has one."""
        reversal = await self._database.read(partial(reversal_store.standing, redemption_id=redemption_id))
        if reversal is not None:
            await self.advance(redemption_id, reversal.number)

    async def advance(self, redemption_id: str, number: int) -> None:
        """Make the next call of a reversal, if it is due and nobody else does."""
        owner = self._identifiers.new("attempt")
        began = self._clock.monotonic()
        order = await self._database.write(partial(self._prepare, redemption_id, number, owner))
        if order is None:
            return
        if self._clock.monotonic() - began > order.lease.total_seconds():
            log.warning("reversal.call_too_late", redemption_id=redemption_id, operation=order.operation)
            return
        result = await self._call(order)
        await self._database.write(partial(self._record, order, result, owner))

    def _prepare(self, redemption_id: str, number: int, owner: str, connection: Connection) -> Order | None:
        store.lock(connection, redemption_id)
        reversal = reversal_store.get(connection, redemption_id, number)
        redemption = store.get(connection, redemption_id)
        if reversal is None or redemption is None or reversal.next_action_at is None:
            return None
        now = self._clock.now()
        if redemption.newer or reversal.newer:
            reversal_store.put_off(connection, redemption_id, number, now, now + OTHERS_TURN)
            return None
        connected = self._partners.get(redemption.partner)
        if connected is None:
            log.error("reversal.partner_switched_off", redemption_id=redemption_id, partner=redemption.partner)
            reversal_store.put_off(connection, redemption_id, number, now, now + IDLE)
            return None
        if reversal.undoes and reversal_store.later_leg_is_asked(connection, redemption):
            reversal_store.put_off(connection, redemption_id, number, now, now + self._patience.after(0))
            return None
        lease = self._patience.lease(connected)
        if not reversal_store.take_lease(connection, reversal, owner, lease):
            return None
        if reversal.state is ReversalState.SUBMITTING:
            reversal = reversal_store.move(connection, reversal, ReversalState.UNKNOWN, at=now)
        operation = _operation(connected, redemption, reversal)
        if operation is None or (reversal.state is ReversalState.UNKNOWN and reversal.deadline_at <= now):
            self._end(connection, redemption, reversal, ReversalState.MANUAL, now)
            return None
        if operation == CANCEL:
            reversal = reversal_store.move(
                connection, reversal, ReversalState.SUBMITTING, at=now, next_action_at=now + lease
            )
        return self._ordered(connection, redemption, reversal, connected, operation, now)

    def _ordered(
        self,
        connection: Connection,
        redemption: Redemption,
        reversal: Reversal,
        connected: ConnectedPartner,
        operation: str,
        now: datetime,
    ) -> Order:
        named = attempt_name(reversal.number, operation)
        repeated = operation == CANCEL and attempt_store.maybe_reached(connection, redemption.id, named)
        attempt = attempt_store.start(
            connection,
            redemption,
            operation=named,
            is_commit=False,
            deadline=timedelta(seconds=connected.manifest.limits.deadline_seconds),
            at=now,
        )
        return Order(redemption, reversal, operation, attempt, self._patience.lease(connected), repeated)

    async def _call(self, order: Order) -> CancelResult | LookUpResult:
        connected = self._partners[order.redemption.partner]
        try:
            if order.operation == LOOK_UP:
                assert isinstance(connected.adapter, LooksUp)
                return await connected.adapter.look_up(order.redemption.request())
            return await undo(connected, order.redemption, order.reversal, repeated=order.repeated)
        except Exception:
            log.exception("adapter.raised", partner=order.redemption.partner, operation=order.operation)
            return CancelResult(outcome=Outcome.UNKNOWN, code="adapter_raised")

    def _record(self, order: Order, result: CancelResult | LookUpResult, owner: str, connection: Connection) -> None:
        now = self._clock.now()
        store.lock(connection, order.redemption.id)
        outcome = result.answer.value if isinstance(result, LookUpResult) else result.outcome.value
        attempt_store.finish(
            connection, order.redemption.id, order.attempt, outcome=outcome, code=result.code, message=None, at=now
        )
        self._suspicions.look_at(connection, order.redemption, f"reverse:{order.operation}", result, now)
        reversal = reversal_store.get(connection, order.redemption.id, order.reversal.number)
        if reversal is None or reversal.version != order.reversal.version or reversal.lease_owner != owner:
            log.warning("reversal.result_dropped", redemption_id=order.redemption.id)
            return
        state = after_look_up(result) if isinstance(result, LookUpResult) else after_cancel(result)
        self._end(connection, order.redemption, reversal, state, now, result)

    def _end(
        self,
        connection: Connection,
        redemption: Redemption,
        reversal: Reversal,
        state: ReversalState,
        now: datetime,
        result: CancelResult | LookUpResult | None = None,
    ) -> None:
        """Write down where a call led; ``result`` is what it brought back, None without one."""
        waits = state in {ReversalState.REQUESTED, ReversalState.UNKNOWN}
        wished = None if result is None else result.retry_after_seconds
        changes = {
            "next_action_at": now + self._patience.asked_for(wished, reversal.tries) if waits else None,
            "tries": reversal.tries + 1,
            "lease_owner": None,
            "lease_until": None,
        }
        if state is reversal.state:
            reversal_store.release(connection, reversal, **changes)
        elif state is ReversalState.APPLIED:
            refund = None if result is None else result.refund
            apply(connection, self._effects, redemption, reversal, now, refund, **changes)
        else:
            reversal_store.move(connection, reversal, state, at=now, **changes)
        if reversal.tries == 0:
            reversal_store.wake_earlier_legs(connection, redemption, now)


def apply(
    connection: Connection,
    effects: Effects,
    redemption: Redemption,
    reversal: Reversal,
    at: datetime,
    refund: Money | None = None,
    **changes: Any,
) -> bool:
    """End a reversal as applied and book it; one that cannot be booked goes to people with an alarm.

    Args:
        connection: of the transaction that holds the redemption's lock.
        effects: what books it.
        redemption: the captured one.
        reversal: as read under the lock, not ended.
        at: now.
        refund: what the partner gives back, when it says so.
        changes: further columns of the reversal.

    Returns:
        Whether it is applied.
    """
    try:
        with connection.begin_nested():
            reversal_store.move(connection, reversal, ReversalState.APPLIED, at=at, **changes)
            effects.reversed(connection, redemption, reversal, at, refund)
    except (DBAPIError, TransitionError):
        raise
    except Exception:
        log.exception("reversal.not_booked", redemption_id=redemption.id)
        if reversal.state is ReversalState.SUBMITTING:
            reversal = reversal_store.move(connection, reversal, ReversalState.UNKNOWN, at=at)
        if reversal.state is not ReversalState.MANUAL:
            reversal_store.move(connection, reversal, ReversalState.MANUAL, at=at, **changes)
        return False
    return True


def _operation(connected: ConnectedPartner, redemption: Redemption, reversal: Reversal) -> str | None:
    adapter = connected.adapter
    return operation_of(
        can_cancel=can_undo(adapter, redemption), can_be_asked=isinstance(adapter, LooksUp), state=reversal.state
    )


def operation_of(*, can_cancel: bool, can_be_asked: bool, state: ReversalState) -> str | None:
    """Decide what a reversal needs next; None: nobody but people can say."""
    if state is ReversalState.UNKNOWN and can_be_asked:
        return LOOK_UP
    return CANCEL if can_cancel else None


def attempt_name(number: int, operation: str) -> str:
    """Name the attempts at one operation of a redemption's reversal."""
    return f"reverse:{number}:{operation}"


def after_cancel(result: CancelResult) -> ReversalState:
    """Decide what the answer to a cancellation proves."""
    if result.outcome is Outcome.OK:
        return ReversalState.APPLIED
    if result.outcome is Outcome.NO:
        return ReversalState.REFUSED
    if result.outcome in {Outcome.NOT_SENT, Outcome.BUSY}:
        return ReversalState.REQUESTED
    return ReversalState.UNKNOWN


def after_look_up(result: LookUpResult) -> ReversalState:
    """A benefit that stands is asked to be cancelled again; one that is gone is reversed."""
    if result.answer is LookUpAnswer.CANCELLED:
        return ReversalState.APPLIED
    if result.answer is LookUpAnswer.ISSUED:
        return ReversalState.REQUESTED
    return ReversalState.UNKNOWN
