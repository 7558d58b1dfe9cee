"""Which level a tier has in an alliance on a day, or why that cannot be said. Nothing is guessed.

A level is how an alliance sees a tier; it is no status of its own and grants none. A tier has one level at one instant.
"""

from __future__ import annotations

from datetime import date

import msgspec

from catalogue.tier_match_graph import Certainty, Ladder, Level, TierGraph


class LevelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Either ``level`` is set, or ``refusal`` is the code of the reason.

    Attributes:
        level: as the sources give it, also when it is only inferred (then `inferred` is set).
        rows: what the answer rests on: the rows in force, those that may be, or, when there are none, all there are.
    """

    level: str | None
    refusal: str | None
    inferred: bool
    rows: tuple[Level, ...]


def level_on(graph: TierGraph, programme: str, tier: str, alliance: str, on_date: date) -> LevelAnswer:
    """Answer the level of a tier in an alliance on a day.

    The refusals: ``unknown_programme``, ``unknown_tier``, ``no_level`` (none on this day), ``sources_disagree``,
    ``dates_not_stated`` (it changed on a day that no source names).
    """
    rows = tuple(row for row in graph.levels_of(programme, tier) if row.alliance == alliance)
    certain = tuple(row for row in rows if row.on(on_date) is Certainty.YES)
    possible = tuple(row for row in rows if row.on(on_date) is Certainty.MAYBE)
    if certain:
        if len({row.level for row in certain}) > 1 or any(row.disputed for row in certain):
            return _refused("sources_disagree", certain)
        inferred = all(row.inferred for row in certain)
        return LevelAnswer(level=certain[0].level, refusal=None, inferred=inferred, rows=certain)
    if possible:
        return _refused("dates_not_stated", possible)
    return _refused(unknown(graph, programme, tier) or "no_level", rows)


def unknown(graph: TierGraph, programme: str, tier: str) -> str | None:
    """Say that the graph does not know a programme or its tier; None when it knows both, letter by letter."""
    ladder = graph.ladder(programme)
    if ladder is None:
        return "unknown_programme"
    return None if tier in ladder.tiers else "unknown_tier"


def lowest_tier_with(graph: TierGraph, programme: str, alliance: str, level: str, on_date: date) -> str | None:
    """Give the lowest tier of a programme that certainly has a level on a day; None when there is none."""
    ladder = graph.ladder(programme)
    for tier in ladder.tiers if ladder is not None else ():
        answer = level_on(graph, programme, tier, alliance, on_date)
        if answer.level == level and not answer.inferred:
            return tier
    return None


def alliances(graph: TierGraph) -> tuple[Ladder, ...]:
    """List the alliances."""
    return tuple(ladder for ladder in graph.ladders if ladder.alliance)


def _refused(code: str, rows: tuple[Level, ...]) -> LevelAnswer:
    return LevelAnswer(level=None, refusal=code, inferred=False, rows=rows)
