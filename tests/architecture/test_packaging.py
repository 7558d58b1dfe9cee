"""The wheel holds the five packages with their data, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.architecture.project import project_files
from tests.architecture.sources import PROJECT, ROOMS


@pytest.fixture(scope="module")
def wheel(gateway_wheel: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(gateway_wheel)


def test_every_kept_file_of_the_five_packages_is_in_it(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    meant = {str(path.relative_to(PROJECT)) for path in project_files() if path.relative_to(PROJECT).parts[0] in ROOMS}
    assert meant - names == set()


def test_nothing_else_is_in_it(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    (information,) = tops - set(ROOMS)
    assert information.endswith(".dist-info")
    assert not [
        name for name in wheel.namelist() if "test" in Path(name).name and not name.startswith("adapters/sdk/testing")
    ]


@pytest.mark.parametrize(
    ("folder", "suffix"),
    [
        ("config", "programme.toml"),
        ("adapters/sdk/templates", ".txt"),
        ("adapters/direct/fixtures", ".json"),
        ("config", "notice.toml"),
        ("config/budgets", ".toml"),
        ("config/schemas", ".schema.json"),
        ("config/partners", ".toml"),
        ("config/benefits", ".toml"),
        ("config/conversions", ".toml"),
        ("config/tier_matches", ".toml"),
        ("config/migrations", "env.py"),
        ("config/migrations", "script.py.mako"),
        ("config/migrations/versions", ".py"),
        ("adapters/direct", "manifest.toml"),
    ],
)
def test_the_data_that_a_start_needs_is_in_it(wheel: zipfile.ZipFile, folder: str, suffix: str) -> None:
    assert [name for name in wheel.namelist() if name.rpartition("/")[0] == folder and name.endswith(suffix)]


def test_what_is_installed_reads_configuration_from_a_folder_outside(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    installed, own = tmp_path / "installed", tmp_path / "own"
    wheel.extractall(installed)
    shutil.copytree(installed / "config", own, ignore=shutil.ignore_patterns("*.py", "migrations"))
    (own / "benefits" / "hotel-stay.toml").unlink()
    environment = {"PATH": "", "PYTHONPATH": str(installed), "GATEWAY__FOLDERS__CONFIGURATION": str(own)}
    run = subprocess.run(
        [sys.executable, "-m", "gateway", "config", "check", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "hotel-stay" not in json.loads(run.stdout)["benefits"]
    where = subprocess.run(
        [sys.executable, "-c", "import gateway; print(gateway.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(installed)), "not the checkout"


def test_each_package_says_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    assert {f"{room}/py.typed" for room in ROOMS} <= set(wheel.namelist())


def test_the_command_is_declared(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "gateway = gateway.cli.main:main" in wheel.read(entry_points).decode()


def test_each_dependency_is_locked_by_version_and_hash() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = {
        "runtime": project["project"]["dependencies"],
        "test": project["project"]["dependencies"] + groups["test"],
        "build": groups["build"],
        "bench": groups["bench"],
    }
    for lock, requirements in wanted.items():
        locked = _locked(PROJECT / ".ci" / "locks" / f"{lock}.lock")
        assert {_name(requirement) for requirement in requirements} - set(locked) == set()
        assert [name for name, hashes in locked.items() if not hashes] == []


def _name(requirement: str) -> str:
    for mark in "[<>=!~; ":
        requirement = requirement.partition(mark)[0]
    return requirement.lower().replace("_", "-")


def _locked(path: Path) -> dict[str, int]:
    """Count the hashes of each pinned package of a lock file."""
    locked: dict[str, int] = {}
    current = ""
    for line in path.read_text().splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            current = _name(line.partition("==")[0])
            locked.setdefault(current, 0)
        elif "--hash=sha256:" in line:
            locked[current] += 1
        else:
            assert not line.startswith("--"), f"{path.name}: {line}"
    return locked
