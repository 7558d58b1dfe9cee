"""The partner's own specifications as referee, used in place; see `tests.support.referee`."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import OfferRequest
from adapters.sdk.testing.simulator import SimulatorOptions
from adapters.transfers.amadeus_transfers.simulator import create_simulator
from adapters.transfers.amadeus_transfers.simulator_book import Magic
from tests.adapters.transfers.amadeus_transfers.conftest import PARTNER, at_minute, requested, running
from tests.support.referee import Referee, from_swagger, load_published

UNBOOKABLE = {Magic.NOTHING, Magic.MOVED, Magic.NEEDS_MORE, Magic.ESTIMATED}


@pytest.fixture(scope="module")
def published() -> list[dict[str, Any]]:
    names = ("search", "book", "management")
    files = [from_swagger(load_published(f"amadeus-transfer-{name}.yaml")) for name in names]
    authorisation = load_published("amadeus-authorization.yaml")
    paths = {f"/v1{path}": item for path, item in authorisation["paths"].items()}
    for path in paths.values():
        for operation in path.values():
            operation.setdefault("operationId", "token")
    return [*files, {**authorisation, "paths": paths}]


async def test_adapter_and_simulator_speak_as_published(published: list[dict[str, Any]]) -> None:
    referees = [Referee(one) for one in published]
    simulator = create_simulator(SimulatorOptions(partner=PARTNER))
    apps = {path: referee.watching(simulator) for referee in referees for path in referee.paths}
    plain = simulator.app

    async def app(scope: Any, receive: Any, send: Any) -> None:
        known = [path for path in apps if path.count("/") == scope.get("path", "").count("/")]
        fits = [
            path
            for path in known
            if path.partition("{")[0] in scope["path"] and path.rpartition("}")[2] in scope["path"]
        ]
        await (apps[fits[0]] if fits else plain)(scope, receive, send)

    simulator.app = app  # type: ignore[method-assign]
    async with running(simulator=simulator) as partner:
        for minute in (30, *(magic for magic in Magic if magic not in UNBOOKABLE)):
            request, result = await partner.run(await requested(partner.adapter, at_minute(minute)))
            if result.outcome is Outcome.OK and result.partner_reference is not None:
                for _ in range(2):
                    await partner.adapter.cancel(request, result.partner_reference)
        for minute in UNBOOKABLE:
            await partner.adapter.quote_offers(OfferRequest(service=at_minute(minute), currency="CNY"))
    assert [fault for referee in referees for fault in referee.faults] == []
    seen = set().union(*(referee.seen for referee in referees))
    assert {status for _, status in seen} == {200, 201, 400, 404}
    assert len({operation for operation, _ in seen}) == 4
