"""Contracts: which terms are in force, and what a contract file may not say."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from config.files import PACKAGED_FOLDER
from config.partner_files import PartnerEnvironment, PartnerFile, PartnerIdentity, read_partner_files
from settlement.contracts import UnitPrice, contracts_in_force, read_contract, terms_for
from settlement.errors import ContractError
from tests.unit.settlement.samples import AIRLINE, HOTEL, LOUNGE, VISITS, contract

ON = date(2026, 11, 22)


def term(**changes: Any) -> dict[str, Any]:
    return {
        "id": "t",
        "from_date": date(2026, 1, 1),
        "way": "purchase",
        "price": {"kind": "unit", "minor_units": 5},
        "currency": "CNY",
        "bearers": {"maker": 1},
        **changes,
    }


def read(*terms: dict[str, Any], **changes: Any) -> Any:
    table = {"cut_off": "00:00:00", "time_zone": "Asia/Shanghai", "terms": list(terms), **changes}
    file = PartnerFile(
        partner=PartnerIdentity(id="p", name={}, segment="lounges", adapter="direct"),
        environments={"simulator": PartnerEnvironment(base_url="http://127.0.0.1:1")},
        contract=table,
    )
    return read_contract(Path("partners/p.toml"), file)


def test_change_of_price_takes_effect_on_its_date_and_keeps_what_was_before() -> None:
    old = replace(VISITS, id="old", until_date=date(2026, 7, 1))
    new = replace(VISITS, id="new", from_date=date(2026, 7, 1), price=UnitPrice(13_000))
    changed = contract("skyhub-lounge", old, new)
    assert [terms.id for terms in contracts_in_force(changed, date(2026, 6, 30))] == ["old"]
    assert [terms.id for terms in contracts_in_force(changed, date(2026, 7, 1))] == ["new"]
    assert contracts_in_force(changed, date(2025, 12, 31)) == ()


def test_terms_are_found_by_benefit_and_way() -> None:
    assert _id(LOUNGE, "purchase", "lounge-visit") == "visits"
    assert _id(LOUNGE, "resource_exchange", "lounge-for-parts") == "exchange"
    assert _id(HOTEL, "joint", "hotel-upgrade") == "upgrades"
    assert _id(AIRLINE, "conversion", None) == "miles"
    assert _id(LOUNGE, "joint", "lounge-visit") is None
    assert _id(LOUNGE, "purchase", "unknown") is None


@pytest.mark.parametrize("kind", ["refund", "no_show", "cancel_fee", "guest_visit"])
def test_what_follows_a_benefit_is_priced_by_its_terms(kind: str) -> None:
    assert _id(LOUNGE, kind, "lounge-visit") == "visits"
    assert _id(HOTEL, kind, "hotel-upgrade") == "upgrades"


def test_terms_that_name_a_kind_come_before_those_for_all() -> None:
    guests = replace(VISITS, id="guests", kinds=("guest_visit",), price=UnitPrice(8_000))
    mixed = contract("skyhub-lounge", VISITS, guests)
    assert _id(mixed, "guest_visit", "lounge-visit") == "guests"
    assert _id(mixed, "purchase", "lounge-visit") == "visits"


def _id(of: Any, kind: str, benefit_id: str | None) -> str | None:
    found = terms_for(of, kind, benefit_id, ON)
    return found.id if found else None


@pytest.mark.parametrize(
    ("terms", "changes", "words"),
    [
        ([term(colour="blue")], {}, "colour"),
        ([term(price={"kind": "unit", "minor_units": 1.5})], {}, "int"),
        ([term(price={"kind": "magic"})], {}, "magic"),
        ([term(bearers={"club": 1})], {}, "club"),
        ([term(bearers={})], {}, "bearers"),
        ([term(bearers={"maker": 0})], {}, "bearers"),
        ([term(bearers={"maker": 2, "dealer": -1})], {}, "bearers"),
        ([term(currency="cny")], {}, "currency"),
        ([term(until_date=date(2026, 1, 1))], {}, "until_date"),
        ([term(price={"kind": "unit", "minor_units": -5})], {}, "negative"),
        ([term(minimum_minor_units=-1)], {}, "negative"),
        ([term(shared="difference")], {}, "difference"),
        ([term(price={"kind": "credit", "credits_per_unit": 5})], {}, "resource_exchange"),
        ([term(way="resource_exchange")], {}, "resource_exchange"),
        ([term(tax_rate={"from_units": 0, "to_units": 6})], {}, "rate"),
        ([term(), term()], {}, "one id"),
        ([term(), term(id="u", from_date=date(2027, 1, 1))], {}, "same facts"),
        ([term(benefits=["a", "b"]), term(id="u", benefits=["b"])], {}, "same facts"),
        ([], {"time_zone": "Mars/Olympus"}, "Mars"),
        ([], {"tolerance_minor_units": -1}, "negative"),
        ([], {"break_limit_minor_units": -1}, "negative"),
        ([], {"cut_off": "24:30:00"}, "cut_off"),
        ([], {"cut_off": "00:00:00+08:00"}, "wall-clock"),
    ],
)
def test_contract_that_cannot_be_used_stops_start_up(
    terms: list[dict[str, Any]], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ContractError, match=words) as caught:
        read(*terms, **changes)
    assert "p.toml" in caught.value.message


def test_terms_one_after_the_other_or_for_other_benefits_do_not_clash() -> None:
    read(
        term(until_date=date(2026, 7, 1)),
        term(id="u", from_date=date(2026, 7, 1)),
        term(id="v", benefits=["a"]),
        term(id="w", benefits=["b"]),
        term(id="x", kinds=["no_show"]),
    )


def test_bundled_contracts_are_valid_and_show_every_way_of_working() -> None:
    files = read_partner_files(PACKAGED_FOLDER)
    assert set(files) >= {"skyhub-lounge", "expedia-rapid", "skyward-miles"}
    read_all = [read_contract(PACKAGED_FOLDER / "partners" / f"{name}.toml", file) for name, file in files.items()]
    ways = {terms.way for one in read_all for terms in one.terms}
    assert ways == {"purchase", "resource_exchange", "joint", "conversion"}
