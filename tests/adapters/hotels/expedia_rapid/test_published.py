"""The partner's own OpenAPI file as referee, used in place; see `tests.support.referee`."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adapters.hotels.expedia_rapid.simulator_book import Magic
from adapters.sdk.manifest import Manifest
from adapters.sdk.outcomes import Outcome
from adapters.sdk.testing.simulator import Simulator, serve
from tests.adapters.hotels.expedia_rapid.conftest import TestClock, connected, requested
from tests.support.referee import Referee, load_published

CORRECTIONS = {
    ("getAvailability", 200): {"type": "array", "items": {"$ref": "#/components/schemas/PropertyAvailability"}}
}


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return load_published("expedia-rapid.yaml")


async def test_adapter_and_simulator_speak_as_published(
    published: dict[str, Any], simulator: Simulator, manifest: Manifest, clock: TestClock
) -> None:
    referee = Referee(published, CORRECTIONS)
    simulator.app = referee.watching(simulator)  # type: ignore[method-assign]
    async with serve(simulator) as address, connected(address, manifest, clock) as adapter:
        for place in ["40010001", *Magic]:
            request = await requested(adapter, place, key=f"key-{place}")
            step = await adapter.run_step("price_check", request)
            if step.outcome is not Outcome.OK:
                continue
            request = msgspec.structs.replace(request, carried=step.carried)
            for _ in range(3):
                await adapter.run_step("book", request)
            found = await adapter.look_up(request)
            if found.partner_reference is not None:
                await adapter.cancel(request, found.partner_reference)
    assert referee.faults == []
    assert referee.seen >= {
        ("getAvailability", 200),
        ("priceCheck", 200),
        *(("postItinerary", status) for status in (201, 400, 409, 410)),
        ("getReservation", 200),
        *(("getReservationByItineraryId", status) for status in (200, 206, 404)),
        *(("deleteRoom", status) for status in (202, 204)),
    }


def test_the_referee_sees_what_is_wrong(published: dict[str, Any]) -> None:
    referee = Referee(published)
    scope = {"path": "/v3/itineraries", "method": "POST", "query_string": b"colour=blue", "headers": []}
    referee.judge_request(scope, b'{"email":1}')
    referee.judge_answer(scope, 201, b'{"itinerary_id":899}')
    referee.judge_answer(scope, 418, b"{}")
    text = "\n".join(referee.faults)
    for expected in ("unknown colour", "missing token", "missing customer-ip", "phone", "899", "418"):
        assert expected in text
