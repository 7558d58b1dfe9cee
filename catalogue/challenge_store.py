"""Timed challenges in the database: begun with a match, told of progress, met or missed.

Idempotency: a challenge is known by its match; the same progress told twice changes nothing, and one that is over stays
as it is.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.errors import TierMatchRefusedError
from catalogue.match_store import BY_RULE, StoredMatch, get_match, record_match
from catalogue.member_lock import lock_member
from catalogue.statuses import grant_status
from catalogue.tables import challenges, tier_matches
from catalogue.tier_match import Challenge, HeldStatus, Outcome, kept_status, outcome_of
from config.database import insert_new
from config.errors import NotFoundError

_FIELDS = Challenge.__struct_fields__


class StoredChallenge(msgspec.Struct, frozen=True):
    """A challenge and how it stands; ``outcome`` is the word as it is kept (`Outcome`, or a later version's)."""

    match_id: str
    outcome: str
    challenge: Challenge


def begin_challenge(connection: Connection, match_id: str, challenge: Challenge, at: datetime) -> bool:
    """Record a challenge with its terms; False when it was there already."""
    row = msgspec.structs.asdict(challenge) | {"match_id": match_id, "outcome": Outcome.OPEN.value, "updated_at": at}
    return insert_new(connection, challenges, row, unique=["match_id"])


def member_challenges(connection: Connection, member_id: str) -> tuple[StoredChallenge, ...]:
    """List every challenge of a member, oldest first."""
    of_member = sa.select(tier_matches.c.id).where(tier_matches.c.member_id == member_id)
    return _select(connection, challenges.c.match_id.in_(of_member))


def tell_progress(connection: Connection, match_id: str, progress: int, on_date: date, at: datetime) -> StoredChallenge:
    """Record how much of a challenge is done by a day; the status is kept as soon as its target is reached.

    One transaction stores the progress, the outcome, the status that is kept and the grant to tell the partner of.

    Args:
        connection: of a writing operation.
        match_id: of the match that began the challenge.
        progress: in total so far, not since the last time; a correction may lower it.
        on_date: the day up to which it was counted.
        at: now.

    Raises:
        NotFoundError: there is no such challenge.
        TierMatchRefusedError: the challenge is over, or the day is not one of its days.
    """
    match = get_match(connection, match_id)
    lock_member(connection, match.member_id)
    before = _one(connection, match_id)
    told = msgspec.structs.replace(before.challenge, progress=progress)
    if before.outcome == Outcome.MET and progress == before.challenge.progress:
        return before
    if before.outcome != Outcome.OPEN or not told.started_date <= on_date <= told.deadline_date or progress < 0:
        message = f"The challenge runs from {told.started_date} to {told.deadline_date} and is {before.outcome}."
        raise TierMatchRefusedError(message, reason="challenge_over")
    outcome = outcome_of(told, on_date)
    _update(connection, match_id, outcome, progress, at)
    if outcome is Outcome.MET:
        _keep(connection, match, kept_status(told, on_date), at)
    return StoredChallenge(match_id, outcome, told)


def settle_challenges(connection: Connection, on_date: date, at: datetime) -> tuple[StoredChallenge, ...]:
    """Close as missed every open challenge whose deadline lies before a day; a second run finds nothing.

    The status on trial ends by itself on the deadline.
    """
    late = sa.and_(challenges.c.outcome == Outcome.OPEN.value, challenges.c.deadline_date < on_date)
    settled = []
    for one in _select(connection, late):
        still_open = sa.and_(challenges.c.match_id == one.match_id, challenges.c.outcome == Outcome.OPEN.value)
        missed = {"outcome": Outcome.MISSED.value, "updated_at": at}
        if connection.execute(sa.update(challenges).where(still_open).values(missed)).rowcount == 1:
            settled.append(msgspec.structs.replace(one, outcome=Outcome.MISSED))
    return tuple(settled)


def _keep(connection: Connection, match: StoredMatch, status: HeldStatus, at: datetime) -> None:
    kept = msgspec.structs.replace(
        match,
        id=f"{match.id}:kept",
        prolongs_id=match.id,
        requested_at=at,
        decided_at=at,
        decided_by=BY_RULE,
        granted_date=status.valid_from_date,
        valid_from_date=status.valid_from_date,
        valid_to_date=status.valid_to_date,
    )
    record_match(connection, kept)
    grant_status(connection, match.member_id, status, {"edge": match.edge_id, "challenge": match.id}, at)


def _update(connection: Connection, match_id: str, outcome: Outcome, progress: int, at: datetime) -> None:
    values = {"outcome": outcome.value, "progress": progress, "updated_at": at}
    connection.execute(sa.update(challenges).where(challenges.c.match_id == match_id).values(values))


def _one(connection: Connection, match_id: str) -> StoredChallenge:
    found = _select(connection, challenges.c.match_id == match_id)
    if not found:
        raise NotFoundError("There is no such challenge.")
    return found[0]


def _select(connection: Connection, condition: sa.ColumnElement[bool]) -> tuple[StoredChallenge, ...]:
    columns = [challenges.c[name] for name in ("match_id", "outcome", *_FIELDS)]
    query = sa.select(*columns).where(condition).order_by(challenges.c.started_date, challenges.c.match_id)
    found = []
    for row in connection.execute(query):
        fields = dict(row._mapping)
        match_id, outcome = fields.pop("match_id"), fields.pop("outcome")
        found.append(StoredChallenge(match_id, outcome, Challenge(**fields)))
    return tuple(found)
