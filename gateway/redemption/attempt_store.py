"""Attempts as they are written down: one row per partner call, before its socket opens (rule R2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import ReservationRequest
from config.prepared import Prepared, inserting
from gateway.redemption.records import Redemption
from gateway.redemption.tables import attempts

CODE_LENGTH = 80
"""Characters of a partner's code that are kept: a longer one must not stop what it speaks of from being recorded."""

FIRST = 1
"""The number of a redemption's first attempt."""

NOTHING_DONE = frozenset({Outcome.NOT_SENT, Outcome.BUSY})
"""Outcomes of an attempt that cannot have done anything at the partner."""

_MINE = attempts.c.redemption_id == sa.bindparam("wanted")
_GIVEN = ("operation", "is_commit", "partner_key", "request_hash", "validity_ends_at", "deadline_at", "started_at")
_NEXT = sa.select(
    sa.bindparam("redemption_id", type_=attempts.c.redemption_id.type),
    sa.func.coalesce(sa.func.max(attempts.c.number), 0) + 1,
    *(sa.bindparam(name, type_=attempts.c[name].type) for name in _GIVEN),
).where(_MINE)
_START = Prepared(
    sa.insert(attempts)
    .from_select(["redemption_id", "number", *_GIVEN], _NEXT, include_defaults=False)
    .returning(attempts.c.number)
)
_START_FIRST = Prepared(inserting(attempts, "redemption_id", "number", *_GIVEN))
_FINISH = Prepared(
    attempts.update()
    .where(_MINE, attempts.c.number == sa.bindparam("attempt"))
    .values({name: sa.bindparam(name) for name in ("outcome", "code", "message", "finished_at")})
)
_OUTCOMES = Prepared(sa.select(attempts.c.outcome).where(_MINE, attempts.c.is_commit).order_by(attempts.c.number))


def start(
    connection: Connection,
    redemption: Redemption,
    *,
    operation: str,
    is_commit: bool,
    deadline: timedelta,
    at: datetime,
    first: bool = False,
) -> int:
    """Write down that a call is about to be made and answer its number (rule R2).

    The caller has locked the redemption, so that numbers are given out one after the other; or takes it in by this very
    operation, so that this is its ``first``.
    """
    row = {
        "redemption_id": redemption.id,
        "operation": operation,
        "is_commit": is_commit,
        "partner_key": redemption.partner_key,
        "request_hash": _request_hash(redemption.request()),
        "validity_ends_at": redemption.window_ends_at,
        "deadline_at": at + deadline,
        "started_at": at,
    }
    if first:
        _START_FIRST.later(connection, number=FIRST, **row)
        return FIRST
    number: int = _START.scalar(connection, wanted=redemption.id, **row)
    return number


def _request_hash(request: ReservationRequest) -> str:
    return sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()


def finish(
    connection: Connection,
    redemption_id: str,
    number: int,
    *,
    outcome: str,
    code: str | None,
    message: str | None,
    at: datetime,
) -> None:
    """Write down what a call proved; a late result of a lost lease is kept as evidence too."""
    _FINISH.later(
        connection,
        wanted=redemption_id,
        attempt=number,
        outcome=outcome,
        code=clip(code, CODE_LENGTH),
        message=message,
        finished_at=at,
    )


def commit_outcomes(connection: Connection, redemption_id: str) -> list[str | None]:
    """List the outcomes of the commit attempts so far; None where a call was started and nobody knows its end."""
    return [outcome for (outcome,) in _OUTCOMES.rows(connection, wanted=redemption_id)]


def maybe_reached(connection: Connection, redemption_id: str, operation: str) -> bool:
    """Say whether an attempt at one operation may have reached the partner.

    One that has no outcome may have: whoever made it is gone.
    """
    query = sa.select(attempts.c.outcome).where(_MINE, attempts.c.operation == operation)
    outcomes = connection.execute(query, {"wanted": redemption_id}).scalars()
    return any(outcome not in NOTHING_DONE for outcome in outcomes)


def count(connection: Connection, redemption_id: str, operation: str) -> int:
    """Count the attempts at one operation so far."""
    query = (
        sa.select(sa.func.count())
        .select_from(attempts)
        .where(attempts.c.redemption_id == redemption_id, attempts.c.operation == operation)
    )
    return int(connection.execute(query).scalar_one())


def last_sent_at(connection: Connection, redemption_id: str) -> datetime | None:
    """Answer when the commit step was last begun; None when it never was."""
    query = sa.select(sa.func.max(attempts.c.started_at)).where(
        attempts.c.redemption_id == redemption_id, attempts.c.is_commit
    )
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def of_redemption(connection: Connection, redemption_id: str) -> Sequence[sa.RowMapping]:
    """List the attempts of a redemption, oldest first."""
    query = sa.select(attempts).where(attempts.c.redemption_id == redemption_id).order_by(attempts.c.number)
    return connection.execute(query).mappings().all()


def clip(text: str | None, length: int) -> str | None:
    """Cut a partner's word to what its column holds."""
    return None if text is None else text[:length]
