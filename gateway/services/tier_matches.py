"""Tier matches, in both directions, with the explanation of the path."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Connection

from catalogue import members, statuses
from catalogue.eligibility import MemberContext
from catalogue.errors import TierMatchRefusedError
from catalogue.model import Catalogue
from catalogue.tier_match import Explanation, HeldStatus, Provenance, explain, grant_of, offers
from config.errors import NotFoundError
from gateway.schemas.benefits import (
    StatusAnswer,
    StatusList,
    TierMatchAnswer,
    TierMatchBody,
    TierMatchOffer,
    TierMatchOffers,
)


def list_offers(
    connection: Connection, catalogue: Catalogue, *, member_id: str, locale: str | None, now: datetime
) -> TierMatchOffers:
    """List every match the member can have now."""
    today = catalogue.programme.today(now)
    member = members.member_context(connection, catalogue.programme, member_id, today)
    graph = catalogue.tier_matches
    host = catalogue.programme.id
    items = []
    for offer in offers(graph, member.statuses, today):
        edge, status = offer.edge, offer.status
        from_partner = edge.to_programme == host
        reached = explain(graph, status, edge.to_programme, today, held=member.statuses, locale=locale or member.locale)
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


def list_statuses(connection: Connection, *, member_id: str) -> StatusList:
    """List every status the member holds or held, here and in partner programmes."""
    members.get_member(connection, member_id)
    return StatusList([_present(status) for status in statuses.held_statuses(connection, member_id)])


def match(
    connection: Connection,
    catalogue: Catalogue,
    *,
    member_id: str,
    body: TierMatchBody,
    locale: str | None,
    now: datetime,
) -> TierMatchAnswer:
    """Grant what the member's best status gives on the other side; an operation for the caller's transaction.

    Raises:
        NotFoundError: no such partner programme, or no such member.
        TierMatchRefusedError: with the reason and the path that led to it.
    """
    today = catalogue.programme.today(now)
    member = members.member_context(connection, catalogue.programme, member_id, today)
    there, host = _programme_of(catalogue, body.partner), catalogue.programme.id
    source, target = (there, host) if body.from_partner else (host, there)
    best = _best(catalogue, member, source, target, today, locale or member.locale)
    if best.edge is None:
        raise TierMatchRefusedError(" ".join(best.path), reason=best.refusal)
    granted = grant_of(best.edge, today)
    if granted is not None:
        evidence = {"edge": best.edge.id, "source": best.edge.source}
        statuses.grant_status(connection, member_id, granted, evidence, now)
    return TierMatchAnswer(
        edge_id=best.edge.id,
        kind=best.edge.kind.value,
        status=_present(granted) if granted is not None else None,
        explanation=list(best.path),
    )


def _best(
    catalogue: Catalogue, member: MemberContext, source: str, target: str, today: date, locale: str
) -> Explanation:
    """Explain by the first status that leads there, else by the highest one, so that the refusal names it."""
    graph = catalogue.tier_matches
    candidates = [status for status in member.statuses if status.programme == source]
    if source == catalogue.programme.id:
        candidates.append(_entry(catalogue, today))
    if not candidates:
        raise TierMatchRefusedError(f"No status in {source} is known of this member.", reason="no_status")
    ranked = sorted(candidates, key=lambda one: (one.holds_on(today), graph.rank(source, one.tier)), reverse=True)
    found = [explain(graph, one, target, today, held=member.statuses, locale=locale) for one in ranked]
    return next((one for one in found if one.edge is not None), found[0])


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
        provenance=status.provenance.value,
        valid_from_date=status.valid_from_date,
        valid_to_date=status.valid_to_date,
        edge_id=status.edge_id,
    )
