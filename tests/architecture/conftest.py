"""The gateway's wheel, built once for every test that looks at it or installs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import PROJECT


def build_wheel(project: Path, folder: Path) -> Path:
    """Build a project's wheel with the locked back end, offline."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=project, capture_output=True, check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def gateway_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file."""
    return build_wheel(PROJECT, tmp_path_factory.mktemp("dist"))
