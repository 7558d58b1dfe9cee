"""Redemptions and the partner's closed file: which undecided ones wait for it, and what it says of ended ones."""

from __future__ import annotations

from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from config.errors import GatewayError
from config.observability import get_logger
from gateway.errors import TransitionError
from gateway.redemption import attempt_store
from gateway.redemption.engine import Engine
from gateway.redemption.no_shows import NO_SHOW
from gateway.redemption.records import money
from gateway.redemption.states import Event, ReversalState, State
from gateway.redemption.tables import claims, quotes, redemptions, reversals
from settlement.calendar import business_date_of
from settlement.contracts import PartnerContract
from settlement.night_store import stands
from settlement.night_tables import statement_lines, statements
from settlement.said import BESIDE
from settlement.undecided import SettledByFile, Undecided

WAITING = (State.MANUAL, State.UNKNOWN, State.ACCEPTED)
"""States that a statement file may end."""

log = get_logger(__name__)


def waiting_for_file(connection: Connection, contract: PartnerContract) -> tuple[Undecided, ...]:
    """List a partner's redemptions that its file may decide, by id.

    An absence counts only for those given to people, and only when the contract's window for late rows has passed.
    """
    row = redemptions.c
    query = (
        sa.select(row.id, row.partner_key, row.requested_at, row.state, quotes.c.price, quotes.c.currency)
        .join_from(redemptions, quotes, quotes.c.id == row.quote_id)
        .where(row.partner == contract.partner, row.state.in_([state.value for state in WAITING]))
        .order_by(row.id)
    )
    return tuple(
        Undecided(
            redemption_id=found.id,
            reference=found.partner_key,
            business_date=business_date_of(contract.day, found.requested_at),
            closes_after_days=contract.late_window_days if found.state == State.MANUAL else None,
            last_sent_date=_last_sent_date(connection, contract, found.id),
            price=money(found.price, found.currency),
        )
        for found in connection.execute(query).all()
    )


def _last_sent_date(connection: Connection, contract: PartnerContract, redemption_id: str) -> date | None:
    sent_at = attempt_store.last_sent_at(connection, redemption_id)
    return None if sent_at is None else business_date_of(contract.day, sent_at)


def settle_by_file(connection: Connection, engine: Engine, item: SettledByFile) -> bool:
    """End one redemption by what the file says.

    A refusal ends an unknown one only when it was given to people: until then it may be sent again, or a copy be under
    way, and a file speaks of what was.

    Returns:
        False when it had ended, or moved on, before, or cannot be booked: that is an alarm, and stops no other.
    """
    event = Event.FILE_SAYS_ISSUED if item.issued else Event.FILE_SAYS_NOT_ISSUED
    evidence = item.statement_line_id or "absent from the closed file"
    try:
        with connection.begin_nested():
            if not item.issued and _may_be_under_way(connection, item.redemption_id):
                return False
            return engine.settle(
                connection, item.redemption_id, event, f"statement: {evidence}", item.partner_reference
            )
    except TransitionError:
        return False
    except GatewayError as error:
        log.error("settlement.not_booked", redemption_id=item.redemption_id, reason=error.message)
        return False


def _may_be_under_way(connection: Connection, redemption_id: str) -> bool:
    query = sa.select(redemptions.c.state).where(redemptions.c.id == redemption_id)
    return bool(connection.execute(query).scalar_one() == State.UNKNOWN)


def contradicted_by_file(
    connection: Connection, partner: str, business_date: date, days_before: int = 0
) -> tuple[str, ...]:
    """List ended redemptions of which a day's accepted file says otherwise (rules R11 and R13), by id.

    A captured one whose row was cancelled, or that the partner gives back by a row of its own, and whose points have
    not come back; a voided one that is claimed and has no claim yet. A row moves nothing: each of them is to be looked
    at (`gateway.redemption.observer.Observer.look`), or, where the partner cannot be asked, held against all its files
    (`gateway.services.contradicted.follow_files`); what waited for a later file is found by ``days_before``.
    """
    line, row = statement_lines.c, redemptions.c
    first = business_date - timedelta(days=days_before)
    applied = sa.and_(reversals.c.state == ReversalState.APPLIED.value, reversals.c.undoes)
    undone = sa.exists().where(reversals.c.redemption_id == row.id, applied)
    claimed = sa.exists().where(claims.c.redemption_id == row.id)
    query = (
        sa.select(row.id, row.state, line.kind, line.status)
        .join_from(statement_lines, statements, statements.c.id == line.statement_id)
        .join(
            redemptions,
            sa.and_(row.partner == line.partner, sa.func.lower(row.partner_key) == sa.func.lower(line.reference)),
        )
        .where(line.partner == partner, line.business_date.between(first, business_date))
        .where(statements.c.state == "accepted", line.kind.not_in(["fee", "adjustment"]))
        .where(
            sa.or_(
                sa.and_(row.state == State.CAPTURED.value, sa.not_(undone)),
                sa.and_(row.state == State.VOIDED.value, line.kind != "refund", sa.not_(claimed)),
            )
        )
        .order_by(row.id)
    )
    standing = {State.CAPTURED.value: False, State.VOIDED.value: True}
    return tuple(
        dict.fromkeys(
            found.id
            for found in connection.execute(query)
            if found.kind == "refund" or stands(found.kind, found.status) is standing[found.state]
        )
    )


def granted_twice_by_file(connection: Connection, partner: str, business_date: date) -> dict[str, int]:
    """Find redemptions for which the accepted files up to a day show several things of the partner's that stand.

    Only rows with different references of the partner's own count: the same booking listed twice is a break of the
    file, not a second booking. A reference whose newest row says that it was cancelled does not stand.

    Returns:
        The count by redemption id, of those of which the day's own file has a row.
    """
    line, row = statement_lines.c, redemptions.c
    mine = sa.and_(row.partner == line.partner, sa.func.lower(row.partner_key) == sa.func.lower(line.reference))
    accepted = sa.and_(statements.c.state == "accepted", line.kind.not_in(["refund", *BESIDE]))
    of_day = (
        sa.select(sa.func.lower(line.reference))
        .join_from(statement_lines, statements, statements.c.id == line.statement_id)
        .where(line.partner == partner, line.business_date == business_date, accepted)
    )
    query = (
        sa.select(row.id, line.partner_reference, line.kind, line.status)
        .join_from(statement_lines, statements, statements.c.id == line.statement_id)
        .join(redemptions, mine)
        .where(line.partner == partner, line.business_date <= business_date, sa.func.lower(line.reference).in_(of_day))
        .where(line.partner_reference.is_not(None), accepted)
        .order_by(line.business_date, line.row)
    )
    newest: dict[str, dict[str, bool]] = {}
    for found in connection.execute(query):
        standing = stands(found.kind, found.status) is True
        newest.setdefault(found.id, {})[found.partner_reference] = standing
    counts = {redemption_id: sum(references.values()) for redemption_id, references in sorted(newest.items())}
    return {redemption_id: count for redemption_id, count in counts.items() if count > 1}


def not_shown_by_file(connection: Connection, partner: str, business_date: date) -> tuple[str, ...]:
    """List captured redemptions of which a day's accepted file says that nobody came, by id."""
    line, row = statement_lines.c, redemptions.c
    query = (
        sa.select(row.id)
        .distinct()
        .join_from(statement_lines, statements, statements.c.id == line.statement_id)
        .join(
            redemptions,
            sa.and_(row.partner == line.partner, sa.func.lower(row.partner_key) == sa.func.lower(line.reference)),
        )
        .where(line.partner == partner, line.business_date == business_date, statements.c.state == "accepted")
        .where(line.status == NO_SHOW, row.state == State.CAPTURED.value)
        .order_by(row.id)
    )
    return tuple(connection.execute(query).scalars())
