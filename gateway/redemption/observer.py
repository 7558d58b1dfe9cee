"""Looks again at ended redemptions when a partner hints that something happened after the end (rules R9, R11, R13).

The hint moves nothing: a look-up does, and what is true is posted as new entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from adapters.sdk.capabilities import LooksUp
from adapters.sdk.outcomes import ECHO_FAULTS, LookUpAnswer
from adapters.sdk.records import CANCELLED_EVENT, CONFIRMED_EVENT, LookUpResult, PartnerEvent
from catalogue.values import Money
from config.observability import get_logger
from gateway.redemption import attempt_store, reversal_store, store
from gateway.redemption.endings import Endings
from gateway.redemption.no_shows import NO_SHOW, not_shown
from gateway.redemption.records import Redemption
from gateway.redemption.reversal_engine import apply
from gateway.redemption.seams import Seams
from gateway.redemption.states import TERMINAL, Event, State
from gateway.redemption.states import ReversalState as R
from gateway.redemption.suspicions import OBSERVE, Suspicions

log = get_logger(__name__)

SEQUENCE = "event_sequence"
"""Under which name the number of the last event that counted is carried."""
EVENT_FOR_PEOPLE = "event_for_people"
"""Alarm: a partner that cannot be asked told something that may not count by itself; by redemption."""
CALLBACK_DEAD = "callback_dead"
"""Alarm: a genuine callback that named nothing we know, or could not be worked off, ten times."""


class Observer:
    """Asks the partner what became of a redemption and posts what has changed."""

    def __init__(self, seams: Seams) -> None:
        """Keep the seams; nothing is opened."""
        self._database = seams.database
        self._clock = seams.clock
        self._partners = seams.partners
        self._effects = seams.effects
        self._suspicions = Suspicions(seams)
        self._alarms = seams.alarms
        self._endings = Endings(seams)

    async def look(self, redemption_id: str, cancelled_at: datetime | None = None) -> bool:
        """Look at a redemption because of a hint.

        An undecided one is left to the engine, which is woken. A partner without look-up cannot be asked: its hint is
        kept in the inbox and the settlement file decides (`file_shows`).

        Args:
            redemption_id: which.
            cancelled_at: when it was cancelled as the hint says: should the look-up find that it was, the benefit's
                rule is applied as of then.

        Returns:
            Whether the partner was asked and gave an answer that could be read.

        Raises:
            TransitionError: only a later version of the code understands it, or it has moved on meanwhile.
        """
        asked = await self._database.write(partial(self._prepare, redemption_id))
        if asked is None:
            return True
        redemption, attempt = asked
        adapter = self._partners[redemption.partner].adapter
        assert isinstance(adapter, LooksUp)
        try:
            result = await adapter.look_up(redemption.request())
        except Exception:
            log.exception("adapter.raised", partner=redemption.partner, operation=OBSERVE)
            result = LookUpResult(answer=LookUpAnswer.UNKNOWN, code="adapter_raised")
        return await self._database.write(partial(self._record, redemption, attempt, result, cancelled_at))

    def count(self, connection: Connection, redemption: Redemption, event: PartnerEvent, at: datetime) -> bool:
        """Let an event of a partner that cannot be asked count (rule R9's exception); the caller holds the lock.

        Only with a higher number than any before it, and never while a redemption is being withdrawn or after that: an
        event that was on its way then speaks of what was.

        Returns:
            Whether it changed anything.
        """
        known = int(redemption.carried.get(SEQUENCE, "-1"))
        if event.sequence is None or event.sequence <= known:
            return False
        carried = {**redemption.carried, SEQUENCE: str(event.sequence)}
        if event.kind == CONFIRMED_EVENT and redemption.state in {State.UNKNOWN, State.ACCEPTED}:
            reference = event.partner_reference or redemption.partner_reference
            detail = f"event {event.sequence}"
            self._endings.end(
                connection, redemption, Event.PARTNER_OK, detail=detail, carried=carried, partner_reference=reference
            )
            return True
        if event.kind == CANCELLED_EVENT and redemption.state is State.CAPTURED:
            redemption = store.progress(connection, redemption, step=redemption.step, carried=carried)
            return self._partner_cancelled(connection, redemption, at)
        return False

    def count_or_show(self, connection: Connection, redemption: Redemption, event: PartnerEvent, at: datetime) -> None:
        """Let an event of a partner that cannot be asked count; what does not, and is news, is an alarm for people."""
        news = not _is_known(connection, redemption, event)
        if self.count(connection, redemption, event, at) or not news:
            return
        facts = {"told": event.kind, "state": redemption.state.value, "occurred_at": event.occurred_at.isoformat()}
        if event.partner_reference is not None:
            facts["partner_reference"] = event.partner_reference
        self._alarms.raise_alarm(
            connection, EVENT_FOR_PEOPLE, redemption.id, at, partner=redemption.partner, facts=facts
        )

    def can_ask(self, partner: str) -> bool:
        """Say whether a partner tells, when asked by our key, what became of a redemption."""
        connected = self._partners.get(partner)
        return connected is not None and isinstance(connected.adapter, LooksUp)

    def file_shows(
        self,
        connection: Connection,
        redemption: Redemption,
        *,
        issued: bool,
        evidence: Mapping[str, str | None],
        at: datetime,
    ) -> None:
        """Post what the accepted files of a partner that cannot be asked prove (rules R11 and R13); once.

        Args:
            connection: of the transaction that holds the redemption's lock.
            redemption: an ended one, as read under the lock.
            issued: a voided one stands at the partner; False: a captured one was taken back whole.
            evidence: the row that says so.
            at: now.
        """
        if issued and redemption.state is State.VOIDED:
            self._effects.claimed(connection, redemption, evidence, at)
        elif not issued and redemption.state is State.CAPTURED:
            log.info("observer.file_shows_cancelled", redemption_id=redemption.id, **evidence)
            self._partner_cancelled(connection, redemption, at)

    def callback_died(self, connection: Connection, partner: str, message_id: str, reason: str, at: datetime) -> None:
        """Tell people of a genuine callback that nothing could be done with in all its tries."""
        subject = f"{partner}: {message_id}"
        self._alarms.raise_alarm(connection, CALLBACK_DEAD, subject, at, partner=partner, facts={"reason": reason})

    def _prepare(self, redemption_id: str, connection: Connection) -> tuple[Redemption, int] | None:
        store.lock(connection, redemption_id)
        redemption = store.must_get(connection, redemption_id)
        redemption.require_understood()
        now = self._clock.now()
        if redemption.state not in TERMINAL:
            store.wake(connection, redemption_id, now)
            return None
        connected = self._partners.get(redemption.partner)
        if connected is None or not isinstance(connected.adapter, LooksUp):
            return None
        attempt = attempt_store.start(
            connection,
            redemption,
            operation=OBSERVE,
            is_commit=False,
            deadline=timedelta(seconds=connected.manifest.limits.deadline_seconds),
            at=now,
        )
        return redemption, attempt

    def _record(
        self,
        asked: Redemption,
        attempt: int,
        result: LookUpResult,
        cancelled_at: datetime | None,
        connection: Connection,
    ) -> bool:
        now = self._clock.now()
        store.lock(connection, asked.id)
        attempt_store.finish(
            connection, asked.id, attempt, outcome=result.answer.value, code=result.code, message=None, at=now
        )
        redemption = store.must_get(connection, asked.id)
        self._suspicions.look_at(connection, redemption, OBSERVE, result, now)
        if redemption.state is State.VOIDED and result.answer is LookUpAnswer.ISSUED:
            return self._issued_after_void(connection, redemption, result, now)
        if redemption.state is State.CAPTURED and result.answer is LookUpAnswer.CANCELLED:
            return self._partner_cancelled(connection, redemption, now, result.refund, cancelled_at)
        if redemption.state is State.CAPTURED and result.answer is LookUpAnswer.ISSUED:
            self._effects.guests_reported(connection, redemption, result.carried, now)
            if result.carried.get(NO_SHOW) == "true":
                not_shown(connection, self._effects, redemption, now)
        if redemption.state is State.CAPTURED and result.code in ECHO_FAULTS:
            # Rule R13: what it has become is for people to say; asking again tells nothing new.
            return True
        return result.answer is not LookUpAnswer.UNKNOWN

    def _issued_after_void(
        self, connection: Connection, redemption: Redemption, result: LookUpResult, now: datetime
    ) -> bool:
        """Open a claim (rule R11), unless the partner's view may be older than our fence: then ask again later."""
        facts = self._partners[redemption.partner].manifest.facts
        if now - redemption.updated_at < timedelta(seconds=facts.look_up_staleness_seconds):
            return False
        evidence = {"answer": result.answer.value, "partner_reference": result.partner_reference}
        self._effects.claimed(connection, redemption, evidence, now)
        return True

    def _partner_cancelled(
        self,
        connection: Connection,
        redemption: Redemption,
        now: datetime,
        refund: Money | None = None,
        cancelled_at: datetime | None = None,
    ) -> bool:
        """The partner says that it was cancelled: what is true is posted (rule R13).

        A reversal that was asked for and is not being submitted is thereby applied, by its own quantity. Otherwise
        nobody here asked, and `gateway.redemption.refunds.after_partner_cancelled` says what goes back. Either way
        what the partner keeps is its fee.

        Args:
            connection: of the transaction that holds the redemption's lock.
            redemption: the captured one.
            now: when it is found out.
            refund: what the partner says it gives back.
            cancelled_at: when the partner says it happened; counts only between the request and now.

        Returns:
            False when a cancellation is being submitted just now, or a later version of the code is at it: that is
            awaited first.
        """
        known = reversal_store.standing(connection, redemption.id)
        if known is None:
            happened_at = min(max(cancelled_at or now, redemption.requested_at), now)
            quantity = self._effects.back_after_partner_cancelled(redemption, refund, happened_at)
            reversal = reversal_store.ask(
                connection, redemption, quantity=quantity, reason="partner_cancelled", at=now, state=R.APPLIED
            )
            assert reversal is not None
            self._effects.reversed(connection, redemption, reversal, now, refund)
            return True
        if known.state is R.SUBMITTING or known.newer:
            return False
        if known.state is not R.APPLIED:
            free = {"next_action_at": None, "lease_owner": None, "lease_until": None}
            apply(connection, self._effects, redemption, known, now, refund, **free)
        return True


def _is_known(connection: Connection, redemption: Redemption, event: PartnerEvent) -> bool:
    """Say whether an event tells what stands here already, or is older than what counted."""
    if event.sequence is not None and event.sequence <= int(redemption.carried.get(SEQUENCE, "-1")):
        return True
    if event.kind == CONFIRMED_EVENT and redemption.state is State.CAPTURED:
        return event.partner_reference in (None, redemption.partner_reference)
    if event.kind == CANCELLED_EVENT:
        undone = reversal_store.standing(connection, redemption.id) is not None
        return redemption.state is State.VOIDED or undone
    return False
