"""Every condition that Rapid documents or that we have reason to fear, one file each, and what it proves.

The files are our own words and numbers; each names where the condition comes from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from adapters.hotels import expedia_rapid
from adapters.hotels.expedia_rapid.mapping import OfferToken, write_token
from adapters.hotels.expedia_rapid.responses import TABLES
from adapters.sdk.records import ReservationRequest
from catalogue.values import Money
from tests.adapters.hotels.expedia_rapid.conftest import KEY, STAY, TRAVELLER, Answering, TestClock

FOLDER = Path(expedia_rapid.__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


class Fixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition: what the partner answers, and what must be made of it."""

    source: str
    operation: str
    status: int
    expect: dict[str, Any]
    headers: dict[str, str] = {}
    body: Any = None
    raw: str | None = None

    def response(self, now_milliseconds: int) -> httpx.Response:
        """Make the answer; ``{key}`` and ``{now+60000}`` stand for what is only known when it runs."""
        content = msgspec.json.encode(self.body).decode() if self.raw is None else self.raw
        headers = {
            name: value.replace("{now+60000}", str(now_milliseconds + 60_000)) for name, value in self.headers.items()
        }
        return httpx.Response(
            self.status, stream=httpx.ByteStream(content.replace("{key}", KEY).encode()), headers=headers
        )


def load(name: str) -> Fixture:
    """Read one file."""
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Fixture)


def reservation() -> ReservationRequest:
    """A reservation of a room at 1,290.00 yuan, price checked."""
    token = OfferToken(
        property_id="1001",
        room_id="200100",
        rate_id="3200100",
        occupancy="2",
        href="/v3/properties/1001/rooms/200100/rates/3200100?token=QQ",
        amount=129_000,
        currency="CNY",
        billable_amount=129_000,
        billable_currency="CNY",
    )
    return ReservationRequest(
        key=KEY,
        service=msgspec.structs.replace(STAY, property_id="1001"),
        offer_token=write_token(token),
        price=Money(129_000, "CNY"),
        traveller=TRAVELLER,
        requested_at=TestClock().now(),
        carried={"book_href": "/v3/itineraries?token=QQ", "email": "liu.wei@example.cn"},
    )


@pytest.mark.parametrize("name", NAMES)
async def test_each_condition_proves_what_it_says(name: str, answering: Answering, clock: TestClock) -> None:
    fixture = load(name)
    adapter = answering(fixture.response(int(clock.now().timestamp() * 1000)))
    result: object
    if fixture.operation == "look_up":
        result = await adapter.look_up(reservation())
    else:
        result = await adapter.run_step(fixture.operation, reservation())
    found = msgspec.to_builtins(result)
    assert {name: found[name] for name in fixture.expect} == fixture.expect


def test_each_condition_names_its_source() -> None:
    assert [name for name in NAMES if not load(name).source.strip()] == []
    assert len(NAMES) == 56


@pytest.mark.parametrize("operation", ["price_check", "book"])
def test_each_rule_has_a_fixture_of_its_status_or_is_shared(operation: str) -> None:
    """A rule nobody ever saw an answer for is a guess."""
    seen = {load(name).status for name in NAMES if load(name).operation == operation}
    shared = {401, 403, 426, 429, 500}
    assert {rule.status for rule in TABLES[operation].rules} - shared - seen == set()
