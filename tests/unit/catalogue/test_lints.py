"""Each lint with the smallest catalogue that it must find fault with."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.benefits import Benefit, EntitlementTerms, Payment
from catalogue.budgets import Budget
from catalogue.conversion import BlockBonus
from catalogue.lints import Finding
from catalogue.lints import lint as all_findings
from catalogue.loader import Catalogue
from catalogue.values import Rate
from tests.unit.catalogue.samples import CATALOGUE, PROGRAMME, plain_contract, with_catalogue

LOUNGE = CATALOGUE.benefits["lounge-visit"][0]


def lint(catalogue: Catalogue) -> tuple[Finding, ...]:
    """What is wrong; notes are what the published tier tables leave open (`test_tier_lints`)."""
    return tuple(finding for finding in all_findings(catalogue) if finding.severity != "note")


def only(catalogue: Catalogue) -> Finding:
    findings = lint(catalogue)
    assert len(findings) == 1, findings
    return findings[0]


def test_the_packaged_catalogue_is_clean() -> None:
    assert lint(CATALOGUE) == ()


THERE = plain_contract("there", "PTS", "MILES:x", Rate(5, 4))
BACK_EVEN = plain_contract("back", "MILES:x", "PTS", Rate(4, 5))


def test_a_round_trip_that_only_breaks_even_is_clean() -> None:
    assert lint(with_catalogue(conversions=(THERE, BACK_EVEN))) == ()


def test_a_round_trip_that_gains_is_an_error() -> None:
    back = plain_contract("back", "MILES:x", "PTS", Rate(100, 126))
    found = only(with_catalogue(conversions=(THERE, back)))
    assert (found.severity, found.key) == ("error", "rate")
    assert found.message == "a round trip gains: PTS to MILES:x to PTS turns 1 into up to 126/125"


def test_a_bonus_makes_the_gain() -> None:
    back = msgspec.structs.replace(BACK_EVEN, bonus=BlockBonus(block=60_000, bonus=1, counted_in="from"))
    assert "round trip" in only(with_catalogue(conversions=(THERE, back))).message


def test_a_round_trip_over_three_programmes_is_found_once() -> None:
    ring = (
        plain_contract("one", "PTS", "MILES:x", Rate(1, 1)),
        plain_contract("two", "MILES:x", "MILES:y", Rate(1, 1)),
        plain_contract("three", "MILES:y", "PTS", Rate(10, 11)),
    )
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)):
        assert "11/10" in only(with_catalogue(conversions=tuple(ring[number] for number in order))).message


def test_waiting_for_a_change_of_terms_is_told_apart_from_a_round_trip_on_one_day() -> None:
    ended = msgspec.structs.replace(THERE, effective_to_date=date(2026, 6, 30))
    back = plain_contract("back", "MILES:x", "PTS", Rate(1, 2), effective_from_date=date(2026, 7, 1))
    found = only(with_catalogue(conversions=(ended, back)))
    assert (found.severity, found.message) == (
        "warning",
        "a round trip over a change of terms gains: PTS to MILES:x to PTS turns 1 into up to 8/5; "
        "legs: there version 1, back version 1",
    )
    overlapping = msgspec.structs.replace(back, effective_from_date=date(2026, 6, 30))
    assert "a round trip gains" in only(with_catalogue(conversions=(ended, overlapping))).message
    backwards = (
        msgspec.structs.replace(THERE, effective_from_date=date(2026, 7, 1)),
        msgspec.structs.replace(back, effective_from_date=None, effective_to_date=date(2026, 6, 30)),
    )
    assert "MILES:x to PTS to MILES:x" in only(with_catalogue(conversions=backwards)).message


def test_contracts_of_two_regions_make_no_round_trip() -> None:
    back = plain_contract("back", "MILES:x", "PTS", Rate(1, 2), region="US")
    there = msgspec.structs.replace(THERE, region="DACH")
    assert lint(with_catalogue(conversions=(there, back))) == ()
    assert "round trip" in only(with_catalogue(conversions=(THERE, back))).message


@pytest.mark.parametrize(
    ("last", "first", "severity"),
    [
        (date(2026, 6, 30), date(2026, 7, 1), None),
        (date(2026, 7, 1), date(2026, 7, 1), "error"),
        (None, date(2026, 7, 1), "error"),
        (date(2026, 6, 29), date(2026, 7, 1), "warning"),
    ],
)
def test_versions_follow_each_other_day_by_day(last: date | None, first: date, severity: str | None) -> None:
    old = msgspec.structs.replace(THERE, effective_to_date=last)
    new = msgspec.structs.replace(THERE, version=2, effective_from_date=first)
    found = lint(with_catalogue(conversions=(new, old)))
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    rules = (
        msgspec.structs.replace(PROGRAMME.earn_rules[0], effective_to_date=last),
        msgspec.structs.replace(PROGRAMME.earn_rules[0], id="next", effective_from_date=first),
    )
    programme = msgspec.structs.replace(PROGRAMME, earn_rules=rules, campaigns=(), bonuses=(), renewals=())
    found = lint(with_catalogue(programme=programme))
    assert [finding.severity for finding in found] == ([severity] if severity else [])


def test_a_campaign_waits_for_an_activity_that_earns() -> None:
    rules = tuple(rule for rule in PROGRAMME.earn_rules if rule.activity != "parts")
    found = only(with_catalogue(programme=msgspec.structs.replace(PROGRAMME, earn_rules=rules)))
    assert (found.severity, found.key) == ("warning", "activity")
    assert "double-service-days-2027" in found.message


def test_conversions_name_partners_and_sources() -> None:
    stranger = only(with_catalogue(conversions=(msgspec.structs.replace(THERE, partner="nobody"),)))
    assert (stranger.severity, stranger.key) == ("error", "partner")
    nameless = only(with_catalogue(conversions=(msgspec.structs.replace(THERE, source=""),)))
    assert (nameless.severity, nameless.key) == ("warning", "source")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"partner": "nobody"}, "partner"),
        ({"payment": Payment()}, "payment"),
        ({"payment": Payment(entitlement=EntitlementTerms(uses={"titanium": 6}))}, "payment.entitlement.uses"),
        ({"upgrade": True}, "upgrade"),
    ],
)
def test_a_benefits_terms_are_whole(changes: dict[str, object], key: str) -> None:
    benefit = msgspec.structs.replace(LOUNGE, **changes)
    found = only(with_catalogue(benefits={"lounge-visit": (benefit,)}))
    assert (found.severity, found.key, found.file) == ("error", key, "benefits/lounge-visit.toml")


def versions(**changes: object) -> dict[str, tuple[Benefit, ...]]:
    second = msgspec.structs.replace(
        LOUNGE, version=2, announced_date=date(2026, 12, 1), effective_from_date=date(2027, 1, 1)
    )
    return {"lounge-visit": (LOUNGE, msgspec.structs.replace(second, **changes))}


def test_a_change_is_announced_before_it_takes_effect() -> None:
    assert lint(with_catalogue(benefits=versions())) == ()
    found = only(with_catalogue(benefits=versions(announced_date=date(2027, 1, 1))))
    assert found.key == "announced_date"


def test_versions_rise() -> None:
    assert only(with_catalogue(benefits=versions(version=1))).key == "versions"
    early = versions(effective_from_date=LOUNGE.effective_from_date, announced_date=date(2025, 1, 1))
    assert only(with_catalogue(benefits=early)).key == "versions"


def test_tiers_rise_from_nothing() -> None:
    for tiers in ((PROGRAMME.tiers[0], PROGRAMME.tiers[2], PROGRAMME.tiers[1]), PROGRAMME.tiers[1:]):
        programme = msgspec.structs.replace(PROGRAMME, tiers=tiers)
        findings = lint(with_catalogue(programme=programme, benefits={}))
        assert [finding.key for finding in findings] == ["tiers"]


def test_a_budget_names_partners_and_benefits_that_are_there() -> None:
    budget = Budget(id="visits", measure="points", cap=1, period="month", effective_from_date=date(2026, 1, 1))
    for changes, key in ({"partner": "nobody"}, "partner"), ({"benefits": ("nothing",)}, "benefits"):
        found = only(with_catalogue(budgets=(msgspec.structs.replace(budget, **changes),)))
        assert (found.thing, found.key) == ("budget:visits", key)


def test_a_catalogue_gives_the_very_versions_that_were_sold() -> None:
    assert CATALOGUE.current is CATALOGUE
    assert CATALOGUE.benefit_version("lounge-visit", LOUNGE.version) == LOUNGE
    assert CATALOGUE.benefit_version("lounge-visit", 99) is None
    contract = CATALOGUE.conversions[0]
    assert CATALOGUE.conversion_version(contract.id, contract.version) == contract
    assert CATALOGUE.conversion_version(contract.id, 99) is None
    later = msgspec.structs.replace(LOUNGE, version=99, effective_from_date=date(2028, 1, 1))
    announced = with_catalogue(benefits={"lounge-visit": (LOUNGE, later)})
    assert announced.announced_version("lounge-visit", date(2027, 12, 31)) == later
    assert announced.announced_version("lounge-visit", date(2028, 1, 1)) is None
    assert CATALOGUE.zone_of(None) == CATALOGUE.programme.time_zone
