"""Undoes captured redemptions: the same order of writes as a redemption, the same outcome rules.

A partner that fences is asked by our key, another by its own reference. Points return to their lots only when the
partner's answer, or a look-up, says that the benefit is gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection

from adapters.sdk.capabilities import Cancels, Fences, LooksUp
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult
from config.observability import get_logger
from gateway.partners import ConnectedPartner
from gateway.redemption import reversal_store, store
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.seams import Seams
from gateway.redemption.states import ReversalState

log = get_logger(__name__)

CANCEL = "cancel"
LOOK_UP = "look_up"


class Order(msgspec.Struct, frozen=True):
    """One call that has been written down and is now to be made."""

    redemption: Redemption
    reversal: Reversal
    operation: str
    attempt: int


class ReversalEngine:
    """Advances reversals."""

    def __init__(self, seams: Seams) -> None:
        """Keep the seams; nothing is opened."""
        self._database = seams.database
        self._clock = seams.clock
        self._partners = seams.partners
        self._effects = seams.effects
        self._identifiers = seams.identifiers
        self._settings = seams.settings

    async def advance(self, redemption_id: str, number: int) -> None:
        """Make the next call of a reversal, if it is due and nobody else does."""
        owner = self._identifiers.new("attempt")
        order = await self._database.write(partial(self._prepare, redemption_id, number, owner))
        if order is None:
            return
        result = await self._call(order)
        await self._database.write(partial(self._record, order, result))

    def _prepare(self, redemption_id: str, number: int, owner: str, connection: Connection) -> Order | None:
        reversal_store.lock(connection, redemption_id, number)
        reversal = reversal_store.get(connection, redemption_id, number)
        redemption = store.get(connection, redemption_id)
        if reversal is None or redemption is None or reversal.next_action_at is None:
            return None
        connected = self._partners.get(redemption.partner)
        if connected is None:
            return None
        lease = self._settings.lease_margin_seconds + connected.manifest.limits.deadline_seconds
        if not reversal_store.take_lease(connection, reversal, owner, timedelta(seconds=lease)):
            return None
        now = self._clock.now()
        if reversal.state is ReversalState.SUBMITTING:
            reversal = reversal_store.move(connection, reversal, ReversalState.UNKNOWN, at=now)
        operation = _operation(connected, redemption, reversal)
        if operation is None or (reversal.state is ReversalState.UNKNOWN and reversal.deadline_at <= now):
            self._end(connection, redemption, reversal, ReversalState.MANUAL, now)
            return None
        if operation == CANCEL:
            ends_at = now + timedelta(seconds=lease)
            reversal = reversal_store.move(
                connection, reversal, ReversalState.SUBMITTING, at=now, next_action_at=ends_at
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
        attempt = store.start_attempt(
            connection,
            redemption,
            operation=f"reverse:{reversal.number}:{operation}",
            is_commit=False,
            request=redemption.request(),
            deadline=timedelta(seconds=connected.manifest.limits.deadline_seconds),
            at=now,
        )
        return Order(redemption, reversal, operation, attempt)

    async def _call(self, order: Order) -> CancelResult | LookUpResult:
        adapter, request = self._partners[order.redemption.partner].adapter, order.redemption.request()
        try:
            if order.operation == LOOK_UP:
                assert isinstance(adapter, LooksUp)
                return await adapter.look_up(request)
            if isinstance(adapter, Fences):
                return await adapter.fence(request)
            assert isinstance(adapter, Cancels)
            assert order.redemption.partner_reference is not None
            return await adapter.cancel(request, order.redemption.partner_reference)
        except Exception:
            log.exception("adapter.raised", partner=order.redemption.partner, operation=order.operation)
            return CancelResult(outcome=Outcome.UNKNOWN, code="adapter_raised")

    def _record(self, order: Order, result: CancelResult | LookUpResult, connection: Connection) -> None:
        now = self._clock.now()
        outcome = result.answer.value if isinstance(result, LookUpResult) else result.outcome.value
        store.finish_attempt(
            connection, order.redemption.id, order.attempt, outcome=outcome, code=result.code, message=None, at=now
        )
        reversal_store.lock(connection, order.redemption.id, order.reversal.number)
        reversal = reversal_store.get(connection, order.redemption.id, order.reversal.number)
        if reversal is None or reversal.version != order.reversal.version:
            log.warning("reversal.result_dropped", redemption_id=order.redemption.id)
            return
        state = _after_look_up(result) if isinstance(result, LookUpResult) else _after_cancel(result)
        self._end(connection, order.redemption, reversal, state, now)

    def _end(
        self,
        connection: Connection,
        redemption: Redemption,
        reversal: Reversal,
        state: ReversalState,
        now: datetime,
    ) -> None:
        waits = state in {ReversalState.REQUESTED, ReversalState.UNKNOWN}
        schedule = self._settings.retry_schedule_seconds
        delay = timedelta(seconds=schedule[min(reversal.tries, len(schedule) - 1)])
        changes = {
            "next_action_at": now + delay if waits else None,
            "tries": reversal.tries + 1,
            "lease_owner": None,
            "lease_until": None,
        }
        if state is reversal.state:
            reversal_store.release(connection, reversal, **changes)
            return
        reversal_store.move(connection, reversal, state, at=now, **changes)
        if state is ReversalState.APPLIED:
            self._effects.reversed(connection, redemption, reversal.number, reversal.quantity, now)


def _operation(connected: ConnectedPartner, redemption: Redemption, reversal: Reversal) -> str | None:
    adapter = connected.adapter
    can_cancel = isinstance(adapter, Fences) or (
        isinstance(adapter, Cancels) and redemption.partner_reference is not None
    )
    if reversal.state is ReversalState.UNKNOWN and isinstance(adapter, LooksUp):
        return LOOK_UP
    return CANCEL if can_cancel else None


def _after_cancel(result: CancelResult) -> ReversalState:
    if result.outcome is Outcome.OK:
        return ReversalState.APPLIED
    if result.outcome is Outcome.NO:
        return ReversalState.REFUSED
    if result.outcome in {Outcome.NOT_SENT, Outcome.BUSY}:
        return ReversalState.REQUESTED
    return ReversalState.UNKNOWN


def _after_look_up(result: LookUpResult) -> ReversalState:
    """A benefit that stands is asked to be cancelled again; one that is gone is reversed."""
    if result.answer is LookUpAnswer.CANCELLED:
        return ReversalState.APPLIED
    if result.answer is LookUpAnswer.ISSUED:
        return ReversalState.REQUESTED
    return ReversalState.UNKNOWN
