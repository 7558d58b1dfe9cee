"""Properties of the tier graph: as-of answers, no cascade, provenance, caps; over graphs that nobody designed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from catalogue.calendar import add_months
from catalogue.texts import Text
from catalogue.tier_match import (
    Cap,
    Certainty,
    ChallengeTerms,
    Dispute,
    Edge,
    EdgeKind,
    HeldStatus,
    Ladder,
    Level,
    MatchFacts,
    Provenance,
    TierGraph,
    UsedMatch,
    explain,
    grant_of,
    level_on,
    offers,
)

PROGRAMMES = ("host", "air", "inn", "car")
HUBS = ("sky", "world")
TIERS = ("low", "mid", "top")
LADDERS = tuple(Ladder(programme=name, tiers=TIERS) for name in PROGRAMMES) + tuple(
    Ladder(programme=name, tiers=TIERS, alliance=True) for name in HUBS
)
DAY = date(2026, 6, 1)

days = st.integers(-40, 40).map(lambda number: DAY + timedelta(days=number))
tiers = st.sampled_from(TIERS)
programmes = st.sampled_from(PROGRAMMES)


@st.composite
def spans(draw: st.DrawFn) -> dict[str, Any]:
    ends = sorted(draw(st.lists(days, min_size=4, max_size=4)))
    names = ("valid_from_date", "certain_from_date", "certain_to_date", "valid_to_date")
    stated = draw(st.lists(st.booleans(), min_size=4, max_size=4))
    return {name: day if known else None for name, day, known in zip(names, ends, stated, strict=True)}


@st.composite
def edges(draw: st.DrawFn, name: str) -> Edge:
    start = draw(st.sampled_from(PROGRAMMES + HUBS))
    kind = draw(st.sampled_from(EdgeKind))
    hub = kind in {EdgeKind.STATUS, EdgeKind.ONE_OFF} and start not in HUBS and draw(st.booleans())
    end = draw(st.sampled_from([one for one in (HUBS if hub else PROGRAMMES) if one != start]))
    gives = kind in {EdgeKind.STATUS, EdgeKind.CHALLENGE, EdgeKind.ONE_OFF}
    return Edge(
        id=name,
        from_programme=start,
        from_tiers=tuple(draw(st.sets(tiers, min_size=1))),
        to_programme=end,
        kind=kind,
        to_tier=draw(tiers) if gives and not hub else None,
        to_level=draw(tiers) if hub else None,
        to_members=tuple(sorted(draw(st.sets(programmes, min_size=1)))) if hub else (),
        grants=None if gives else Text("权益", "benefits"),
        months=draw(st.integers(1, 24)),
        cap=draw(st.none() | st.builds(Cap, st.integers(1, 3), st.none() | st.integers(1, 3))),
        challenge=ChallengeTerms(5, 30, Text("晚", "nights")) if kind is EdgeKind.CHALLENGE else None,
        source="a test's own",
        **draw(spans()),
    )


@st.composite
def levels(draw: st.DrawFn) -> Level:
    return Level(
        programme=draw(programmes),
        tier=draw(tiers),
        alliance=draw(st.sampled_from(HUBS)),
        level=draw(tiers),
        sources=("a test's own",),
        disputed=draw(st.sampled_from([(), (Dispute("low", "another"),)])),
        inferred=draw(st.booleans()),
        **draw(spans()),
    )


@st.composite
def graphs(draw: st.DrawFn) -> TierGraph:
    count = draw(st.integers(0, 5))
    made = tuple(draw(edges(f"edge-{number}")) for number in range(count))
    return TierGraph(LADDERS, made, tuple(draw(st.lists(levels(), max_size=6))))


statuses = st.builds(
    HeldStatus,
    programme=programmes,
    tier=tiers,
    provenance=st.sampled_from(Provenance),
    valid_from_date=st.just(DAY - timedelta(days=100)),
    valid_to_date=st.none() | days,
    edge_id=st.none() | st.sampled_from([f"edge-{number}" for number in range(5)]),
)


def granted_by_an_edge_unless_earned(status: HeldStatus) -> HeldStatus:
    """What is earned was granted by no edge; a status that says both uses an edge up for itself alone."""
    return msgspec.structs.replace(status, edge_id=None) if status.provenance == Provenance.EARNED else status


earned = statuses.map(lambda status: msgspec.structs.replace(status, provenance=Provenance.EARNED, edge_id=None))
targets = st.sampled_from(PROGRAMMES + HUBS)


def as_of(graph: TierGraph, on_date: date) -> TierGraph:
    """What was in force on a day, or may have been, and nothing else."""
    return TierGraph(
        graph.ladders,
        tuple(edge for edge in graph.edges if edge.on(on_date) is not Certainty.NO),
        tuple(row for row in graph.levels if row.on(on_date) is not Certainty.NO),
    )


@given(graphs(), statuses, targets, days)
def test_an_answer_rests_on_what_is_in_force_on_its_day_alone(
    graph: TierGraph, status: HeldStatus, target: str, on_date: date
) -> None:
    found, then = (explain(one, status, target, on_date) for one in (graph, as_of(graph, on_date)))
    assert (found.granted_tier, found.edge, found.level, found.inferred) == (
        then.granted_tier,
        then.edge,
        then.level,
        then.inferred,
    )
    assert (found.refusal is None) == (then.refusal is None)
    assert offers(graph, [status], on_date) == offers(as_of(graph, on_date), [status], on_date)


@given(graphs(), statuses, targets, days, days)
def test_what_a_member_does_later_changes_no_earlier_answer(
    graph: TierGraph, status: HeldStatus, target: str, on_date: date, later: date
) -> None:
    after = max(later, on_date + timedelta(days=1))
    future = HeldStatus(
        programme=target, tier="top", provenance=Provenance.EARNED, valid_from_date=after, edge_id="edge-0"
    )
    used = tuple(UsedMatch(f"edge-{number}", after) for number in range(5))
    before = explain(graph, status, target, on_date, facts=MatchFacts(used=()))
    assert explain(graph, status, target, on_date, held=[future], facts=MatchFacts(used=used)) == before


@given(graphs(), st.lists(statuses, max_size=4), days)
def test_nothing_but_an_earned_and_valid_status_is_matched(
    graph: TierGraph, held: list[HeldStatus], on_date: date
) -> None:
    for offer in offers(graph, held, on_date):
        assert offer.status.provenance == Provenance.EARNED
        assert offer.status.holds_on(on_date)
        assert offer.status in held
        assert offer.edge.on(on_date) is Certainty.YES
        assert offer.edge.to_programme != offer.status.programme or offer.edge.from_programme in HUBS


@given(graphs(), st.lists(earned, min_size=1, max_size=2), days)
def test_no_chain_of_matches_reaches_what_one_match_does_not(
    graph: TierGraph, held: list[HeldStatus], on_date: date
) -> None:
    """Take everything that is offered, again and again: every grant rests on a status that was earned at the start."""
    holds = list(held)
    for _ in range(4):
        for offer in offers(graph, holds, on_date):
            assert offer.status in held
            granted = grant_of(offer.edge, on_date)
            if granted is not None:
                assert granted.provenance in {Provenance.MATCHED, Provenance.CHALLENGE}
                assert granted.edge_id == offer.edge.id
                assert offers(graph, [granted], on_date) == ()
                holds.append(granted)


@given(graphs(), statuses.map(granted_by_an_edge_unless_earned), targets, days)
def test_explaining_and_offering_agree(graph: TierGraph, status: HeldStatus, target: str, on_date: date) -> None:
    found = explain(graph, status, target, on_date)
    offered = {offer.edge.id for offer in offers(graph, [status], on_date) if offer.edge.to_programme == target}
    assert offered == {edge.id for edge in found.edges}
    assert (found.refusal is None) == (found.edge is not None or found.level is not None)
    if found.edge is not None:
        assert found.granted_tier == found.edge.to_tier
    assert found.path
    assert all(line.strip() for line in found.path)


@given(graphs(), programmes, tiers, st.sampled_from(HUBS), days)
def test_a_level_is_what_every_certain_row_says(
    graph: TierGraph, programme: str, tier: str, hub: str, on_date: date
) -> None:
    answer = level_on(graph, programme, tier, hub, on_date)
    rows = [row for row in graph.levels_of(programme, tier) if row.alliance == hub]
    certain = [row for row in rows if row.on(on_date) is Certainty.YES]
    if answer.level is None:
        clear = {row.level for row in certain}
        assert len(clear) != 1 or any(row.disputed for row in certain)
    else:
        assert {row.level for row in certain} == {answer.level}
        assert not any(row.disputed for row in certain)


@given(graphs(), earned, targets, days)
def test_an_uncertain_level_leads_nowhere(graph: TierGraph, status: HeldStatus, target: str, on_date: date) -> None:
    found = explain(graph, status, target, on_date)
    for edge in found.edges:
        if edge.from_programme in HUBS:
            answer = level_on(graph, status.programme, status.tier, edge.from_programme, on_date)
            assert answer.level in edge.from_tiers
            assert not answer.inferred


@given(st.integers(1, 3), st.none() | st.integers(1, 3), st.lists(st.integers(0, 2000), max_size=6, unique=True))
def test_a_cap_allows_as_many_uses_as_it_says(times: int, years: int | None, ago: list[int]) -> None:
    edge = Edge(
        id="edge-0",
        from_programme="host",
        from_tiers=("top",),
        to_programme="air",
        kind=EdgeKind.STATUS,
        to_tier="top",
        cap=Cap(times, years),
        source="a test's own",
    )
    status = HeldStatus(programme="host", tier="top", provenance=Provenance.EARNED, valid_from_date=date(2010, 1, 1))
    used = tuple(UsedMatch("edge-0", DAY - timedelta(days=number)) for number in ago)
    found = explain(TierGraph(LADDERS, (edge,)), status, "air", DAY, facts=MatchFacts(used=used))
    counting = [use for use in used if years is None or add_months(use.on_date, 12 * years) > DAY]
    assert (found.refusal is None) == (len(counting) < times)


@given(graphs(), statuses, st.text(max_size=6), st.text(max_size=6), targets, days)
def test_unknown_names_are_reported_and_never_guessed(
    graph: TierGraph, status: HeldStatus, programme: str, tier: str, target: str, on_date: date
) -> None:
    strange = msgspec.structs.replace(status, programme=programme, tier=tier)
    if programme not in PROGRAMMES + HUBS or tier not in TIERS:
        found = explain(graph, strange, target, on_date)
        assert found.refusal in {"unknown_programme", "unknown_tier"}
        assert (found.granted_tier, found.level) == (None, None)
    if target != programme:
        assert explain(graph, status, target.upper(), on_date).refusal == "unknown_programme"
