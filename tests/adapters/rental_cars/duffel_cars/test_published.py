"""The partner's own OpenAPI file as referee, used in place; see `tests.support.referee`."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.rental_cars.duffel_cars.simulator import create_simulator
from adapters.rental_cars.duffel_cars.simulator_book import Magic
from adapters.sdk.errors import RejectedError
from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import OfferRequest
from adapters.sdk.testing.simulator import SimulatorOptions
from tests.adapters.rental_cars.duffel_cars.conftest import PARTNER, RENTAL, requested, running
from tests.support.referee import Referee, load_published


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return load_published("duffel-cars.yaml")


async def test_adapter_and_simulator_speak_as_published(published: dict[str, Any]) -> None:
    referee = Referee(published)
    simulator = create_simulator(SimulatorOptions(partner=PARTNER))
    simulator.app = referee.watching(simulator)  # type: ignore[method-assign]
    async with running(simulator=simulator) as partner:
        for station in ("PVG", *(magic.name for magic in Magic if magic is not Magic.NOTHING)):
            request, result = await partner.run(await requested(partner.adapter, station))
            if result.outcome is Outcome.OK and result.partner_reference is not None:
                await partner.adapter.cancel(request, result.partner_reference)
                await partner.adapter.cancel(request, "boo_unknown")
        ageless = RENTAL.__class__(
            pick_up_station="PVG",
            drop_off_station="PVG",
            pick_up_at=RENTAL.pick_up_at,
            drop_off_at=RENTAL.drop_off_at,
            driver_birth_date=RENTAL.pick_up_at.date(),
        )
        with pytest.raises(RejectedError):
            await partner.adapter.quote_offers(OfferRequest(service=ageless, currency="CNY"))
    assert referee.faults == []
    assert referee.seen >= {
        *(("searchCars", status) for status in (200, 422)),
        *(("createCarQuote", status) for status in (200, 404)),
        *(("createCarBooking", status) for status in (200, 404, 422)),
        *((name, status) for name, status in referee.seen if "ancel" in name or name.startswith("get")),
    }
    assert {status for name, status in referee.seen if "ancel" in name} == {200, 404, 422}
