"""What is owed for a fact: price, tax, shares, postings."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from msgspec.structs import replace

from catalogue.values import Money, Rate
from settlement.accounts import partner_payable, partner_receivable
from settlement.contracts import CreditPrice, RatePrice
from settlement.errors import ObligationError
from settlement.journal import totals
from settlement.obligations import Fact, Obligation, obligations
from tests.unit.settlement.samples import AIRLINE, EXCHANGE, HOTEL, LOUNGE, MILES, VISITS, contract, fact, yuan


def posted(obligation: Obligation) -> dict[tuple[str, str], int]:
    return {(leg.account.code, leg.account.commodity): leg.amount for leg in obligation.postings}


def shares(obligation: Obligation) -> dict[str, int]:
    return {share.bearer: share.amount for share in obligation.shares}


def upgrade(**changes: object) -> Fact:
    return fact(
        **{
            "partner": "expedia-rapid",
            "kind": "joint",
            "benefit_id": "hotel-upgrade",
            "quantity": 1,
            "partner_price": yuan(60_001),
            "base_price": yuan(50_000),
            **changes,
        }
    )


def test_purchase_costs_the_unit_price_for_each_visitor_with_tax_contained() -> None:
    owed = obligations(LOUNGE, fact())
    assert (owed.line.gross, owed.line.tax, owed.line.net) == (24_000, 1_358, 22_642)
    assert posted(owed) == {("bearer/maker/expense", "CNY"): 24_000, ("partner/skyhub-lounge/payable", "CNY"): -24_000}
    assert (owed.line.points, owed.line.credits, owed.line.terms_id) == (1200, 0, "visits")


def test_tax_on_top_is_added_to_the_price() -> None:
    on_top = contract("skyhub-lounge", replace(VISITS, tax_included=False))
    line = obligations(on_top, fact(quantity=1)).line
    assert (line.gross, line.tax, line.net) == (12_720, 720, 12_000)


@pytest.mark.parametrize(("net", "tax"), [(25, 2), (75, 6), (50, 4), (35, 3), (45, 4)])
def test_tax_is_rounded_half_to_even(net: int, tax: int) -> None:
    """8 % of 25, 75, 50, 35 and 45; and 10 % halves: 5 % of 50 is 2.5 -> 2, of 70 is 3.5 -> 4."""
    eight = contract("expedia-rapid", replace(HOTEL.terms[0], tax_rate=Rate(100, 8), tax_included=False))
    line = obligations(eight, _stay(net)).line
    assert (line.net, line.tax) == (net, tax)


@pytest.mark.parametrize(("net", "tax"), [(50, 2), (70, 4), (-50, -2)])
def test_half_a_unit_of_tax_goes_to_the_even_neighbour(net: int, tax: int) -> None:
    five = contract("expedia-rapid", replace(HOTEL.terms[0], tax_rate=Rate(100, 5), tax_included=False))
    kind = "refund" if net < 0 else "purchase"
    assert obligations(five, replace(_stay(abs(net)), kind=kind)).line.tax == tax


def _stay(price: int) -> Fact:
    return fact(partner="expedia-rapid", benefit_id="hotel-stay", quantity=1, partner_price=yuan(price))


def test_guest_reported_later_is_owed_by_the_visit_s_terms() -> None:
    owed = obligations(LOUNGE, fact(kind="guest_visit", quantity=1, line_key="rdm_1:guests", points=0))
    assert owed.line.gross == 12_000


def test_joint_benefit_shares_the_difference_and_leaves_the_base_to_the_programme() -> None:
    owed = obligations(HOTEL, upgrade())
    assert owed.line.gross == 60_001
    assert shares(owed) == {"maker": 50_000 + 5_001, "dealer": 3_000, "partner": 2_000}
    assert posted(owed)[("partner/expedia-rapid/payable", "CNY")] == -60_001


def test_upgrade_that_costs_no_more_than_the_base_is_borne_by_the_programme_alone() -> None:
    assert shares(obligations(HOTEL, upgrade(partner_price=yuan(48_000)))) == {"maker": 48_000}


def test_refund_takes_back_exactly_what_was_owed() -> None:
    owed, back = obligations(HOTEL, upgrade()), obligations(HOTEL, upgrade(kind="refund"))
    assert posted(back) == {account: -amount for account, amount in posted(owed).items()}
    assert (back.line.gross, back.line.points) == (-owed.line.gross, -owed.line.points)


def test_resource_exchange_moves_credits_and_no_cash() -> None:
    owed = obligations(LOUNGE, fact(kind="resource_exchange", benefit_id="lounge-for-parts", quantity=2))
    assert (owed.line.gross, owed.line.credits) == (0, 160)
    assert posted(owed) == {
        ("bearer/maker/expense", "CREDIT:skyhub-lounge"): 107,
        ("bearer/dealer/expense", "CREDIT:skyhub-lounge"): 53,
        ("partner/skyhub-lounge/credits", "CREDIT:skyhub-lounge"): -160,
    }


def test_barter_nets_out_when_as_much_was_given_as_received() -> None:
    given = replace(EXCHANGE, id="given", benefits=("accessories",), price=CreditPrice(40, "given"))
    both = contract("skyhub-lounge", EXCHANGE, given)
    received = obligations(both, fact(kind="resource_exchange", benefit_id="lounge-for-parts", quantity=3))
    paid = obligations(both, fact(kind="resource_exchange", benefit_id="accessories", quantity=6))
    account = ("partner/skyhub-lounge/credits", "CREDIT:skyhub-lounge")
    assert posted(received)[account] + posted(paid)[account] == 0


def test_conversion_is_priced_exactly_and_clears_the_miles() -> None:
    """801 miles at 13 fen for 2: 5,206.5 fen, half to even."""
    owed = obligations(AIRLINE, fact(partner="skyward-miles", kind="conversion", benefit_id=None, quantity=801))
    assert owed.line.gross == 5_206
    assert posted(owed)[("partner/skyward-miles/clearing", "MILES:skyward-miles")] == -801
    assert posted(owed)[("partner/skyward-miles/receivable", "MILES:skyward-miles")] == 801


def test_member_who_pays_the_partner_leaves_nothing_owed() -> None:
    owed = obligations(HOTEL, replace(_stay(50_000), paid_at_partner=True, points=0))
    assert (owed.line.gross, owed.shares, owed.postings) == (0, (), ())


def test_commission_is_the_partner_s_debt() -> None:
    commissioned = replace(_stay(50_050), benefit_id="hotel-direct", paid_at_partner=True)
    owed = obligations(HOTEL, commissioned)
    assert owed.line.gross == -4_004
    assert {leg.account for leg in owed.postings} >= {partner_receivable("expedia-rapid", "CNY")}
    assert totals(owed.postings) == {"CNY": 0}


def test_prepaid_pack_is_drawn_down() -> None:
    prepaid = contract("skyhub-lounge", replace(VISITS, payment="prepaid"))
    accounts = {leg.account for leg in obligations(prepaid, fact()).postings}
    assert partner_receivable("skyhub-lounge", "CNY") in accounts
    assert partner_payable("skyhub-lounge", "CNY") not in accounts


def test_minimum_is_the_least_a_line_costs() -> None:
    least = contract("skyward-miles", replace(MILES, price=RatePrice(Rate(1000, 1)), minimum_minor_units=50))
    cheap = fact(partner="skyward-miles", kind="conversion", benefit_id=None, quantity=801)
    assert obligations(least, cheap).line.gross == 50
    assert obligations(least, replace(cheap, kind="refund")).line.gross == -50


def test_cancellation_fee_is_what_the_partner_charges() -> None:
    fee = fact(kind="cancel_fee", partner_price=yuan(3_000), points=0)
    assert obligations(LOUNGE, fee).line.gross == 3_000


def test_business_date_follows_the_partner_s_day_and_price_the_service_date() -> None:
    line = obligations(LOUNGE, fact(occurred_at=datetime(2026, 11, 22, 16, 0, tzinfo=UTC))).line
    assert line.business_date == date(2026, 11, 23)
    assert line.service_date == date(2026, 11, 22)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (fact(benefit_id="unknown"), "no terms"),
        (fact(service_date=date(2025, 12, 31)), "no terms"),
        (fact(kind="gift"), "no fact"),
        (fact(quantity=0), "no fact"),
        (fact(kind="cancel_fee"), "partner's price"),
    ],
)
def test_fact_that_no_terms_price_is_refused(odd: Fact, words: str) -> None:
    with pytest.raises(ObligationError, match=words):
        obligations(LOUNGE, odd)


@pytest.mark.parametrize(
    "odd",
    [
        upgrade(partner_price=None),
        upgrade(base_price=None),
        upgrade(partner_price=Money(60_001, "USD")),
        upgrade(base_price=Money(50_000, "USD")),
    ],
)
def test_joint_benefit_needs_both_prices_in_the_contract_s_currency(odd: Fact) -> None:
    with pytest.raises(ObligationError):
        obligations(HOTEL, odd)
