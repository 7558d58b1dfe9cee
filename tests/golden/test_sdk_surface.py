"""The SDK's public surface is pinned: what an integrator imports today is there tomorrow."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import adapters.sdk
from adapters.sdk.manifest import API_VERSION
from adapters.sdk.surface import BESIDE, DEPRECATED, PUBLIC
from tests.architecture.sources import PROJECT
from tests.golden.sdk_surface import surface

KEPT = Path(__file__).with_name("sdk_surface.txt").read_text(encoding="utf-8").splitlines()
HOW = "python -m tests.golden.sdk_surface > tests/golden/sdk_surface.txt"


def test_nothing_was_taken_away_or_changed() -> None:
    """A line that is gone breaks somebody's adapter: put it back, or raise API_VERSION by the rule of the guide."""
    assert KEPT[0] == f"api_version {API_VERSION}", f"another version begins a new list: {HOW}"
    assert sorted(set(KEPT) - set(surface())) == []


def test_what_was_added_is_written_down() -> None:
    assert sorted(set(surface()) - set(KEPT)) == [], HOW


def test_the_modules_are_there_and_the_guide_names_each() -> None:
    guide = (PROJECT / "docs" / "integrators-guide.md").read_text(encoding="utf-8")
    assert [name for name in PUBLIC if f"`{name}`" not in guide] == []
    assert [name for name in BESIDE if f"`{name}`" not in guide] == []
    found = {module.name for module in pkgutil.walk_packages(adapters.sdk.__path__, "adapters.sdk.")}
    assert {f"adapters.sdk.{name}" for name in PUBLIC} <= found


def test_deprecated_names_still_work_and_say_what_to_use() -> None:
    for name, instead in DEPRECATED.items():
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute)
        assert instead


def test_the_examples_import_nothing_else() -> None:
    """The adapter outside the gateway keeps to the surface, as every integrator's has to."""
    allowed = {f"adapters.sdk.{name}" for name in PUBLIC} | {name.rpartition(".")[0] for name in BESIDE}
    for path in (PROJECT / "docs" / "examples").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("from ") and line.split()[1].partition(".")[0] in ("adapters", "catalogue", "config"):
                assert line.split()[1] in allowed, f"{path.name}: {line}"
