"""Every published rate under its own name: its ratio as published, its terms, and what two quantities become.

Sources: those of the contracts in published_contracts. A row that does not state enough is reported, not quoted.
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import NamedTuple

import pytest

from catalogue.conversion_lints import contract_faults
from catalogue.conversion_quotes import Occasion, in_force, quote
from catalogue.errors import ConversionRefusedError
from tests.unit.catalogue.published import FILES, TODAYS, between

MAY_2023 = date(2023, 5, 31)
JANUARY_2026 = date(2026, 1, 31)
BEFORE = date(2025, 7, 31)
AFTER = date(2025, 8, 1)


class Row(NamedTuple):
    """A published rate, and quantities worked out by hand from it."""

    source: str
    target: str
    region: str | None
    on_date: date
    ratio: str
    given: int
    received: int
    minimum: int = 1
    increment: int = 1
    days: int | None = None

    @property
    def name(self) -> str:
        old = "-until-2025-07" if self.on_date == BEFORE else ""
        return f"{self.source}-{self.target}-{self.region or 'GLOBAL'}{old}"


ROWS = (
    Row("AMEX-MR", "RADISSON", "DACH", JANUARY_2026, "1:2", 1_002, 2_004, 1_000, 2, 7),
    Row("AMEX-MR", "HILTON", "DACH", JANUARY_2026, "1:1", 2_525, 2_525, 2_500, 25, 1),
    Row("AMEX-MR", "FLYING-BLUE", "DACH", JANUARY_2026, "5:4", 630, 504, 625, 5, 1),
    Row("AMEX-MR", "BA", "DACH", JANUARY_2026, "5:4", 1_005, 804, 1_000, 5, 1),
    Row("AMEX-MR", "IBERIA", "DACH", JANUARY_2026, "5:4", 2_500, 2_000, 1_000, 500, 1),
    Row("AMEX-MR", "SAS", "DACH", JANUARY_2026, "5:4", 1_000, 800, 1_000, 500, 5),
    Row("AMEX-MR", "CATHAY", "DACH", BEFORE, "5:4", 1_001, 800),
    Row("AMEX-MR", "CATHAY", "DACH", AFTER, "3:2", 1_200, 800, 900, 300, 3),
    Row("AMEX-MR", "KRISFLYER", "DACH", JANUARY_2026, "3:2", 1_503, 1_002, 1_500, 3, 15),
    Row("AMEX-MR", "QATAR", "DACH", BEFORE, "5:4", 1_000, 800),
    Row("AMEX-MR", "QATAR", "DACH", AFTER, "3:2", 903, 602, 900, 3, 7),
    Row("AMEX-MR", "ETIHAD", "DACH", BEFORE, "5:4", 999, 799),
    Row("AMEX-MR", "ETIHAD", "DACH", AFTER, "3:2", 1_500, 1_000, 900, 300, 5),
    Row("AMEX-MR", "DELTA", "DACH", JANUARY_2026, "3:2", 3_003, 2_002, 3_000, 3, 5),
    Row("AMEX-MR", "MARRIOTT", "DACH", JANUARY_2026, "3:2", 900, 600, 900, 3, 1),
    Row("AMEX-MR", "EMIRATES", "DACH", BEFORE, "5:4", 10_000, 8_000),
    Row("AMEX-MR", "EMIRATES", "DACH", AFTER, "2:1", 1_002, 501, 1_000, 2, 1),
    Row("AMEX-MR", "PAYBACK", "DACH", JANUARY_2026, "3:1", 903, 301, 900, 3, 2),
    Row("PAYBACK", "MILES-AND-MORE", "DACH", JANUARY_2026, "1:1", 7, 7),
    Row("AMEX-MR", "AEROMEXICO", "US", MAY_2023, "1000:1600", 1_000, 1_600),
    Row("AMEX-MR", "AER-LINGUS", "US", MAY_2023, "1000:1000", 1_000, 1_000, days=0),
    Row("AMEX-MR", "AEROPLAN", "US", MAY_2023, "1000:1000", 2_000, 2_000, days=0),
    Row("AMEX-MR", "FLYING-BLUE", "US", MAY_2023, "1000:1000", 1_000, 1_000, days=0),
    Row("AMEX-MR", "ANA", "US", MAY_2023, "1000:1000", 1_000, 1_000, days=3),
    Row("AMEX-MR", "LIFEMILES", "US", MAY_2023, "1000:1000", 1_000, 1_000, days=0),
    Row("AMEX-MR", "EL-AL", "US", MAY_2023, "50:1", 99, 1),
    Row("AMEX-MR", "JETBLUE", "US", MAY_2023, "1:0.8", 1_004, 803),
    Row("MARRIOTT", "MOST-AIRLINES", None, date(2020, 6, 30), "3:1", 3_002, 1_000),
    Row("MARRIOTT", "AIR-NZ", None, date(2020, 6, 30), "200:1", 399, 1),
    Row("MARRIOTT", "JETBLUE", None, date(2020, 6, 30), "6:1", 60_000, 10_000),
    Row("MARRIOTT", "UNITED", None, date(2020, 6, 30), "3:1.1", 3_000, 1_100),
    Row("ACCOR", "QATAR", None, date(2017, 2, 2), "2000:1000", 2_000, 1_000),
    Row("QATAR", "ACCOR", None, date(2017, 2, 2), "4500:1000", 9_000, 2_000, 4_500, 4_500),
    Row("FLIGGY", "ACCOR", "CN", JANUARY_2026, "13.5:1", 1_350, 100),
    Row("C1", "EMIRATES", "US", JANUARY_2026, "2:1.5", 1_001, 750),
    Row("C1", "EVA", "US", JANUARY_2026, "2:1.5", 1_000, 750),
    Row("C1", "JAL", "US", JANUARY_2026, "2:1.5", 1_003, 752),
    Row("C1", "JETBLUE", "US", JANUARY_2026, "5:3", 1_004, 602),
    Row("C1", "ACCOR", "US", JANUARY_2026, "2:1", 1_001, 500),
    Row("C1", "I-PREFER", "US", JANUARY_2026, "1:2", 1_001, 2_002),
    Row("C1", "QATAR", "US", JANUARY_2026, "1:1", 1_001, 1_001),
    Row("C1", "TURKISH", "US", JANUARY_2026, "1:1", 1_001, 1_001),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rate(row: Row) -> None:
    contracts = between(row.source, row.target)
    occasion = Occasion(row.on_date, row.region)
    contract = in_force(contracts, occasion)
    gives, becomes = (Fraction(part) for part in row.ratio.split(":"))
    assert contract.rate is not None
    assert contract.rate.fraction == becomes / gives
    assert (contract.minimum, contract.increment, contract.transfer_days) == (row.minimum, row.increment, row.days)
    assert quote(contracts, row.given, occasion).to_quantity == row.received
    if row.minimum > 1:
        assert quote(contracts, row.minimum, occasion).to_quantity == row.minimum * becomes / gives
        with pytest.raises(ConversionRefusedError) as refused:
            quote(contracts, row.minimum - 1, occasion)
        assert (refused.value.facts["reason"], refused.value.facts["nearest"]) == ("below_minimum", row.minimum)
    if row.increment > 1:
        with pytest.raises(ConversionRefusedError) as refused:
            quote(contracts, row.given + 1, occasion)
        assert (refused.value.facts["reason"], refused.value.facts["nearest"]) == ("off_increment", row.given)


def test_superseded_ba_us_is_reported_and_never_quoted() -> None:
    """250 to 200 is called superseded by the one page that tells it; no page tells the terms that followed."""
    with pytest.raises(ConversionRefusedError) as refused:
        quote(between("AMEX-MR", "BA"), 1_000, Occasion(JANUARY_2026, "US"))
    assert (refused.value.facts["reason"], refused.value.facts["contracts"]) == ("superseded", "amex-ba-us version 1")


def test_superseded_aeromexico_us_leaves_the_days_before_its_follower_open() -> None:
    """1000 to 1000 was superseded on an unknown day; 1000 to 1600 is vouched for from the end of May 2023."""
    contracts = between("AMEX-MR", "AEROMEXICO")
    with pytest.raises(ConversionRefusedError) as refused:
        quote(contracts, 1_000, Occasion(date(2023, 5, 30), "US"))
    assert (refused.value.facts["reason"], refused.value.facts["contracts"]) == (
        "undated_change",
        "amex-aeromexico-us version 1",
    )
    assert quote(contracts, 1_000, Occasion(MAY_2023, "US")).version == 2


def test_the_lint_names_what_the_sources_leave_open_and_nothing_else() -> None:
    found = [(fault.contract.name, fault.key, fault.severity) for fault in contract_faults(TODAYS)]
    assert found == [
        ("amex-aeromexico-us version 1", "effective_to_date", "warning"),
        ("amex-ba-us version 1", "effective_to_date", "warning"),
    ]


def test_the_lint_names_the_contradiction_between_two_years() -> None:
    every = tuple(contract for contracts in FILES.values() for contract in contracts)
    errors = [fault.message for fault in contract_faults(every) if fault.severity == "error"]
    assert errors == ["marriott-united version 2 and marriott-united-2013 version 1 are in force on the same day"]


def test_the_yearly_cap_of_the_two_hotel_ways() -> None:
    """100,000 Avios a year: 22 blocks of 4,500 fit, the 23rd does not."""
    with pytest.raises(ConversionRefusedError) as refused:
        quote(between("QATAR", "ACCOR"), 103_500, Occasion(date(2018, 5, 1)))
    facts = refused.value.facts
    assert (facts["reason"], facts["nearest"], facts["nearest_to"], facts["again_date"]) == (
        "above_cap",
        99_000,
        22_000,
        "2019-01-01",
    )
