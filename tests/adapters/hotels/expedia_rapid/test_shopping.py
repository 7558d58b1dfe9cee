"""Offers: from availability to priced rooms, and the upgrade that a tier brings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from adapters.hotels.expedia_rapid.adapter import RapidAdapter
from adapters.hotels.expedia_rapid.mapping import read_token
from adapters.sdk.errors import AuthenticationError, PartnerUnavailableError, ProtocolError, RejectedError
from adapters.sdk.records import Mileage, Offer, OfferRequest, Stay
from adapters.sdk.testing.simulator import Simulator
from catalogue.values import Money
from tests.adapters.hotels.expedia_rapid.conftest import STAY, Answering, TestClock, offered


def amount_of(offer: Offer) -> int:
    assert offer.price is not None
    return offer.price.amount


async def test_without_a_tier_the_rooms_are_offered_cheapest_first_and_nothing_is_an_upgrade(
    adapter: RapidAdapter, clock: TestClock
) -> None:
    offers = await offered(adapter)
    assert [offer.title for offer in offers] == ["Standard Queen Room · 1 Bed", "Executive King Room · 1 Bed"]
    assert amount_of(offers[0]) < amount_of(offers[1])
    assert {offer.base_price for offer in offers} == {None}
    assert {(offer.price.currency, offer.pays_partner) for offer in offers if offer.price} == {("CNY", False)}
    assert all(clock.now() < offer.expires_at <= clock.now() + timedelta(minutes=30) for offer in offers)


async def test_a_gold_member_is_offered_the_better_room_at_the_standard_rooms_price(adapter: RapidAdapter) -> None:
    standard, _ = await offered(adapter)
    upgrade, beside = await offered(adapter, tier="gold")
    assert upgrade.title == "Executive King Room · 1 Bed"
    assert upgrade.base_price == standard.price
    assert amount_of(upgrade) > amount_of(standard)
    assert (beside.title, beside.price, beside.base_price) == (standard.title, standard.price, None)


async def test_a_tier_that_is_not_upgraded_gets_plain_offers(adapter: RapidAdapter) -> None:
    assert {offer.base_price for offer in await offered(adapter, tier="silver")} == {None}


async def test_a_city_is_searched_in_the_properties_configured_for_it(adapter: RapidAdapter) -> None:
    stay = msgspec.structs.replace(STAY, property_id=None, city="SHA")
    services = [offer.service for offer in await offered(adapter, stay)]
    assert [service.property_id for service in services if isinstance(service, Stay)] == ["40010001"] * 2 + [
        "40010002"
    ] * 2
    assert services[0] == msgspec.structs.replace(stay, property_id="40010001")


async def test_the_price_is_in_the_currency_asked_for_and_the_bill_in_the_partners(adapter: RapidAdapter) -> None:
    yuan, yen = [
        (await adapter.quote_offers(OfferRequest(service=STAY, currency=currency)))[0] for currency in ("CNY", "JPY")
    ]
    token = read_token(yen.token)
    assert token is not None
    assert yen.price == Money(amount_of(yuan) // 5, "JPY")
    assert token.billable == yuan.price


@pytest.mark.parametrize(
    "service", [msgspec.structs.replace(STAY, property_id=None, city="PAR"), Mileage(account="1", quantity=2)]
)
async def test_what_cannot_be_searched_is_refused_without_a_call(
    adapter: RapidAdapter, simulator: Simulator, service: Any
) -> None:
    with pytest.raises(RejectedError):
        await adapter.quote_offers(OfferRequest(service=service, currency="CNY"))
    assert simulator.counts["availability"] == 0


async def test_no_room_left_is_an_empty_answer(answering: Answering) -> None:
    assert await offered(answering(_answer(200, []))) == ()


def _answer(status: int, body: Any) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(msgspec.json.encode(body)))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"type": "invalid_input", "errors": [{"type": "checkin.invalid_date_format"}]}, RejectedError),
        (400, {"type": "invalid_input", "errors": [{"type": "unheard_of"}]}, ProtocolError),
        (401, {"type": "request_unauthenticated"}, AuthenticationError),
        (403, {"type": "request_unauthorized"}, AuthenticationError),
        (426, {"type": "upgrade_required"}, RejectedError),
        (429, {"type": "too_many_requests"}, PartnerUnavailableError),
        (500, {"type": "unknown_internal_error"}, PartnerUnavailableError),
        (503, {"type": "service_unavailable"}, PartnerUnavailableError),
        (302, {}, ProtocolError),
        (200, {"rooms": []}, ProtocolError),
        (200, [{"property_id": "1"}], ProtocolError),
    ],
)
async def test_a_search_that_fails_is_classed_by_what_is_done_next(
    answering: Answering, status: int, body: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await offered(answering(_answer(status, body)))


def _hotel(*rates: dict[str, Any]) -> list[dict[str, Any]]:
    rooms = [{"id": f"r{number}", "room_name": f"Room {number}", "rates": [rate]} for number, rate in enumerate(rates)]
    return [{"property_id": "40010001", "status": "available", "score": 10052.5, "rooms": rooms}]


def _rate(value: str, **changes: Any) -> dict[str, Any]:
    charge = {"value": value, "currency": "CNY"}
    inclusive = {"request_currency": charge, "billable_currency": charge}
    rate = {
        "id": "x",
        "status": "available",
        "merchant_of_record": "expedia",
        "refundable": True,
        "bed_groups": {
            "1": {"description": "", "links": {"price_check": {"href": "/v3/properties/1/rooms/1/rates/1"}}}
        },
        "occupancy_pricing": {"2": {"totals": {"inclusive": inclusive}}},
    }
    return rate | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "sold_out"},
        {"status": None},
        {"merchant_of_record": "property"},
        {"bed_groups": {}},
        {"bed_groups": {"1": {"links": {}}}},
        {"occupancy_pricing": {}},
        {"occupancy_pricing": {"2": {"totals": {}}}},
    ],
)
async def test_a_rate_that_cannot_be_booked_on_our_account_is_not_offered(
    answering: Answering, changes: dict[str, Any]
) -> None:
    offers = await offered(answering(_answer(200, _hotel(_rate("90.00", **changes), _rate("100.00")))))
    assert [amount_of(offer) for offer in offers] == [10_000]


async def test_a_price_in_another_currency_is_not_believed(answering: Answering) -> None:
    charge = {"request_currency": {"value": "90.00", "currency": "USD"}}
    rate = _rate("90.00", occupancy_pricing={"2": {"totals": {"inclusive": charge}}})
    with pytest.raises(ProtocolError, match="USD"):
        await offered(answering(_answer(200, _hotel(rate))))


async def test_rooms_at_one_price_are_no_upgrade_of_each_other(answering: Answering) -> None:
    answer = _answer(200, _hotel(_rate("100.00"), _rate("100.00"), _rate("140.00")))
    offers = await offered(answering(answer), tier="gold")
    assert [(offer.title, offer.base_price) for offer in offers] == [
        ("Room 2", Money(10_000, "CNY")),
        ("Room 0", None),
        ("Room 1", None),
    ]


async def test_one_room_alone_is_no_upgrade(answering: Answering) -> None:
    (offer,) = await offered(answering(_answer(200, _hotel(_rate("100.00")))), tier="gold")
    assert offer.base_price is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cancel_penalties": [{"start": "2099-01-02 00:00:00+08:00"}, {"start": "2099-01-01 00:00:00+08:00"}]}, True),
        ({"cancel_penalties": [{"start": "2099-01-01 00:00:00+08:00"}], "refundable": False}, False),
        ({"cancel_penalties": [{"start": "2020-01-01 00:00:00+08:00"}]}, False),
        ({}, False),
    ],
)
async def test_an_offer_is_refundable_until_the_first_penalty(
    answering: Answering, changes: dict[str, Any], expected: bool
) -> None:
    (offer,) = await offered(answering(_answer(200, _hotel(_rate("100.00", **changes)))))
    assert offer.refundable_until_at == (datetime(2098, 12, 31, 16, tzinfo=UTC) if expected else None)


async def test_an_offer_without_an_end_gets_ours(answering: Answering, clock: TestClock) -> None:
    (offer,) = await offered(answering(_answer(200, _hotel(_rate("100.00")))))
    assert abs(offer.expires_at - clock.now() - timedelta(seconds=600)) < timedelta(seconds=5)
