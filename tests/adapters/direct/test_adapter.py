"""The adapter against its simulator over real HTTP: the contract's rules, end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta

import httpx
import msgspec
import pytest

from adapters.direct import create
from adapters.direct.conformance import VISIT, create_subject, make_request
from adapters.direct.simulator import create_simulator
from adapters.direct.simulator_desk import ReportVisit
from adapters.sdk.context import AdapterContext
from adapters.sdk.errors import AuthenticationError, ManifestError, WebhookError
from adapters.sdk.manifest import Profile
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import OfferRequest, Visit
from adapters.sdk.registry import load_named
from adapters.sdk.testing.bench import Bench, open_bench
from adapters.sdk.testing.simulator import SimulatorOptions
from adapters.sdk.webhooks import sign
from catalogue.values import Money
from tests.support.clocks import ManualClock

SUBJECT = create_subject(load_named("direct"))

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with open_bench(SUBJECT) as opened:
        yield opened


async def reported(bench: Bench, report: ReportVisit) -> int:
    """Report a visit at the lounge's desk; answers the status."""
    async with httpx.AsyncClient(base_url=bench.client.base_url, trust_env=False) as desk:
        return (await desk.post("/_simulator/visits", content=msgspec.json.encode(report))).status_code


def test_the_profile_is_a() -> None:
    assert SUBJECT.package.manifest.profile is Profile.A


async def test_a_visit_is_priced_per_visitor(bench: Bench) -> None:
    for guests, price in ((0, 12000), (1, 24000), (3, 48000)):
        service = msgspec.structs.replace(VISIT, guests=guests)
        (offer,) = await bench.adapter.quote_offers(OfferRequest(service=service, currency="CNY"))
        assert offer.price == Money(price, "CNY")


async def test_a_full_lounge_refuses(bench: Bench) -> None:
    full = msgspec.structs.replace(VISIT, lounge_id="full-1")
    request = await make_request(bench.adapter, bench.key("full"), full)
    result = await bench.reserve(request)
    assert (result.outcome, result.code) == (Outcome.NO, "sold_out")
    assert (await bench.adapter.look_up(request)).answer is LookUpAnswer.NOT_FOUND


async def test_the_last_place_goes_to_one() -> None:
    async with open_bench(msgspec.structs.replace(SUBJECT, values={"capacity": "1"})) as bench:
        first, second = await bench.request("a"), await bench.request("b")
        assert (await bench.reserve(first)).outcome is Outcome.OK
        assert (await bench.reserve(second)).code == "sold_out"
        # The key is judged before stock: a repeat is still the first answer.
        assert (await bench.reserve(first)).outcome is Outcome.OK


async def test_an_offer_is_bound_to_its_service_and_price(bench: Bench) -> None:
    request = await bench.request("bound")
    other = Visit(airport="PEK", lounge_id="l9", visit_date=date(2026, 11, 22), guests=1)
    assert (await bench.reserve(msgspec.structs.replace(request, service=other))).code == "unknown_offer"
    cheaper = msgspec.structs.replace(request, price=Money(1, "CNY"))
    assert (await bench.reserve(cheaper)).code == "price_changed"


async def test_a_key_with_another_content_is_left_to_the_look_up(bench: Bench) -> None:
    request = await bench.request("reused")
    await bench.reserve(request)
    later = msgspec.structs.replace(request, requested_at=request.requested_at + timedelta(seconds=1))
    result = await bench.reserve(later)
    assert (result.outcome, result.code) == (Outcome.UNKNOWN, "key_reused")


async def test_an_expired_offer_refuses() -> None:
    clock = ManualClock()
    simulator = create_simulator(SimulatorOptions(partner="skyhub-lounge", clock=clock))
    async with open_bench(msgspec.structs.replace(SUBJECT, create_simulator=lambda _: simulator)) as bench:
        request = await bench.request("expired")
        clock.advance(minutes=9)
        assert (await bench.reserve(request)).outcome is Outcome.OK
        other = msgspec.structs.replace(request, key=bench.key("expiredother"))
        clock.advance(minutes=6)
        assert (await bench.reserve(other)).code == "offer_expired"


async def test_a_token_that_the_partner_forgot_is_renewed_once(bench: Bench) -> None:
    request = await bench.request("token")
    book = bench.simulator.book
    book.tokens.clear()  # type: ignore[attr-defined]
    assert (await bench.reserve(request)).outcome is Outcome.OK
    assert bench.simulator.counts["token"] == 2


async def test_wrong_credentials_are_never_sent_further() -> None:
    wrong = {"client_id": "simulator", "client_secret": "guessed"}
    simulator = create_simulator(SimulatorOptions(partner="p"))
    subject = msgspec.structs.replace(SUBJECT, credentials=wrong, create_simulator=lambda _: simulator)
    async with open_bench(subject) as bench:
        with pytest.raises(AuthenticationError):
            await bench.adapter.quote_offers(OfferRequest(service=VISIT, currency="CNY"))
    assert set(simulator.counts) == {"token"}


async def test_a_reported_visit_is_found_with_its_guests_and_can_not_be_fenced(bench: Bench) -> None:
    request = await bench.request("used")
    reserved = await bench.reserve(request)
    assert await reported(bench, ReportVisit(reference=reserved.partner_reference, guests=2)) == 200
    found = await bench.adapter.look_up(request)
    assert found.answer is LookUpAnswer.ISSUED
    assert found.carried["guests"] == "2"
    assert "used_at" in found.carried
    assert (await bench.adapter.fence(request)).outcome is Outcome.NO
    assert (await bench.adapter.cancel(request, reserved.partner_reference or "")).outcome is Outcome.NO
    assert len(bench.simulator.webhooks.sent) == 1
    await reported(bench, ReportVisit(reference=reserved.partner_reference, guests=2))
    assert len(bench.simulator.webhooks.sent) == 1


async def test_a_visit_that_nobody_reserved_is_not_reported(bench: Bench) -> None:
    assert await reported(bench, ReportVisit(key="nobody")) == 409


async def test_the_statement_accounts_for_reservation_guests_and_refund(bench: Bench) -> None:
    kept, gone = await bench.request("kept"), await bench.request("gone")
    await bench.reserve(kept)
    reference = (await bench.reserve(gone)).partner_reference
    assert await reported(bench, ReportVisit(key=kept.key, guests=3)) == 200
    cancelled = await bench.adapter.cancel(gone, reference)
    assert cancelled.refund == Money(24000, "CNY")
    name, content = await bench.adapter.fetch_statement(bench.today())
    file = bench.adapter.parse_statement(name, content)
    rows = [(line.reference, line.kind, line.quantity, line.amount, line.status) for line in file.lines]
    assert rows == [
        (kept.key, "visit", 2, Money(24000, "CNY"), "used"),
        (kept.key, "guest_visit", 2, Money(24000, "CNY"), "used"),
        (gone.key, "visit", 2, Money(24000, "CNY"), "booked"),
        (gone.key, "refund", 2, Money(-24000, "CNY"), "refunded"),
    ]
    assert (file.partner, file.declared_totals) == ("skyhub-lounge", {"quantity": 8, "CNY": 48000})


async def test_a_fenced_reservation_is_not_accounted_for(bench: Bench) -> None:
    request = await bench.request("fenced")
    await bench.reserve(request)
    await bench.adapter.fence(request)
    _, content = await bench.adapter.fetch_statement(bench.today())
    assert bench.adapter.parse_statement("f", content).lines == ()


async def test_a_webhook_is_verified_then_read(bench: Bench) -> None:
    reservation = b'{"key":"k","status":"used"}'
    head = b'{"type":"visit.reported","occurred_at":"2026-11-22T03:00:00Z","sequence":1,"reservation":'
    body = head + reservation + b"}"
    headers = sign(SECRET, "msg_1", 1795312800, body)
    assert bench.adapter.verify_webhook(headers, body, (SECRET,), 1795312800) == "msg_1"
    with pytest.raises(WebhookError):
        bench.adapter.verify_webhook(headers, body + b" ", (SECRET,), 1795312800)
    event = bench.adapter.read_webhook("msg_1", body)
    assert event is not None
    with pytest.raises(WebhookError):
        bench.adapter.read_webhook("msg_1", b"{}")


async def test_an_unknown_option_stops_the_start(bench: Bench) -> None:
    context = AdapterContext(
        partner="skyhub-lounge",
        manifest=bench.manifest,
        client=bench.adapter._client,
        clock=bench.clock,
        options={"colour": "red"},
        credentials={},
    )
    with pytest.raises(ManifestError, match="skyhub-lounge"):
        create(context)
