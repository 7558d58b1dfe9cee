"""Tier matches, in both directions, with the explanation of the path; what raises a signal waits for a person."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from catalogue import challenge_store, match_store, members, statuses
from catalogue.challenge_store import StoredChallenge
from catalogue.eligibility import MemberContext
from catalogue.errors import TierMatchRefusedError
from catalogue.match_store import BY_RULE, StoredMatch
from catalogue.member_lock import lock_member
from catalogue.model import Catalogue
from catalogue.tier_match import (
    Edge,
    EdgeKind,
    Explanation,
    HeldStatus,
    MatchFacts,
    Outcome,
    Provenance,
    TierGraph,
    explain,
    grant_of,
    last_day,
    offers,
    raised,
    start,
)
from config.errors import NotFoundError
from gateway.schemas.benefits import (
    ChallengeAnswer,
    StatusAnswer,
    StatusList,
    TierMatchAnswer,
    TierMatchBody,
    TierMatchOffer,
    TierMatchOffers,
)
from gateway.services import reported_status
from gateway.services.partner_members import Reported


def list_offers(
    connection: Connection, catalogue: Catalogue, *, member_id: str, locale: str | None, now: datetime
) -> TierMatchOffers:
    """List every match the member can have now."""
    today = catalogue.programme.today(now)
    member = members.member_context(connection, catalogue.programme, member_id, today)
    facts = match_store.match_facts(connection, catalogue.programme, member_id)
    graph = catalogue.tier_matches
    host = catalogue.programme.id
    items = []
    for offer in offers(graph, member.statuses, today, facts):
        edge, status = offer.edge, offer.status
        from_partner = edge.to_programme == host
        reached = explain(
            graph, status, edge.to_programme, today, held=member.statuses, facts=facts, locale=locale or member.locale
        )
        items.append(
            TierMatchOffer(
                partner=_partner_of(catalogue, edge.from_programme if from_partner else edge.to_programme),
                from_partner=from_partner,
                edge_id=edge.id,
                kind=edge.kind.value,
                from_programme=edge.from_programme,
                from_tier=status.tier,
                to_programme=edge.to_programme,
                to_tier=edge.to_tier,
                explanation=list(reached.path),
            )
        )
    return TierMatchOffers(items)


def list_statuses(connection: Connection, catalogue: Catalogue, *, member_id: str, locale: str | None) -> StatusList:
    """List every status the member holds or held, here and in partner programmes, and every challenge."""
    member = members.get_member(connection, member_id)
    graph, language = catalogue.tier_matches, locale or member.locale
    return StatusList(
        [_present(status) for status in statuses.held_statuses(connection, member_id)],
        [_shown(graph, one, language) for one in challenge_store.member_challenges(connection, member_id)],
        sorted(match_store.match_facts(connection, catalogue.programme, member_id).in_review),
    )


def match(
    connection: Connection,
    catalogue: Catalogue,
    *,
    member_id: str,
    body: TierMatchBody,
    new_id: str,
    locale: str | None,
    now: datetime,
    reported: Reported | None = None,
) -> TierMatchAnswer:
    """Grant what the member's best status gives on the other side; an operation for the caller's transaction.

    A request that raises a signal of its edge is recorded for a person instead, and grants nothing yet; so is one
    whose status the partner reports otherwise (``reported``, asked before the transaction), or not at all.

    Raises:
        NotFoundError: no such partner programme, or no such member.
        TierMatchRefusedError: with the reason and the path that led to it.
    """
    lock_member(connection, member_id)
    today = catalogue.programme.today(now)
    there, host = _programme_of(catalogue, body.partner), catalogue.programme.id
    doubts = reported_status.take(
        connection, catalogue, member_id=member_id, programme=there, reported=reported, today=today, now=now
    )
    member = members.member_context(connection, catalogue.programme, member_id, today)
    facts = match_store.match_facts(connection, catalogue.programme, member_id)
    source, target = (there, host) if body.from_partner else (host, there)
    status, best = _best(catalogue, member, facts, source, target, today, locale or member.locale)
    if best.edge is None:
        raise TierMatchRefusedError(" ".join(best.path), reason=best.refusal)
    graph = catalogue.tier_matches
    signals = raised(graph, best.edge, graph.partner_of(status.programme), facts, today)
    asked = StoredMatch(
        id=new_id,
        member_id=member_id,
        edge_id=best.edge.id,
        from_programme=status.programme,
        from_tier=status.tier,
        to_programme=best.edge.to_programme,
        to_tier=best.edge.to_tier,
        state="review",
        signals=(*doubts, *(signal.id for signal in signals)),
        requested_at=now,
    )
    if asked.signals:
        match_store.record_match(connection, asked)
    else:
        match_store.record_match(connection, granted_match(asked, best.edge, today, BY_RULE, now))
        give(connection, asked, best.edge, today, now)
    return _answer(graph, asked, best, today, locale or member.locale)


def granted_match(asked: StoredMatch, edge: Edge, today: date, by: str, now: datetime) -> StoredMatch:
    """Make the row of a match that is granted today; benefits last as long as a status of the edge would."""
    return msgspec.structs.replace(
        asked,
        state="granted",
        granted_date=today,
        valid_from_date=today,
        valid_to_date=last_day(edge, today),
        decided_at=now,
        decided_by=by,
    )


def give(connection: Connection, asked: StoredMatch, edge: Edge, today: date, now: datetime) -> None:
    """Record the status that a granted match gives, and begin its challenge; call it with the row's own transaction."""
    granted = grant_of(edge, today)
    if granted is not None:
        evidence = {"edge": edge.id, "source": edge.source, "match": asked.id}
        statuses.grant_status(connection, asked.member_id, granted, evidence, now)
    if edge.kind is EdgeKind.CHALLENGE:
        challenge_store.begin_challenge(connection, asked.id, start(edge, today), now)


def _best(
    catalogue: Catalogue, member: MemberContext, facts: MatchFacts, source: str, target: str, today: date, locale: str
) -> tuple[HeldStatus, Explanation]:
    """Explain by the first status that leads there, else by the highest one, so that the refusal names it."""
    graph = catalogue.tier_matches
    candidates = [status for status in member.statuses if status.programme == source]
    if source == catalogue.programme.id:
        candidates.append(_entry(catalogue, today))
    if not candidates:
        raise TierMatchRefusedError(f"No status in {source} is known of this member.", reason="no_status")
    ranked = sorted(candidates, key=lambda one: (one.holds_on(today), graph.rank(source, one.tier)), reverse=True)
    found = [
        (one, explain(graph, one, target, today, held=member.statuses, facts=facts, locale=locale)) for one in ranked
    ]
    return next((one for one in found if one[1].edge is not None), found[0])


def _entry(catalogue: Catalogue, today: date) -> HeldStatus:
    """Give the tier that every member has without a status being recorded."""
    programme = catalogue.programme
    return HeldStatus(
        programme=programme.id, tier=programme.entry_tier, provenance=Provenance.EARNED, valid_from_date=today
    )


def _programme_of(catalogue: Catalogue, partner: str) -> str:
    for ladder in catalogue.tier_matches.ladders:
        if ladder.partner == partner:
            return ladder.programme
    raise NotFoundError(f"The partner {partner!r} has no programme that statuses are matched with.")


def _partner_of(catalogue: Catalogue, programme: str) -> str:
    for ladder in catalogue.tier_matches.ladders:
        if ladder.programme == programme and ladder.partner is not None:
            return ladder.partner
    return programme


def _present(status: HeldStatus) -> StatusAnswer:
    return StatusAnswer(
        programme=status.programme,
        tier=status.tier,
        provenance=status.provenance,
        valid_from_date=status.valid_from_date,
        valid_to_date=status.valid_to_date,
        edge_id=status.edge_id,
    )


def _answer(graph: TierGraph, asked: StoredMatch, best: Explanation, today: date, locale: str) -> TierMatchAnswer:
    assert best.edge is not None
    granted = None if asked.signals else grant_of(best.edge, today)
    begun = None
    if best.edge.kind is EdgeKind.CHALLENGE and not asked.signals:
        begun = _shown(graph, StoredChallenge(asked.id, Outcome.OPEN, start(best.edge, today)), locale)
    return TierMatchAnswer(
        id=asked.id,
        state="review" if asked.signals else "granted",
        edge_id=best.edge.id,
        kind=best.edge.kind.value,
        status=_present(granted) if granted is not None else None,
        challenge=begun,
        explanation=list(best.path),
    )


def _shown(graph: TierGraph, stored: StoredChallenge, locale: str) -> ChallengeAnswer:
    one = stored.challenge
    edge = next((edge for edge in graph.edges if edge.id == one.edge_id), None)
    return ChallengeAnswer(
        match_id=stored.match_id,
        programme=one.programme,
        tier=one.tier,
        started_date=one.started_date,
        deadline_date=one.deadline_date,
        target=one.target,
        progress=one.progress,
        outcome=stored.outcome,
        counted=edge.challenge.counted.choose(locale) if edge is not None and edge.challenge is not None else None,
    )
