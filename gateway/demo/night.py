"""Step 6: breaks planted in the partners' files, the settlement run, and finance's files read back."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from gateway.demo.api import Simulator, UnexpectedAnswerError
from gateway.demo.simulators import AIRLINE, CARS, HOTEL, LOUNGE
from gateway.demo.world import World

PLANTED = {
    HOTEL: ("amount_changed",),
    LOUNGE: ("missing_row", "duplicate_row", "extra_row"),
    AIRLINE: ("status_changed",),
    CARS: ("extra_row",),
}
"""What each partner's file of the demo has wrong on purpose."""

FOUND_AS = {
    "missing_row": "missing_theirs",
    "extra_row": "missing_ours",
    "amount_changed": "amount",
    "duplicate_row": "duplicate",
    "status_changed": "status",
}
"""The kind of break that each planted fault must be found as."""


@dataclass
class NightStory:
    """What the night found, for the closing table."""

    planted: Counter[tuple[str, str]] = field(default_factory=Counter)
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    matched: int = 0
    positions: list[dict[str, Any]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    changed_by_second_run: int = -1


async def plant(world: World, http: httpx.AsyncClient, today: date, story: NightStory) -> None:
    """Tell every simulator what to spoil in its statement, and keep the answer key."""
    for partner, kinds in PLANTED.items():
        simulator = Simulator(http, world.simulators[partner])
        await simulator.post("/_simulator/breaks", {"plan": [{"kind": kind} for kind in kinds]})
        planted = (await simulator.get(f"/_simulator/breaks/{today.isoformat()}"))["planted"]
        story.planted.update((partner, FOUND_AS[item["kind"]]) for item in planted)


async def settle(world: World, today: date, story: NightStory) -> str:
    """Run the night twice: the second run must not change a byte."""
    nights = await _run(world, today)
    folder = world.folder / "exports"
    before = _digests(folder)
    for night in nights:
        outcomes = dict(night["run"]["summary"]["outcomes"])
        story.matched += outcomes.pop("matched", 0)
        for kind, count in outcomes.items():
            story.found[night["partner"], kind] += count
        story.positions += night["positions"]
    await _run(world, today)
    after = _digests(folder)
    story.files = sorted(before)
    story.changed_by_second_run = sum(after.get(path) != digest for path, digest in before.items()) + len(
        after.keys() - before.keys()
    )
    return f"{story.matched} matched, {sum(story.found.values())} breaks, {len(story.files)} files"


async def _run(world: World, today: date) -> list[dict[str, Any]]:
    code, output = await world.run("settlement", "run", "--date", today.isoformat(), "--json")
    if code != 0:
        raise UnexpectedAnswerError(f"The settlement run failed; see {world.folder}/logs/commands.log.")
    nights: list[dict[str, Any]] = json.loads(output)
    return nights


def _digests(folder: Path) -> dict[Path, str]:
    """Digest content and time of change of every file."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path: f"{path.stat().st_mtime_ns} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in found}
