"""Looks again at ended redemptions when a partner hints that something happened after the end (rules R9, R11, R13).

The hint moves nothing: a look-up does, and what is true is posted as new entries.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from adapters.sdk.capabilities import LooksUp
from adapters.sdk.outcomes import LookUpAnswer
from adapters.sdk.records import LookUpResult
from config.database import insert_new
from config.observability import get_logger
from gateway.redemption import reversal_store, store
from gateway.redemption.records import Redemption
from gateway.redemption.seams import Seams
from gateway.redemption.states import TERMINAL, ReversalState, State
from gateway.redemption.tables import claims

log = get_logger(__name__)


class Observer:
    """Asks the partner what became of a redemption and posts what has changed."""

    def __init__(self, seams: Seams) -> None:
        """Keep the seams; nothing is opened."""
        self._database = seams.database
        self._clock = seams.clock
        self._partners = seams.partners
        self._effects = seams.effects

    async def look(self, redemption_id: str) -> bool:
        """Look at a redemption because of a hint.

        An undecided one is left to the engine, which is woken. A partner without look-up cannot be asked: its hint is
        kept in the inbox and the settlement file decides.

        Returns:
            Whether the partner was asked and gave an answer that could be read.
        """
        asked = await self._database.write(partial(self._prepare, redemption_id))
        if asked is None:
            return True
        redemption, attempt = asked
        adapter = self._partners[redemption.partner].adapter
        assert isinstance(adapter, LooksUp)
        result = await adapter.look_up(redemption.request())
        return await self._database.write(partial(self._record, redemption.id, attempt, result))

    def _prepare(self, redemption_id: str, connection: Connection) -> tuple[Redemption, int] | None:
        redemption = store.must_get(connection, redemption_id)
        now = self._clock.now()
        if redemption.state not in TERMINAL:
            store.wake(connection, redemption_id, now)
            return None
        connected = self._partners[redemption.partner]
        if not isinstance(connected.adapter, LooksUp):
            return None
        deadline = timedelta(seconds=connected.manifest.limits.deadline_seconds)
        store.lock(connection, redemption_id)
        attempt = store.start_attempt(
            connection,
            redemption,
            operation="observe",
            is_commit=False,
            request=redemption.request(),
            deadline=deadline,
            at=now,
        )
        return redemption, attempt

    def _record(self, redemption_id: str, attempt: int, result: LookUpResult, connection: Connection) -> bool:
        now = self._clock.now()
        store.lock(connection, redemption_id)
        store.finish_attempt(
            connection, redemption_id, attempt, outcome=result.answer.value, code=result.code, message=None, at=now
        )
        redemption = store.must_get(connection, redemption_id)
        if redemption.state is State.VOIDED and result.answer is LookUpAnswer.ISSUED:
            self._claim(connection, redemption, result, now)
        if redemption.state is State.CAPTURED and result.answer is LookUpAnswer.CANCELLED:
            self._partner_cancelled(connection, redemption, now)
        if redemption.state is State.CAPTURED and result.answer is LookUpAnswer.ISSUED:
            self._effects.guests_reported(connection, redemption, int(result.carried.get("guests", "0")), now)
        return result.answer is not LookUpAnswer.UNKNOWN

    def _claim(self, connection: Connection, redemption: Redemption, result: LookUpResult, now: datetime) -> None:
        row = {
            "redemption_id": redemption.id,
            "partner": redemption.partner,
            "found_at": now,
            "evidence": {"answer": result.answer.value, "partner_reference": result.partner_reference},
        }
        if insert_new(connection, claims, row, unique=["redemption_id"]):
            log.error("redemption.issued_after_void", redemption_id=redemption.id, partner=redemption.partner)
            self._effects.claimed(connection, redemption, now)

    def _partner_cancelled(self, connection: Connection, redemption: Redemption, now: datetime) -> None:
        """The partner took it back on its own: everything returns to the member (rule R13)."""
        quantity = redemption.quote.quantity
        asked = reversal_store.ask(
            connection,
            redemption,
            quantity=quantity,
            reason="partner_cancelled",
            at=now,
            state=ReversalState.APPLIED,
        )
        if asked:
            self._effects.reversed(connection, redemption, reversal_store.WHOLE, quantity, now)
