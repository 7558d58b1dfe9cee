"""The partner's own specification as referee, used in place; see `tests.support.referee`."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.lounges.mastercard_airport.simulator import create_simulator
from adapters.sdk.errors import RejectedError
from adapters.sdk.records import OfferRequest, Visit
from adapters.sdk.testing.simulator import SimulatorOptions
from tests.adapters.lounges.mastercard_airport.conftest import ACCOUNT, PARTNER, TODAY, reservation, running
from tests.support.referee import Referee, load_published


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return load_published("mastercard-airport-lounge.yaml")


async def test_adapter_and_simulator_speak_as_published(published: dict[str, Any]) -> None:
    referee = Referee(published)
    simulator = create_simulator(SimulatorOptions(partner=PARTNER))
    simulator.app = referee.watching(simulator)  # type: ignore[method-assign]
    async with running(simulated=simulator) as partner:
        for last_four in ("4321", "0001", "0002", "0003"):
            account = f"liu-{last_four}"
            partner.book.visit(account, "PVG1", partner.simulator.options.clock.now(), 2, 4500)
            await partner.run(reservation(account=account))
            assert len(await partner.adapter.fetch_usage(account, TODAY, TODAY)) == 1
        for airport, lounge in (("PVG", "PVG1"), ("ZZZ", "CLOSED"), ("XIY", "XIY1")):
            visit = Visit(airport=airport, lounge_id=lounge, visit_date=TODAY)
            asked = OfferRequest(service=visit, currency="CNY", partner_account=ACCOUNT)
            await partner.adapter.quote_offers(asked)
        with pytest.raises(RejectedError):
            await partner.adapter.fetch_usage("liu-0000", TODAY, TODAY)
    assert referee.faults == []
    assert {status for _, status in referee.seen} == {200, 404}
    assert len({operation for operation, _ in referee.seen}) == 5
