"""Checks over the whole tier graph. What the sources themselves leave open is a note: known, shown, never answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import combinations
from typing import Literal, NamedTuple

from catalogue.tier_match_graph import GIVES_TIER, Dated, Edge, Level, TierGraph
from catalogue.tier_match_levels import alliances

Severity = Literal["error", "warning", "note"]

Node = tuple[str, str]
"""A programme or an alliance, and a tier or a level of it."""

LONGEST_CHAIN = 6
"""Edges in a row that the search for cycles follows."""


class Fault(NamedTuple):
    """One finding: ``thing`` is what it is about as ``kind:id``."""

    severity: Severity
    thing: str
    key: str
    message: str
    fix: str


def tier_faults(graph: TierGraph, partners: Iterable[str]) -> Iterator[Fault]:
    """Check everything, in a stable order.

    Errors are what cannot be: unknown names, an edge or level without a source, two levels of one tier at one instant.
    Warnings are what cannot have been meant: cycles, dead edges. Notes are what the sources leave open.
    """
    yield from _ladders(graph, frozenset(partners))
    for edge in graph.edges:
        yield from _edge_names(graph, edge)
        yield from _edge_is_dead(graph, edge)
        yield from _edge_is_open(edge)
    yield from _levels(graph)
    yield from _one_level(graph)
    yield from _shadowed(graph)
    yield from _cycles(graph)


def _ladders(graph: TierGraph, partners: frozenset[str]) -> Iterator[Fault]:
    for ladder in graph.ladders:
        thing = f"ladder:{ladder.programme}"
        if ladder.partner is not None and ladder.partner not in partners:
            yield Fault(
                "error", thing, "partner", f"there is no partner {ladder.partner!r}", "name a file of partners/"
            )
        if len(set(ladder.tiers)) < len(ladder.tiers):
            yield Fault("error", thing, "tiers", "a tier is listed twice", "list every tier once, lowest first")


def _edge_names(graph: TierGraph, edge: Edge) -> Iterator[Fault]:
    thing = f"edge:{edge.id}"
    if not edge.source.strip():
        yield Fault(
            "error", thing, "source", "the edge does not say which agreement grants it", "name the contract or page"
        )
    for key, programme, tier in _named(edge):
        if graph.rank(programme, tier) < 0:
            message = f"the ladder of {programme} has no tier {tier!r}"
            yield Fault("error", thing, key, message, "name a tier of [[ladders]], or add it there")
    for key, programme in (("from_programme", edge.from_programme), ("to_programme", edge.to_programme)):
        if graph.ladder(programme) is None:
            message = f"there is no ladder of {programme!r}"
            yield Fault("error", thing, key, message, "name a programme of [[ladders]], or add it there")
    hub = graph.ladder(edge.to_programme)
    if hub is not None and hub.alliance and edge.kind in GIVES_TIER and edge.to_level is None:
        message = f"{edge.to_programme} is an alliance, whose levels nobody holds"
        yield Fault("error", thing, "to_tier", message, "give to_level and to_members instead")
    known = {signal.id for signal in graph.signals}
    for name in edge.signals:
        if name not in known:
            yield Fault("error", thing, "signals", f"there is no signal {name!r}", "name one of [[signals]]")


def _named(edge: Edge) -> Iterator[tuple[str, str, str]]:
    for tier in edge.from_tiers:
        yield "from_tiers", edge.from_programme, tier
    if edge.to_tier is not None:
        yield "to_tier", edge.to_programme, edge.to_tier
    if edge.to_level is not None:
        yield "to_level", edge.to_programme, edge.to_level


def _edge_is_dead(graph: TierGraph, edge: Edge) -> Iterator[Fault]:
    """Find an edge that starts at, or grants through, a level that no tier has while the edge is in force."""
    thing = f"edge:{edge.id}"
    hubs = {hub.programme for hub in alliances(graph)}
    for level in edge.from_tiers if edge.from_programme in hubs else ():
        if not any(_gives(row, edge, edge.from_programme, level) for row in graph.levels):
            message = f"no tier has the level {level!r} while the edge is in force: it leads from nowhere"
            yield Fault("warning", thing, "from_tiers", message, "add the [[levels]], or remove the level")
    for member in edge.to_members:
        rows = [row for row in graph.levels if row.programme == member]
        if not any(_gives(row, edge, edge.to_programme, edge.to_level) for row in rows):
            message = f"no tier of {member!r} has the level {edge.to_level!r} while the edge is in force"
            yield Fault("warning", thing, "to_members", message, "add the [[levels]], or remove the programme")


def _gives(row: Level, edge: Edge, alliance: str, level: str | None) -> bool:
    usable = not row.disputed and not row.inferred
    return usable and (row.alliance, row.level) == (alliance, level) and _together(row, edge)


def _edge_is_open(edge: Edge) -> Iterator[Fault]:
    thing = f"edge:{edge.id}"
    if edge.unstated is not None:
        message = f"its source does not state {edge.unstated.en}: it is shown and never grants"
        yield Fault("note", thing, "unstated", message, "find a source that states it")
    yield from _days(thing, edge)


def _days(thing: str, item: Dated) -> Iterator[Fault]:
    ends = (
        ("certain_from_date", "begin", item.valid_from_date, item.certain_from),
        ("certain_to_date", "end", item.certain_to, item.valid_to_date),
    )
    for key, word, low, high in ends:
        if low != high:
            message = f"the sources name no day on which it {word}s, only {low or 'any day'} to {high or 'any day'}"
            yield Fault("note", thing, key, f"{message}: nothing is answered between", "find a source with the day")


def _levels(graph: TierGraph) -> Iterator[Fault]:
    for row in graph.levels:
        thing = _thing(row)
        hub = graph.ladder(row.alliance)
        if hub is None or not hub.alliance:
            message = f"there is no alliance {row.alliance!r}"
            yield Fault("error", thing, "alliance", message, "add its [[ladders]] with alliance = true")
        elif row.level not in hub.tiers:
            yield Fault("error", thing, "level", f"{row.alliance} has no level {row.level!r}", "name one of its ladder")
        if graph.rank(row.programme, row.tier) < 0:
            message = f"the ladder of {row.programme} has no tier {row.tier!r}"
            yield Fault("error", thing, "tier", message, "name a tier of [[ladders]], or add it there")
        if not any(source.strip() for source in row.sources):
            yield Fault("error", thing, "sources", "nobody is named who says so", "name the page or table")
        yield from _level_is_open(thing, row)


def _level_is_open(thing: str, row: Level) -> Iterator[Fault]:
    for other in row.disputed:
        message = f"the sources disagree: {row.level} ({'; '.join(row.sources)}), {other.level} ({other.source})"
        yield Fault(
            "note", thing, "disputed", f"{message}: no level is answered", "find out which, and remove the other"
        )
    if row.inferred:
        message = f"{row.level} is inferred, no source names it: it is shown and leads nowhere"
        yield Fault("note", thing, "inferred", message, "find a source that names the level")
    yield from _days(thing, row)


def _one_level(graph: TierGraph) -> Iterator[Fault]:
    """One tier has one level at one instant, and belongs to one alliance."""
    for one, other in combinations(graph.levels, 2):
        if (one.programme, one.tier) != (other.programme, other.tier):
            continue
        same = (one.alliance, one.level) == (other.alliance, other.level)
        what = "is stated twice" if same else f"is {one.level} in {one.alliance} and {other.level} in {other.alliance}"
        if _together(one, other, certain=True):
            yield Fault("error", _thing(other), "level", f"it {what} on one day", "end one before the other begins")


def _thing(row: Level) -> str:
    return f"level:{row.programme} {row.tier} in {row.alliance}"


def _together(one: Dated, other: Dated, *, certain: bool = False) -> bool:
    """Say whether two dated things can be in force on one day, or certainly are."""

    def bounds(item: Dated) -> tuple[date, date]:
        ends = (item.certain_from, item.certain_to) if certain else (item.valid_from_date, item.valid_to_date)
        return ends[0] or date.min, ends[1] or date.max

    (from_one, to_one), (from_other, to_other) = bounds(one), bounds(other)
    return max(from_one, from_other) <= min(to_one, to_other)


def _shadowed(graph: TierGraph) -> Iterator[Fault]:
    """Find an edge that another makes useless: from the same tiers to the same tier or a higher one, for as long."""
    for edge in graph.edges:
        for other in graph.edges:
            if other is not edge and _covers(graph, other, edge):
                message = f"{other.id} grants the same tier or a higher one whenever it does: it is never needed"
                yield Fault("warning", f"edge:{edge.id}", "to_tier", message, f"remove it, or end {other.id}")


def _covers(graph: TierGraph, wide: Edge, edge: Edge) -> bool:
    if wide.to_tier is None or edge.to_tier is None or wide.unstated or edge.unstated or wide.limit or wide.signals:
        return False
    longer = (wide.certain_from or date.min) <= (edge.valid_from_date or date.min) and (
        wide.certain_to or date.max
    ) >= (edge.valid_to_date or date.max)
    same_ends = (wide.from_programme, wide.to_programme) == (edge.from_programme, edge.to_programme)
    high, low = graph.rank(wide.to_programme, wide.to_tier), graph.rank(edge.to_programme, edge.to_tier)
    return longer and same_ends and set(edge.from_tiers) <= set(wide.from_tiers) and high >= low


def _cycles(graph: TierGraph) -> Iterator[Fault]:
    """Find chains of grants that come back to the programme they began in; each is told once, from its lowest tier."""
    granting = [edge for edge in graph.edges if edge.to_tier is not None and edge.unstated is None]
    told: set[frozenset[str]] = set()
    for first in granting:
        for chain in _chains(graph, granting, first):
            ids = frozenset(edge.id for edge in chain)
            if ids not in told:
                told.add(ids)
                tier = min(first.from_tiers, key=lambda one: graph.rank(first.from_programme, one))
                last = chain[-1].to_tier or ""
                rise = graph.rank(first.from_programme, last) - graph.rank(first.from_programme, tier)
                yield _cycle(first, tier, chain, rise)


def _cycle(first: Edge, tier: str, chain: tuple[Edge, ...], rise: int) -> Fault:
    path = ", then ".join(edge.id for edge in chain)
    end = "a higher tier" if rise > 0 else "the same tier" if rise == 0 else "a lower tier"
    message = (
        f"{tier} of {first.from_programme} comes back as {end} by {path}; only provenance keeps it from being used"
    )
    return Fault("warning", f"edge:{first.id}", "to_tier", message, "check that both agreements are meant")


def _chains(graph: TierGraph, granting: list[Edge], first: Edge) -> Iterator[tuple[Edge, ...]]:
    open_chains: list[tuple[Edge, ...]] = [(first,)]
    while open_chains:
        chain = open_chains.pop()
        last = chain[-1]
        if len(chain) > 1 and last.to_programme == first.from_programme:
            yield chain
        elif len(chain) < LONGEST_CHAIN:
            open_chains.extend(
                (*chain, edge)
                for edge in granting
                if edge not in chain and _leads_on(graph, last, edge) and all(_together(edge, one) for one in chain)
            )


def _leads_on(graph: TierGraph, last: Edge, following: Edge) -> bool:
    """Say whether what one edge grants is where another starts: as a tier, or as its level in an alliance."""
    assert last.to_tier is not None
    nodes: set[Node] = {(last.to_programme, last.to_tier)}
    nodes |= {(row.alliance, row.level) for row in graph.levels_of(last.to_programme, last.to_tier)}
    return any((following.from_programme, tier) in nodes for tier in following.from_tiers)
