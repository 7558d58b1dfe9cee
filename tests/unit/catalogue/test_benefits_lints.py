"""What is wrong with terms, and with a change of terms: each fault by itself, with what to do."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import msgspec
import pytest

from catalogue.benefits import EntitlementTerms, Payment, PointsTerms, Vertical, Way
from catalogue.benefits_lints import change_faults, term_faults
from catalogue.eligibility_rules import Eligibility, Hours
from catalogue.entitlements_windows import Quota
from catalogue.lints import lint
from tests.unit.catalogue.samples import CATALOGUE, TODAY, with_catalogue

FOUND = CATALOGUE.benefit("lounge-visit", TODAY)
assert FOUND is not None
LOUNGE = FOUND
FREE = Payment(free=True)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, None),
        ({"payment": Payment()}, "payment"),
        ({"payment": FREE}, "payment.free"),
        ({"payment": FREE, "quotas": (Quota(limit=1),)}, None),
        ({"payment": FREE, "stock": 10}, None),
        ({"payment": FREE, "eligibility": Eligibility(tiers=("gold",))}, None),
        ({"payment": Payment(entitlement=EntitlementTerms(uses={"gold": 1}, guests=2)), "max_guests": 1},
         "payment.entitlement.guests"),
        ({"payment": Payment(entitlement=EntitlementTerms(uses={"gold": 1}, guests=1)), "max_guests": 1}, None),
        ({"upgrade": True}, "upgrade"),
        ({"upgrade": True, "way": Way.JOINT}, "upgrade"),
        ({"upgrade": True, "way": Way.JOINT, "cost_split_rule": "split"}, None),
        ({"way": Way.JOINT}, "cost_split_rule"),
        ({"cost_split_rule": "split"}, "cost_split_rule"),
        ({"way": Way.RESOURCE_EXCHANGE, "payment": Payment(at_partner=True)}, "payment.at_partner"),
        ({"way": Way.PURCHASE, "payment": Payment(at_partner=True)}, None),
        ({"eligibility": Eligibility(lounge_rules=("star-gold",))}, None),
        ({"eligibility": Eligibility(lounge_rules=("star-goold",))}, "eligibility.lounge_rules"),
        ({"eligibility": Eligibility(lounge_rules=("star-gold",)), "vertical": Vertical.HOTEL},
         "eligibility.lounge_rules"),
        ({"eligibility": Eligibility(airports=("XXX",))}, "eligibility.airports"),
        ({"eligibility": Eligibility(airports=("XXX",)), "voucher": None}, None),
        ({"eligibility": Eligibility(airports=("XXX",), hours=(Hours(time(1), time(2)),)), "voucher": None},
         "eligibility.airports"),
        ({"valid_from_date": date(2026, 12, 2), "valid_to_date": date(2026, 12, 1)}, "valid_to_date"),
        ({"valid_from_date": date(2026, 12, 1), "valid_to_date": date(2026, 12, 1)}, None),
    ],
)  # fmt: skip
def test_faults_of_terms(changes: dict[str, Any], key: str | None) -> None:
    found = list(term_faults(msgspec.structs.replace(LOUNGE, **changes), CATALOGUE.lounges))
    assert [fault[0] for fault in found] == ([] if key is None else [key])
    assert all(message and fix for _, message, fix in found)


@pytest.mark.parametrize(
    ("notice", "announced", "key"),
    [
        (30, date(2026, 12, 2), None),
        (30, date(2026, 12, 3), "announced_date"),
        (1, date(2026, 12, 31), None),
        (1, date(2027, 1, 1), "announced_date"),
    ],
)
def test_a_change_keeps_the_notice_that_the_earlier_terms_promise(
    notice: int, announced: date, key: str | None
) -> None:
    """30 days before 1 January is 2 December."""
    earlier = msgspec.structs.replace(LOUNGE, notice_days=notice)
    later = msgspec.structs.replace(
        LOUNGE, version=2, announced_date=announced, effective_from_date=date(2027, 1, 1), notice_days=1
    )
    assert [fault[0] for fault in change_faults(earlier, later)] == ([] if key is None else [key])
    findings = lint(with_catalogue(benefits={LOUNGE.id: (earlier, later)}))
    keys = [finding.key for finding in findings if finding.severity != "note"]
    assert keys == ([] if key is None else [key])


def test_a_version_that_does_not_follow() -> None:
    same = msgspec.structs.replace(LOUNGE, payment=Payment(points=PointsTerms(1)))
    assert [fault[0] for fault in change_faults(LOUNGE, same)] == ["versions"]
