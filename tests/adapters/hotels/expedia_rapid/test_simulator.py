"""The simulated partner itself: signatures, determinism, its statement; and what the adapter refuses to send it."""

from __future__ import annotations

from datetime import date, timedelta

import httpx
import msgspec
import pytest

from adapters.hotels.expedia_rapid.adapter import RapidAdapter
from adapters.hotels.expedia_rapid.simulator import CREDENTIALS, create_simulator
from adapters.hotels.expedia_rapid.simulator_book import local_date
from adapters.sdk.auth import ean_header
from adapters.sdk.errors import PartnerUnavailableError, StatementError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.testing.breaks import PlannedBreak
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve
from tests.adapters.hotels.expedia_rapid.conftest import KEY, PARTNER, TestClock, checked, offered, requested

SEARCH = {
    "checkin": "2026-12-01",
    "checkout": "2026-12-03",
    "currency": "CNY",
    "occupancy": "2",
    "property_id": "40010001",
}


def signed(clock: TestClock, secret: str = CREDENTIALS["shared_secret"], late_seconds: int = 0) -> dict[str, str]:
    stamp = int(clock.now().timestamp()) - late_seconds
    return {"Authorization": ean_header(CREDENTIALS["api_key"], secret, stamp), "Customer-Ip": "203.0.113.7"}


@pytest.mark.parametrize(("late_seconds", "status"), [(299, 200), (-299, 200), (302, 401), (-302, 401)])
async def test_a_signature_is_good_for_five_minutes_either_way(
    base_url: str, clock: TestClock, late_seconds: int, status: int
) -> None:
    """Source: Rapid, Signature authentication (read 2026-11-22)."""
    async with httpx.AsyncClient(base_url=base_url, trust_env=False) as http:
        headers = signed(clock, late_seconds=late_seconds)
        assert (await http.get("/v3/properties/availability", params=SEARCH, headers=headers)).status_code == status


@pytest.mark.parametrize("path", ["/v3/itineraries", "/v3/itineraries/1", "/contract/statements/2026-11-22"])
async def test_nobody_else_reads_anything(base_url: str, clock: TestClock, path: str) -> None:
    async with httpx.AsyncClient(base_url=base_url, trust_env=False) as http:
        for headers in ({}, signed(clock, secret="guessed"), {"Authorization": "EAN apikey=x"}):
            answer = await http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["type"]) == (401, "request_unauthenticated")


async def test_the_same_seed_gives_the_same_prices(adapter: RapidAdapter, clock: TestClock) -> None:
    twin = create_simulator(SimulatorOptions(partner=PARTNER, seed=7, clock=clock))
    other = create_simulator(SimulatorOptions(partner=PARTNER, seed=8, clock=clock))
    async with serve(twin) as first, serve(other) as second, httpx.AsyncClient(trust_env=False) as http:
        bodies = [
            (await http.get(f"{url}/v3/properties/availability", params=SEARCH, headers=signed(clock))).json()
            for url in (first, second)
        ]
    totals = [
        [room["rates"][0]["occupancy_pricing"]["2"]["totals"]["inclusive"] for room in body[0]["rooms"]]
        for body in bodies
    ]
    ours = [f"{offer.price.amount / 100:.2f}" for offer in await offered(adapter) if offer.price]
    assert [total["request_currency"]["value"] for total in totals[0]] == ours
    assert totals[0] != totals[1]


async def test_an_old_offer_is_refused_at_the_check_and_an_old_check_before_the_booking(
    adapter: RapidAdapter, simulator: Simulator, clock: TestClock
) -> None:
    request = await requested(adapter)
    ready = await checked(adapter, request)
    clock.ahead = timedelta(minutes=31)
    stale = await adapter.run_step("price_check", request)
    assert (stale.outcome, stale.code) == (Outcome.NO, "link.invalid")
    late = await adapter.run_step("book", ready)
    assert (late.outcome, late.code) == (Outcome.NO, "offer_expired")
    assert simulator.counts["book"] == 0


async def test_a_booking_that_was_not_price_checked_is_not_sent(adapter: RapidAdapter, simulator: Simulator) -> None:
    result = await adapter.run_step("book", await requested(adapter))
    assert (result.outcome, result.code) == (Outcome.NO, "not_price_checked")
    assert simulator.counts["book"] == 0


async def test_an_incomplete_traveller_is_refused_before_anything_is_sent(
    adapter: RapidAdapter, simulator: Simulator
) -> None:
    request = await requested(adapter)
    nobody = msgspec.structs.replace(request, traveller=msgspec.structs.replace(request.traveller, phone=None))
    result = await adapter.run_step("price_check", nobody)
    assert (result.outcome, result.code) == (Outcome.NO, "traveller_incomplete")
    foreign = await adapter.run_step("price_check", msgspec.structs.replace(request, offer_token="{}"))
    assert (foreign.outcome, foreign.code) == (Outcome.NO, "offer_unreadable")
    assert simulator.counts["price_check"] == 0


async def test_the_statement_accounts_for_a_day_and_its_breaks_are_known(
    adapter: RapidAdapter, simulator: Simulator, clock: TestClock
) -> None:
    today = local_date(clock.now())
    empty = await adapter.fetch_statement(today)
    assert empty is not None
    assert adapter.parse_statement(*empty).lines == ()

    request = await checked(adapter, await requested(adapter))
    result = await adapter.run_step("book", request)
    assert result.partner_reference is not None
    await adapter.cancel(request, result.partner_reference)
    await adapter.run_step("book", await checked(adapter, await requested(adapter, "40010002", key="second-key")))

    fetched = await adapter.fetch_statement(today)
    assert fetched is not None
    statement = adapter.parse_statement(*fetched)
    assert fetched[0] == f"{PARTNER}_{today.isoformat()}_1.csv"
    assert (statement.partner, statement.business_date, statement.faults) == (PARTNER, today, ())
    rows = [(line.reference, line.kind, line.status, line.quantity) for line in statement.lines]
    assert rows == [
        (KEY, "stay", "booked", 2),
        (KEY, "refund", "refunded", -2),
        ("second-key", "stay", "booked", 2),
    ]
    assert statement.lines[0].amount == request.price
    assert statement.lines[0].service_date == date(2026, 12, 1)

    simulator.plan[:] = [PlannedBreak("missing_row", reference="second-key")]
    spoilt = await adapter.fetch_statement(today)
    assert spoilt is not None
    assert [line.reference for line in adapter.parse_statement(*spoilt).lines] == [KEY, KEY]
    assert [broken.reference for broken in simulator.planted(today)] == ["second-key"]


async def test_a_statement_of_another_partner_is_refused(adapter: RapidAdapter, simulator: Simulator) -> None:
    name, content = simulator.statement(date(2026, 11, 22))
    with pytest.raises(StatementError, match="someone"):
        adapter.parse_statement(name, content.replace(PARTNER.encode(), b"someone"))


async def test_a_statement_that_cannot_be_fetched_is_not_an_empty_one(
    adapter: RapidAdapter, simulator: Simulator
) -> None:
    simulator.faults.plan("statement", "reset")
    with pytest.raises(PartnerUnavailableError):
        await adapter.fetch_statement(date(2026, 11, 22))
