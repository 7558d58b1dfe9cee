"""What an answer gives away beside what it proves: that answers are mixed up or forged, that one key counts twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from adapters.sdk.outcomes import ECHO_FAULTS
from adapters.sdk.records import LookUpResult
from gateway.operations import switches
from gateway.operations.alarms import Alarms
from gateway.redemption.orders import Result
from gateway.redemption.records import Redemption
from gateway.redemption.seams import Seams
from gateway.redemption.states import State

WRONG_ECHO = "wrong_echo"
"""Alarm: an answer was about something other than what was asked; counted by partner."""
CHANGED = "changed_by_partner"
"""Alarm: what was captured is something else now, as the partner says when it is looked at again; by redemption."""
GRANTED_TWICE = "granted_twice"
"""Alarm: a partner shows two things that stand under one key of ours; by redemption."""
OBSERVE = "observe"
"""The look at a redemption that has ended."""
BY_THE_GATEWAY = "gateway"
"""Who distrusts a partner, when no person does."""


class Suspicions:
    """Raises the alarms of answers, in the transaction that records them."""

    def __init__(self, seams: Seams) -> None:
        """Keep the seams."""
        self._partners = seams.partners
        self._alarms = seams.alarms

    def look_at(
        self, connection: Connection, redemption: Redemption, operation: str, result: Result, at: datetime
    ) -> None:
        """Look at an answer; what it proves is judged elsewhere."""
        if result.code in ECHO_FAULTS and redemption.state is State.CAPTURED and operation == OBSERVE:
            facts = {"code": result.code}
            self._alarms.raise_alarm(connection, CHANGED, redemption.id, at, partner=redemption.partner, facts=facts)
        elif result.code in ECHO_FAULTS:
            facts = {"redemption_id": redemption.id, "operation": operation, "code": result.code}
            self._alarms.raise_alarm(
                connection, WRONG_ECHO, redemption.partner, at, partner=redemption.partner, facts=facts
            )
        if isinstance(result, LookUpResult) and result.copies > 1:
            doubled(connection, self._alarms, redemption.partner, redemption.id, f"look-up shows {result.copies}", at)


def doubled(
    connection: Connection, alarms: Alarms, partner: str, redemption_id: str, evidence: str, at: datetime
) -> bool:
    """A partner granted twice under one key: from now on nothing is sent to it a second time (NW-24).

    That holds for every process and through every restart, until people say that it was mended.

    Returns:
        Whether this is news of this redemption: it was not known before.
    """
    facts = {"redemption_id": redemption_id, "evidence": evidence}
    times = alarms.raise_alarm(connection, GRANTED_TWICE, redemption_id, at, partner=partner, facts=facts)
    if not switches.is_distrusted(connection, partner):
        reason = f"{redemption_id}: {evidence}"
        switches.change(connection, partner, "distrusted", reason=reason, by=BY_THE_GATEWAY, at=at)
    return times == 1
