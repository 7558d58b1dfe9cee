"""Every rule passes on the real tree and fails on a planted violation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.import_rules import (
    IMPORT_RULES,
    LOCAL_IMPORTS,
    downwards_only,
    edge_without_engines,
    engines_in_matching_only,
    no_cycles,
    no_local_imports,
    one_transport,
    partners_apart,
    partners_are_discovered,
    settlement_sees_the_sdk_only,
)
from tests.architecture.purity_rules import (
    PURE,
    PURITY_EXEMPTIONS,
    PURITY_RULES,
    machine_belongs_to_config,
    marked_pure,
    no_floats_in_money,
    pure_modules_touch_nothing,
)
from tests.architecture.rule import Rule
from tests.architecture.sources import PROJECT, ROOMS, Tree


@pytest.fixture(scope="module")
def real() -> Tree:
    return Tree(PROJECT)


@pytest.mark.parametrize("rule", [*IMPORT_RULES, *PURITY_RULES], ids=lambda rule: rule.__name__)
def test_the_real_tree_keeps(rule: Rule, real: Tree) -> None:
    assert [str(each) for each in rule(real)] == []


def _planted(folder: Path, files: dict[str, str]) -> Tree:
    for room in ROOMS:
        (folder / room).mkdir(parents=True)
        (folder / room / "__init__.py").write_text("")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(folder)


PLANTED: list[tuple[Rule, dict[str, str]]] = [
    (downwards_only, {"config/a.py": "import catalogue"}),
    (downwards_only, {"catalogue/a.py": "from adapters.sdk import records", "adapters/sdk/records.py": ""}),
    (downwards_only, {"settlement/a.py": "from gateway import app"}),
    (downwards_only, {"settlement/a.py": "if TYPE_CHECKING:\n    from gateway.app import App"}),
    (downwards_only, {"settlement/a.py": "def f():\n    import gateway.app"}),
    (downwards_only, {"gateway/a.py": "from tests.conftest import database"}),
    (no_cycles, {"config/a.py": "import config.b", "config/b.py": "from . import c", "config/c.py": "import config.a"}),
    (no_cycles, {"config/a.py": "import config.b", "config/b.py": "def f():\n    from config.a import x"}),
    (no_local_imports, {"gateway/a.py": "def f():\n    import settlement.ledger"}),
    (no_local_imports, {"gateway/a.py": "class A:\n    async def f(self):\n        from json import loads"}),
    (no_local_imports, {"gateway/a.py": "import importlib\nimportlib.import_module('settlement')"}),
    (no_local_imports, {"gateway/a.py": "from importlib import import_module as load\nload('settlement')"}),
    (no_local_imports, {"gateway/a.py": "x = __import__('settlement')"}),
    (partners_apart, {"adapters/hotels/one/wire.py": "from adapters.hotels.two import wire"}),
    (partners_apart, {"adapters/hotels/one/wire.py": "import adapters.direct"}),
    (partners_apart, {"adapters/direct/adapter.py": "from catalogue.benefits import Benefit"}),
    (partners_apart, {"adapters/hotels/one/calls.py": "import httpx"}),
    (partners_apart, {"adapters/hotels/one/calls.py": "from config.settings import load_settings"}),
    (partners_apart, {"adapters/hotels/one/calls.py": "import socket"}),
    (partners_apart, {"adapters/hotels/one/calls.py": "from litestar import get"}),
    (partners_apart, {"adapters/hotels/one/calls.py": "from adapters.sdk.testing import simulator"}),
    (partners_apart, {"adapters/hotels/one/simulator.py": "import sqlalchemy"}),
    (partners_are_discovered, {"adapters/sdk/registry.py": "import adapters.hotels.one"}),
    (partners_are_discovered, {"settlement/a.py": "from adapters.direct import create"}),
    (partners_are_discovered, {"gateway/wiring.py": "from adapters.hotels.one.adapter import Adapter"}),
    (settlement_sees_the_sdk_only, {"settlement/a.py": "import adapters.hotels"}),
    (settlement_sees_the_sdk_only, {"settlement/a.py": "from adapters.direct.wire import Row"}),
    (one_transport, {"adapters/sdk/client.py": "import httpx\nhttpx.AsyncClient()"}),
    (one_transport, {"gateway/a.py": "from httpx import AsyncClient as Client\nwith Client() as c: pass"}),
    (one_transport, {"gateway/a.py": "import httpx\nclass Mine(httpx.AsyncClient): pass"}),
    (one_transport, {"gateway/a.py": "import httpx\nhttpx.get('http://x')"}),
    (one_transport, {"gateway/a.py": "import urllib.request"}),
    (one_transport, {"gateway/a.py": "from aiohttp import ClientSession"}),
    (engines_in_matching_only, {"settlement/netting.py": "import duckdb"}),
    (engines_in_matching_only, {"gateway/a.py": "from ibis import _"}),
    (engines_in_matching_only, {"settlement/a.py": "import pyarrow.parquet as pq"}),
    (
        engines_in_matching_only,
        {"gateway/a.py": "from settlement.matching import engine", "settlement/matching/engine.py": "import duckdb"},
    ),
    (
        engines_in_matching_only,
        {
            "settlement/breaks.py": "from settlement.matching.rules import KINDS",
            "settlement/matching/__init__.py": "import settlement.matching.engine",
            "settlement/matching/engine.py": "import ibis",
            "settlement/matching/rules.py": "KINDS = ()",
        },
    ),
    (
        edge_without_engines,
        {
            "gateway/app.py": "import gateway.wiring",
            "gateway/wiring.py": "from settlement.reconciliation import run",
            "settlement/reconciliation.py": "from settlement.matching.engine import match",
            "settlement/matching/engine.py": "import duckdb",
        },
    ),
    (pure_modules_touch_nothing, {"catalogue/values.py": "import sqlalchemy"}),
    (pure_modules_touch_nothing, {"catalogue/benefits.py": "from datetime import datetime\ndatetime.now()"}),
    (pure_modules_touch_nothing, {"catalogue/benefits.py": "import datetime as d\nd.date.today()"}),
    (pure_modules_touch_nothing, {"catalogue/benefits.py": "import random"}),
    (pure_modules_touch_nothing, {"catalogue/vouchers.py": "from secrets import token_bytes"}),
    (pure_modules_touch_nothing, {"catalogue/lints.py": "from os import environ"}),
    (pure_modules_touch_nothing, {"catalogue/lints.py": "def f(p):\n    return p.read_text()"}),
    (pure_modules_touch_nothing, {"catalogue/lints.py": "open('x')"}),
    (pure_modules_touch_nothing, {"settlement/netting.py": "from uuid import uuid4\nuuid4()"}),
    (pure_modules_touch_nothing, {"gateway/redemption/plan.py": "import litestar"}),
    (pure_modules_touch_nothing, {"adapters/hotels/one/mapping.py": "import time"}),
    (pure_modules_touch_nothing, {"settlement/contracts.py": "from config.files import read_toml\nread_toml('x')",
                                  "config/files.py": "def read_toml(p): ..."}),
    (
        pure_modules_touch_nothing,
        {"settlement/netting.py": "import settlement.helper", "settlement/helper.py": "from sqlalchemy import select"},
    ),
    (machine_belongs_to_config, {"gateway/a.py": "import os\nx = os.environ['A']"}),
    (machine_belongs_to_config, {"gateway/a.py": "from os import getenv\ngetenv('A')"}),
    (machine_belongs_to_config, {"gateway/a.py": "import time\ntime.monotonic()"}),
    (machine_belongs_to_config, {"gateway/a.py": "from time import sleep as nap\nnap(1)"}),
    (machine_belongs_to_config, {"settlement/a.py": "from datetime import datetime, UTC\ndatetime.now(UTC)"}),
    (machine_belongs_to_config, {"settlement/a.py": "import os\nx = os.environ.get"}),
    (no_floats_in_money, {"catalogue/conversion.py": "RATE = 0.2"}),
    (no_floats_in_money, {"catalogue/conversion.py": "HALF = 1 / 2"}),
    (no_floats_in_money, {"settlement/netting.py": "def total(x: float) -> int: ..."}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "files"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_a_planted_violation_is_found(rule: Rule, files: dict[str, str], tmp_path: Path) -> None:
    found = rule(_planted(tmp_path, files))
    assert found
    assert {each.rule for each in found} == {rule.__name__}
    assert all(each.where.partition(":")[0].replace(".", "/") in " ".join(files) for each in found)


def test_every_rule_has_a_specimen() -> None:
    assert {rule for rule, _ in PLANTED} == {*IMPORT_RULES, *PURITY_RULES}


ALLOWED = {
    "config/clock.py": "import time\nfrom datetime import datetime, UTC\ntime.monotonic()\ndatetime.now(UTC)",
    "config/settings.py": "import os\nx = os.environ",
    "config/errors.py": "class GatewayError(Exception): ...",
    "catalogue/values.py": "import msgspec\nfrom datetime import date\nfrom config.errors import GatewayError",
    "adapters/sdk/transport.py": "import httpx\nhttpx.AsyncClient()",
    "adapters/sdk/client.py": "import httpx\ndef f(c: httpx.AsyncClient) -> httpx.Response: ...",
    "adapters/sdk/registry.py": "import importlib\nimportlib.import_module('x')",
    "adapters/hotels/one/wire.py": "import json\nimport msgspec",
    "adapters/hotels/one/adapter.py": "from adapters.hotels.one import wire\nfrom adapters.sdk.client import f",
    "adapters/hotels/one/simulator.py": "import litestar\nimport adapters.sdk.testing.kit",
    "adapters/sdk/testing/kit.py": "",
    "settlement/matching/engine.py": "import duckdb, ibis, pyarrow",
    "settlement/reconciliation.py": "import settlement.matching.engine",
    "settlement/matching/__init__.py": "",
    "settlement/matching/rules.py": "KINDS = ()",
    "settlement/breaks.py": "from settlement.matching.rules import KINDS",
    "adapters/hotels/one/simulator_desk.py": "from litestar import get",
    "gateway/app.py": "from settlement import ledger, breaks",
    "settlement/ledger.py": "import sqlalchemy",
}


@pytest.mark.parametrize("rule", [*IMPORT_RULES, *PURITY_RULES], ids=lambda rule: rule.__name__)
def test_what_is_meant_is_allowed(rule: Rule, tmp_path: Path) -> None:
    assert rule(_planted(tmp_path, ALLOWED)) == []


def test_the_pure_modules_are_those_marked_in_the_map(real: Tree) -> None:
    assert marked_pure(PROJECT / "ARCHITECTURE.md") == set(PURE)
    assert set(PURE) - set(real.modules) == set()


def test_exemptions_are_still_needed(real: Tree) -> None:
    imported = {(module.name, each.target) for module in real for each in real.imports(module)}
    used = {(module.name, name) for module in real for name, _ in module.used}
    assert set(LOCAL_IMPORTS) <= imported
    assert set(PURITY_EXEMPTIONS) <= imported | used
