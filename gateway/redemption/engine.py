"""Moves redemptions: prepare in one transaction, speak to the partner with none open, record in another.

`Engine.advance` is safe to call at any time, from any process, for any redemption: a lease lets one caller at a time
speak to the partner, every change is guarded, every effect has a derived key. Whatever a crash leaves behind is due
again for `gateway.redemption.sweeper` when its lease has ended.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from adapters.sdk.capabilities import Fences, LooksUp, Reserves, Step
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import CancelResult, LookUpResult, StepResult
from config.observability import get_logger
from gateway.partners import ConnectedPartner
from gateway.redemption import store
from gateway.redemption.plan import (
    MAX_BUSY,
    Action,
    Powers,
    Situation,
    after_commit,
    after_look_up,
    after_preparation,
    next_action,
)
from gateway.redemption.records import Redemption
from gateway.redemption.seams import Seams
from gateway.redemption.states import TERMINAL, Event, State, target

log = get_logger(__name__)

Result = StepResult | LookUpResult | CancelResult
LOOK_UP = "look_up"
FENCE = "fence"


class Order(msgspec.Struct, frozen=True):
    """One partner call that has been written down and is now to be made."""

    redemption: Redemption
    operation: str
    step: Step | None
    attempt: int
    situation: Situation
    asked_at: datetime


class Engine:
    """Advances redemptions until they wait for something outside."""

    def __init__(self, seams: Seams, jitter: Callable[[], float] = random.random) -> None:
        """Keep the seams; nothing is opened."""
        self._database = seams.database
        self._clock = seams.clock
        self._partners = seams.partners
        self._effects = seams.effects
        self._identifiers = seams.identifiers
        self._settings = seams.settings
        self._jitter = jitter
        self._running: set[asyncio.Task[None]] = set()

    def start(self, redemption_id: str) -> asyncio.Task[None]:
        """Begin to advance a redemption in the background; the caller may wait as long as it likes."""
        return self._spawn(self.advance(redemption_id), redemption_id)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._watched(work, name), name=f"advance {name}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def start_itinerary(self, itinerary_id: str) -> asyncio.Task[None]:
        """Begin to advance the legs of an itinerary, one after the other, in the background."""
        return self._spawn(self._advance_legs(itinerary_id), itinerary_id)

    async def _advance_legs(self, itinerary_id: str) -> None:
        for leg in await self._database.read(partial(store.legs, itinerary_id=itinerary_id)):
            await self.advance(leg.id)

    async def close(self) -> None:
        """Wait for the calls under way: each ends by its own deadline."""
        if self._running:
            await asyncio.wait(self._running)

    async def _watched(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception:
            # The lease ends by itself and the sweeper goes on from what is written down.
            log.exception("redemption.advance_failed", subject=name)

    async def advance(self, redemption_id: str) -> None:
        """Do everything for a redemption that can be done now; returns when it is terminal or waits."""
        owner = self._identifiers.new("attempt")
        order = await self._database.write(partial(self._prepare, redemption_id, owner))
        while order is not None:
            result = await self._call(order)
            order = await self._database.write(partial(self._record, order, result, owner))

    def _prepare(self, redemption_id: str, owner: str, connection: Connection) -> Order | None:
        store.lock(connection, redemption_id)
        redemption = store.get(connection, redemption_id)
        if redemption is None or redemption.next_action_at is None:
            return None
        connected = self._partners.get(redemption.partner)
        if connected is None or not store.take_lease(connection, redemption, owner, self._lease(connected)):
            return None
        if redemption.state is State.SUBMITTING:
            redemption = self._lost(connection, redemption)
        return self._decide(connection, redemption, connected, owner)

    def _decide(
        self, connection: Connection, redemption: Redemption, connected: ConnectedPartner, owner: str
    ) -> Order | None:
        now = self._clock.now()
        situation = self._situation(connection, redemption)
        action = next_action(Powers.of(connected.manifest), situation, now)
        if action is Action.WAIT:
            store.release(connection, redemption.id, owner, now + self._delay(redemption.look_ups))
            return None
        if action is Action.WITHDRAW:
            self._end(connection, redemption, Event.WITHDRAWN, detail="withdrawn")
            return None
        if action is Action.GIVE_TO_PEOPLE:
            self._end(connection, redemption, Event.GIVEN_TO_PEOPLE, detail="no_way_to_know")
            return None
        if action is Action.LOOK_UP:
            return self._ordered(connection, redemption, connected, LOOK_UP, None, situation)
        if action is Action.RAISE_FENCE:
            redemption = store.move(
                connection, redemption, Event.FENCE_RAISED, at=now, next_action_at=now, keep_lease=True
            )
            situation = self._situation(connection, redemption)
        if action in {Action.RAISE_FENCE, Action.FENCE}:
            return self._ordered(connection, redemption, connected, FENCE, None, situation)
        return self._submit(connection, redemption, connected)

    def _submit(self, connection: Connection, redemption: Redemption, connected: ConnectedPartner) -> Order:
        """Order the next step; the commit step moves the redemption to SUBMITTING in the same transaction."""
        step = self._steps(connected)[redemption.step]
        situation = self._situation(connection, redemption)
        if step.commit:
            lease_ends_at = self._clock.now() + self._lease(connected)
            redemption = store.move(
                connection,
                redemption,
                Event.SUBMIT,
                at=self._clock.now(),
                next_action_at=lease_ends_at,
                keep_lease=True,
            )
        return self._ordered(connection, redemption, connected, step.name, step, situation)

    def _ordered(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        operation: str,
        step: Step | None,
        situation: Situation,
    ) -> Order:
        now = self._clock.now()
        attempt = store.start_attempt(
            connection,
            redemption,
            operation=operation,
            is_commit=step is not None and step.commit,
            request=redemption.request(),
            deadline=timedelta(seconds=connected.manifest.limits.deadline_seconds),
            at=now,
        )
        return Order(redemption, operation, step, attempt, situation, now)

    async def _call(self, order: Order) -> Result:
        """Speak to the partner; whatever an adapter raises against its contract is an unknown outcome."""
        redemption = order.redemption
        adapter = self._partners[redemption.partner].adapter
        request = redemption.request()
        try:
            if order.operation == LOOK_UP:
                assert isinstance(adapter, LooksUp)
                return await adapter.look_up(request)
            if order.operation == FENCE:
                assert isinstance(adapter, Fences)
                return await adapter.fence(request)
            assert isinstance(adapter, Reserves)
            return await adapter.run_step(order.operation, request)
        except Exception as error:
            log.exception("adapter.raised", partner=redemption.partner, operation=order.operation)
            return _raised(order, error)

    def _record(self, order: Order, result: Result, owner: str, connection: Connection) -> Order | None:
        now = self._clock.now()
        store.lock(connection, order.redemption.id)
        outcome, code, message = _evidence(result)
        store.finish_attempt(
            connection, order.redemption.id, order.attempt, outcome=outcome, code=code, message=message, at=now
        )
        redemption = store.must_get(connection, order.redemption.id)
        if redemption.version != order.redemption.version or redemption.lease_owner != owner:
            log.warning("redemption.result_dropped", redemption_id=redemption.id, operation=order.operation)
            return None
        connected = self._partners[redemption.partner]
        if isinstance(result, LookUpResult):
            return self._looked_up(connection, redemption, connected, order, result)
        if isinstance(result, CancelResult):
            self._fenced(connection, redemption, result, owner)
            return None
        if order.step is not None and order.step.commit:
            self._committed(connection, redemption, connected, order, result)
            return None
        return self._prepared(connection, redemption, connected, order, result, owner)

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
            store.take_lease(connection, redemption, owner, self._lease(connected))
            return self._decide(connection, redemption, connected, owner)
        event = after_preparation(result.outcome)
        if event is not None:
            self._end(connection, redemption, event, detail=result.code)
        else:
            tries = len(store.of_attempts(connection, redemption.id))
            store.release(connection, redemption.id, owner, self._clock.now() + self._wait(result, tries - 1))
        return None

    def _committed(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        order: Order,
        result: StepResult,
    ) -> None:
        event = after_commit(Powers.of(connected.manifest), order.situation, result.outcome)
        self._end(
            connection,
            redemption,
            event,
            detail=result.code,
            wait=self._wait(result, order.situation.submissions),
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
        now = self._clock.now()
        powers = Powers.of(connected.manifest)
        finding = after_look_up(powers, order.situation, result.answer, order.asked_at, now)
        carried = {**redemption.carried, **result.carried}
        redemption = store.progress(
            connection, redemption, step=redemption.step, carried=carried, look_ups=redemption.look_ups + 1
        )
        if finding.resubmit:
            assert redemption.lease_owner is not None
            store.take_lease(connection, redemption, redemption.lease_owner, self._lease(connected))
            return self._submit(connection, redemption, connected)
        if finding.event is None:
            assert redemption.lease_owner is not None
            again_at = _before_deadline(redemption, now, self._delay(redemption.look_ups))
            store.release(connection, redemption.id, redemption.lease_owner, again_at)
            return None
        reference = result.partner_reference or redemption.partner_reference
        self._end(connection, redemption, finding.event, detail=result.code, partner_reference=reference)
        return None

    def _fenced(self, connection: Connection, redemption: Redemption, result: CancelResult, owner: str) -> None:
        if result.outcome is Outcome.OK:
            self._end(connection, redemption, Event.FENCED, detail=result.code)
        elif result.outcome is Outcome.NO:
            self._end(connection, redemption, Event.ALREADY_USED, detail=result.code)
        else:
            # R7: one-way; only a cancel answer ends it.
            tries = len(store.of_attempts(connection, redemption.id))
            store.release(connection, redemption.id, owner, self._clock.now() + self._delay(tries - 1))

    def _lost(self, connection: Connection, redemption: Redemption) -> Redemption:
        """The lease of a submission ended without a result: whoever called is gone."""
        now = self._clock.now()
        return store.move(
            connection, redemption, Event.OUTCOME_LOST, at=now, next_action_at=now, detail="lease_lost", keep_lease=True
        )

    def _end(
        self,
        connection: Connection,
        redemption: Redemption,
        event: Event,
        *,
        detail: str | None,
        wait: timedelta | None = None,
        **changes: Any,
    ) -> None:
        """Make a transition and post what it is worth."""
        now = self._clock.now()
        rests = target(redemption.state, event) in TERMINAL | {State.MANUAL}
        moved = store.move(
            connection,
            redemption,
            event,
            at=now,
            next_action_at=None if rests else _before_deadline(redemption, now, wait or self._delay(0)),
            detail=detail,
            reason=detail,
            **changes,
        )
        if moved.state is State.CAPTURED:
            self._effects.captured(connection, moved, now)
        elif moved.state is State.VOIDED:
            self._effects.voided(connection, moved, now)

    def settle(self, connection: Connection, redemption_id: str, event: Event, detail: str) -> bool:
        """End an undecided redemption by a partner's closed file or by people; False when it had ended already.

        Raises:
            TransitionError: its state does not allow this event.
        """
        store.lock(connection, redemption_id)
        redemption = store.must_get(connection, redemption_id)
        if redemption.state in TERMINAL:
            return False
        self._end(connection, redemption, event, detail=detail)
        return True

    def _situation(self, connection: Connection, redemption: Redemption) -> Situation:
        outcomes = store.commit_outcomes(connection, redemption.id)
        return Situation(
            state=redemption.state,
            maybe_sent=any(outcome not in {Outcome.NOT_SENT, Outcome.BUSY} for outcome in outcomes),
            submissions=len(outcomes),
            window_ends_at=redemption.window_ends_at,
            cancel_deadline_at=redemption.cancel_deadline_at,
            withdrawal_asked=redemption.withdrawal_asked_at is not None,
            blocked=self._effects.blocked(connection, redemption),
        )

    def _steps(self, connected: ConnectedPartner) -> tuple[Step, ...]:
        assert isinstance(connected.adapter, Reserves)
        return connected.adapter.steps

    def _lease(self, connected: ConnectedPartner) -> timedelta:
        seconds = connected.manifest.limits.deadline_seconds + self._settings.lease_margin_seconds
        return timedelta(seconds=seconds)

    def _delay(self, tries: int) -> timedelta:
        schedule = self._settings.retry_schedule_seconds
        seconds = schedule[min(tries, len(schedule) - 1)]
        return timedelta(seconds=seconds * (1 + 0.2 * self._jitter()))

    def _wait(self, result: StepResult, tries: int) -> timedelta:
        if result.retry_after_seconds is None:
            return self._delay(tries)
        return min(timedelta(seconds=max(result.retry_after_seconds, 0)), MAX_BUSY)


def _before_deadline(redemption: Redemption, now: datetime, delay: timedelta) -> datetime:
    """Look again after a delay, and not later than the deadline at which something else is to be done."""
    again_at = now + delay
    return min(again_at, redemption.cancel_deadline_at) if now < redemption.cancel_deadline_at else again_at


def _raised(order: Order, error: Exception) -> Result:
    code, message = "adapter_raised", type(error).__name__
    if order.operation == LOOK_UP:
        return LookUpResult(answer=LookUpAnswer.UNKNOWN, code=code)
    if order.operation == FENCE:
        return CancelResult(outcome=Outcome.UNKNOWN, code=code)
    return StepResult(outcome=Outcome.UNKNOWN, code=code, message=message)


def _evidence(result: Result) -> tuple[str, str | None, str | None]:
    if isinstance(result, LookUpResult):
        return result.answer.value, result.code, None
    return result.outcome.value, result.code, result.message if isinstance(result, StepResult) else None
