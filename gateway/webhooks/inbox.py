"""The inbox: every verified callback once, kept raw, processed later in the transaction of its effect.

Acknowledging means that the row is committed. Processing is somebody else's work: `due`, then `done` in the transaction
of the effect, or `failed`. After ten failures a message is dead and waits for people.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import insert_new
from gateway.edge_tables import webhook_conflicts, webhook_inbox

TRIES = 10
RETRY_SECONDS = (5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 14_400)
"""Wait after each failure but the last, which makes the message dead."""


class Receipt(StrEnum):
    """What became of a callback that was verified."""

    NEW = "new"
    KNOWN = "known"
    CONFLICT = "conflict"


class InboxMessage(msgspec.Struct, frozen=True):
    """One message to process; ``attempts`` counts the failures so far."""

    id: str
    partner: str
    message_id: str
    body: bytes
    attempts: int
    received_at: datetime


def receive(
    connection: Connection, *, new_id: str, partner: str, message_id: str, body: bytes, at: datetime
) -> Receipt:
    """Keep a verified callback; idempotent by partner and message id.

    The same id with another body leaves the first as it is and adds a row to ``webhook_conflicts``.
    """
    digest = hashlib.sha256(body).hexdigest()
    row = {
        "id": new_id,
        "partner": partner,
        "message_id": message_id,
        "body_hash": digest,
        "body": body,
        "state": "waiting",
        "attempts": 0,
        "received_at": at,
        "next_attempt_at": at,
    }
    if insert_new(connection, webhook_inbox, row, unique=["partner", "message_id"]):
        return Receipt.NEW
    known = sa.select(webhook_inbox.c.body_hash).where(
        webhook_inbox.c.partner == partner, webhook_inbox.c.message_id == message_id
    )
    if connection.execute(known).scalar_one() == digest:
        return Receipt.KNOWN
    conflict = {"partner": partner, "message_id": message_id, "body_hash": digest, "seen_at": at}
    insert_new(connection, webhook_conflicts, conflict, unique=["partner", "message_id", "body_hash"])
    return Receipt.CONFLICT


def due(connection: Connection, now: datetime, limit: int) -> tuple[InboxMessage, ...]:
    """List messages whose time has come, oldest first."""
    columns = [webhook_inbox.c[name] for name in InboxMessage.__struct_fields__]
    query = (
        sa.select(*columns)
        .where(webhook_inbox.c.state == "waiting", webhook_inbox.c.next_attempt_at <= now)
        .order_by(webhook_inbox.c.next_attempt_at, webhook_inbox.c.id)
        .limit(limit)
    )
    return tuple(InboxMessage(**row._mapping) for row in connection.execute(query))


def done(connection: Connection, inbox_id: str, at: datetime) -> bool:
    """Finish a message, in the transaction of its effect; False when somebody else has: then write nothing."""
    finish = sa.update(webhook_inbox).where(webhook_inbox.c.id == inbox_id, webhook_inbox.c.state == "waiting")
    return connection.execute(finish.values(state="done", finished_at=at, reason=None)).rowcount == 1


def failed(connection: Connection, inbox_id: str, reason: str, at: datetime) -> bool:
    """Note a failure and put the message off; answer whether it is dead now.

    Args:
        connection: of a transaction of its own, after the effect's was rolled back.
        inbox_id: the row.
        reason: for operators; cut to 500 characters.
        at: now.
    """
    waiting = (webhook_inbox.c.id == inbox_id) & (webhook_inbox.c.state == "waiting")
    attempts = connection.execute(
        sa.select(webhook_inbox.c.attempts).where(waiting).with_for_update()
    ).scalar_one_or_none()
    if attempts is None:
        return False
    dead: bool = attempts + 1 >= TRIES
    changes = {"attempts": attempts + 1, "reason": reason[:500], "state": "dead" if dead else "waiting"}
    when = {"finished_at": at} if dead else {"next_attempt_at": at + timedelta(seconds=RETRY_SECONDS[attempts])}
    connection.execute(sa.update(webhook_inbox).where(waiting).values(changes | when))
    return dead
