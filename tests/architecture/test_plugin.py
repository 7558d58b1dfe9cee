"""A plug-in in a folder of its own, installed beside the gateway's wheel: found, checked and used, nothing edited."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from config.files import PACKAGED_FOLDER
from tests.architecture.conftest import build_wheel
from tests.architecture.sources import PROJECT

PLUGIN = PROJECT / "docs" / "examples" / "valet_plugin"
HANGING = "import threading\nthreading.Event().wait()\n"
RAISING = "raise RuntimeError('a plug-in that does not start')\n"
BOASTING = """
class Boaster:
    async def fence(self, request):
        return None

def create(context) -> Boaster:
    return Boaster()
"""
BAD_MANIFEST = """
name = "{name}"
title = "A plug-in that is wrong"
segment = "transfers"
api_version = 1
capabilities = ["fences", "cancels"]
auth = "none"
credentials = {{}}
facts = {{}}
"""
REDEEM = """
import asyncio, json
from adapters.sdk.registry import load_named
from adapters.sdk.testing.bench import open_bench, reserve
from valet_adapter.conformance import create_subject

async def main():
    async with open_bench(create_subject(load_named("valet"))) as bench:
        result, request = await reserve(bench.adapter, await bench.request("outside"))
        import gateway, valet_adapter
        print(json.dumps({
            "outcome": result.outcome, "bookings": bench.bookings(request), "gateway": gateway.__file__,
            "plugin": valet_adapter.__file__,
        }))

asyncio.run(main())
"""
DISCOVER = """
import json
from adapters.sdk import registry
registry.IMPORT_SECONDS = 2.5
found = registry.discover()
print(json.dumps({"problems": found.problems, "packages": sorted(found.packages)}))
"""


class Place:
    """A clean environment with the locked libraries, the gateway's wheel and the plug-in's."""

    def __init__(self, folder: Path, gateway_wheel: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
        self.python = folder / "env" / "bin" / "python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.site = folder / "env" / "lib" / version / "site-packages"
        (self.site / "locked.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
        source = folder / "source"
        shutil.copytree(PLUGIN, source, ignore=shutil.ignore_patterns("__pycache__", "dist"))
        self.tests = source / "tests"
        self.install(gateway_wheel, build_wheel(source, folder / "dist"))

    def install(self, *wheels: Path) -> None:
        base = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check", "--quiet"]
        subprocess.run(
            [*base, "install", "--no-index", "--no-deps", "--ignore-installed", *map(str, wheels)], check=True
        )

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return subprocess.run(
            [self.python, *words], cwd=self.folder, env=kept | environment, capture_output=True, text=True, check=False
        )

    def add_wrong(self, name: str, source: str) -> None:
        """Install a package that is wrong, by hand: the files and the entry point that an installer would write."""
        package = self.site / name
        package.mkdir()
        (package / "__init__.py").write_text(source, encoding="utf-8")
        (package / "manifest.toml").write_text(BAD_MANIFEST.format(name=name), encoding="utf-8")
        information = self.site / f"{name}-1.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8")
        group = f"[partner_benefits_gateway.adapters]\n{name} = {name}\n"
        (information / "entry_points.txt").write_text(group, encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, gateway_wheel: Path) -> Place:
    return Place(tmp_path_factory.mktemp("place"), gateway_wheel)


def adapters(place: Place) -> tuple[int, dict[str, Any]]:
    run = place.run("-m", "gateway", "adapter", "list", "--json")
    assert run.stdout, run.stderr
    return run.returncode, json.loads(run.stdout)


def test_it_is_found_by_its_entry_point(place: Place) -> None:
    code, found = adapters(place)
    assert (code, found["problems"]) == (0, {})
    (valet,) = [one for one in found["adapters"] if one["name"] == "valet"]
    assert (valet["profile"], valet["segment"]) == ("A", "transfers")


def test_it_reserves_through_its_simulator(place: Place) -> None:
    run = place.run("-c", REDEEM)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert (told["outcome"], told["bookings"]) == ("ok", 1)
    assert told["gateway"].startswith(str(place.site)), "the wheel, not the checkout"
    assert told["plugin"].startswith(str(place.site))


def test_its_own_tests_pass_there(place: Place) -> None:
    run = place.run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(place.tests))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout


def test_the_gateway_connects_a_partner_to_it(place: Place) -> None:
    own = place.folder / "config"
    shutil.copytree(PACKAGED_FOLDER, own, ignore=shutil.ignore_patterns("*.py", "migrations", "__pycache__"))
    file = own / "partners" / "amadeus-transfers.toml"
    text = file.read_text(encoding="utf-8")
    changed = text.replace('adapter = "transfers.amadeus_transfers"', 'adapter = "valet"')
    assert changed != text
    tables = [table for table in changed.split("\n[") if not table.startswith("options")]
    credentials = 'environments.simulator.credentials]\napi_key = "simulator:valet-simulator-key"\n'
    tables = [credentials if table.startswith("environments.simulator.cred") else table for table in tables]
    file.write_text("\n[".join(tables), encoding="utf-8")
    run = place.run("-m", "gateway", "config", "check", "--json", GATEWAY__FOLDERS__CONFIGURATION=str(own))
    assert run.returncode == 0, run.stdout + run.stderr


def test_wrong_plug_ins_are_set_aside_and_named(place: Place) -> None:
    place.add_wrong("raiser", RAISING)
    place.add_wrong("hanger", HANGING)
    place.add_wrong("boaster", BOASTING)
    run = place.run("-c", DISCOVER)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["problems"].keys() == {"raiser", "hanger", "boaster"}
    assert "RuntimeError: a plug-in that does not start" in found["problems"]["raiser"]
    assert "longer than 2.5 s" in found["problems"]["hanger"]
    assert "cancels is declared and not implemented" in found["problems"]["boaster"]
    assert {"valet", "direct"} <= set(found["packages"])
