"""Statuses in the database: held here and in partner programmes, each with where it came from.

Idempotency: a status is known by member, programme, tier, provenance and first day; granting it again is a no-op.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.errors import TierMatchRefusedError
from catalogue.member_lock import lock_member
from catalogue.partner_accounts import get_accounts
from catalogue.programme import Programme
from catalogue.programme_tiers import best_tier
from catalogue.tables import statuses
from catalogue.tier_match import HeldStatus, TierGraph, reported_status, unknown
from config.database import insert_new

_KEY = ["member_id", "programme", "tier", "provenance", "valid_from_date"]
_FIELDS = HeldStatus.__struct_fields__


def held_statuses(connection: Connection, member_id: str) -> tuple[HeldStatus, ...]:
    """List every status a member holds or held, oldest first; whether one is valid is for the reader's day to say."""
    columns = [statuses.c[name] for name in _FIELDS]
    query = sa.select(*columns).where(statuses.c.member_id == member_id)
    rows = connection.execute(query.order_by(*(statuses.c[name] for name in ("valid_from_date", *_KEY[1:4]))))
    return tuple(HeldStatus(**row._mapping) for row in rows)


def current_tier(connection: Connection, programme: Programme, member_id: str, on_date: date) -> str:
    """Give a member's tier of the host programme on a day, whatever its provenance."""
    return best_tier(programme, held_statuses(connection, member_id), on_date)


def grant_status(
    connection: Connection, member_id: str, status: HeldStatus, evidence: Mapping[str, str | int], at: datetime
) -> bool:
    """Record a status; False when it was there already.

    Args:
        connection: of a writing operation.
        member_id: whose.
        status: with its dates and provenance; a matched one names its edge.
        evidence: what it rests on (a partner's reference, a count of qualifying points), no personal field.
        at: now.

    Raises:
        NotFoundError: there is no such member.
    """
    lock_member(connection, member_id)
    row = msgspec.structs.asdict(status) | {"provenance": str(status.provenance)}
    row |= {"member_id": member_id, "evidence": dict(evidence), "granted_at": at}
    return insert_new(connection, statuses, row, unique=_KEY)


def record_reported(
    connection: Connection,
    graph: TierGraph,
    member_id: str,
    status: HeldStatus,
    evidence: Mapping[str, str],
    at: datetime,
) -> bool:
    """Record a status that a partner reports for the member's linked account: the only evidence there is.

    What a match of ours made the partner know is not recorded as earned: see `reported_status`.

    Args:
        connection: of a writing operation.
        graph: knows the partner's programme and its tiers.
        member_id: whose.
        status: as reported; its provenance is what the partner says, or earned when it says nothing.
        evidence: the partner's own reference of the report, no personal field.
        at: now.

    Returns:
        False when it was known already, or is what we granted ourselves.

    Raises:
        NotFoundError: there is no such member.
        TierMatchRefusedError: no account is linked there, or the programme has no such tier (``reason`` says which).
    """
    lock_member(connection, member_id)
    partner = graph.partner_of(status.programme)
    code = unknown(graph, status.programme, status.tier)
    if code is not None:
        message = f"The tier graph knows no tier {status.tier!r} of {status.programme!r}; names are not guessed."
        raise TierMatchRefusedError(message, reason=code)
    if partner is None or partner not in get_accounts(connection, member_id):
        message = f"No account of the member is linked at {partner or status.programme!r}; nothing else is evidence."
        raise TierMatchRefusedError(message, reason="account_not_linked")
    earned = reported_status(graph, status, held_statuses(connection, member_id))
    return earned is not None and grant_status(connection, member_id, earned, {"partner": partner, **evidence}, at)
