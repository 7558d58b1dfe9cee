"""The adapter and its simulator over real HTTP: what is offered, booked once, cancelled and accounted for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from adapters.sdk.errors import AuthenticationError, OutcomeUnknownError, ProtocolError, RejectedError
from adapters.sdk.manifest import Profile
from adapters.sdk.options import typed_options
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import OfferRequest, Ride, Traveller, Visit
from adapters.sdk.testing.simulator import SimulatorOptions
from adapters.transfers.amadeus_transfers.mapping import search
from adapters.transfers.amadeus_transfers.options import TransferOptions
from adapters.transfers.amadeus_transfers.simulator import create_simulator
from adapters.transfers.amadeus_transfers.simulator_book import Magic
from config.errors import ConfigurationError
from tests.adapters.transfers.amadeus_transfers.conftest import (
    KEY,
    MANIFEST,
    OPTIONS,
    PARTNER,
    RIDE,
    Partner,
    TestClock,
    at_minute,
    requested,
    running,
)


def asked(ride: Ride, currency: str = "CNY") -> OfferRequest:
    return OfferRequest(service=ride, currency=currency)


def test_the_facts_give_profile_g() -> None:
    assert MANIFEST.profile is Profile.G
    assert not MANIFEST.idempotent


async def test_a_ride_is_offered_booked_and_cancelled(partner: Partner) -> None:
    found = await partner.adapter.quote_offers(asked(RIDE))
    assert [offer.title for offer in found] == [
        "Saloon or similar, Simulated Shuttle",
        "Van or similar, Simulated Shuttle",
    ]
    assert [offer.refundable_until_at for offer in found] == [datetime(2027, 1, 10, 1, 30, tzinfo=UTC)] * 2
    request, result = await partner.run(await requested(partner.adapter))
    assert result.outcome is Outcome.OK
    assert result.partner_reference is not None
    order = partner.book.orders()[0]
    assert (order.id, order.confirmation) == (result.partner_reference, request.carried["confirmation"])
    assert (order.key, order.offer.start) == (KEY, "2027-01-11T09:30:00")
    assert order.offer.asked["passengers"] == 2
    assert (await partner.adapter.cancel(request, result.partner_reference)).outcome is Outcome.OK
    assert partner.book.orders()[0].cancelled_at is not None
    again = await partner.adapter.cancel(request, result.partner_reference)
    assert (again.outcome, again.code) == (Outcome.UNKNOWN, "1797")


async def test_a_repeat_books_a_second_ride_and_so_the_manifest_says(partner: Partner) -> None:
    request, _ = await partner.run(await requested(partner.adapter))
    await partner.run(request)
    assert len(partner.book.orders()) == 2
    assert MANIFEST.facts.on_repeat == "again"


@pytest.mark.parametrize("magic", [Magic.NOTHING, Magic.MOVED, Magic.NEEDS_MORE, Magic.ESTIMATED])
async def test_what_cannot_be_booked_as_asked_is_not_offered(magic: Magic, partner: Partner) -> None:
    assert await partner.adapter.quote_offers(asked(at_minute(magic))) == ()
    assert await partner.adapter.quote_offers(asked(RIDE, "EUR")) == ()


@pytest.mark.parametrize(
    ("magic", "outcome", "code", "booked"),
    [
        (Magic.REFUSED_AT_BOOKING, Outcome.NO, "37576", 0),
        (Magic.UNPROCESSED_AT_BOOKING, Outcome.UNKNOWN, "11", 0),
        (Magic.PROCESSED_IN_SPITE, Outcome.UNKNOWN, "11", 1),
    ],
)
async def test_a_refusal_is_definite_only_where_its_code_says_so(
    magic: Magic, outcome: Outcome, code: str, booked: int, partner: Partner
) -> None:
    _, result = await partner.run(await requested(partner.adapter, at_minute(magic)))
    assert (result.outcome, result.code) == (outcome, code)
    assert len(partner.book.orders()) == booked


async def test_a_ride_that_stays_confirmed_is_not_cancelled(partner: Partner) -> None:
    request, result = await partner.run(await requested(partner.adapter, at_minute(Magic.NOT_CANCELLABLE)))
    assert result.partner_reference is not None
    refused = await partner.adapter.cancel(request, result.partner_reference)
    assert (refused.outcome, refused.code) == (Outcome.NO, "still_confirmed")


async def test_one_token_serves_many_calls_and_is_renewed_before_it_ends() -> None:
    clock = TestClock()
    async with running(clock=clock) as partner:
        await asyncio.gather(*(partner.adapter.quote_offers(asked(RIDE)) for _ in range(8)))
        assert partner.simulator.counts["token"] == 1
        clock.ahead = timedelta(seconds=1_760)
        await partner.adapter.quote_offers(asked(RIDE))
        assert partner.simulator.counts["token"] == 1
        clock.ahead = timedelta(seconds=1_775)
        await asyncio.gather(*(partner.adapter.quote_offers(asked(RIDE)) for _ in range(8)))
        assert partner.simulator.counts["token"] == 2


async def test_a_token_that_the_partner_forgot_is_fetched_once_more() -> None:
    clock = TestClock()
    forgetful = create_simulator(SimulatorOptions(partner=PARTNER, clock=clock, values={"token_seconds": "100"}))
    async with running(simulator=forgetful) as partner:
        request = await requested(partner.adapter)
        clock.ahead = timedelta(seconds=200)
        _, result = await partner.run(request)
        assert result.outcome is Outcome.OK
        assert partner.simulator.counts["token"] == 2
        assert partner.simulator.counts["book"] == 2
        assert len(partner.book.orders()) == 1


async def test_wrong_credentials_ask_for_an_operator_and_send_nothing() -> None:
    stranger = create_simulator(SimulatorOptions(partner=PARTNER, credentials={"client_secret": "another"}))
    async with running(simulator=stranger) as partner:
        with pytest.raises(AuthenticationError, match="token"):
            await partner.adapter.quote_offers(asked(RIDE))
        assert partner.simulator.counts["search"] == 0


async def test_a_search_says_why_it_cannot_be_made(partner: Partner) -> None:
    elsewhere = msgspec.structs.replace(RIDE, drop_off="Mars")
    to_airport = msgspec.structs.replace(RIDE, pick_up="Bund", drop_off="PVG")
    for ride, named in ((elsewhere, "place"), (to_airport, "airports only")):
        with pytest.raises(RejectedError, match=named):
            await partner.adapter.quote_offers(asked(ride))
    visit = Visit(airport="PVG", lounge_id="one", visit_date=RIDE.pick_up_at.date())
    with pytest.raises(RejectedError, match="passengers only"):
        await partner.adapter.quote_offers(OfferRequest(service=visit, currency="CNY"))
    assert partner.simulator.counts["search"] == 0


@pytest.mark.parametrize(
    ("mode", "error"),
    [("html_200", ProtocolError), ("error_500_before", ProtocolError), ("reset", OutcomeUnknownError)],
)
async def test_a_spoilt_search_offers_nothing(mode: str, error: type[Exception], partner: Partner) -> None:
    partner.simulator.faults.plan("search", mode)
    with pytest.raises(error):
        await partner.adapter.quote_offers(asked(RIDE))


def test_times_are_told_by_the_clock_of_the_place_and_without_offset() -> None:
    options = typed_options(PARTNER, OPTIONS, TransferOptions)
    for instant, told in (
        (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), "2027-03-28T01:30:00"),
        (datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "2027-03-28T03:30:00"),
    ):
        ride = Ride(pick_up="CDG", drop_off="PVG", pick_up_at=instant)
        written = search(ride, "CNY", options)
        assert written.start_date_time == told
        assert (written.start_location_code, written.end_location_code, written.end_address_line) == ("CDG", "PVG", "")


async def test_nothing_is_sent_for_a_traveller_whose_data_are_not_there(partner: Partner) -> None:
    request = await requested(partner.adapter)
    nobody = msgspec.structs.replace(request, traveller=Traveller())
    assert (await partner.adapter.run_step("book", nobody)).code == "traveller_incomplete"
    foreign = msgspec.structs.replace(request, offer_token="not ours")
    assert (await partner.adapter.run_step("book", foreign)).code == "offer_unreadable"
    assert partner.simulator.counts["book"] == 0


def test_wrong_options_stop_the_start_and_name_file_and_key() -> None:
    with pytest.raises(ConfigurationError, match=r"partners/amadeus-transfers\.toml.*transfer_type"):
        typed_options(PARTNER, OPTIONS | {"transfer_type": "ROCKET"}, TransferOptions)
    with pytest.raises(ConfigurationError, match="places"):
        typed_options(PARTNER, {}, TransferOptions)


async def test_a_statement_accounts_for_rides_and_cancellations(partner: Partner) -> None:
    request, result = await partner.run(await requested(partner.adapter))
    assert result.partner_reference is not None
    assert request.price is not None
    await partner.adapter.cancel(request, result.partner_reference)
    today = partner.book.orders()[0].booked_at.astimezone(partner.book.zone).date()
    fetched = await partner.adapter.fetch_statement(today)
    assert fetched is not None
    lines = partner.adapter.parse_statement(*fetched).lines
    assert [(line.kind, line.status, line.quantity) for line in lines] == [
        ("ride", "booked", 1),
        ("refund", "refunded", -1),
    ]
    assert [line.amount and line.amount.amount for line in lines] == [request.price.amount, -request.price.amount]
    assert {line.reference for line in lines} == {KEY}


async def test_the_simulator_refuses_strangers(partner: Partner) -> None:
    async with httpx.AsyncClient(base_url=partner.address, trust_env=False) as client:
        refused = await client.post("/v1/shopping/transfer-offers", json={})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (401, 20)
        assert (await client.get("/contract/statements/2026-11-28")).status_code == 401
        wrong = await client.post("/v1/security/oauth2/token", data={"grant_type": "password"})
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
