"""The adapter and its simulator over real HTTP: what is offered, booked once, cancelled, told and accounted for."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import msgspec
import pytest

from adapters.rental_cars.duffel_cars.mapping import booking, search
from adapters.rental_cars.duffel_cars.options import DuffelOptions
from adapters.rental_cars.duffel_cars.simulator import create_simulator
from adapters.sdk.errors import OutcomeUnknownError, ProtocolError, RejectedError, StatementError, WebhookError
from adapters.sdk.manifest import Profile
from adapters.sdk.options import typed_options
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import OfferRequest, Rental, Stay, Traveller
from adapters.sdk.testing.simulator import SimulatorOptions
from adapters.sdk.webhook_schemes import sign_timestamped
from config.clock import SystemClock
from config.errors import ConfigurationError
from tests.adapters.rental_cars.duffel_cars.conftest import (
    KEY,
    MANIFEST,
    OPTIONS,
    PARTNER,
    RENTAL,
    Partner,
    requested,
    running,
)

SECRET = "duffel-callback-secret-1"


def asked(rental: Rental, currency: str = "CNY") -> OfferRequest:
    return OfferRequest(service=rental, currency=currency)


def test_the_facts_give_profile_g() -> None:
    assert MANIFEST.profile is Profile.G
    assert not MANIFEST.idempotent


async def test_a_car_is_offered_quoted_booked_and_cancelled(partner: Partner) -> None:
    found = await partner.adapter.quote_offers(asked(RENTAL))
    assert [offer.title.partition(",")[0] for offer in found] == ["Compact saloon", "Sport utility"]
    assert found[0].price is not None
    assert found[1].price is not None
    assert 0 < found[0].price.amount < found[1].price.amount
    request, result = await partner.run(await requested(partner.adapter))
    assert result.outcome is Outcome.OK
    assert result.partner_reference is not None
    booked = partner.book.booking(result.partner_reference)
    assert booked.driver == {
        "given_name": "Wei",
        "family_name": "Liu",
        "date_of_birth": "1988-01-12",
        "email": "liu.wei@example.cn",
        "phone_number": "+8613900000001",
    }
    assert booked.quote.rate.when["pickup_time"] == "09:30"
    for _ in range(2):
        assert (await partner.adapter.cancel(request, result.partner_reference)).outcome is Outcome.OK
    assert partner.book.booking(result.partner_reference).cancelled_at is not None


async def test_a_repeat_books_a_second_car_and_so_the_manifest_says(partner: Partner) -> None:
    request, _ = await partner.run(await requested(partner.adapter))
    await partner.adapter.run_step("book", request)
    assert len(partner.book.bookings()) == 2
    assert MANIFEST.facts.on_repeat == "again"


@pytest.mark.parametrize(
    ("station", "step", "outcome", "code"),
    [
        ("GONE_AT_QUOTE", "quote", Outcome.NO, "not_found"),
        ("DEARER_AT_QUOTE", "quote", Outcome.NO, "price_changed"),
        ("GONE_AT_BOOKING", "book", Outcome.NO, "not_found"),
        ("REFUSED_AT_BOOKING", "book", Outcome.NO, "validation_required"),
    ],
)
async def test_what_the_partner_refuses_is_refused_and_not_booked(
    station: str, step: str, outcome: Outcome, code: str, partner: Partner
) -> None:
    _, result = await partner.run(await requested(partner.adapter, station))
    assert (result.outcome, result.code) == (outcome, code)
    assert partner.simulator.counts["book"] == (step == "book")
    assert partner.book.bookings() == ()


async def test_a_booking_that_cannot_be_cancelled_stands(partner: Partner) -> None:
    request, result = await partner.run(await requested(partner.adapter, "NOT_CANCELLABLE"))
    assert result.partner_reference is not None
    refused = await partner.adapter.cancel(request, result.partner_reference)
    assert (refused.outcome, refused.code) == (Outcome.NO, "validation_required")


@pytest.mark.parametrize("mode", ["commit_then_reset", "commit_then_hang", "error_500_after_commit", "truncated"])
async def test_a_cancel_whose_answer_is_lost_is_found_by_reading_the_booking(mode: str) -> None:
    async with running(deadline_seconds=1.5) as partner:
        request, result = await partner.run(await requested(partner.adapter))
        assert result.partner_reference is not None
        partner.simulator.faults.plan("cancel", mode, seconds=3.0)
        assert (await partner.adapter.cancel(request, result.partner_reference)).outcome is Outcome.OK
        assert partner.simulator.counts["get"] == 1


async def test_a_search_says_why_it_cannot_be_made(partner: Partner) -> None:
    unknown = msgspec.structs.replace(RENTAL, pick_up_station="XXX")
    ageless = msgspec.structs.replace(RENTAL, driver_birth_date=None)
    child = msgspec.structs.replace(RENTAL, driver_birth_date=date(2015, 1, 1))
    stay = Stay(check_in_date=date(2027, 1, 1), check_out_date=date(2027, 1, 2), city="SHA")
    for rental, named in ((unknown, "station"), (ageless, "date of birth"), (child, "refused")):
        with pytest.raises(RejectedError, match=named):
            await partner.adapter.quote_offers(asked(rental))
    with pytest.raises(RejectedError, match="cars only"):
        await partner.adapter.quote_offers(OfferRequest(service=stay, currency="CNY"))
    empty = msgspec.structs.replace(RENTAL, pick_up_station="NOTHING")
    assert await partner.adapter.quote_offers(asked(empty)) == ()
    assert await partner.adapter.quote_offers(asked(RENTAL, "EUR")) == ()


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("busy_429", ProtocolError),
        ("error_500_before", ProtocolError),
        ("html_200", ProtocolError),
        ("wrong_echo", ProtocolError),
        ("reset", OutcomeUnknownError),
    ],
)
async def test_a_spoilt_search_offers_nothing(mode: str, error: type[Exception], partner: Partner) -> None:
    partner.simulator.faults.plan("search", mode)
    with pytest.raises(error):
        await partner.adapter.quote_offers(asked(RENTAL))


def test_times_are_told_by_each_stations_own_clock_and_the_age_by_the_day_of_pick_up() -> None:
    options = typed_options(PARTNER, OPTIONS, DuffelOptions)
    rental = Rental(
        pick_up_station="PVG",
        drop_off_station="LHR",
        pick_up_at=datetime(2027, 6, 30, 17, 0, tzinfo=UTC),
        drop_off_at=datetime(2027, 7, 2, 17, 0, tzinfo=UTC),
        driver_birth_date=date(2000, 7, 1),
    )
    asked_for = search(rental, options)
    assert (asked_for.pickup_date, asked_for.pickup_time) == ("2027-07-01", "01:00")
    assert (asked_for.dropoff_date, asked_for.dropoff_time) == ("2027-07-02", "18:00")
    assert asked_for.driver.age == 27
    assert asked_for.dropoff_location.radius == 2
    eve = msgspec.structs.replace(rental, pick_up_at=datetime(2027, 6, 30, 15, 0, tzinfo=UTC))
    assert search(eve, options).driver.age == 26


async def test_nothing_is_sent_for_a_driver_whose_data_are_not_there(partner: Partner) -> None:
    request, _ = await partner.run(await requested(partner.adapter), until="quote")
    for traveller in (Traveller(), msgspec.structs.replace(request.traveller, phone=None)):
        incomplete = msgspec.structs.replace(request, traveller=traveller)
        assert booking(incomplete) is None
        result = await partner.adapter.run_step("book", incomplete)
        assert (result.outcome, result.code) == (Outcome.NO, "not_bookable")
    unquoted = msgspec.structs.replace(request, carried={})
    assert (await partner.adapter.run_step("book", unquoted)).code == "not_bookable"
    foreign = msgspec.structs.replace(request, offer_token="not ours")
    assert (await partner.adapter.run_step("quote", foreign)).code == "offer_unreadable"
    assert partner.simulator.counts["book"] == 0


def test_wrong_options_stop_the_start_and_name_file_and_key() -> None:
    with pytest.raises(ConfigurationError, match=r"partners/duffel-cars\.toml.*colour"):
        typed_options(PARTNER, OPTIONS | {"colour": "blue"}, DuffelOptions)
    with pytest.raises(ConfigurationError, match="stations"):
        typed_options(PARTNER, {}, DuffelOptions)


async def test_events_of_our_bookings_are_hints_and_others_are_of_no_interest(partner: Partner) -> None:
    _, result = await partner.run(await requested(partner.adapter))
    async with httpx.AsyncClient(base_url=partner.address, trust_env=False) as client:
        told = await client.post("/_simulator/cancellations", json={"booking_id": result.partner_reference})
    assert told.status_code == 200
    kinds = []
    for message_id, body in partner.simulator.webhooks.sent:
        now = int(SystemClock().now().timestamp())
        headers = {"x-duffel-signature": sign_timestamped(SECRET, now, body)}
        assert partner.adapter.verify_webhook(headers, body, (SECRET,), now) == message_id
        event = partner.adapter.read_webhook(message_id, body)
        assert event is not None
        assert (event.reference, event.partner_reference, event.sequence) == (KEY, result.partner_reference, None)
        kinds.append(event.kind)
        with pytest.raises(WebhookError):
            partner.adapter.verify_webhook(headers, body + b" ", (SECRET,), now)
    assert kinds == ["reservation.confirmed", "reservation.cancelled"]
    ping = b'{"id":"wev_1","type":"ping.triggered","created_at":"2026-11-28T10:00:00Z","data":null}'
    assert partner.adapter.read_webhook("wev_1", ping) is None
    flight = b'{"id":"wev_2","type":"order.created","created_at":"x","data":{"object":{"id":"ord_1","metadata":{}}}}'
    assert partner.adapter.read_webhook("wev_2", flight) is None
    for broken in (
        b"[]",
        b'{"id":1}',
        b'{"id":"a","type":"b","created_at":"now","data":{"object":{"id":"c","metadata":{"redemption":"d"}}}}',
    ):
        with pytest.raises(WebhookError):
            partner.adapter.read_webhook("wev_3", broken)


async def test_a_statement_accounts_for_bookings_and_cancellations_and_none_of_another_partner(
    partner: Partner,
) -> None:
    request, result = await partner.run(await requested(partner.adapter))
    assert result.partner_reference is not None
    assert request.price is not None
    await partner.adapter.cancel(request, result.partner_reference)
    today = partner.book.bookings()[0].booked_at.astimezone(partner.book.zone).date()
    fetched = await partner.adapter.fetch_statement(today)
    assert fetched is not None
    lines = partner.adapter.parse_statement(*fetched).lines
    assert [(line.kind, line.status, line.quantity) for line in lines] == [
        ("rental", "booked", 1),
        ("refund", "refunded", -1),
    ]
    assert [line.amount and line.amount.amount for line in lines] == [request.price.amount, -request.price.amount]
    assert {line.reference for line in lines} == {KEY}
    other = create_simulator(SimulatorOptions(partner="somebody-else"))
    with pytest.raises(StatementError, match="somebody-else"):
        partner.adapter.parse_statement(*other.statement(today))


async def test_the_simulator_refuses_strangers(partner: Partner) -> None:
    async with httpx.AsyncClient(base_url=partner.address, trust_env=False) as client:
        unknown = await client.post("/cars/search", json={"data": {}}, headers={"Duffel-Version": "v2"})
        assert unknown.status_code == 401
        assert unknown.json()["errors"][0]["code"] == "access_token_not_found"
        assert (await client.get("/contract/statements/2026-11-28")).status_code == 401
        bearer = {"Authorization": "Bearer duffel_test_simulator-token"}
        assert (await client.post("/cars/search", json={"data": {}}, headers=bearer)).status_code == 422
