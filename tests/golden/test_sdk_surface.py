"""The SDK's public surface is pinned: what an integrator imports today is there tomorrow."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import adapters.sdk
from adapters.sdk.manifest import API_VERSION
from adapters.sdk.surface import BESIDE, DEPRECATED, PUBLIC
from tests.architecture.sources import PROJECT
from tests.golden.sdk_surface import surface

KEPT = Path(__file__).with_name("sdk_surface.txt").read_text(encoding="utf-8").splitlines()
HOW = "python -m tests.golden.sdk_surface > tests/golden/sdk_surface.txt"


LINE = re.compile(r"([\w.]+)(?:\((.*)\)| \{(.*)\})?( = .*)?")


def parts(line: str) -> tuple[str, list[str], str]:
    """A line's name, its parameters or fields, and the rest."""
    found = LINE.fullmatch(line)
    if found is None:
        return line, [], ""
    inside = found[2] or found[3] or ""
    return found[1], [each for each in inside.split(", ") if each], found[4] or ""


def still_serves(kept: str, now: str) -> bool:
    """Whether what was written against one line works with the other: more that is optional is no change."""
    _, before, rest = parts(kept)
    _, after, rest_now = parts(now)
    begun = [old == new or old + "?" == new for old, new in zip(before, after, strict=False)]
    more = after[len(before) :]
    return rest == rest_now and len(after) >= len(before) and all(begun) and all(each.endswith("?") for each in more)


def test_nothing_was_taken_away_or_changed() -> None:
    """A line that no longer serves breaks somebody's adapter: put it back, or raise API_VERSION by the guide's rule."""
    assert KEPT[0] == f"api_version {API_VERSION}", f"another version begins a new list: {HOW}"
    found = {parts(line)[0]: line for line in surface()}
    gone = [line for line in KEPT if parts(line)[0] not in found]
    assert gone + [line for line in KEPT if line not in gone and not still_serves(line, found[parts(line)[0]])] == []


@pytest.mark.parametrize(
    ("kept", "now", "serves"),
    [
        ("m.f(a, b)", "m.f(a, b)", True),
        ("m.f(a, b)", "m.f(a, b?)", True),
        ("m.f(a, b)", "m.f(a, b, c?)", True),
        ("m.f(a, b?)", "m.f(a, b)", False),
        ("m.f(a, b)", "m.f(a, b, c)", False),
        ("m.f(a, b)", "m.f(b, a)", False),
        ("m.f(a, b)", "m.f(a)", False),
        ("m.S {a, b?}", "m.S {a, b?, c?}", True),
        ("m.S {a}", "m.S {a, c}", False),
        ("m.E = x | y", "m.E = x", False),
    ],
)
def test_the_rule_tells_what_breaks_from_what_does_not(kept: str, now: str, serves: bool) -> None:
    assert still_serves(kept, now) is serves


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
