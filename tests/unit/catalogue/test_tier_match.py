"""The tier graph: what may be matched, what may not, and the sentences that say why."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.refusals import REFUSAL_TEXTS
from catalogue.texts import Text
from catalogue.tier_match import (
    ChallengeTerms,
    Edge,
    EdgeKind,
    HeldStatus,
    Ladder,
    Provenance,
    TierGraph,
    explain,
    grant_of,
    offers,
)
from tests.unit.catalogue.samples import CATALOGUE, TODAY

GRAPH = CATALOGUE.tier_matches


def held(programme: str, tier: str, provenance: Provenance = Provenance.EARNED, **changes: object) -> HeldStatus:
    status = HeldStatus(
        programme=programme,
        tier=tier,
        provenance=provenance,
        valid_from_date=date(2026, 1, 1),
        valid_to_date=date(2027, 12, 31),
    )
    return msgspec.structs.replace(status, **changes)


def offered(*statuses: HeldStatus, graph: TierGraph = GRAPH, on_date: date = TODAY) -> list[str]:
    return [offer.edge.id for offer in offers(graph, statuses, on_date)]


@pytest.mark.parametrize(
    ("programme", "tier", "expected"),
    [
        ("host", "silver", []),
        ("host", "gold", ["host-to-rapid-rewards-gold"]),
        ("host", "diamond", ["host-to-rapid-rewards-gold"]),
        ("skyward-miles", "silver", []),
        ("skyward-miles", "platinum", ["skyward-miles-to-host-gold"]),
        ("rapid-rewards", "gold", []),
    ],
)
def test_edges_start_where_the_contract_says(programme: str, tier: str, expected: list[str]) -> None:
    assert offered(held(programme, tier)) == expected


@pytest.mark.parametrize("provenance", [Provenance.MATCHED, Provenance.GIFTED, Provenance.CHALLENGE])
def test_only_an_earned_status_is_matched_onward(provenance: Provenance) -> None:
    status = held("host", "gold", provenance)
    assert offered(status) == []
    answer = explain(GRAPH, status, "rapid-rewards", TODAY)
    assert (answer.granted_tier, answer.edge, answer.refusal) == (None, None, "matched_onward")
    assert answer.path[-1].endswith("cannot be matched onward.")


def test_an_airline_status_does_not_cascade_through_us_into_the_hotel() -> None:
    airline = held("skyward-miles", "platinum")
    first = explain(GRAPH, airline, "host", TODAY)
    assert first.edge is not None
    granted = grant_of(first.edge, TODAY)
    assert granted == HeldStatus(
        programme="host",
        tier="gold",
        provenance=Provenance.MATCHED,
        valid_from_date=TODAY,
        valid_to_date=date(2027, 11, 22),
        edge_id="skyward-miles-to-host-gold",
    )
    assert offered(airline, granted) == []
    assert explain(GRAPH, granted, "rapid-rewards", TODAY).refusal == "matched_onward"


def test_earning_the_tier_opens_the_way_that_a_match_did_not() -> None:
    matched = held("host", "gold", Provenance.MATCHED, edge_id="skyward-miles-to-host-gold")
    assert offered(matched, held("host", "gold")) == ["host-to-rapid-rewards-gold"]


def test_the_explanation_tells_the_path() -> None:
    answer = explain(GRAPH, held("host", "gold"), "rapid-rewards", TODAY)
    assert answer.granted_tier == "gold"
    assert answer.path == (
        "You hold host gold (earned, since 2026-01-01).",
        "Agreement host-to-rapid-rewards-gold (since 2026-01-01): gold, platinum, diamond of host receive gold in "
        "rapid-rewards (source: Partner contract with the hotel programme, annex on status, in force from 2026-01-01).",
    )
    assert explain(GRAPH, held("host", "gold"), "rapid-rewards", TODAY, locale="zh-CN").path[0].startswith("您持有")


@pytest.mark.parametrize(
    ("status", "to_programme", "on_date", "refusal"),
    [
        (held("host", "silver"), "rapid-rewards", TODAY, "no_edge"),
        (held("host", "gold"), "skyward-miles", TODAY, "no_edge"),
        (held("host", "gold"), "nowhere", TODAY, "unknown_programme"),
        (held("host", "gold"), "rapid-rewards", date(2025, 12, 31), "status_not_valid"),
        (held("host", "gold", valid_from_date=date(2025, 1, 1)), "rapid-rewards", date(2025, 12, 31), "no_edge"),
        (held("host", "gold", valid_to_date=date(2026, 11, 21)), "rapid-rewards", TODAY, "status_not_valid"),
    ],
)
def test_refusals_have_reasons(status: HeldStatus, to_programme: str, on_date: date, refusal: str) -> None:
    answer = explain(GRAPH, status, to_programme, on_date)
    assert (answer.refusal, answer.granted_tier) == (refusal, None)
    assert refusal in REFUSAL_TEXTS
    open_now = offers(GRAPH, [status], on_date)
    assert [offer for offer in open_now if offer.edge.to_programme == to_programme] == []


@pytest.mark.parametrize(
    ("other", "is_offered"),
    [
        (held("rapid-rewards", "silver"), True),
        (held("rapid-rewards", "gold"), False),
        (held("rapid-rewards", "gold", Provenance.MATCHED), False),
        (held("rapid-rewards", "gold", valid_to_date=date(2026, 11, 21)), True),
    ],
)
def test_nobody_is_matched_to_what_he_has(other: HeldStatus, is_offered: bool) -> None:
    assert bool(offered(held("host", "gold"), other)) is is_offered
    answer = explain(GRAPH, held("host", "gold"), "rapid-rewards", TODAY, held=[other])
    assert answer.refusal == (None if is_offered else "already_held")


HOST = Ladder(programme="host", tiers=("silver", "gold", "platinum"))
AIR = Ladder(programme="air", tiers=("member", "silver"))


def challenge_graph(kind: EdgeKind) -> TierGraph:
    edge = Edge(
        id="trial",
        from_programme="host",
        from_tiers=("gold",),
        to_programme="air",
        kind=kind,
        to_tier="silver",
        months=3,
        challenge=ChallengeTerms(10, 90, Text("航段", "flights")) if kind is EdgeKind.CHALLENGE else None,
        source="a test's own",
    )
    return TierGraph((HOST, AIR), (edge,))


@pytest.mark.parametrize(
    ("kind", "again"), [(EdgeKind.ONE_OFF, []), (EdgeKind.CHALLENGE, []), (EdgeKind.STATUS, ["trial"])]
)
def test_a_one_off_or_a_challenge_is_used_once(kind: EdgeKind, again: list[str]) -> None:
    graph = challenge_graph(kind)
    ended = held("air", "silver", Provenance.MATCHED, edge_id="trial", valid_to_date=date(2026, 4, 1))
    assert offered(held("host", "gold"), graph=graph) == ["trial"]
    assert offered(held("host", "gold"), ended, graph=graph) == again


def test_a_challenge_is_a_status_on_trial() -> None:
    granted = grant_of(challenge_graph(EdgeKind.CHALLENGE).edges[0], TODAY)
    assert granted is not None
    assert (granted.provenance, granted.valid_to_date) == (Provenance.CHALLENGE, date(2027, 2, 19))


def test_an_edge_may_grant_benefits_instead_of_a_tier() -> None:
    """Platinum got named benefits in another programme, no status: starwoodhotels.com crossover, 2013 to 2018."""
    edge = Edge(
        id="crossover",
        from_programme="host",
        from_tiers=("platinum",),
        to_programme="air",
        kind=EdgeKind.BENEFIT_SUBSET,
        grants=Text("优先值机", "priority check-in"),
        valid_from_date=date(2013, 3, 1),
        valid_to_date=date(2018, 7, 15),
        source="starwoodhotels.com crossover page",
    )
    graph = TierGraph((HOST, AIR), (edge,))
    status = held("host", "platinum", valid_from_date=date(2013, 1, 1))
    answer = explain(graph, status, "air", date(2018, 7, 15))
    assert (answer.granted_tier, answer.refusal) == (None, None)
    assert "priority check-in" in answer.path[1]
    assert grant_of(edge, TODAY) is None
    assert explain(graph, status, "air", date(2018, 7, 16)).refusal == "no_edge"


def test_an_edge_must_grant_something_elsewhere() -> None:
    edge = next(edge for edge in GRAPH.edges if edge.id == "host-to-rapid-rewards-gold")
    with pytest.raises(ValueError, match="to_tier"):
        msgspec.structs.replace(edge, to_tier=None)
    with pytest.raises(ValueError, match="grants"):
        msgspec.structs.replace(edge, kind=EdgeKind.DUAL_EARN)
    with pytest.raises(ValueError, match="another programme"):
        msgspec.structs.replace(edge, to_programme=edge.from_programme)
