"""What really happens in a fresh interpreter, which no reading of the source can prove."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.import_rules import ENGINES
from tests.architecture.sources import PROJECT

REPORT = "import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"


def _loaded_by(module: str) -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", REPORT.format(module=module)], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", ["gateway.app", "gateway.cli.main", "gateway.cli.serve"])
def test_the_edge_starts_without_the_engines_and_without_any_partner(module: str) -> None:
    loaded = _loaded_by(module)
    assert module in loaded
    assert loaded.isdisjoint(ENGINES)
    assert "settlement.matching.engine" not in loaded
    assert not [name for name in loaded if name.startswith("adapters.") and not name.startswith("adapters.sdk")]


def test_the_engines_are_where_they_belong() -> None:
    assert "duckdb" in _loaded_by("settlement.matching.engine")


def test_the_import_contracts_of_the_project_file_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([command, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
