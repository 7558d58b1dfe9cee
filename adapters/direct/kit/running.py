"""Runs the checks one by one; results are data, the table is for people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec

from adapters.direct.kit.bench import Ask, FailedError, KitSettings, Listener, UnprovenError, open_bench
from adapters.direct.kit.checks import CHECKS, Check
from adapters.sdk.manifest import Manifest, read_manifest
from adapters.sdk.testing.simulator import serve_app
from config.clock import Clock

Verdict = Literal["passed", "failed", "not proven"]


class Result(msgspec.Struct, frozen=True):
    """How a check ended. ``detail``: what the partner did otherwise, or what the check needs; empty when it passed."""

    check: str
    verdict: Verdict
    proves: str
    detail: str = ""


async def run_kit(
    settings: KitSettings, clock: Clock, ask: Ask, checks: tuple[Check, ...] = CHECKS
) -> tuple[Result, ...]:
    """Run checks against a partner; each opens connections of its own, so that none suffers from another."""
    manifest = read_manifest(Path(__file__).parents[1] / "manifest.toml")
    async with _listening(settings, clock) as listener:
        return tuple([await _run(check, settings, manifest, clock, listener, ask) for check in checks])


def table(results: tuple[Result, ...]) -> str:
    """Write the results for people."""
    width = max(len(result.check) for result in results)
    lines = []
    for result in results:
        lines.append(f"{result.verdict:<10}  {result.check:<{width}}  {result.proves}")
        if result.detail:
            lines.append(f"{'':<10}  {'':<{width}}  -> {result.detail}")
    counted = {verdict: sum(result.verdict == verdict for result in results) for verdict in ("passed", "failed")}
    unproven = len(results) - sum(counted.values())
    return "\n".join([*lines, f"{counted['passed']} passed, {counted['failed']} failed, {unproven} not proven"])


async def _run(
    check: Check, settings: KitSettings, manifest: Manifest, clock: Clock, listener: Listener | None, ask: Ask
) -> Result:
    try:
        async with open_bench(settings, manifest, clock, listener, ask) as bench:
            await check.run(bench)
    except FailedError as error:
        return Result(check.name, "failed", check.proves, str(error))
    except UnprovenError as error:
        return Result(check.name, "not proven", check.proves, str(error))
    return Result(check.name, "passed", check.proves)


@asynccontextmanager
async def _listening(settings: KitSettings, clock: Clock) -> AsyncIterator[Listener | None]:
    if settings.webhook_port is None:
        yield None
        return
    listener = Listener(settings.webhook_secret, clock)
    async with serve_app(listener.app, settings.webhook_port, settings.webhook_host):
        yield listener
