"""The adapter and its simulator over real HTTP: what is offered, issued, visited, told and accounted for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

from adapters.lounges.mastercard_airport import mapping, wire
from adapters.lounges.mastercard_airport.mapping import holder
from adapters.lounges.mastercard_airport.simulator import create_simulator
from adapters.sdk.errors import AuthenticationError, OutcomeUnknownError, ProtocolError, RejectedError
from adapters.sdk.manifest import Profile
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import Offer, OfferRequest, Ride, Traveller, Visit
from adapters.sdk.testing.simulator import SimulatorOptions
from gateway.redemption.effects import member_hash
from gateway.redemption.plan import Powers
from tests.adapters.lounges.mastercard_airport.conftest import (
    ACCOUNT,
    MANIFEST,
    PARTNER,
    TODAY,
    VISIT,
    Partner,
    TestClock,
    reservation,
    running,
)


async def offered(partner: Partner, visit: Visit = VISIT, account: str | None = ACCOUNT) -> tuple[Offer, ...]:
    request = OfferRequest(service=visit, currency="CNY", partner_account=account)
    return await partner.adapter.quote_offers(request)


async def let_in(partner: Partner, **who: object) -> None:
    async with httpx.AsyncClient(base_url=partner.address, trust_env=False) as client:
        body = {"account": ACCOUNT, "lounge_code": "PVG1", "visitors": 2} | who
        assert (await client.post("/_simulator/visits", json=body)).status_code == 201


def test_the_facts_give_profile_g_and_a_repeat_changes_nothing() -> None:
    assert MANIFEST.profile is Profile.G
    powers = Powers.of(MANIFEST)
    assert powers.idempotent
    assert not (powers.look_up)
    assert not (powers.fence)


async def test_a_visit_is_offered_issued_by_us_used_and_told(partner: Partner) -> None:
    (offer,) = await offered(partner)
    assert (offer.title, offer.price) == ("Simulated lounge PVG1", None)
    request, result = await partner.run(reservation())
    assert result.outcome is Outcome.OK
    assert result.partner_reference == request.carried["lounge_access_number"]
    assert set(partner.simulator.counts) == {"lounges", "lounge", "card", "entitlements"}
    assert await partner.adapter.fetch_usage(ACCOUNT, TODAY, TODAY) == ()
    await let_in(partner, fee=4500)
    (used,) = await partner.adapter.fetch_usage(ACCOUNT, TODAY, TODAY)
    assert (used.place, used.visitors, used.guests, used.used_at.date()) == ("PVG1", 2, 1, TODAY)
    assert used.charge is not None
    assert used.charge.amount == 4500
    assert await partner.adapter.fetch_usage(ACCOUNT, TODAY - timedelta(days=9), TODAY - timedelta(days=1)) == ()
    assert await partner.adapter.fetch_usage("wang-0007", TODAY, TODAY) == ()


async def test_a_voucher_is_taken_back_until_the_lounge_was_visited(partner: Partner) -> None:
    request, result = await partner.run(reservation())
    assert result.partner_reference is not None
    assert (await partner.adapter.cancel(request, result.partner_reference)).outcome is Outcome.OK
    await let_in(partner)
    refused = await partner.adapter.cancel(request, result.partner_reference)
    assert (refused.outcome, refused.code) == (Outcome.NO, "visited")


async def test_the_last_step_makes_no_call_and_can_be_repeated(partner: Partner) -> None:
    request, _ = await partner.run(reservation())
    before = sum(partner.simulator.counts.values())
    for _ in range(3):
        again = await partner.adapter.run_step("issue", request)
        assert again.outcome is Outcome.OK
    assert sum(partner.simulator.counts.values()) == before
    early = await partner.adapter.run_step("issue", reservation())
    assert (early.outcome, early.code) == (Outcome.NOT_SENT, "out_of_order")


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ("liu-0000", "final"),
        ("liu-0001", "no_card"),
        ("liu-0002", "card_expired"),
        ("liu-0003", "entitlement_used_up"),
        ("liu", "no_account"),
        (None, "no_account"),
    ],
)
async def test_who_cannot_enter_is_refused_before_anything_is_issued(
    account: str | None, code: str, partner: Partner
) -> None:
    _, result = await partner.run(reservation(account=account))
    assert (result.outcome, result.code) == (Outcome.NO, code)


async def test_visits_use_the_entitlement_up(partner: Partner) -> None:
    for _ in range(6):
        await let_in(partner, visitors=1)
    _, result = await partner.run(reservation())
    assert (result.outcome, result.code) == (Outcome.NO, "entitlement_used_up")


@pytest.mark.parametrize(
    ("airport", "lounge", "guests", "open_to"),
    [
        ("PVG", "PVG2", 0, True),
        ("PEK", "PVG1", 0, False),
        ("XIY", "XIY1", 0, False),
        ("ZZZ", "CLOSED", 0, False),
        ("ZZZ", "CASHONLY", 0, False),
        ("ZZZ", "NOGUESTS", 1, False),
        ("ZZZ", "NOGUESTS", 0, True),
    ],
)
async def test_only_a_lounge_that_the_card_opens_is_offered(
    airport: str, lounge: str, guests: int, open_to: bool, partner: Partner
) -> None:
    visit = Visit(airport=airport, lounge_id=lounge, visit_date=TODAY, guests=guests)
    assert bool(await offered(partner, visit)) is open_to


async def test_a_search_says_why_it_cannot_be_made(partner: Partner) -> None:
    with pytest.raises(RejectedError, match="link one"):
        await offered(partner, account=None)
    ride = Ride(pick_up="PVG", drop_off="Bund", pick_up_at=TestClock().now())
    with pytest.raises(RejectedError, match="lounges only"):
        await partner.adapter.quote_offers(OfferRequest(service=ride, currency="CNY", partner_account=ACCOUNT))
    with pytest.raises(RejectedError, match="no account"):
        await partner.adapter.fetch_usage("liu", TODAY, TODAY)
    assert partner.simulator.counts == {}


@pytest.mark.parametrize(
    ("mode", "error"),
    [("html_200", ProtocolError), ("error_500_before", ProtocolError), ("reset", OutcomeUnknownError)],
)
async def test_a_spoilt_search_offers_nothing(mode: str, error: type[Exception], partner: Partner) -> None:
    partner.simulator.faults.plan("lounge", mode)
    with pytest.raises(error):
        await offered(partner)


def test_an_account_is_a_users_id_and_four_digits() -> None:
    found = holder(ACCOUNT)
    assert found is not None
    assert (found.user_id, found.last_four) == ("liu-1988", "4321")
    for text in (None, "", "4321", "-4321", "liu-432", "liu-43210", "liu-٤٣٢١", "liu 1-4321"):
        assert holder(text) is None


async def test_requests_are_refused_when_old_repeated_or_signed_by_another() -> None:
    clock = TestClock()
    async with running(clock=clock) as partner:
        clock.ahead = timedelta(seconds=301)
        with pytest.raises(AuthenticationError):
            await offered(partner)
    stranger = create_simulator(SimulatorOptions(partner=PARTNER, credentials={"consumer_key": "another"}))
    async with running(simulated=stranger) as partner:
        with pytest.raises(AuthenticationError):
            await offered(partner)
        async with httpx.AsyncClient(base_url=partner.address, trust_env=False) as client:
            assert (await client.get("/contract/statements/2026-11-28")).status_code == 401
            bare = await client.get("/loyalty/airport/visits", headers={"Authorization": 'OAuth oauth_nonce="1"'})
            assert (bare.status_code, bare.json()["Errors"]["Error"][0]["Recoverable"]) == (401, False)


async def test_a_statement_names_visits_by_the_members_hash_alone(partner: Partner) -> None:
    await let_in(partner)
    fetched = await partner.adapter.fetch_statement(TODAY)
    assert fetched is not None
    (line,) = partner.adapter.parse_statement(*fetched).lines
    assert (line.reference, line.kind, line.quantity, line.service_date) == (None, "visit", 2, TODAY)
    assert line.member_hash == member_hash(PARTNER, ACCOUNT)
    assert line.amount is not None
    assert line.amount.amount == 28_000
    assert msgspec.to_builtins(line)["partner_reference"] == "V00000001"


async def test_the_digital_card_is_the_partners_voucher_of_what_was_issued(partner: Partner) -> None:
    request = reservation()
    for step in partner.adapter.steps:
        result = await partner.adapter.run_step(step.name, request)
        request = msgspec.structs.replace(request, carried={**request.carried, **result.carried})
    assert result.partner_reference is not None
    found = await partner.adapter.fetch_voucher(request, result.partner_reference)
    assert found is not None
    assert (found.code, found.symbology) == (f"SIM/{result.partner_reference}", "qr")
    with pytest.raises(ProtocolError):
        await partner.adapter.fetch_voucher(request, "340000000000")
    nobody = msgspec.structs.replace(request, traveller=Traveller())
    assert await partner.adapter.fetch_voucher(nobody, result.partner_reference) is None


def test_a_card_holds_to_the_end_of_its_last_day() -> None:
    card = wire.Card(is_available=True, lounge_access_number="34", expiration="2027-01-31", code="SIM/34")
    found = mapping.voucher(card, "34")
    assert found is not None
    assert found.valid_to_at == datetime(2027, 2, 1, tzinfo=UTC)
    for changes in ({"is_available": False}, {"code": ""}):
        assert mapping.voucher(msgspec.structs.replace(card, **changes), "34") is None
    with pytest.raises(ProtocolError):
        mapping.voucher(msgspec.structs.replace(card, expiration="31/01/2027"), "34")
