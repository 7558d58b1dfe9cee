"""Every published row on alliance levels and on agreements between programmes, answered by the packaged graph.

The figures are our own test data, written down from the tier tables, guides and agreement pages that the rows of
``config/tier_matches`` name (read 2026-11-22): each case says whether those sources agree, are alone, disagree, infer,
or were superseded, and on which day it is asked.
"""

from __future__ import annotations

from datetime import date

import pytest

from catalogue.tier_match import Explanation, HeldStatus, Provenance, explain, level_on
from tests.unit.catalogue.samples import CATALOGUE, TODAY

GRAPH = CATALOGUE.tier_matches

STANDING = {
    "AA": ("oneworld", {"Gold": "Ruby", "Platinum": "Sapphire", "Executive Platinum": "Emerald"}),
    "QF": ("oneworld", {"Silver": "Ruby", "Gold": "Sapphire", "Platinum": "Emerald", "Platinum One": "Emerald"}),
    "CX": ("oneworld", {"Silver": "Ruby", "Gold": "Sapphire", "Diamond": "Emerald"}),
    "AY": ("oneworld", {"Gold": "Sapphire", "Platinum": "Emerald", "Platinum Lumo": "Emerald"}),
    "AS": ("oneworld", {"MVP Gold": "Sapphire", "MVP Gold 75K": "Emerald", "MVP Gold 100K": "Emerald"}),
    "IB": ("oneworld", {"Plata": "Sapphire", "Oro": "Emerald"}),
    "MH": ("oneworld", {"Silver": "Ruby", "Gold": "Sapphire", "Platinum": "Emerald"}),
    "QR": ("oneworld", {"Silver": "Ruby", "Gold": "Sapphire", "Platinum": "Emerald"}),
    "RJ": ("oneworld", {"Gold": "Sapphire", "Platinum": "Emerald"}),
    "UL": ("oneworld", {"Gold": "Sapphire", "Platinum": "Emerald"}),
    "AFKL": ("skyteam", {"Silver": "Elite", "Platinum": "Elite Plus", "Ultimate": "Elite Plus"}),
    "KE": (
        "skyteam",
        {"Morning Calm": "Elite", "Morning Calm Premium": "Elite Plus", "Million Miler": "Elite Plus"},
    ),
    "CI": ("skyteam", {"Gold": "Elite", "Emerald": "Elite Plus", "Paragon": "Elite Plus"}),
    "AR": ("skyteam", {"Oro": "Elite", "Platino": "Elite Plus"}),
    "UA": (
        "star",
        {"Premier Silver": "Silver", "Premier Gold": "Gold", "Premier Platinum": "Gold", "Premier 1K": "Gold"},
    ),
    "LH": ("star", {"Frequent Traveller": "Silver", "Senator": "Gold", "HON Circle": "Gold"}),
    "AC": ("star", {"25K": "Silver", "50K": "Gold", "75K": "Gold", "Super Elite 100K": "Gold"}),
    "NH": ("star", {"Bronze": "Silver", "Platinum": "Gold", "Diamond": "Gold"}),
    "SQ": ("star", {"KrisFlyer Elite Silver": "Silver", "KrisFlyer Elite Gold": "Gold", "PPS Club": "Gold"}),
    "BR": ("star", {"Silver": "Silver", "Gold": "Gold", "Diamond": "Gold"}),
}
"""Rows without dates on which no source says otherwise: 59 of the 67."""

SINGLE = {
    ("CX", "Silver"), ("AS", "MVP Gold 75K"), ("AS", "MVP Gold 100K"), ("IB", "Plata"), ("IB", "Oro"), ("MH", "Silver"),
    ("MH", "Gold"), ("MH", "Platinum"), ("QR", "Silver"), ("RJ", "Gold"), ("RJ", "Platinum"), ("UL", "Gold"),
    ("UL", "Platinum"), ("CI", "Gold"), ("CI", "Paragon"), ("AR", "Oro"), ("LH", "Frequent Traveller"),
    ("NH", "Bronze"), ("BR", "Silver"),
}  # fmt: skip
"""Those of them that one source alone states; two or more agree on the others."""

ROWS = [
    (programme, tier, alliance, level)
    for programme, (alliance, levels) in STANDING.items()
    for tier, level in levels.items()
]


def asked(programme: str, tier: str, to_programme: str, on_date: date) -> Explanation:
    status = HeldStatus(programme=programme, tier=tier, provenance=Provenance.EARNED, valid_from_date=date(1999, 1, 1))
    return explain(GRAPH, status, to_programme, on_date)


@pytest.mark.parametrize(("programme", "tier", "alliance", "level"), ROWS, ids=lambda part: part)
def test_a_level_that_stands(programme: str, tier: str, alliance: str, level: str) -> None:
    for on_date in (date(2010, 6, 1), TODAY, date(2030, 1, 1)):
        found = asked(programme, tier, alliance, on_date)
        assert (found.level, found.inferred, found.refusal) == (level, False, None)
    rows = level_on(GRAPH, programme, tier, alliance, TODAY).rows
    assert (len(rows) == len(rows[0].sources) == 1) is ((programme, tier) in SINGLE)
    said = "a single source" if (programme, tier) in SINGLE else f"{len(rows[0].sources)} sources agree"
    assert said in found.path[1]
    assert rows[0].sources[0] in found.path[1]
    for other in {"oneworld", "skyteam", "star"} - {alliance}:
        assert asked(programme, tier, other, TODAY).refusal == "no_level"


def test_every_row_of_the_packaged_graph_is_a_case_here() -> None:
    packaged = {(row.programme, row.tier, row.alliance, row.level) for row in GRAPH.levels}
    dated = {(programme, tier, alliance, level) for programme, tier, alliance, level, *_ in ROWS_BY_DATE}
    assert packaged == set(ROWS) | dated | set(DISPUTED)
    assert len(GRAPH.levels) == len(packaged) == 67


ROWS_BY_DATE = [
    # The older list says Sapphire from 2017; a table reviewed in September 2026 says Emerald; no source names the day.
    ("AA", "Platinum Pro", "oneworld", "Sapphire", date(2016, 12, 31), None, "no_level"),
    ("AA", "Platinum Pro", "oneworld", "Sapphire", date(2017, 1, 1), "Sapphire", None),
    ("AA", "Platinum Pro", "oneworld", "Sapphire", date(2017, 1, 2), None, "dates_not_stated"),
    ("AA", "Platinum Pro", "oneworld", "Emerald", date(2026, 9, 29), None, "dates_not_stated"),
    ("AA", "Platinum Pro", "oneworld", "Emerald", date(2026, 9, 30), "Emerald", None),
    ("AA", "Platinum Pro", "oneworld", "Emerald", TODAY, "Emerald", None),
    # SAS moved from one alliance to the other on 1 September 2024; the level in the new one is inferred.
    ("SK", "EuroBonus Gold", "star", "Gold", date(2010, 1, 1), "Gold", None),
    ("SK", "EuroBonus Gold", "star", "Gold", date(2024, 8, 31), "Gold", None),
    ("SK", "EuroBonus Gold", "skyteam", "Elite Plus", date(2024, 8, 31), None, "no_level"),
    ("SK", "EuroBonus Gold", "skyteam", "Elite Plus", date(2024, 9, 1), "Elite Plus", None),
    ("SK", "EuroBonus Gold", "skyteam", "Elite Plus", TODAY, "Elite Plus", None),
    # It had left "earlier this year" on 16 May 2025.
    ("AZ", "Freccia Alata Plus", "skyteam", "Elite Plus", date(2024, 12, 31), "Elite Plus", None),
    ("AZ", "Freccia Alata Plus", "skyteam", "Elite Plus", date(2025, 1, 1), None, "dates_not_stated"),
    ("AZ", "Freccia Alata Plus", "skyteam", "Elite Plus", date(2025, 5, 16), None, "dates_not_stated"),
    ("AZ", "Freccia Alata Plus", "skyteam", "Elite Plus", date(2025, 5, 17), None, "no_level"),
    # Its membership was suspended in 2022.
    ("SU", "Platinum", "skyteam", "Elite Plus", date(2021, 12, 31), "Elite Plus", None),
    ("SU", "Platinum", "skyteam", "Elite Plus", date(2022, 3, 1), None, "dates_not_stated"),
    ("SU", "Platinum", "skyteam", "Elite Plus", date(2023, 1, 1), None, "no_level"),
]


@pytest.mark.parametrize(("programme", "tier", "alliance", "_row", "on_date", "level", "refusal"), ROWS_BY_DATE)
def test_a_level_by_date(
    programme: str, tier: str, alliance: str, _row: str, on_date: date, level: str | None, refusal: str | None
) -> None:
    found = asked(programme, tier, alliance, on_date)
    assert (found.level, found.refusal) == (level, refusal)
    assert found.inferred is (alliance == "skyteam" and programme == "SK" and level is not None)


DISPUTED = [
    ("AFKL", "Gold", "skyteam", "Elite Plus"),
    ("AC", "35K", "star", "Silver"),
]


@pytest.mark.parametrize(("programme", "tier", "alliance", "level"), DISPUTED)
def test_a_disputed_level_is_reported_with_both_and_not_answered(
    programme: str, tier: str, alliance: str, level: str
) -> None:
    found = asked(programme, tier, alliance, TODAY)
    assert (found.level, found.refusal) == (None, "sources_disagree")
    other = found.rows[0].disputed[0]
    assert {level, other.level} == {"Elite", "Elite Plus"} or {level, other.level} == {"Silver", "Gold"}
    assert all(part in found.path[1] for part in (level, other.level, other.source, "sources disagree"))


def test_both_sides_of_a_missing_day_are_shown() -> None:
    path = asked("AA", "Platinum Pro", "oneworld", date(2020, 1, 1)).path
    assert ["Sapphire" in line for line in path] == [False, True, False, False]
    assert ["Emerald" in line for line in path] == [False, False, True, False]


def test_when_sas_left_the_level_ended_and_the_match_took_its_place() -> None:
    found = asked("SK", "EuroBonus Gold", "star", date(2024, 9, 15))
    assert (found.level, found.refusal) == (None, "terms_not_stated")
    assert any("2024-08-31" in line for line in found.path), "the level that ended is shown with its day"


AGREEMENTS = [
    # RewardsPlus, from July 2013; the hotel's side was renamed later, on a day that no page names.
    ("marriott-rewards", "Platinum", "UA", date(2013, 6, 30), None, "no_edge"),
    ("marriott-rewards", "Platinum", "UA", date(2013, 7, 15), None, "dates_not_stated"),
    ("marriott-rewards", "Platinum", "UA", date(2013, 8, 1), "Premier Silver", None),
    ("marriott-rewards", "Platinum", "UA", date(2016, 1, 1), "Premier Silver", None),
    ("marriott-rewards", "Platinum", "UA", TODAY, None, "dates_not_stated"),
    ("marriott-rewards", "Gold", "UA", date(2014, 1, 1), None, "no_edge"),
    ("UA", "Premier Gold", "marriott-rewards", date(2014, 1, 1), "Gold", None),
    ("UA", "Premier Platinum", "marriott-rewards", date(2014, 1, 1), "Gold", None),
    ("UA", "Premier 1K", "marriott-rewards", date(2014, 1, 1), "Gold", None),
    ("UA", "Global Services", "marriott-rewards", TODAY, "Gold", None),
    ("UA", "Premier Silver", "marriott-rewards", date(2014, 1, 1), None, "no_edge"),
    ("marriott-bonvoy", "Titanium", "UA", TODAY, None, "terms_not_stated"),
    # The match on leaving the alliance: who takes part, and which higher tier, is not stated.
    ("SK", "EuroBonus Gold", "star", date(2024, 10, 1), None, "terms_not_stated"),
    ("SK", "EuroBonus Gold", "UA", date(2024, 10, 1), None, "terms_not_stated"),
    ("SK", "EuroBonus Pandion", "UA", date(2024, 10, 1), None, "terms_not_stated"),
    ("SK", "EuroBonus Diamond", "SA", date(2024, 10, 1), None, "terms_not_stated"),
    ("SK", "EuroBonus Gold", "SA", date(2024, 10, 1), None, "no_edge"),
    ("SK", "EuroBonus Gold", "UA", date(2024, 8, 31), None, "no_edge"),
    ("SK", "EuroBonus Gold", "UA", date(2024, 9, 1), None, "dates_not_stated"),
]


@pytest.mark.parametrize(("programme", "tier", "to_programme", "on_date", "granted", "refusal"), AGREEMENTS)
def test_an_agreement_on_status(
    programme: str, tier: str, to_programme: str, on_date: date, granted: str | None, refusal: str | None
) -> None:
    found = asked(programme, tier, to_programme, on_date)
    assert (found.granted_tier, found.refusal) == (granted, refusal)


BENEFITS = [
    ("SPG", "Platinum", "DL", ["benefit_subset", "dual_earn"], "priority boarding"),
    ("SPG", "Gold", "DL", ["dual_earn"], "1 Starpoint per USD"),
    ("DL", "Diamond", "SPG", ["benefit_subset", "dual_earn"], "4 pm check-out"),
    ("DL", "Platinum", "SPG", ["benefit_subset", "dual_earn"], "elite check-in"),
    ("DL", "Gold", "SPG", ["dual_earn"], "1 mile per USD"),
    ("DL", "Silver", "SPG", ["dual_earn"], "1 mile per USD"),
]


@pytest.mark.parametrize(("programme", "tier", "to_programme", "kinds", "said"), BENEFITS)
def test_an_agreement_on_benefits_grants_no_status(
    programme: str, tier: str, to_programme: str, kinds: list[str], said: str
) -> None:
    """Crossover Rewards, 1 March 2013 to 15 July 2018 (the hotel group's own page)."""
    for on_date in (date(2013, 3, 1), date(2018, 7, 15)):
        found = asked(programme, tier, to_programme, on_date)
        assert [edge.kind.value for edge in found.edges] == kinds
        assert (found.granted_tier, found.refusal) == (None, None)
        assert said in found.path[1]
        assert "2013-03-01 to 2018-07-15" in found.path[1]
    for on_date in (date(2013, 2, 28), date(2018, 7, 16)):
        assert asked(programme, tier, to_programme, on_date).refusal == "no_edge"


def test_the_lowest_tier_of_the_level_is_shown_where_a_source_does_not_name_the_programme() -> None:
    path = asked("SK", "EuroBonus Gold", "UA", date(2024, 10, 1)).path
    assert "receive Premier Gold in UA" in path[1]
    assert "which of the alliance's programmes take part" in path[2]


@pytest.mark.parametrize(
    ("programme", "tier", "to_programme", "refusal"),
    [
        ("AA", "platinum", "oneworld", "unknown_tier"),
        ("aa", "Platinum", "oneworld", "unknown_programme"),
        ("AA", "Platinum", "One World", "unknown_programme"),
        ("SK", "Gold", "star", "unknown_tier"),
        ("AA", "Concierge Key", "oneworld", "unknown_tier"),
        ("UA", "Global Services", "star", "no_level"),
    ],
)
def test_what_is_not_known_is_reported_and_never_guessed(
    programme: str, tier: str, to_programme: str, refusal: str
) -> None:
    found = asked(programme, tier, to_programme, TODAY)
    assert (found.level, found.granted_tier, found.refusal) == (None, None, refusal)


def test_gold_is_three_levels_in_one_alliance() -> None:
    golds = {(p, t): level for p, t, hub, level in ROWS if hub == "oneworld" and t in {"Gold", "Oro", "MVP Gold"}}
    assert set(golds.values()) == {"Ruby", "Sapphire", "Emerald"}
