"""The real ``gateway serve`` beside packages that hang, end the process or hold it up: it serves and says so."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.direct.adapter import DirectAdapter
from adapters.direct.conformance import create_subject
from adapters.sdk import probation, registry
from adapters.sdk.capabilities import ReceivesWebhooks, ReportsUsage
from adapters.sdk.errors import OutcomeUnknownError
from adapters.sdk.manifest import Limits
from adapters.sdk.probation import deaths
from adapters.sdk.records import OfferRequest, Visit
from config.files import PACKAGED_FOLDER
from gateway import isolation
from gateway.isolation import Watchdog, bounded
from tests.adapters.sdk.test_plugins import SOURCES, plug
from tests.support.ports import free_port

CREATE = "def create(context):\n    {}\n"
BLOCKING = """
import time

class Adapter:
    async def quote_offers(self, request):
        {}

def create(context):
    return Adapter()
"""
FATAL = {
    "raises": SOURCES["raises"],
    "leaves": "raise SystemExit(3)",
    "waits": SOURCES["waits"],
    "ends_at_import": "import os\nos._exit(7)",
    "ends": SOURCES["ends"],
    "hangs": SOURCES["hangs"],
    "boasts": SOURCES["boasts"],
}
SAID = {
    "raises": "importing it raised RuntimeError: boom",
    "leaves": "importing it raised SystemExit: 3",
    "waits": "importing it took longer than 5 s; do no work at import",
    "ends_at_import": "loading it ended the process with 7; mend the package",
    "ends": "loading it ended the process with 7; mend the package",
    "hangs": "making it took longer than 5 s; do no work in create",
    "boasts": "receives_webhooks is declared and not implemented",
}
"""What is said of each, wherever it is said."""


def packages(root: Path, sources: dict[str, str]) -> Path:
    SOURCES.update(sources)
    return plug(root, *sources)


def configuration(folder: Path, names: tuple[str, ...]) -> Path:
    """A configuration in which each package has a partner of its own, beside the ones that ship."""
    shutil.copytree(PACKAGED_FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "migrations", "__pycache__"))
    text = (folder / "partners" / "skyhub-lounge.toml").read_text(encoding="utf-8")
    for name in names:
        own = text.replace('adapter = "direct"', f'adapter = "{name}"')
        own = own.replace('id = "skyhub-lounge"', f'id = "partner-{name.replace("_", "-")}"')
        own = "\n".join(line for line in own.splitlines() if not line.startswith(("client_id", "client_secret")))
        own += "\n[risk]\npoints_at_risk_cap = 1000\nsettlement_file = true\n"
        (folder / "partners" / f"partner-{name.replace('_', '-')}.toml").write_text(own, encoding="utf-8")
    return folder


class Served:
    """A served gateway in a process of its own, and what it wrote."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.port = free_port()
        self.log = folder / "served.log"
        words = [sys.executable, "-m", "gateway", "serve", "--port", str(self.port)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)

    def until_ready(self, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while f"ready: http://127.0.0.1:{self.port}" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.1)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(url, headers=headers, trust_env=False, timeout=10).json()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)


def served_environment(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "GATEWAY__DATABASE__URL": f"sqlite:///{tmp_path / 'gateway.db'}",
        "GATEWAY__FOLDERS__DATA": str(tmp_path),
        "GATEWAY__FOLDERS__EXPORTS": str(tmp_path / "exports"),
        "GATEWAY__OAUTH__KEY_FILE": str(tmp_path / "issuer-key.json"),
        "GATEWAY__FOLDERS__ADAPTERS": json.dumps([str(tmp_path / "plugins")]),
        "GATEWAY__FOLDERS__CONFIGURATION": str(tmp_path / "config"),
    }


def test_it_serves_beside_every_kind_and_says_what_each_does(tmp_path: Path) -> None:
    environment = served_environment(tmp_path)
    packages(tmp_path / "plugins", FATAL)
    configuration(tmp_path / "config", tuple(FATAL))
    served = Served(tmp_path, environment)
    try:
        served.until_ready()
        health = served.get("/health/ready")
        assert (health["status"], health["adapter_problems"]) == ("ok", len(FATAL))
    finally:
        ended = served.stop()
    assert ended == 0
    aside = [json.loads(line) for line in served.said().splitlines() if "partner.set_aside" in line]
    told = {one["adapter"]: one["reason"] for one in aside}
    assert set(told) == set(FATAL)
    for name, words in SAID.items():
        assert words in told[name]
        assert told[name].startswith((f"{name}:", f"partners/partner-{name}.toml"))
    assert "Traceback" not in served.said()
    line = [sys.executable, "-m", "gateway", "adapter", "list"]
    listed = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert listed.returncode == 1
    seen_when_listed = set(FATAL) - {"boasts"}
    for name in seen_when_listed:
        assert f"cannot be loaded: {name}: " in listed.stdout
        assert SAID[name] in listed.stdout
    assert "direct" in listed.stdout
    assert "Traceback" not in listed.stdout + listed.stderr


def test_one_that_blows_up_later_is_not_the_one_before(tmp_path: Path) -> None:
    root = packages(tmp_path / "plugins", {"a_good": CREATE.format("return object()"), "ends": SOURCES["ends"]})
    assert set(deaths([root])) == {"ends"}
    assert deaths([tmp_path / "absent"]) == {}


def test_what_was_loaded_without_harm_is_not_tried_again_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = packages(tmp_path / "plugins", {"a_good": CREATE.format("return object()")})
    kept, tried = tmp_path / "data" / "probation", list[int]()
    load = probation._one_child

    def counted(*given: Any) -> Any:
        tried.append(1)
        return load(*given)

    monkeypatch.setattr(probation, "_one_child", counted)
    assert [deaths([root], kept), deaths([root], kept), len(tried)] == [{}, {}, 1]
    kept.write_bytes(b"\xff")
    assert (deaths([root], kept), deaths([root], kept / "no folder"), len(tried)) == ({}, {}, 3), (
        "kept or not, it starts"
    )
    (root / "a_good" / "__init__.py").write_text(SOURCES["ends"], encoding="utf-8")
    assert [set(deaths([root], kept)) for _ in range(2)] == [{"a_good"}] * 2, "what does harm is tried each time"
    assert len(tried) > 4


async def _for_ever(self: Any, request: Any) -> Any:
    await asyncio.sleep(3600)


async def test_a_call_that_awaits_for_ever_is_left() -> None:
    adapter = type("Adapter", (), {"quote_offers": _for_ever})()
    guarded: Any = bounded(adapter, Limits(deadline_seconds=0.1))
    visit = Visit(airport="PVG", lounge_id="L1", visit_date=date(2026, 12, 1))
    begun = time.monotonic()
    with pytest.raises(OutcomeUnknownError, match=r"quote_offers did not end within 0\.3"):
        await guarded.quote_offers(OfferRequest(service=visit, currency="CNY"))
    assert time.monotonic() - begun < 1.5
    assert isinstance(guarded, registry.PROTOCOLS["quotes_offers"])
    assert not isinstance(guarded, registry.PROTOCOLS["reserves"])


def test_what_an_adapter_can_do_is_told_by_the_bounded_ones_class_too() -> None:
    """Whether callbacks are taken is asked of the class: a plug-in's were all refused."""
    package = create_subject(registry.load_named("direct")).package
    guarded = bounded(object.__new__(DirectAdapter), package.manifest.limits)
    for name in package.manifest.capabilities:
        assert isinstance(guarded, registry.PROTOCOLS[name]), name
    assert issubclass(type(guarded), ReceivesWebhooks)
    assert not issubclass(type(guarded), ReportsUsage)


BLOCKERS = {"sleeps": "time.sleep(600)", "counts": "while True: pass"}


@pytest.mark.parametrize("name", BLOCKERS)
def test_a_call_that_holds_the_loop_up_is_ended_where_it_is(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "BLOCKED_SECONDS", 0.3)
    monkeypatch.setattr(isolation, "LOOK_SECONDS", 0.1)
    file = tmp_path / "adapter.py"
    file.write_text(textwrap.dedent(BLOCKING).format(BLOCKERS[name]), encoding="utf-8")
    made: dict[str, Any] = {}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), made)

    async def work() -> str:
        with Watchdog([tmp_path]).watching(asyncio.get_running_loop()):
            begun = time.monotonic()
            with pytest.raises(OutcomeUnknownError) as raised:
                await made["create"](None).quote_offers(None)
            assert time.monotonic() - begun < 5
            return raised.value.message

    assert f"{file}:" in asyncio.run(work())


def test_what_is_not_an_adapter_is_let_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "BLOCKED_SECONDS", 0.2)
    monkeypatch.setattr(isolation, "LOOK_SECONDS", 0.1)

    async def work() -> None:
        with Watchdog([tmp_path]).watching(asyncio.get_running_loop()):
            time.sleep(0.8)  # noqa: ASYNC251 - our own code that holds the loop up

    asyncio.run(work())
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
