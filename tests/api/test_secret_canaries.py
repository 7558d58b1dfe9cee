"""What commands and the served gateway print holds no secret: of adapters that ship, or of one that tells its own."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.sdk.registry import discover
from adapters.sdk.testing.examination import make_subject
from config.files import PACKAGED_FOLDER
from gateway.cli.main import run
from tests.adapters.sdk.test_secret_canaries import forms
from tests.api.test_plugins_served import Served, packages, served_environment

NAMES = sorted(discover().packages)
OPERATIONS = ("reserve", "quote", "look_up", "cancel", "fence", "statement", "usage")
CANARY = "canary-of-a-plug-in-0c1d2e3f"
TELLS = """
def create(context):
    raise ValueError("cannot use " + context.credentials["client_secret"].reveal())
"""


def secrets_of(name: str) -> set[str]:
    """Every form in which a secret of the adapter's own simulator may stand in a text."""
    package = discover().packages[name]
    subject, kinds = make_subject(package), package.manifest.credentials
    values = [value for each, value in subject.credentials.items() if kinds[each] == "secret"]
    found = {form for value in values for form in forms(value)}
    assert found, f"{name} has no secret to look for"
    return found | ({subject.webhook_secret} if subject.webhook_secret else set())


def printed(*words: str) -> str:
    """Run a command and give all that it printed, whatever became of it."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        run(list(words))
    return out.getvalue() + err.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_trying_and_recording_by_hand_shows_no_secret(name: str, tmp_path: Path) -> None:
    file = tmp_path / "fixture.json"
    text = "".join(printed("adapter", "try", name, each) for each in OPERATIONS)
    text += printed("adapter", "try", name, "reserve", "--json")
    text += printed("adapter", "record", name, "reserve", "--to", str(file), "--redact-allow", "status")
    assert "reserve" in text
    assert file.is_file()
    assert "never recorded" in printed(
        "adapter", "record", name, "reserve", "--to", f"{file}2", "--redact-allow", "token"
    )
    text += file.read_text(encoding="utf-8")
    assert [form for form in secrets_of(name) if form in text] == []


def answered(environment: dict[str, str], *words: str) -> str:
    """Run a command in a process of its own and give what it printed."""
    line = [sys.executable, "-m", "gateway", *words]
    ended = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    return ended.stdout or ended.stderr


def test_lists_and_matrix_show_no_secret() -> None:
    text = printed("adapter", "list") + printed("adapter", "list", "--json") + printed("adapter", "matrix")
    assert [form for name in NAMES for form in secrets_of(name) if form in text] == []


@pytest.mark.parametrize("name", ["lounges.mastercard_airport", "direct"])
def test_a_sandbox_that_does_not_answer_shows_no_secret(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = {"direct": "skyhub-lounge"}.get(name, "mastercard-airport")
    folder = tmp_path / "config"
    shutil.copytree(PACKAGED_FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "migrations", "__pycache__"))
    file = folder / "partners" / f"{partner}.toml"
    kinds = discover().packages[name].manifest.credentials
    lines = ['\n[environments.sandbox]\nbase_url = "http://127.0.0.1:9"\n[environments.sandbox.credentials]\n']
    credentials = make_subject(discover().packages[name]).credentials
    for each in kinds:
        value = credentials[each] if each == "private_key" else f"{CANARY}-{each}"
        monkeypatch.setenv(f"CANARY_{each.upper()}", value)
        lines.append(f'{each} = "env:CANARY_{each.upper()}"\n')
    file.write_text(file.read_text(encoding="utf-8") + "".join(lines), encoding="utf-8")
    monkeypatch.setenv("GATEWAY__FOLDERS__CONFIGURATION", str(folder))
    text = printed("adapter", "try", name, "quote", "--against", "sandbox", "--partner", partner)
    text += printed("adapter", "try", name, "reserve", "--against", "sandbox", "--partner", partner, "--json")
    secret = [each for each, kind in kinds.items() if kind == "secret"]
    assert text
    assert [each for each in secret if f"{CANARY}-{each}" in text] == []
    assert [form for form in secrets_of(name) if form in text] == []


def test_a_served_gateway_shows_no_secret_of_a_package_that_tells_its_own(tmp_path: Path) -> None:
    environment = served_environment(tmp_path)
    packages(tmp_path / "plugins", {"tells": TELLS})
    manifest = tmp_path / "plugins" / "tells" / "manifest.toml"
    text = manifest.read_text(encoding="utf-8").replace('auth = "none"', 'auth = "oauth2_client_credentials"')
    text = text.replace("[credentials]", '[credentials]\nclient_id = "text"\nclient_secret = "secret"')
    manifest.write_text(text, encoding="utf-8")
    shutil.copytree(
        PACKAGED_FOLDER, tmp_path / "config", ignore=shutil.ignore_patterns("*.py", "migrations", "__pycache__")
    )
    file = tmp_path / "config" / "partners" / "skyhub-lounge.toml"
    changed = file.read_text(encoding="utf-8").replace('adapter = "direct"', 'adapter = "tells"')
    changed = changed.replace("simulator:gateway-simulator-secret", "env:CANARY")
    file.write_text(changed + "\n[risk]\npoints_at_risk_cap = 1000\nsettlement_file = true\n", encoding="utf-8")
    environment |= {"CANARY": CANARY, "GATEWAY__LOGGING__LEVEL": "DEBUG"}
    served = Served(tmp_path, environment)
    try:
        served.until_ready()
        minted = json.loads(answered(environment, "token", "--client", "operator", "--json"))
        shown = json.dumps(served.get("/v1/partners", minted["access_token"]))
    finally:
        assert served.stop() == 0
    assert '"adapter":"tells"' in served.said().replace(" ", "")
    assert "cannot use [secret]" in served.said()
    assert "cannot use [secret]" in shown
    checked = answered(environment, "adapter", "check", "tells")
    assert "tells" in checked
    assert CANARY not in served.said() + shown + checked
