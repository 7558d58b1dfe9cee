"""The plug-in's own tests; the gateway's kit does most of the work."""

from __future__ import annotations

import msgspec
from valet_adapter.conformance import RIDE, create_subject

from adapters.sdk.outcomes import Outcome
from adapters.sdk.registry import load_named
from adapters.sdk.testing.bench import open_bench
from adapters.sdk.testing.examination import examine

PACKAGE = load_named("valet")


async def test_it_reaches_gold() -> None:
    """Every rule of the kit up to gold."""
    report = await examine(PACKAGE)
    assert report.grade in ("gold", "platinum"), [each for each in report.results if each.reason]


async def test_a_place_without_drivers_is_refused() -> None:
    """A documented refusal is a NO."""
    async with open_bench(create_subject(PACKAGE)) as bench:
        request = await bench.request("nowhere")
        nowhere = msgspec.structs.replace(RIDE, pick_up="nowhere at all")
        result = await bench.reserve(msgspec.structs.replace(request, service=nowhere))
        assert (result.outcome, result.code) == (Outcome.NO, "no_driver")
