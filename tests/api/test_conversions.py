"""Conversions as the member app uses them: quotes are locked, caps hold, a late transfer is told."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from httpx import Response
from litestar.testing import AsyncTestClient
from sqlalchemy import Connection

from config.files import PACKAGED_FOLDER
from config.settings import PartnerSettings
from gateway.app import create_app
from gateway.oauth.issuer import open_issuer
from gateway.redemption.tables import redemptions
from gateway.wiring import open_gateway
from tests.api.conftest import Stack, StandingClock, settings_for

PARTNER = "skyward-miles"
TERMS = """
caps = [{ most = 2_000, counted_in = "from", period = "month" }]
fee = { currency = "CNY", per_unit = { from_units = 100, to_units = 3 }, cap_minor_units = 50 }
[[contracts.promotions]]
id = "november"
extra = { from_units = 100, to_units = 25 }
from_date = 2026-11-01
to_date = 2026-11-30
"""
CASH = """
[[contracts]]
id = "pts-to-cash"
version = 1
partner = "skyward-miles"
from_commodity = "PTS"
to_commodity = "CNY"
price_points = [{ from_quantity = 5_000, to_quantity = 10_000 }]
source = "a test's own"
"""


@pytest.fixture
async def capped(sqlite_url: str, tmp_path: Path, clock: StandingClock) -> AsyncIterator[Stack]:
    """A stack whose contract has a monthly cap, a promotion and a fee, and whose partner also pays cash."""
    folder = tmp_path / "configuration"
    shutil.copytree(PACKAGED_FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "migrations", "__pycache__"))
    path = folder / "conversions" / f"{PARTNER}.toml"
    path.write_text(path.read_text(encoding="utf-8") + TERMS + CASH, encoding="utf-8")
    settings = settings_for(sqlite_url, tmp_path)
    settings = msgspec.structs.replace(
        settings,
        folders=msgspec.structs.replace(settings.folders, configuration=folder),
        partners=PartnerSettings(base_urls={PARTNER: "http://127.0.0.1:1"}),
    )
    gateway = await open_gateway(settings, clock, environ={})
    issuer = open_issuer(settings.oauth, clock)
    try:
        async with AsyncTestClient(create_app(gateway), raise_server_exceptions=False) as client:
            yield Stack(client, gateway, issuer, clock)
    finally:
        await gateway.close()


async def traveller(stack: Stack, name: str = "liu") -> str:
    """A member with 2,500 points and an account at the airline."""
    member_id = await stack.add_member(name, profile={"given_name": "Wei", "family_name": "Liu"})
    assert (await stack.earn(member_id, 250_000, f"sale-{name}")).status_code == 201
    headers = stack.member(member_id)
    link = await stack.client.put(
        f"/v1/partner-links/{PARTNER}", json={"account_number": f"SK-{name}"}, headers=headers
    )
    assert link.status_code == 200, link.text
    path = f"/v1/consents/{PARTNER}/mileage_credit"
    consent = await stack.client.put(path, json={"granted": True}, headers=headers)
    assert consent.status_code == 200, consent.text
    return member_id


async def ask(stack: Stack, member_id: str, points: int, **more: str) -> Response:
    """Ask for a quote of a conversion."""
    body = {"partner": PARTNER, "points": points} | more
    return await stack.client.post("/v1/conversions/quotes", json=body, headers=stack.member(member_id))


async def use(stack: Stack, member_id: str, quote_id: str) -> Response:
    """Convert by a quote."""
    headers = stack.member(member_id) | {"Idempotency-Key": f"use-{quote_id}"}
    return await stack.client.post("/v1/conversions", json={"quote_id": quote_id}, headers=headers)


async def test_a_quote_shows_its_arithmetic_and_the_contract_version(stack: Stack) -> None:
    answer = await ask(stack, await traveller(stack), 1_500)
    body = answer.json()
    assert (answer.status_code, body["receives"], body["contract_version"]) == (201, 1_200, 1)
    assert body["steps"][0] == "1500 PTS at 5:4 = floor(1500 x 4 / 5) = 1200"
    assert (body["due_date"], body["fee"], body["expires_at"]) == ("2026-11-23", None, "2026-11-22T04:15:00Z")


async def test_a_refusal_carries_the_nearest_quantity(stack: Stack) -> None:
    answer = await ask(stack, await traveller(stack), 1_501)
    body = answer.json()
    assert (answer.status_code, body["reason"]) == (422, "off_increment")
    assert (body["nearest"], body["nearest_to"]) == (1_500, 1_200)


async def test_a_quote_expires(stack: Stack) -> None:
    member = await traveller(stack)
    quote_id = (await ask(stack, member, 1_500)).json()["id"]
    stack.clock.move(minutes=15)
    late = await use(stack, member, quote_id)
    assert (late.status_code, late.json()["title"]) == (422, "The quote has ended")


async def test_promotion_fee_and_price_points_are_shown(capped: Stack) -> None:
    member = await traveller(capped)
    body = (await ask(capped, member, 1_000, to_commodity=f"MILES:{PARTNER}")).json()
    assert (body["receives"], body["fee"]) == (1_000, {"amount": 30, "currency": "CNY"})
    assert "promotion november: 800 at 100:25 = 200" in body["steps"]
    cash = (await ask(capped, member, 5_000, to_commodity="CNY")).json()
    assert (cash["receives"], cash["to_commodity"], cash["due_date"]) == (10_000, "CNY", None)
    rates = (await capped.client.get("/v1/conversions/rates", headers=capped.member(member))).json()["items"]
    points, miles = rates
    assert (miles["from_units"], miles["promotions"][0]["id"], miles["caps"][0]["most"]) == (5, "november", 2_000)
    assert (points["from_units"], points["price_points"]) == (None, [{"from_quantity": 5_000, "to_quantity": 10_000}])


async def test_where_points_become_several_things_the_member_says_which(capped: Stack) -> None:
    answer = await ask(capped, await traveller(capped), 1_000)
    assert (answer.status_code, answer.json()["code"]) == (422, "rule")
    assert "CNY or MILES:skyward-miles" in answer.json()["detail"]


async def test_a_cap_holds_over_quotes_that_were_locked_before(capped: Stack) -> None:
    """Two quotes fit under the cap one by one; the second to be used no longer does, and its hold is given back."""
    member = await traveller(capped)
    miles = {"to_commodity": f"MILES:{PARTNER}"}
    first, second = [(await ask(capped, member, points, **miles)).json()["id"] for points in (1_000, 1_500)]
    assert (await use(capped, member, first)).status_code == 202
    refused = await use(capped, member, second)
    body = refused.json()
    assert (refused.status_code, body["reason"], body["left"], body["again_date"]) == (
        422,
        "above_cap",
        1_000,
        "2026-12-01",
    )
    wallet = (await capped.client.get("/v1/me", headers=capped.member(member))).json()["wallet"]
    assert (wallet["available"], wallet["held"]) == (1_500, 1_000)
    again = (await ask(capped, member, 1_500, **miles)).json()
    assert (again["reason"], again["nearest"]) == ("above_cap", 1_000)
    other = await traveller(capped, "wang")
    assert (await ask(capped, other, 1_500, **miles)).status_code == 201
    capped.clock.move(days=9)
    assert (await ask(capped, member, 1_500, **miles)).status_code == 201


async def test_a_transfer_that_does_not_arrive_is_overdue(capped: Stack) -> None:
    """Ordered on Sunday 22 November with one working day: due on Monday, overdue from Tuesday on."""
    member = await traveller(capped)
    quote_id = (await ask(capped, member, 1_500, to_commodity=f"MILES:{PARTNER}")).json()["id"]
    conversion = (await use(capped, member, quote_id)).json()["id"]

    async def transfer() -> dict[str, object]:
        shown = (await capped.client.get(f"/v1/conversions/{conversion}", headers=capped.member(member))).json()
        assert (shown["contract_id"], shown["contract_version"]) == ("pts-to-skyward-miles", 1)
        found: dict[str, object] = shown["transfer"]
        return found

    assert await transfer() == {"due_date": "2026-11-23", "state": "awaited", "days_over": 0}
    capped.clock.move(days=2)
    assert await transfer() == {"due_date": "2026-11-23", "state": "overdue", "days_over": 1}

    def end(connection: Connection, state: str) -> None:
        at = capped.clock.now() + timedelta(days=1)
        connection.execute(sa.update(redemptions).values(state=state, updated_at=at))

    await capped.gateway.database.write(partial(end, state="captured"))
    assert await transfer() == {"due_date": "2026-11-23", "state": "late", "days_over": 2}
    await capped.gateway.database.write(partial(end, state="voided"))
    shown = (await capped.client.get(f"/v1/conversions/{conversion}", headers=capped.member(member))).json()
    assert shown["transfer"] is None
