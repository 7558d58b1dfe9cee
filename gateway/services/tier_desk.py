"""What people do about tier matches: decide what raised a signal, and tell partners what was granted.

Few partners grant a status on request (`status_grants` tells those); for the others, and for what they refused, a grant
is a row of a small file per day.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from catalogue import grant_store, match_store, statuses
from catalogue.calendar import end_of, start_of
from catalogue.errors import TierMatchRefusedError
from catalogue.match_store import DueGrant, StoredMatch
from catalogue.member_lock import lock_member
from catalogue.model import Catalogue
from catalogue.tier_match import Explanation, HeldStatus, Provenance, explain
from config.errors import NotFoundError
from gateway.services.tier_matches import give, granted_match
from settlement.exports.csv_text import document

COLUMNS = ("reference", "account_number", "programme", "tier", "provenance", "valid_from_date", "valid_to_date", "edge")


class Batch(msgspec.Struct, frozen=True):
    """A partner's file of one day.

    Attributes:
        content: CSV, UTF-8, CRLF, a header and one row per grant by reference; the same each time it is made.
        waiting: references of grants of the day whose members have linked no account there; they follow on the day
            on which one is linked.
    """

    partner: str
    day: date
    rows: int
    waiting: tuple[str, ...]
    content: bytes


def decide(
    connection: Connection, catalogue: Catalogue, *, match_id: str, approve: bool, by: str, now: datetime
) -> StoredMatch:
    """Grant or refuse a request that waits for a person; stored with its status in the caller's one transaction.

    What was asked for is judged again on the day of the decision, but for the signals.

    Args:
        connection: of a writing operation.
        catalogue: with the tier graph.
        match_id: of the request.
        approve: grant it.
        by: who decides, as the audit shows it.
        now: the instant.

    Raises:
        NotFoundError: there is no such request.
        ConflictError: it was decided before.
        TierMatchRefusedError: the status or the agreement no longer allows it.
    """
    asked = match_store.get_match(connection, match_id)
    lock_member(connection, asked.member_id)
    if not approve:
        decided = msgspec.structs.replace(asked, state="refused", decided_at=now, decided_by=by)
        match_store.decide_review(connection, decided)
        return decided
    today = catalogue.programme.today(now)
    found = _again(connection, catalogue, asked, today)
    edge = next((one for one in found.edges if one.id == asked.edge_id), None)
    if asked.state == "review" and edge is None:
        raise TierMatchRefusedError(" ".join(found.path), reason=found.refusal or "no_edge")
    decided = granted_match(asked, edge, today, by, now) if edge is not None else asked
    match_store.decide_review(connection, decided)
    if edge is not None:
        give(connection, decided, edge, today, now)
    return decided


def batch(connection: Connection, catalogue: Catalogue, partner: str, day: date) -> Batch:
    """Make the file that tells a partner which tiers were granted to its members on a day of the programme.

    What the partner took by its interface is not in it, however often it is made.

    Raises:
        NotFoundError: the partner has no programme in the tier graph.
    """
    programmes = tuple(one.programme for one in catalogue.tier_matches.ladders if one.partner == partner)
    if not programmes:
        raise NotFoundError(f"The partner {partner!r} has no programme that statuses are matched with.")
    zone = catalogue.programme.time_zone
    due = match_store.due_grants(connection, partner, programmes, day, (start_of(day, zone), end_of(day, zone)))
    told = grant_store.taken(connection, tuple(one.match.id for one in due))
    due = tuple(one for one in due if one.match.id not in told)
    rows = [_row(catalogue, one) for one in due if one.account_number is not None]
    waiting = tuple(one.match.id for one in due if one.account_number is None)
    return Batch(partner, day, len(rows), waiting, document(COLUMNS, rows))


def _row(catalogue: Catalogue, due: DueGrant) -> tuple[str | date | None, ...]:
    one = due.match
    provenance = provenance_of(catalogue, one)
    given = (one.id, due.account_number, one.to_programme, one.to_tier, provenance.value)
    return (*given, one.valid_from_date, one.valid_to_date, one.edge_id)


def provenance_of(catalogue: Catalogue, one: StoredMatch) -> Provenance:
    """Say how the tier of a granted match was come by: matched, or on trial."""
    edge = next((edge for edge in catalogue.tier_matches.edges if edge.id == one.edge_id), None)
    on_trial = one.prolongs_id is not None or (edge is not None and edge.challenge is not None)
    return Provenance.CHALLENGE if on_trial else Provenance.MATCHED


def _again(connection: Connection, catalogue: Catalogue, asked: StoredMatch, today: date) -> Explanation:
    held = statuses.held_statuses(connection, asked.member_id)
    facts = match_store.match_facts(connection, catalogue.programme, asked.member_id)
    facts = msgspec.structs.replace(facts, in_review=facts.in_review - {asked.edge_id})
    mine = [one for one in held if (one.programme, one.tier) == (asked.from_programme, asked.from_tier)]

    def order(one: HeldStatus) -> tuple[bool, bool]:
        return one.holds_on(today), one.provenance == Provenance.EARNED

    if not mine:
        raise TierMatchRefusedError("The status that was to be matched is no longer known.", reason="no_status")
    best = max(mine, key=order)
    return explain(catalogue.tier_matches, best, asked.to_programme, today, held=held, facts=facts)
