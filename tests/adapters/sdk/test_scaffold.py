"""A package made from the template keeps every rule at once, in every segment, and passes its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from adapters.sdk import registry
from adapters.sdk.registry import discover, load_named
from adapters.sdk.scaffold import SEGMENTS, make_package
from adapters.sdk.testing.examination import examine
from adapters.sdk.testing.rules.rule import Status
from config.errors import ConfigurationError
from gateway.cli.main import run
from tests.adapters.sdk.test_hostile_adapters import QUICK

DAY = date(2026, 11, 28)
RUN_FULLY = ("airlines", "lounges")


@pytest.mark.parametrize("segment", sorted(set(SEGMENTS) - set(RUN_FULLY)))
async def test_a_new_package_keeps_every_rule(tmp_path: Path, segment: str) -> None:
    root = make_package(f"a_new_{segment}", segment, tmp_path, today=DAY)
    package = load_named(f"a_new_{segment}", [root])
    assert package.manifest.segment == segment
    report = await examine(package, rules=QUICK)
    about_others = {rule.id for rule in QUICK if rule.needs - set(package.manifest.capabilities)}
    left = {each.id: each.reason for each in report.results if each.status is not Status.PASSED}
    assert left.keys() == about_others, left
    assert all(reason.startswith("not declared: ") for reason in left.values())
    assert report.grade == "platinum"


@pytest.mark.parametrize("segment", RUN_FULLY)
def test_a_new_package_passes_its_own_tests(tmp_path: Path, segment: str) -> None:
    assert run(["adapter", "new", f"our_{segment}", "--segment", segment, "--into", str(tmp_path)]) == 0
    root = tmp_path / f"our_{segment}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "."]
    # Coverage of this run is not to be told of that one, and this run's worker is not that one's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 passed" in done.stdout


def test_what_is_installed_is_found_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_package("installed_lounge", "lounges", tmp_path, today=DAY)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"][registry.GROUP]
    assert points == {"installed_lounge": "installed_lounge"}
    monkeypatch.syspath_prepend(str(root))
    made = [EntryPoint(name, value, registry.GROUP) for name, value in points.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: made)
    found = discover()
    assert found.problems == {}
    assert found.packages["installed_lounge"].module == "installed_lounge"


def test_two_folders_of_one_name_are_two_packages(tmp_path: Path) -> None:
    for place, segment in (("one", "lounges"), ("two", "hotels")):
        make_package("twin", segment, tmp_path / place, today=DAY)
    first, second = (load_named("twin", [tmp_path / place / "twin"]) for place in ("one", "two"))
    assert first.module != second.module
    assert (first.manifest.segment, second.manifest.segment) == ("lounges", "hotels")


REFUSED = {
    "Valet": "is no name of a package",
    "valet-parking": "is no name of a package",
    "valet__parking": "is no name of a package",
    "../valet": "is no name of a package",
    "1valet": "is no name of a package",
    "v" * 41: "40 characters at most",
    "class": "a word of Python",
    "json": "a word of Python",
    "settlement": "of the gateway itself",
    "direct": "There is an adapter 'direct' already",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_name_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run(["adapter", "new", name, "--segment", "lounges", "--into", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert REFUSED[name] in line
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "valet").mkdir()
    with pytest.raises(ConfigurationError, match="is there already"):
        make_package("valet", "lounges", tmp_path, today=DAY)
    assert list((tmp_path / "valet").iterdir()) == []
