"""An adapter whose client answers from a list."""

from __future__ import annotations

from typing import Any, cast

from adapters.airlines.points_lcp import create
from adapters.airlines.points_lcp.adapter import PointsLcpAdapter
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.client import PartnerClient
from adapters.sdk.context import AdapterContext
from adapters.sdk.manifest import read_manifest
from config.clock import SystemClock
from tests.adapters.airlines.points_lcp.samples import MANIFEST, PROGRAMME


class StubClient:
    """Gives its answers in turn and keeps the calls."""

    def __init__(self, *answers: PartnerAnswer | CallFailure) -> None:
        self.calls: list[PartnerCall] = []
        self._answers = list(answers)

    async def call(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        self.calls.append(call)
        return self._answers.pop(0)


def make_adapter(
    *answers: PartnerAnswer | CallFailure, options: dict[str, Any] | None = None
) -> tuple[PointsLcpAdapter, StubClient]:
    client = StubClient(*answers)
    context = AdapterContext(
        partner="skyward-miles",
        manifest=read_manifest(MANIFEST),
        client=cast(PartnerClient, client),
        clock=SystemClock(),
        options={"loyalty_programme": PROGRAMME} | (options or {}),
        credentials={},
    )
    return create(context), client
