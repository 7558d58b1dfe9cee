"""Why a status gives what it gives in another programme or alliance, as sentences with dates and sources."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from catalogue.tier_match_graph import Edge, HeldStatus, Level, TierGraph
from catalogue.tier_match_levels import level_on
from catalogue.tier_match_rules import (
    NOT_JUDGED,
    Match,
    MatchFacts,
    Way,
    status_refusal,
    unclear_levels,
    unknown_start,
    ways,
)
from catalogue.tier_match_texts import edge_sentence, level_sentence, refusal_sentence, status_sentence


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The answer and how it was reached.

    Attributes:
        granted_tier: the tier granted; None when nothing is, or benefits are granted instead.
        edge: the best agreement that can be used; `edges` are all of them.
        refusal: the code of the reason against it; None exactly when there is an edge or a level.
        level: what the alliance asked for sees in the status; ``inferred`` says that no source names it.
        rows: the level rows that the answer rests on.
        path: the sentences.
    """

    granted_tier: str | None
    edge: Edge | None
    refusal: str | None
    path: tuple[str, ...]
    edges: tuple[Edge, ...] = ()
    level: str | None = None
    inferred: bool = False
    rows: tuple[Level, ...] = ()


def explain(
    graph: TierGraph,
    status: HeldStatus,
    to_programme: str,
    on_date: date,
    *,
    held: Iterable[HeldStatus] = (),
    facts: MatchFacts = NOT_JUDGED,
    locale: str = "en",
) -> Explanation:
    """Say what a status gives in another programme or alliance, or why nothing, as sentences.

    Args:
        graph: edges, ladders and levels.
        status: the one to be matched.
        to_programme: where to; for an alliance the answer is the level that it sees in the status.
        on_date: the day of the match.
        held: everything the member holds or held, for matches used before and levels already reached.
        facts: what else is known of the member; what is None in it is not judged.
        locale: the language of the sentences.
    """
    match = Match(status, to_programme, on_date, tuple(held), facts)
    target = graph.ladder(to_programme)
    code = unknown_start(graph, status)
    if code is not None or target is None:
        missing = status.programme if code is not None else to_programme
        return _refused(match, locale, code or "unknown_programme", {"unknown": missing})
    if target.alliance and status.holds_on(on_date):
        return _level(graph, match, locale)
    code = status_refusal(status, on_date)
    return _refused(match, locale, code) if code is not None else _matched(graph, match, locale)


def _level(graph: TierGraph, match: Match, locale: str) -> Explanation:
    status = match.status
    answer = level_on(graph, status.programme, status.tier, match.to_programme, match.on_date)
    sentences = [level_sentence(row, locale) for row in answer.rows]
    if answer.level is None:
        found = ways(graph, match)
        if found:
            return _by_ways(match, found, locale, sentences)
        assert answer.refusal is not None
        return _refused(match, locale, answer.refusal, before=sentences, rows=answer.rows)
    return Explanation(
        granted_tier=None,
        edge=None,
        refusal=None,
        path=(status_sentence(status, locale), *sentences),
        level=answer.level,
        inferred=answer.inferred,
        rows=answer.rows,
    )


def _matched(graph: TierGraph, match: Match, locale: str) -> Explanation:
    found = ways(graph, match)
    if found:
        return _by_ways(match, found, locale)
    for code, answer in unclear_levels(graph, match):
        sentences = [level_sentence(row, locale) for row in answer.rows]
        return _refused(match, locale, code, before=sentences, rows=answer.rows)
    return _refused(match, locale, "no_edge")


def _by_ways(match: Match, found: tuple[Way, ...], locale: str, before: Iterable[str] = ()) -> Explanation:
    """Show the open ways, or, when there is none, every way with what stands against it."""
    usable = [way for way in found if way.refusal is None]
    path = [status_sentence(match.status, locale), *before]
    for way in usable or found:
        path += [level_sentence(row, locale) for row in way.via]
        path.append(edge_sentence(way.edge, locale))
        if way.refusal is not None:
            path.append(_refusal(match, locale, way.refusal, _facts_of(way, locale)))
    rows = tuple(dict.fromkeys(row for way in usable or found for row in way.via))
    return Explanation(
        granted_tier=usable[0].edge.to_tier if usable else None,
        edge=usable[0].edge if usable else None,
        refusal=None if usable else found[0].refusal,
        path=tuple(path),
        edges=tuple(way.edge for way in usable),
        rows=rows,
    )


def _facts_of(way: Way, locale: str) -> dict[str, str | int]:
    unstated = way.edge.unstated.choose(locale) if way.edge.unstated else ""
    return {"unstated": unstated, "level": way.edge.to_level or "", **way.facts}


def _refusal(match: Match, locale: str, code: str, more: dict[str, str | int]) -> str:
    facts: dict[str, str | int] = {
        "programme": match.status.programme,
        "tier": match.status.tier,
        "to_programme": match.to_programme,
        "date": match.on_date.isoformat(),
    }
    return refusal_sentence(code, facts | more, locale)


def _refused(
    match: Match,
    locale: str,
    code: str,
    more: dict[str, str | int] | None = None,
    before: Iterable[str] = (),
    rows: tuple[Level, ...] = (),
) -> Explanation:
    path = (status_sentence(match.status, locale), *before, _refusal(match, locale, code, more or {}))
    return Explanation(granted_tier=None, edge=None, refusal=code, path=path, rows=rows)
