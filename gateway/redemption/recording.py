"""Records what a call brought back, and where that leads: one transaction per answer."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection

from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, StepResult
from config.observability import get_logger
from gateway.errors import TransitionError
from gateway.partners import ConnectedPartner
from gateway.redemption import attempt_store, lease_store, store
from gateway.redemption.endings import Endings
from gateway.redemption.ordering import Ordering
from gateway.redemption.orders import FENCE, Concluded, Order, Result, evidence, says_issued
from gateway.redemption.patience import Patience
from gateway.redemption.plan import Powers, after_commit, after_look_up, after_preparation
from gateway.redemption.records import Redemption
from gateway.redemption.seams import Seams
from gateway.redemption.states import TERMINAL, Event, State, target
from gateway.redemption.suspicions import Suspicions

log = get_logger(__name__)

_CONTRADICTED = {Event.WINDOW_ENDED, Event.FILE_SAYS_NOT_ISSUED, Event.PEOPLE_SAY_NOT_ISSUED}
"""Ends that a late "issued" contradicts; after a fence or a refusal it tells of what was before."""


class Recording:
    """What answers lead to."""

    def __init__(self, seams: Seams, endings: Endings, ordering: Ordering, patience: Patience) -> None:
        """Keep the seams."""
        self._clock = seams.clock
        self._partners = seams.partners
        self._effects = seams.effects
        self._endings = endings
        self._ordering = ordering
        self._patience = patience
        self._suspicions = Suspicions(seams)

    def record(self, connection: Connection, order: Order, result: Result, owner: str) -> Order | Concluded | None:
        """Write down a result; answer the call to make next, or how the redemption stands after its commit step.

        A result whose lease was lost is kept as evidence and otherwise dropped (rule R8).
        """
        if _is_granted_at_once(order, result):
            with suppress(TransitionError):
                return self._granted(connection, order, result)
        redemption = store.locked(connection, order.redemption)
        at = self._finish(connection, order, result)
        self._suspicions.look_at(connection, redemption, order.operation, result, at)
        if redemption.version != order.redemption.version or redemption.lease_owner != owner:
            self._dropped(connection, redemption, order, result, at)
            return None
        connected = self._partners[redemption.partner]
        if isinstance(result, LookUpResult):
            return self._looked_up(connection, redemption, connected, order, result)
        if isinstance(result, CancelResult):
            self._fenced(connection, redemption, connected, result, order)
            return None
        if order.step is not None and order.step.commit:
            return self._committed(connection, redemption, connected, order, result)
        return self._prepared(connection, redemption, connected, order, result, owner)

    def _granted(self, connection: Connection, order: Order, result: Result) -> Concluded:
        """Capture what the commit step granted, without reading the redemption first.

        The transition is guarded by all that may have changed meanwhile, and who takes the lease over from a submission
        moves it on in the same transaction: where the guard holds, the lease is still that of this order.

        Raises:
            TransitionError: the redemption has moved on; nothing is written.
        """
        assert isinstance(result, StepResult)
        connected = self._partners[order.redemption.partner]
        concluded = self._committed(connection, order.redemption, connected, order, result, as_read=True)
        self._finish(connection, order, result)
        return concluded

    def _finish(self, connection: Connection, order: Order, result: Result) -> datetime:
        """Write down what the call proved; answer the instant."""
        (outcome, code, message), at = evidence(result), self._clock.now()
        attempt_store.finish(
            connection, order.redemption.id, order.attempt, outcome=outcome, code=code, message=message, at=at
        )
        return at

    def _dropped(
        self, connection: Connection, redemption: Redemption, order: Order, result: Result, at: datetime
    ) -> None:
        log.warning("redemption.result_dropped", redemption_id=redemption.id, operation=order.operation)
        if redemption.state is not State.VOIDED or not says_issued(order, result):
            return
        last = store.history(connection, redemption.id)[-1]
        if last["event"] in _CONTRADICTED:
            self._effects.claimed(connection, redemption, {"late_result": order.operation}, at)

    def _prepared(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        order: Order,
        result: StepResult,
        owner: str,
    ) -> Order | None:
        if result.outcome is Outcome.OK:
            carried = {**redemption.carried, **result.carried}
            redemption = store.progress(connection, redemption, step=redemption.step + 1, carried=carried)
            lease_store.take(connection, redemption, owner, self._patience.lease(connected))
            return self._ordering.decide(connection, redemption, connected, owner)
        event = after_preparation(result.outcome, maybe_sent=order.situation.maybe_sent)
        if event is not None:
            self._endings.end(connection, redemption, event, detail=result.code)
        else:
            tries = attempt_store.count(connection, redemption.id, order.operation)
            delay = self._patience.asked_for(result.retry_after_seconds, tries - 1)
            self._release(connection, redemption, connected, order, delay)
        return None

    def _committed(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        order: Order,
        result: StepResult,
        *,
        as_read: bool = False,
    ) -> Concluded:
        event = after_commit(Powers.of(connected.manifest), order.situation, result.outcome)
        delay = self._patience.asked_for(result.retry_after_seconds, order.situation.submissions)
        return self._endings.conclude(
            connection,
            redemption,
            event,
            detail=result.code,
            again_at=self._again_at(connection, redemption, connected, order, event, delay),
            unread=order if as_read else None,
            carried={**redemption.carried, **result.carried},
            partner_reference=result.partner_reference or redemption.partner_reference,
        )

    def _looked_up(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        order: Order,
        result: LookUpResult,
    ) -> Order | None:
        situation = self._ordering.situation(connection, redemption)
        now = self._clock.now()
        finding = after_look_up(Powers.of(connected.manifest), situation, result.answer, order.asked_at, now)
        carried = {**redemption.carried, **result.carried}
        redemption = store.progress(
            connection, redemption, step=redemption.step, carried=carried, look_ups=redemption.look_ups + 1
        )
        if finding.resubmit:
            assert redemption.lease_owner is not None
            lease_store.take(connection, redemption, redemption.lease_owner, self._patience.lease(connected))
            return self._ordering.submit(connection, redemption, connected, situation)
        delay = self._patience.asked_for(result.retry_after_seconds, redemption.look_ups)
        if finding.event is None:
            self._release(connection, redemption, connected, order, delay)
            return None
        moved = self._endings.end(
            connection,
            redemption,
            finding.event,
            detail=result.code or f"look_up_{result.answer.value}",
            again_at=self._again_at(connection, redemption, connected, order, finding.event, delay),
            partner_reference=result.partner_reference or redemption.partner_reference,
        )
        if moved.state is State.CAPTURED and result.answer is LookUpAnswer.ISSUED:
            self._effects.guests_reported(connection, moved, result.carried, now)
        return None

    def _fenced(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        result: CancelResult,
        order: Order,
    ) -> None:
        if result.outcome is Outcome.OK:
            self._endings.end(connection, redemption, Event.FENCED, detail=result.code)
        elif result.outcome is Outcome.NO:
            self._endings.end(connection, redemption, Event.ALREADY_USED, detail=result.code)
        else:
            # R7: one-way; only a cancel answer ends it.
            tries = attempt_store.count(connection, redemption.id, FENCE)
            delay = self._patience.asked_for(result.retry_after_seconds, tries - 1)
            self._release(connection, redemption, connected, order, delay)

    def _release(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        order: Order,
        delay: timedelta,
    ) -> None:
        assert redemption.lease_owner is not None
        again_at = self._ordering.again_at(connection, redemption, connected, delay)
        lease_store.release(connection, order.redemption, redemption.lease_owner, again_at)

    def _again_at(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        order: Order,
        event: Event,
        delay: timedelta,
    ) -> datetime | None:
        """Say when to look again after a transition: at once when somebody woke the redemption during the call."""
        state = target(redemption.state, event)
        if state in TERMINAL:
            return None
        before = order.redemption
        wanted_no_more = redemption.withdrawal_asked_at != before.withdrawal_asked_at
        if wanted_no_more or redemption.next_action_at != before.next_action_at:
            return self._clock.now()
        return self._ordering.again_at(connection, redemption, connected, delay, state)


def _is_granted_at_once(order: Order, result: Result) -> bool:
    """Say whether a result is the usual one: the commit step granted what is no leg of a trip."""
    if order.step is None or not order.step.commit or order.redemption.itinerary_id is not None:
        return False
    return isinstance(result, StepResult) and result.outcome is Outcome.OK
