"""What a partner's accepted files prove of an ended redemption, where the partner itself cannot be asked (R11, R13)."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from config.errors import GatewayError
from gateway.operations.alarms import Alarms
from gateway.operations.tables import alarms as alarm_rows
from gateway.redemption import attempt_store, reversal_store, store
from gateway.redemption.observer import Observer
from gateway.redemption.records import Redemption
from gateway.redemption.states import Event, ReversalState, State
from settlement.calendar import business_date_of
from settlement.contracts import PartnerContract
from settlement.said import Said, fold, said_by_files
from settlement.statements import accepted_statement

FILE_FOR_PEOPLE = "file_for_people"
"""Alarm: a file contradicts what was captured and does not prove that all of it is gone; by redemption."""
FILE_NOT_BOOKED = "file_not_booked"
"""Alarm: what a file proves of an ended redemption could not be booked; by redemption."""


def follow_files(
    connection: Connection,
    *,
    observer: Observer,
    alarms: Alarms,
    contract: PartnerContract,
    redemption_id: str,
    at: datetime,
) -> None:
    """Post what the files prove of an ended redemption; again it changes nothing.

    A captured one that is taken back whole returns to the member; what is no proof is told to people, once. A voided
    one that stands is claimed. What cannot be booked is an alarm and stops no other.

    Args:
        connection: of a writing transaction.
        observer: posts what became of it.
        alarms: tell people.
        contract: of the partner, whose business days the files are of.
        redemption_id: one of `gateway.services.undecided.contradicted_by_file`.
        at: now.
    """
    store.lock(connection, redemption_id)
    redemption = store.must_get(connection, redemption_id)
    said = said_by_files(connection, redemption.partner, redemption.partner_key, redemption.quote.price)
    if said is None:
        return
    try:
        with connection.begin_nested():
            redemption.require_understood()
            if redemption.state is State.CAPTURED and _speaks_of_the_last_try(connection, contract, redemption, said):
                _captured(connection, observer, alarms, redemption, said, at)
            elif redemption.state is State.VOIDED and _claims(connection, contract, redemption, said):
                observer.file_shows(connection, redemption, issued=True, evidence=_evidence(said), at=at)
    except GatewayError as error:
        facts = {"reason": error.message, "statement_line_id": said.line_id}
        alarms.raise_alarm(connection, FILE_NOT_BOOKED, redemption_id, at, partner=redemption.partner, facts=facts)


def _captured(
    connection: Connection, observer: Observer, alarms: Alarms, redemption: Redemption, said: Said, at: datetime
) -> None:
    if said.verdict == "stands":
        return
    if said.verdict == "gone" and _is_ours(redemption, said):
        observer.file_shows(connection, redemption, issued=False, evidence=_evidence(said), at=at)
        return
    row = alarm_rows.c
    known = sa.select(row.id).where(row.kind == FILE_FOR_PEOPLE, row.subject == redemption.id)
    asked = reversal_store.of_redemption(connection, redemption.id)
    given = any(one.state is not ReversalState.REFUSED for one in asked)
    if not given and connection.execute(known).first() is None:
        facts = {"said": said.verdict, "statement_line_id": said.line_id}
        alarms.raise_alarm(connection, FILE_FOR_PEOPLE, redemption.id, at, partner=redemption.partner, facts=facts)


def _is_ours(redemption: Redemption, said: Said) -> bool:
    """Say whether what is gone is what we were granted: another booking under our key may be gone beside it."""
    known = redemption.partner_reference
    return known is None or not said.references or fold(known) in said.references


def _speaks_of_the_last_try(
    connection: Connection, contract: PartnerContract, redemption: Redemption, said: Said
) -> bool:
    """Say whether the row is not older than the day on which the redemption was last sent."""
    sent_at = attempt_store.last_sent_at(connection, redemption.id) or redemption.requested_at
    return said.business_date >= business_date_of(contract.day, sent_at)


def _claims(connection: Connection, contract: PartnerContract, redemption: Redemption, said: Said) -> bool:
    """Say whether the partner asks for what was voided: a row of a day before our fence speaks of what was.

    It counts once the file of the fence's own day is there and does not take it back.
    """
    if said.verdict not in {"stands", "in_part"}:
        return False
    fences = [row.happened_at for row in store.history(connection, redemption.id) if row.event == Event.FENCED]
    days = [business_date_of(contract.day, fenced_at) for fenced_at in fences]
    return all(
        said.business_date >= day or accepted_statement(connection, redemption.partner, day) is not None for day in days
    )


def _evidence(said: Said) -> dict[str, str | None]:
    return {"statement_line_id": said.line_id, "partner_reference": said.partner_reference}
