"""Makes transitions that a proof allows and books what they are worth, in the caller's transaction.

What is proven is never lost because it cannot be booked (a contract that no longer prices it, say): the booking is
rolled back alone, and the redemption goes to people with its evidence and an alarm.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from adapters.sdk.capabilities import LooksUp
from config.hot_statements import savepoint
from config.observability import get_logger
from gateway.errors import TransitionError
from gateway.redemption import store
from gateway.redemption.attempt_store import CODE_LENGTH, clip
from gateway.redemption.orders import Concluded, Order
from gateway.redemption.records import Redemption
from gateway.redemption.seams import Seams
from gateway.redemption.states import TERMINAL, TRANSITIONS, Event, State, target
from settlement.errors import AccountFrozenError

log = get_logger(__name__)

NOT_BOOKED = "not_booked"
"""The reason of a redemption whose proven end could not be booked."""


class Endings:
    """Moves redemptions to where a proof leads."""

    def __init__(self, seams: Seams) -> None:
        """Keep the seams."""
        self._clock = seams.clock
        self._effects = seams.effects
        self._partners = seams.partners

    def end(
        self,
        connection: Connection,
        redemption: Redemption,
        event: Event,
        *,
        detail: str | None,
        again_at: datetime | None = None,
        **changes: Any,
    ) -> Redemption:
        """Make a transition and post what it is worth; see `conclude`, which also gives what was issued."""
        return self.conclude(connection, redemption, event, detail=detail, again_at=again_at, **changes).redemption

    def conclude(
        self,
        connection: Connection,
        redemption: Redemption,
        event: Event,
        *,
        detail: str | None,
        again_at: datetime | None = None,
        unread: Order | None = None,
        **changes: Any,
    ) -> Concluded:
        """Make a transition and post what it is worth.

        Args:
            connection: of the transaction that holds the redemption's lock.
            redemption: as read under the lock.
            event: what is proven.
            detail: for the history, and the reason that is shown.
            again_at: when it is looked at again, unless it rests afterwards.
            unread: of an end, the order that led to it, where nothing was read since: the redemption has to stand as
                it has it (`store.move`), and its hold is known.
            changes: further columns.

        Raises:
            TransitionError: its state does not allow this event.
        """
        state = target(redemption.state, event)
        if state not in TERMINAL:
            again_at = None if state is State.MANUAL else again_at
            return Concluded(self._move(connection, redemption, event, again_at, detail, **changes))
        try:
            with savepoint(connection, "ending"):
                return self._ended(connection, redemption, event, detail, unread, **changes)
        except (DBAPIError, TransitionError):
            raise
        except AccountFrozenError:
            # Nothing is lost by waiting where the partner can be asked again; elsewhere its word is kept by people.
            connected = self._partners.get(redemption.partner)
            if connected is not None and isinstance(connected.adapter, LooksUp):
                raise
            told = f"{event.value}: account_frozen"
            return Concluded(self._give_to_people(connection, redemption, told, **changes))
        except Exception as error:
            if (redemption.state, Event.GIVEN_TO_PEOPLE) not in TRANSITIONS and redemption.state != State.SUBMITTING:
                raise
            log.exception("redemption.not_booked", redemption_id=redemption.id, wanted=event.value)
            return Concluded(self._give_to_people(connection, redemption, f"{event.value}: {error}", **changes))

    def _ended(
        self,
        connection: Connection,
        redemption: Redemption,
        event: Event,
        detail: str | None,
        unread: Order | None,
        **changes: Any,
    ) -> Concluded:
        moved = self._move(connection, redemption, event, None, detail, as_read=unread is not None, **changes)
        if moved.state is State.CAPTURED:
            held = None if unread is None else unread.held
            return Concluded(moved, self._effects.captured(connection, moved, moved.updated_at, held))
        self._effects.voided(connection, moved, moved.updated_at)
        return Concluded(moved)

    def _give_to_people(
        self, connection: Connection, redemption: Redemption, detail: str, **changes: Any
    ) -> Redemption:
        if redemption.state is State.SUBMITTING:
            redemption = self._move(connection, redemption, Event.OUTCOME_LOST, None, detail)
        changes["reason"] = NOT_BOOKED
        return self._move(connection, redemption, Event.GIVEN_TO_PEOPLE, None, detail, **changes)

    def _move(
        self,
        connection: Connection,
        redemption: Redemption,
        event: Event,
        again_at: datetime | None,
        detail: str | None,
        **changes: Any,
    ) -> Redemption:
        now = self._clock.now()
        changes.setdefault("reason", clip(detail, CODE_LENGTH))
        return store.move(connection, redemption, event, at=now, next_action_at=again_at, detail=detail, **changes)

    def settle(
        self,
        connection: Connection,
        redemption_id: str,
        event: Event,
        detail: str,
        partner_reference: str | None = None,
    ) -> bool:
        """End an undecided redemption by a partner's closed file or by people; False when it had ended already.

        Raises:
            TransitionError: its state does not allow this event.
        """
        store.lock(connection, redemption_id)
        redemption = store.must_get(connection, redemption_id)
        if redemption.state in TERMINAL:
            return False
        known = partner_reference or redemption.partner_reference
        return self.end(connection, redemption, event, detail=detail, partner_reference=known).state in TERMINAL
