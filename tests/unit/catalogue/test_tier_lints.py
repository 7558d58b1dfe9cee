"""What the lint says of the tier graph: what cannot be, what cannot be meant, and what the sources leave open."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.lints import Finding, lint
from catalogue.texts import Text
from catalogue.tier_match import Cap, Dispute, Edge, EdgeKind, Ladder, Level, TierGraph
from tests.unit.catalogue.samples import CATALOGUE, with_catalogue

HOST = Ladder(programme="host", tiers=("silver", "gold", "platinum"))
AIR = Ladder(programme="air", tiers=("blue", "red", "black"))
INN = Ladder(programme="inn", tiers=("one", "two"))
SKY = Ladder(programme="sky", tiers=("low", "high"), alliance=True)
LADDERS = (HOST, AIR, INN, SKY)
OUT = Edge(
    id="out",
    from_programme="host",
    from_tiers=("gold",),
    to_programme="air",
    to_tier="red",
    kind=EdgeKind.STATUS,
    source="a test's own",
)
RED_HIGH = Level(programme="air", tier="red", alliance="sky", level="high", sources=("a test's own",))


def edge(name: str, start: tuple[str, str], end: tuple[str, str], **changes: object) -> Edge:
    made = msgspec.structs.replace(
        OUT, id=name, from_programme=start[0], from_tiers=(start[1],), to_programme=end[0], to_tier=end[1]
    )
    return msgspec.structs.replace(made, **changes)


def found(*edges: Edge, levels: tuple[Level, ...] = (), ladders: tuple[Ladder, ...] = LADDERS) -> list[Finding]:
    graph = TierGraph(ladders, edges, levels, CATALOGUE.tier_matches.signals)
    return list(lint(with_catalogue(tier_matches=graph)))


def only(*edges: Edge, levels: tuple[Level, ...] = (), ladders: tuple[Ladder, ...] = LADDERS) -> Finding:
    findings = found(*edges, levels=levels, ladders=ladders)
    assert len(findings) == 1, findings
    return findings[0]


def test_a_sound_graph() -> None:
    assert found(OUT, levels=(RED_HIGH,)) == []


def test_the_packaged_graph_has_nothing_wrong_and_notes_what_its_sources_leave_open() -> None:
    """Twelve things: AC 35K, AFKL Gold, SK, AZ, SU, AA Platinum Pro twice, and the agreements' days and terms."""
    findings = lint(CATALOGUE)
    assert {one.severity for one in findings} == {"note"}
    assert {one.file for one in findings} <= {f"tier_matches/{name}.toml" for name in NOTED}
    said = sorted((one.file.removeprefix("tier_matches/"), one.key, one.message.partition(":")[0]) for one in findings)
    assert said == sorted((f"{name}.toml", key, thing) for name, notes in NOTED.items() for thing, key in notes)


NOTED = {
    "oneworld": [
        ("AA Platinum Pro in oneworld", "certain_to_date"),
        ("AA Platinum Pro in oneworld", "certain_from_date"),
    ],
    "skyteam": [
        ("AFKL Gold in skyteam", "disputed"),
        ("SK EuroBonus Gold in skyteam", "inferred"),
        ("AZ Freccia Alata Plus in skyteam", "certain_to_date"),
        ("SU Platinum in skyteam", "certain_to_date"),
    ],
    "star": [("AC 35K in star", "disputed")],
    "rewards-plus": [
        ("rewards-plus-marriott-platinum", "certain_from_date"),
        ("rewards-plus-marriott-platinum", "certain_to_date"),
        ("rewards-plus-united", "certain_from_date"),
        ("rewards-plus-bonvoy", "unstated"),
    ],
    "sas-exit": [
        (f"sas-exit-{name}", key)
        for name in ("star-gold", "united", "south-african")
        for key in ("unstated", "certain_from_date")
    ],
}


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        (edge("out", ("host", "gold"), ("air", "titanium")), "to_tier"),
        (edge("out", ("host", "Gold"), ("air", "red")), "from_tiers"),
        (edge("out", ("host", "gold"), ("air", "red"), source="  "), "source"),
        (edge("out", ("host", "gold"), ("air", "red"), signals=("hunch",)), "signals"),
        (edge("out", ("host", "gold"), ("sky", "high")), "to_tier"),
    ],
)
def test_an_edge_names_what_there_is(changed: Edge, key: str) -> None:
    finding = only(changed)
    assert (finding.severity, finding.key) == ("error", key)
    assert finding.message.startswith("out: ")


def test_an_edge_names_programmes_that_there_are() -> None:
    gone = msgspec.structs.replace(OUT, from_tiers=(), unstated=Text("等级", "which tier"))
    findings = found(msgspec.structs.replace(gone, from_programme="gone"))
    assert [(one.severity, one.key) for one in findings] == [("error", "from_programme"), ("note", "unstated")]


def test_ladders_name_partners_that_exist_and_every_tier_once() -> None:
    stranger = Ladder(programme="elsewhere", tiers=("one",), partner="nobody")
    assert only(ladders=(*LADDERS, stranger)).key == "partner"
    assert only(ladders=(Ladder(programme="twice", tiers=("one", "one")),)).key == "tiers"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"level": "higher"}, "level"),
        ({"alliance": "air", "level": "red"}, "alliance"),
        ({"alliance": "gone"}, "alliance"),
        ({"tier": "Red"}, "tier"),
        ({"sources": ()}, "sources"),
        ({"sources": (" ",)}, "sources"),
    ],
)
def test_a_level_names_what_there_is_and_who_says_so(changes: dict[str, object], key: str) -> None:
    finding = only(levels=(msgspec.structs.replace(RED_HIGH, **changes),))
    assert (finding.severity, finding.key) == ("error", key)


@pytest.mark.parametrize(
    ("changes", "is_wrong"),
    [
        ({"level": "low"}, True),
        ({}, True),
        ({"level": "low", "valid_from_date": date(2026, 1, 1)}, True),
        ({"level": "low", "valid_from_date": date(2026, 1, 2)}, False),
        ({"tier": "black"}, False),
        ({"programme": "inn", "tier": "one"}, False),
    ],
)
def test_one_tier_has_one_level_at_one_instant(changes: dict[str, object], is_wrong: bool) -> None:
    first = msgspec.structs.replace(RED_HIGH, valid_to_date=date(2026, 1, 1))
    findings = found(levels=(first, msgspec.structs.replace(RED_HIGH, **changes)))
    assert [(one.severity, one.key) for one in findings] == ([("error", "level")] if is_wrong else [])


def test_a_programme_is_in_one_alliance_at_one_instant() -> None:
    other = Ladder(programme="world", tiers=("top",), alliance=True)
    second = msgspec.structs.replace(RED_HIGH, alliance="world", level="top")
    assert "high in sky and top in world" in only(levels=(RED_HIGH, second), ladders=(*LADDERS, other)).message


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"disputed": (Dispute("low", "another table"),)}, "disputed"),
        ({"inferred": True}, "inferred"),
        ({"valid_from_date": date(2025, 1, 1), "certain_from_date": date(2025, 2, 1)}, "certain_from_date"),
        ({"certain_to_date": date(2025, 2, 1)}, "certain_to_date"),
    ],
)
def test_what_sources_leave_open_is_noted(changes: dict[str, object], key: str) -> None:
    finding = only(levels=(msgspec.structs.replace(RED_HIGH, **changes),))
    assert (finding.severity, finding.key) == ("note", key)


@pytest.mark.parametrize(
    ("end", "end_tier", "word"), [("host", "platinum", "higher"), ("host", "gold", "same"), ("host", "silver", "lower")]
)
def test_a_cycle_is_found_once_and_says_what_it_would_gain(end: str, end_tier: str, word: str) -> None:
    back = edge("back", ("inn", "two"), (end, end_tier))
    middle = edge("middle", ("air", "red"), ("inn", "two"))
    for order in ((OUT, middle, back), (back, OUT, middle), (middle, back, OUT)):
        finding = only(*order)
        assert (finding.severity, finding.key) == ("warning", "to_tier")
    article = "the" if word == "same" else "a"
    assert f"{article} {word} tier by out, then middle, then back" in only(OUT, middle, back).message


def test_a_cycle_may_lead_through_an_alliance() -> None:
    back = edge("back", ("sky", "high"), ("host", "platinum"))
    assert "out, then back" in only(OUT, back, levels=(RED_HIGH,)).message


def test_edges_that_never_hold_together_or_do_not_meet_make_no_cycle() -> None:
    ended = msgspec.structs.replace(OUT, valid_to_date=date(2025, 12, 31))
    later = edge("back", ("air", "red"), ("host", "platinum"), valid_from_date=date(2026, 1, 1))
    assert found(ended, later) == []
    assert found(OUT, edge("back", ("air", "black"), ("host", "platinum"))) == []


def test_a_level_that_no_tier_has_leads_from_nowhere() -> None:
    hub = edge("hub", ("sky", "high"), ("host", "gold"))
    assert found(hub, levels=(RED_HIGH,)) == []
    for row in (
        msgspec.structs.replace(RED_HIGH, level="low"),
        msgspec.structs.replace(RED_HIGH, valid_to_date=date(2025, 12, 31)),
    ):
        finding = only(msgspec.structs.replace(hub, valid_from_date=date(2026, 1, 1)), levels=(row,))
        assert (finding.severity, finding.key) == ("warning", "from_tiers")


def test_a_member_programme_without_the_level_is_a_dead_end() -> None:
    out = edge("hub", ("host", "gold"), ("sky", ""), to_tier=None, to_level="high", to_members=("air",))
    assert found(out, levels=(RED_HIGH,)) == []
    finding = only(out)
    assert (finding.severity, finding.key) == ("warning", "to_members")


@pytest.mark.parametrize(
    ("changes", "is_dead"),
    [
        ({}, True),
        ({"from_tiers": ("gold", "platinum"), "to_tier": "black"}, True),
        ({"to_tier": "blue"}, False),
        ({"from_tiers": ("platinum",)}, False),
        ({"valid_from_date": date(2026, 1, 1)}, False),
        ({"valid_to_date": date(2026, 1, 1)}, False),
        ({"cap": Cap(1)}, False),
        ({"signals": ("email-changed",)}, False),
        ({"to_programme": "inn", "to_tier": "two"}, False),
    ],
)
def test_an_edge_that_another_makes_useless_is_dead(changes: dict[str, object], is_dead: bool) -> None:
    """The other one is the same but for what is changed; the plain one is capped so that it never covers in turn."""
    other = msgspec.structs.replace(OUT, id="other", **changes)
    capped = msgspec.structs.replace(OUT, cap=Cap(1))
    findings = found(capped, other)
    assert [(one.severity, one.message.partition(":")[0]) for one in findings] == (
        [("warning", "out")] if is_dead else []
    )


def ring(length: int) -> tuple[Edge, ...]:
    """As many programmes as edges, each granting the next one's only tier, the last the first's."""
    names = [f"p{number}" for number in range(length)]
    return tuple(
        edge(f"e{number}", (name, "tier"), (names[(number + 1) % length], "tier")) for number, name in enumerate(names)
    )


@pytest.mark.parametrize(("length", "is_found"), [(2, True), (6, True), (7, False)])
def test_a_ring_is_told_once_and_followed_over_six_edges(length: int, is_found: bool) -> None:
    ladders = tuple(Ladder(programme=f"p{number}", tiers=("tier",)) for number in range(length))
    findings = found(*ring(length), ladders=ladders)
    assert [one.key for one in findings] == (["to_tier"] if is_found else [])
