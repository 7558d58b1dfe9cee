"""The integrator's guide is run: every command of it, in order, in a folder of the test's own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.sdk.auth_schemes import CREDENTIALS, SETTINGS
from adapters.sdk.declarative.model import Exchange, MappingFile, Quote, StepTable, Webhook, Withdrawal
from adapters.sdk.declarative.templates import WAYS
from tests.docs.test_documents import PROJECT

GUIDE = PROJECT / "docs" / "integrators-guide.md"
BLOCK = re.compile(r"```bash guide\n(.*?)```", re.DOTALL)
BASH = re.compile(r"```(?:bash|sh|shell|console)[^\n]*\n")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block says, in order."""
    folder = tmp_path_factory.mktemp("integrator")
    text = GUIDE.read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) == len(BASH.findall(text)), "every block of commands is run"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    mark = "the next block begins"
    script = f"\necho '{mark}'\n".join(blocks)
    script = f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"
    script = script.replace("var/integrator", str(folder)).replace("9177", port)
    script = script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout.split(mark)


def test_every_command_does_what_the_guide_says(told: list[str]) -> None:
    found, mistake, proved, tried, configured, made, shipped, asked = told
    assert re.search(r"^harbour_lounge +A +quotes_offers", found, re.MULTILINE)
    assert re.search(r"cannot be loaded: harbour_lounge: .*mapping\.toml, line \d+: steps\[0\]\.body\.offer: ", mistake)
    assert "exit code 1" in mistake
    assert "grade: gold" in proved
    assert "> PUT /v1/reservations/my-own-key-1" in tried
    assert "Wrote " in tried
    assert "The configuration can be used." in configured
    assert "grade: platinum" in made
    assert re.search(r"^valet +A +", shipped, re.MULTILINE)
    assert re.search(r"^16 passed, 0 failed, 8 not proven$", asked, re.MULTILINE)


def test_the_guide_names_every_key_of_a_mapping_and_every_way_of_writing() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for table in (MappingFile, Exchange, Quote, StepTable, Withdrawal, Webhook):
        named = [field for field in table.__struct_fields__ if f"`{field}`" not in text and f"[{field}]" not in text]
        assert named == [], table.__name__
    assert [way for way in WAYS if f"`{way}`" not in text] == []


def test_the_guide_lists_every_scheme_with_its_credentials_and_settings() -> None:
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|([^|]*)\|([^|]*)\|$", GUIDE.read_text("utf-8"), re.MULTILINE)
    told = {name: (set(re.findall(r"`([a-z_]+)`", first)), second) for name, first, second in rows if name in SETTINGS}
    settings = {name: {each for each in known if f"`{each}`" in told[name][1]} for name, known in SETTINGS.items()}
    assert {name: credentials for name, (credentials, _) in told.items()} == {
        name: set(known) for name, known in CREDENTIALS.items()
    }
    assert settings == {name: set(known) for name, known in SETTINGS.items()}
