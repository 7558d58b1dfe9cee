"""What a status may be matched to on a day: every way the graph knows, each open or refused with the reason.

Only a status that was *earned* may be matched; otherwise one earned status could be carried round the whole graph. The
level that an alliance sees in an earned status leads on like the status itself, because it is the same status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

import msgspec

from catalogue.calendar import add_months, within
from catalogue.tier_match_graph import GIVES_TIER, Certainty, Edge, EdgeKind, HeldStatus, Level, Provenance, TierGraph
from catalogue.tier_match_levels import LevelAnswer, alliances, level_on, lowest_tier_with, unknown


class UsedMatch(msgspec.Struct, frozen=True):
    """An edge that the member used, and on which day."""

    edge_id: str
    on_date: date


class MatchFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a member beyond his statuses; what is None is not judged.

    Attributes:
        own_programme: the host programme, whose statuses prove themselves.
        links: the partners at which he has a linked account, and since when.
        used: every edge he used; None takes the edges named by his statuses instead.
        in_review: edges on which a request of his waits for a person.
        member_since_date: when the membership began.
        email_changed_date: when the e-mail address was last changed.
    """

    own_programme: str = "host"
    links: dict[str, date] | None = None
    used: tuple[UsedMatch, ...] | None = None
    in_review: frozenset[str] = frozenset()
    member_since_date: date | None = None
    email_changed_date: date | None = None


NOT_JUDGED = MatchFacts()


class Stand(NamedTuple):
    """A place from which edges may start: the status itself, or the level that an alliance sees in it."""

    programme: str
    tier: str
    rows: tuple[Level, ...] = ()


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One edge for one status, with the tier it grants worked out; ``refusal`` is None when it is open."""

    edge: Edge
    via: tuple[Level, ...]
    refusal: str | None
    facts: dict[str, str | int] = {}


class Match(NamedTuple):
    """What is being asked: this status, to that programme, on this day, by a member who holds and did this."""

    status: HeldStatus
    to_programme: str
    on_date: date
    held: tuple[HeldStatus, ...]
    facts: MatchFacts


class MatchOffer(msgspec.Struct, frozen=True):
    """An edge a member can use now, and the status it would be used with."""

    edge: Edge
    status: HeldStatus


def offers(
    graph: TierGraph, statuses: Iterable[HeldStatus], on_date: date, facts: MatchFacts = NOT_JUDGED
) -> tuple[MatchOffer, ...]:
    """List what a member could be granted on a day by what he has earned, in the graph's order; once per target."""
    held = tuple(statuses)
    found: dict[tuple[str, str], MatchOffer] = {}
    for edge in graph.edges:
        for target in dict.fromkeys((edge.to_programme, *edge.to_members)):
            for status in held:
                match = Match(status, target, on_date, held, facts)
                if status_refusal(status, on_date) is not None:
                    continue
                for way in _ways_of(graph, edge, match):
                    if way.refusal is None:
                        found.setdefault((edge.id, target), MatchOffer(way.edge, status))
    return tuple(found.values())


def ways(graph: TierGraph, match: Match) -> tuple[Way, ...]:
    """List the ways of a match: open ones first, then those to a higher tier first."""
    found = [way for edge in graph.edges for way in _ways_of(graph, edge, match)]

    def order(way: Way) -> tuple[bool, int]:
        return way.refusal is not None, -graph.rank(match.to_programme, way.edge.to_tier or "")

    return tuple(sorted(found, key=order))


def status_refusal(status: HeldStatus, on_date: date) -> str | None:
    """Say why a status cannot be matched at all; None when it can."""
    if not status.holds_on(on_date):
        return "status_not_valid"
    return None if status.provenance == Provenance.EARNED else "matched_onward"


def unknown_start(graph: TierGraph, status: HeldStatus) -> str | None:
    """Say that the graph does not know the status; an edge that leaves its tiers unstated makes any tier arguable."""
    code = unknown(graph, status.programme, status.tier)
    arguable = any(edge.from_programme == status.programme and not edge.from_tiers for edge in graph.edges)
    return None if code == "unknown_tier" and arguable else code


def unclear_levels(graph: TierGraph, match: Match) -> Iterator[tuple[str, LevelAnswer]]:
    """Give the levels that would lead on if the sources were clear, each with the code of what is unclear."""
    for hub in alliances(graph):
        answer = level_on(graph, match.status.programme, match.status.tier, hub.programme, match.on_date)
        code = "level_inferred" if answer.inferred else answer.refusal
        leads_on = any(
            edge.from_programme == hub.programme and _resolve(graph, edge, match) is not None for edge in graph.edges
        )
        if leads_on and code in {"level_inferred", "sources_disagree", "dates_not_stated"}:
            yield code, answer


def grant_of(edge: Edge, on_date: date) -> HeldStatus | None:
    """Make the status that an edge grants from a day on; None for an edge that grants no tier.

    A challenge's status is on trial until its last day and a matched one is matched: neither leads onward.
    """
    if edge.to_tier is None:
        return None
    return HeldStatus(
        programme=edge.to_programme,
        tier=edge.to_tier,
        provenance=Provenance.CHALLENGE if edge.kind is EdgeKind.CHALLENGE else Provenance.MATCHED,
        valid_from_date=on_date,
        valid_to_date=last_day(edge, on_date),
        edge_id=edge.id,
    )


def last_day(edge: Edge, on_date: date) -> date:
    """Give the last day of what an edge grants from a day on; of a challenge, the last day of the trial."""
    return edge.challenge.deadline(on_date) if edge.challenge is not None else add_months(on_date, edge.months)


def reported_status(graph: TierGraph, status: HeldStatus, held: Iterable[HeldStatus]) -> HeldStatus | None:
    """Judge a status that a partner reports; None when it is what a match of ours made the partner know.

    A partner does not say where a tier came from. As long as a status that we matched, gave or put on trial there
    reaches as high on any of the same days, the report tells nothing new, least of all that the tier was earned.
    """
    rank = graph.rank(status.programme, status.tier)
    for other in held:
        begins_in_time = status.valid_to_date is None or other.valid_from_date <= status.valid_to_date
        overlaps = begins_in_time and within(status.valid_from_date, None, other.valid_to_date)
        ours = other.programme == status.programme and other.provenance != Provenance.EARNED
        if ours and overlaps and graph.rank(other.programme, other.tier) >= rank:
            return None
    return status


def _ways_of(graph: TierGraph, edge: Edge, match: Match) -> Iterator[Way]:
    if edge.on(match.on_date) is Certainty.NO:
        return
    resolved = _resolve(graph, edge, match)
    for stand in _stands(graph, match) if resolved is not None else ():
        if edge.from_programme == stand.programme and (stand.tier in edge.from_tiers or not edge.from_tiers):
            assert resolved is not None
            refusal, facts = _judge(graph, resolved, match)
            yield Way(edge=resolved, via=stand.rows, refusal=refusal, facts=facts)


def _stands(graph: TierGraph, match: Match) -> Iterator[Stand]:
    status = match.status
    yield Stand(status.programme, status.tier)
    for hub in alliances(graph):
        answer = level_on(graph, status.programme, status.tier, hub.programme, match.on_date)
        if answer.level is not None and not answer.inferred:
            yield Stand(hub.programme, answer.level, answer.rows)


def _resolve(graph: TierGraph, edge: Edge, match: Match) -> Edge | None:
    """Work out the tier that an edge to an alliance grants in one of its programmes; None when it leads elsewhere."""
    target = match.to_programme
    if edge.to_programme == target:
        return edge
    if edge.to_level is None or target in {edge.from_programme, match.status.programme}:
        return None
    belongs = any(row.programme == target and row.alliance == edge.to_programme for row in graph.levels)
    if target not in edge.to_members and (edge.to_members or not belongs):
        return None
    tier = lowest_tier_with(graph, target, edge.to_programme, edge.to_level, match.on_date)
    return msgspec.structs.replace(edge, to_programme=target, to_tier=tier)


def _judge(graph: TierGraph, edge: Edge, match: Match) -> tuple[str | None, dict[str, str | int]]:
    refusal = status_refusal(match.status, match.on_date) or _of_terms(edge, match.on_date)
    if refusal is not None:
        return refusal, {}
    unlinked = _unlinked(graph, match)
    if unlinked is not None:
        return "account_not_linked", {"partner": unlinked}
    if edge.id in match.facts.in_review:
        return "in_review", {}
    refusal, facts = _of_cap(edge, match)
    if refusal is None and _reached(graph, edge, match):
        refusal = "already_held"
    return refusal, facts


def _of_terms(edge: Edge, on_date: date) -> str | None:
    if edge.on(on_date) is not Certainty.YES:
        return "dates_not_stated"
    if edge.unstated is not None:
        return "terms_not_stated"
    return "no_tier_at_level" if edge.kind in GIVES_TIER and edge.to_tier is None else None


def _unlinked(graph: TierGraph, match: Match) -> str | None:
    """Name the partner whose linked account would prove a status of a programme that is not our own."""
    programme, links = match.status.programme, match.facts.links
    if links is None or programme == match.facts.own_programme:
        return None
    partner = graph.partner_of(programme)
    return None if partner in links else partner or programme


def uses_of(edge: Edge, match: Match) -> list[date]:
    """List the days up to the match's own on which the member used an edge, oldest first."""
    if match.facts.used is not None:
        used = {use.on_date for use in match.facts.used if use.edge_id == edge.id}
    else:
        used = {status.valid_from_date for status in match.held if status.edge_id == edge.id}
    return sorted(day for day in used if day <= match.on_date)


def _of_cap(edge: Edge, match: Match) -> tuple[str | None, dict[str, str | int]]:
    cap, uses = edge.limit, uses_of(edge, match)
    if cap is None or len(uses) < cap.times:
        return None, {}
    if cap.years is None:
        return "used_before", {}
    free_from = add_months(uses[-cap.times], 12 * cap.years)
    if free_from <= match.on_date:
        return None, {}
    return "cap_reached", {"times": cap.times, "years": cap.years, "free_from": free_from.isoformat()}


def _reached(graph: TierGraph, edge: Edge, match: Match) -> bool:
    if edge.to_tier is None:
        return any(within(match.on_date, day, add_months(day, edge.months)) for day in uses_of(edge, match))
    wanted = graph.rank(edge.to_programme, edge.to_tier)
    return any(
        other.programme == edge.to_programme
        and other.holds_on(match.on_date)
        and graph.rank(other.programme, other.tier) >= wanted
        for other in match.held
    )
