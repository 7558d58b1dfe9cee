"""Alarms: in the log at once, in a table for whoever looks later, and in the outbox for whoever is told.

Raised in the transaction of what was found, so that neither is kept without the other. The same thing found again is
counted, not repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.identifiers import Identifiers
from config.database import insert_new
from config.observability import get_logger
from gateway.operations.tables import alarms
from gateway.redemption.tables import outbox

log = get_logger(__name__)
SUBJECT_LENGTH = 255


class Alarm(msgspec.Struct, frozen=True):
    """Something that somebody must look at."""

    id: str
    kind: str
    subject: str
    partner: str | None
    facts: dict[str, str]
    times: int
    first_at: datetime
    last_at: datetime


class Alarms:
    """Raises alarms; names them by a source of identifiers."""

    def __init__(self, identifiers: Identifiers) -> None:
        """Keep what names them."""
        self._identifiers = identifiers

    def raise_alarm(
        self,
        connection: Connection,
        kind: str,
        subject: str,
        at: datetime,
        *,
        partner: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> int:
        """Raise an alarm and answer how often it was raised by now.

        Args:
            connection: of the transaction that records what was found.
            kind: a word for what it is.
            subject: what it is about; the same kind and subject are one alarm.
            at: now.
            partner: whose fault it may be.
            facts: ids and figures; no personal field, no secret.
        """
        known = dict(facts or {})
        row = {
            "id": self._identifiers.new("alarm"),
            "kind": kind,
            "subject": subject[:SUBJECT_LENGTH],
            "partner": partner,
            "facts": known,
            "times": 0,
            "first_at": at,
            "last_at": at,
        }
        insert_new(connection, alarms, row, unique=["kind", "subject"])
        mine = sa.and_(alarms.c.kind == kind, alarms.c.subject == row["subject"])
        values = {"times": alarms.c.times + 1, "last_at": at, "facts": known}
        connection.execute(alarms.update().where(mine).values(values))
        found = connection.execute(sa.select(alarms.c.id, alarms.c.times).where(mine)).one()
        connection.execute(
            outbox.insert().values(
                id=f"evt_{found.id.partition('_')[2]}_{found.times}",
                aggregate_id=found.id,
                seq=found.times,
                type=f"alarm.{kind}",
                payload={"alarm_id": found.id, "kind": kind, "partner": partner},
                created_at=at,
            )
        )
        log.error(f"alarm.{kind}", subject=subject, partner=partner, times=found.times, **known)
        return int(found.times)


def list_alarms(
    connection: Connection, *, after: str | None = None, limit: int, kind: str | None = None, partner: str | None = None
) -> list[Alarm]:
    """List alarms, newest first, those before an id."""
    columns = [alarms.c[name] for name in Alarm.__struct_fields__]
    query = sa.select(*columns).order_by(alarms.c.id.desc()).limit(limit)
    if after is not None:
        query = query.where(alarms.c.id < after)
    if kind is not None:
        query = query.where(alarms.c.kind == kind)
    if partner is not None:
        query = query.where(alarms.c.partner == partner)
    return [Alarm(*row) for row in connection.execute(query)]
