"""Decides what a due redemption needs and writes it down: the attempt row, and the state it is made in (rule R2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
from sqlalchemy import Connection

from adapters.sdk.capabilities import Reserves, Step
from adapters.sdk.outcomes import Outcome
from config.observability import get_logger
from gateway.operations.switches import is_distrusted
from gateway.partners import ConnectedPartner
from gateway.redemption import attempt_store, lease_store, store
from gateway.redemption.endings import Endings
from gateway.redemption.orders import FENCE, LOOK_UP, Order
from gateway.redemption.patience import Patience
from gateway.redemption.plan import Action, Powers, Situation, look_again_at, next_action
from gateway.redemption.records import Redemption
from gateway.redemption.seams import Seams
from gateway.redemption.states import Event, State, target
from settlement.ledger import Held

log = get_logger(__name__)

IDLE = timedelta(minutes=5)
"""How long a redemption that waits for something else is left alone; what it waits for wakes it before."""

OTHERS_TURN = timedelta(seconds=30)
"""When this version looks again at what only a later one understands: as a rule that has dealt with it before."""


class Ordering:
    """What is to be done next, in the caller's transaction."""

    def __init__(self, seams: Seams, endings: Endings, patience: Patience) -> None:
        """Keep the seams."""
        self._clock = seams.clock
        self._partners = seams.partners
        self._effects = seams.effects
        self._endings = endings
        self._patience = patience

    def prepare(self, connection: Connection, redemption_id: str, owner: str) -> Order | None:
        """Take the lease of a redemption and order the next call; None when there is none to make now."""
        store.lock(connection, redemption_id)
        redemption = store.get(connection, redemption_id)
        if redemption is None or redemption.next_action_at is None:
            return None
        if redemption.newer:
            now = self._clock.now()
            lease_store.put_off(connection, redemption.id, now, now + OTHERS_TURN)
            return None
        connected = self._partners.get(redemption.partner)
        if connected is None:
            now = self._clock.now()
            log.error("redemption.partner_switched_off", redemption_id=redemption.id, partner=redemption.partner)
            lease_store.put_off(connection, redemption.id, now, now + IDLE)
            return None
        if not lease_store.take(connection, redemption, owner, self._patience.lease(connected)):
            return None
        if redemption.state is State.SUBMITTING:
            redemption = self._lost(connection, redemption)
        return self.decide(connection, redemption, connected, owner)

    def opening(self, redemption: Redemption, owner: str, held: Held | None) -> Order | None:
        """Order the first call of a redemption that nobody has heard of yet, and that is no leg of a trip.

        ``held``: what was just held for it. Nothing is written: the redemption of the order is as it will stand, leased
        for as long as the order says.
        """
        connected, now = self._partners[redemption.partner], self._clock.now()
        situation = Situation(
            state=redemption.state,
            maybe_sent=False,
            submissions=0,
            window_ends_at=redemption.window_ends_at,
            cancel_deadline_at=redemption.cancel_deadline_at,
        )
        if next_action(Powers.of(connected.manifest), situation, now) is not Action.STEP:
            return None
        lease, step = self._patience.lease(connected), cast("Reserves", connected.adapter).steps[redemption.step]
        changes: dict[str, Any] = {"lease_owner": owner}
        if step.commit:
            changes |= {"state": target(redemption.state, Event.SUBMIT), "version": redemption.version + 1}
            changes |= {"next_action_at": now + lease, "updated_at": now}
        ordered = msgspec.structs.replace(redemption, **changes)
        return Order(ordered, step.name, step, attempt_store.FIRST, situation, now, lease, held)

    def decide(
        self, connection: Connection, redemption: Redemption, connected: ConnectedPartner, owner: str
    ) -> Order | None:
        """Order what a leased redemption needs, or end or release it."""
        now = self._clock.now()
        situation = self.situation(connection, redemption)
        action = next_action(Powers.of(connected.manifest), situation, now)
        if action is Action.WAIT:
            again_at = look_again_at(Powers.of(connected.manifest), situation, now, now + IDLE)
            lease_store.release(connection, redemption, owner, again_at)
            return None
        if action is Action.WITHDRAW:
            self._endings.end(connection, redemption, Event.WITHDRAWN, detail="withdrawn")
            return None
        if action is Action.GIVE_TO_PEOPLE:
            self._endings.end(connection, redemption, Event.GIVEN_TO_PEOPLE, detail="no_way_to_know")
            return None
        if action is Action.LOOK_UP:
            return self._ordered(connection, redemption, connected, LOOK_UP, None, situation)
        if action is Action.RAISE_FENCE:
            redemption = store.move(
                connection, redemption, Event.FENCE_RAISED, at=now, next_action_at=now, keep_lease=True
            )
            situation = self.situation(connection, redemption)
        if action in {Action.RAISE_FENCE, Action.FENCE}:
            return self._ordered(connection, redemption, connected, FENCE, None, situation)
        return self.submit(connection, redemption, connected, situation)

    def submit(
        self, connection: Connection, redemption: Redemption, connected: ConnectedPartner, situation: Situation
    ) -> Order:
        """Order the next step; the commit step moves the redemption to SUBMITTING in the same transaction."""
        step = cast("Reserves", connected.adapter).steps[redemption.step]
        if step.commit:
            now = self._clock.now()
            lease_ends_at = now + self._patience.lease(connected)
            redemption = store.move(
                connection, redemption, Event.SUBMIT, at=now, next_action_at=lease_ends_at, keep_lease=True
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
        attempt = attempt_store.start(
            connection,
            redemption,
            operation=operation,
            is_commit=step is not None and step.commit,
            deadline=timedelta(seconds=connected.manifest.limits.deadline_seconds),
            at=now,
        )
        return Order(redemption, operation, step, attempt, situation, now, self._patience.lease(connected))

    def situation(self, connection: Connection, redemption: Redemption) -> Situation:
        """Gather the facts that the plan decides on."""
        never_moved = redemption.version == 1  # the commit step moves it, so none was ever begun
        outcomes = [] if never_moved else attempt_store.commit_outcomes(connection, redemption.id)
        return Situation(
            state=redemption.state,
            maybe_sent=any(outcome not in attempt_store.NOTHING_DONE for outcome in outcomes),
            submissions=sum(outcome != Outcome.NOT_SENT for outcome in outcomes),
            window_ends_at=redemption.window_ends_at,
            cancel_deadline_at=redemption.cancel_deadline_at,
            withdrawal_asked=redemption.withdrawal_asked_at is not None,
            refused=Outcome.NO in outcomes,
            distrusted=redemption.state is State.UNKNOWN and is_distrusted(connection, redemption.partner),
            blocked=redemption.state in {State.HELD, State.UNKNOWN} and self._effects.blocked(connection, redemption),
        )

    def again_at(
        self,
        connection: Connection,
        redemption: Redemption,
        connected: ConnectedPartner,
        delay: timedelta,
        state: State | None = None,
    ) -> datetime | None:
        """Say when a redemption is looked at again that stays as it is, or comes into a state."""
        now = self._clock.now()
        situation = self.situation(connection, redemption)
        situation = msgspec.structs.replace(situation, state=state or redemption.state)
        return look_again_at(Powers.of(connected.manifest), situation, now, now + delay)

    def _lost(self, connection: Connection, redemption: Redemption) -> Redemption:
        """The lease of a submission ended without a result: whoever called is gone."""
        now = self._clock.now()
        return store.move(
            connection, redemption, Event.OUTCOME_LOST, at=now, next_action_at=now, detail="lease_lost", keep_lease=True
        )
