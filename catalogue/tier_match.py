"""The tier graph: dated, sourced edges between programmes, and statuses that remember where they came from.

Names mean nothing across programmes: an edge leads from named tiers of one to a tier (or some benefits) of another only
because a contract says so, between two dates. Only a status that was *earned* may be matched onward; otherwise one
earned status could be carried round the whole graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

import msgspec

from catalogue.calendar import add_months, within
from catalogue.refusals import REFUSAL_TEXTS
from catalogue.texts import Text
from catalogue.values import AtLeastOne


class EdgeKind(StrEnum):
    """What an edge grants; a one-off match can be used once in a membership."""

    STATUS = "status"
    BENEFIT_SUBSET = "benefit_subset"
    DUAL_EARN = "dual_earn"
    CHALLENGE = "challenge"
    ONE_OFF = "one_off"


class Provenance(StrEnum):
    """Where a held status came from."""

    EARNED = "earned"
    MATCHED = "matched"
    GIFTED = "gifted"
    CHALLENGE = "challenge"


class Edge(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One agreement between two programmes.

    Attributes:
        to_tier: the tier granted; None for kinds that grant none.
        grants: what is granted instead of a tier, in both languages.
        months: how long what is granted lasts.
        valid_from_date: first day on which it can be used, `valid_to_date` the last; None is open.
        source: the contract or page that says so.
    """

    id: str
    from_programme: str
    from_tiers: tuple[str, ...]
    to_programme: str
    kind: EdgeKind
    to_tier: str | None = None
    grants: Text | None = None
    months: AtLeastOne = 12
    valid_from_date: date | None = None
    valid_to_date: date | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse an edge that grants nothing, or itself."""
        gives_tier = self.kind in {EdgeKind.STATUS, EdgeKind.CHALLENGE, EdgeKind.ONE_OFF}
        if gives_tier and self.to_tier is None:
            raise ValueError(f"an edge of kind {self.kind} names to_tier")
        if not gives_tier and self.grants is None:
            raise ValueError(f"an edge of kind {self.kind} says what it grants")
        if self.from_programme == self.to_programme:
            raise ValueError("an edge leads to another programme")


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tiers of one programme, lowest first; ``partner`` is None for the host."""

    programme: str
    tiers: tuple[str, ...]
    partner: str | None = None


class TierGraph(msgspec.Struct, frozen=True):
    """Every ladder and every edge."""

    ladders: tuple[Ladder, ...] = ()
    edges: tuple[Edge, ...] = ()

    def rank(self, programme: str, tier: str) -> int:
        """Give a tier's place on its ladder, 0 for the lowest; -1 when the ladder does not name it."""
        for ladder in self.ladders:
            if ladder.programme == programme and tier in ladder.tiers:
                return ladder.tiers.index(tier)
        return -1


class HeldStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A status a member holds or held, between two days, both included."""

    programme: str
    tier: str
    provenance: Provenance
    valid_from_date: date
    valid_to_date: date | None = None
    edge_id: str | None = None

    def holds_on(self, on_date: date) -> bool:
        """Say whether it is valid on a day."""
        return within(on_date, self.valid_from_date, self.valid_to_date)


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer and how it was reached. Either ``edge`` is set, or ``refusal`` is the code of the reason."""

    granted_tier: str | None
    edge: Edge | None
    refusal: str | None
    path: tuple[str, ...]


class MatchOffer(msgspec.Struct, frozen=True):
    """An edge a member can use now, and the status it would be used with."""

    edge: Edge
    status: HeldStatus


def offers(graph: TierGraph, statuses: Iterable[HeldStatus], on_date: date) -> tuple[MatchOffer, ...]:
    """List what a member could be granted on a day by what he has earned, edge by edge in the graph's order."""
    held = tuple(statuses)
    found = []
    for edge in graph.edges:
        for status in held:
            if _starts_with(edge, status) and _refusal(graph, edge, status, held, on_date) is None:
                found.append(MatchOffer(edge, status))
                break
    return tuple(found)


def explain(
    graph: TierGraph,
    status: HeldStatus,
    to_programme: str,
    on_date: date,
    *,
    held: Iterable[HeldStatus] = (),
    locale: str = "en",
) -> Explanation:
    """Say what a status gives in another programme, or why nothing, as sentences.

    Args:
        graph: edges and ladders.
        status: the one to be matched.
        to_programme: where to.
        on_date: the day of the match.
        held: everything the member holds or held, for matches used before and levels already reached.
        locale: the language of the sentences.
    """
    path = [_status_sentence(status, locale)]
    edges = [edge for edge in graph.edges if edge.to_programme == to_programme and _starts_with(edge, status)]
    edges = [edge for edge in edges if within(on_date, edge.valid_from_date, edge.valid_to_date)]
    refusal = _status_refusal(status, on_date) or (None if edges else "no_edge")
    for edge in edges if refusal is None else ():
        path.append(_edge_sentence(edge, locale))
        refusal = _refusal(graph, edge, status, tuple(held), on_date)
        if refusal is None:
            return Explanation(granted_tier=edge.to_tier, edge=edge, refusal=None, path=tuple(path))
    assert refusal is not None
    facts: dict[str, str | int] = {
        "programme": status.programme,
        "tier": status.tier,
        "to_programme": to_programme,
        "date": on_date.isoformat(),
    }
    path.append(REFUSAL_TEXTS[refusal].fill(locale, facts))
    return Explanation(granted_tier=None, edge=None, refusal=refusal, path=tuple(path))


def grant_of(edge: Edge, on_date: date) -> HeldStatus | None:
    """Make the status that an edge grants from a day on; None for an edge that grants no tier.

    A challenge's status is on trial and a matched one is matched: neither leads onward.
    """
    if edge.to_tier is None:
        return None
    return HeldStatus(
        programme=edge.to_programme,
        tier=edge.to_tier,
        provenance=Provenance.CHALLENGE if edge.kind is EdgeKind.CHALLENGE else Provenance.MATCHED,
        valid_from_date=on_date,
        valid_to_date=add_months(on_date, edge.months),
        edge_id=edge.id,
    )


def _starts_with(edge: Edge, status: HeldStatus) -> bool:
    return edge.from_programme == status.programme and status.tier in edge.from_tiers


def _status_refusal(status: HeldStatus, on_date: date) -> str | None:
    if not status.holds_on(on_date):
        return "status_not_valid"
    return None if status.provenance is Provenance.EARNED else "matched_onward"


def _refusal(
    graph: TierGraph, edge: Edge, status: HeldStatus, held: tuple[HeldStatus, ...], on_date: date
) -> str | None:
    if not within(on_date, edge.valid_from_date, edge.valid_to_date):
        return "no_edge"
    refusal = _status_refusal(status, on_date)
    if refusal is not None:
        return refusal
    once = edge.kind in {EdgeKind.ONE_OFF, EdgeKind.CHALLENGE}
    if once and any(other.edge_id == edge.id for other in held):
        return "used_before"
    return "already_held" if _reached(graph, edge, held, on_date) else None


def _reached(graph: TierGraph, edge: Edge, held: tuple[HeldStatus, ...], on_date: date) -> bool:
    if edge.to_tier is None:
        return False
    wanted = graph.rank(edge.to_programme, edge.to_tier)
    return any(
        other.programme == edge.to_programme
        and other.holds_on(on_date)
        and graph.rank(other.programme, other.tier) >= wanted
        for other in held
    )


_HELD = Text(
    "您持有 {programme} {tier}（{provenance}，自 {from_date} 起）。",
    "You hold {programme} {tier} ({provenance}, since {from_date}).",
)
_EDGE = Text(
    "协议 {edge}：{programme} 的 {tiers} 在 {to_programme} 获得 {granted}（依据：{source}）。",
    "Agreement {edge}: {tiers} of {programme} receive {granted} in {to_programme} (source: {source}).",
)
_PROVENANCES = {
    Provenance.EARNED: Text("积累获得", "earned"),
    Provenance.MATCHED: Text("匹配获得", "matched"),
    Provenance.GIFTED: Text("赠送", "given"),
    Provenance.CHALLENGE: Text("挑战期", "on trial"),
}


def _status_sentence(status: HeldStatus, locale: str) -> str:
    facts = {
        "programme": status.programme,
        "tier": status.tier,
        "provenance": _PROVENANCES[status.provenance].choose(locale),
        "from_date": status.valid_from_date.isoformat(),
    }
    return _HELD.fill(locale, facts)


def _edge_sentence(edge: Edge, locale: str) -> str:
    granted = edge.to_tier or (edge.grants.choose(locale) if edge.grants else "")
    facts = {
        "edge": edge.id,
        "programme": edge.from_programme,
        "tiers": ", ".join(edge.from_tiers),
        "to_programme": edge.to_programme,
        "granted": granted,
        "source": edge.source,
    }
    return _EDGE.fill(locale, facts)
