"""The command line: exit codes, short errors, JSON facts, and a server that starts, says so and stops cleanly."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from gateway.cli.main import COMMANDS, run
from gateway.oauth.server import MEMBER_GRANT

MEMBER = "mbr_01jd3q5v8k4m6n7p8q9r0s1t2v"


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database and a key of the test's own; logging as other tests have it."""
    monkeypatch.setenv("GATEWAY__DATABASE__URL", f"sqlite:///{tmp_path}/gateway.db")
    monkeypatch.setenv("GATEWAY__OAUTH__KEY_FILE", str(tmp_path / "key.json"))
    monkeypatch.setattr("gateway.cli.context.configure_logging", lambda _settings: None)


def facts(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> object:
    """Run a command and read the JSON it prints."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_help_lists_every_command_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("serve", "db", "config", "token", "audit", "adapter", "conversion", "tier", "settlement", "demo"):
        assert re.search(rf"^  {name} ", shown, re.MULTILINE), name
        assert name in COMMANDS


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], "No such command"),
        (["token"], "--member or --client"),
        (["token", "--member", "liu"], "not a member id"),
        (["token", "--client", "nobody"], "no client"),
        (["--settings", "absent.toml", "config", "check"], "absent.toml"),
        (["serve", "--port", "70000"], "70000"),
    ],
)
def test_wrong_use_is_two_and_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr().err
    assert says in shown
    assert "Traceback" not in shown


def test_a_traceback_is_shown_on_request_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Exception, match="nobody"):
        run(["--debug", "token", "--client", "nobody"])
    assert capsys.readouterr().err == ""


def test_an_unknown_setting_stops_with_its_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY__HTTP__PROT", "1")
    assert run(["config", "check"]) == 2
    assert "prot" in capsys.readouterr().err


def test_the_schema_is_brought_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    before = facts(capsys, "db", "status", code=1)
    upgraded = facts(capsys, "db", "upgrade")
    after = facts(capsys, "db", "status")
    assert isinstance(before, dict)
    assert isinstance(upgraded, dict)
    assert before["current"] is None
    assert upgraded == {"before": None, "after": before["needed"]}
    assert after == {"current": before["needed"], "needed": before["needed"], "serves": True}


@pytest.mark.parametrize(("oldest", "code", "said"), [("0001", 0, "can be used"), ("0098", 1, "cannot be used")])
def test_a_newer_schema_is_told_of(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, oldest: str, code: int, said: str
) -> None:
    run(["db", "upgrade"])
    with closing(sqlite3.connect(tmp_path / "gateway.db")) as book, book:
        book.execute("UPDATE alembic_version SET version_num = '0099'")
        book.execute("UPDATE schema_compatibility SET oldest = ?", [oldest])
    capsys.readouterr()
    assert run(["db", "status"]) == code
    assert f"It is newer and {said}." in capsys.readouterr().out
    assert run(["db", "upgrade"]) == (2 if code else 0)
    assert ("cannot use it any more" in capsys.readouterr().err) is bool(code)


def test_an_empty_ledger_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    run(["db", "upgrade"])
    report = facts(capsys, "audit")
    assert isinstance(report, dict)
    assert report["findings"] == []


def test_the_shipped_configuration_is_sound(capsys: pytest.CaptureFixture[str]) -> None:
    report = facts(capsys, "config", "check")
    assert isinstance(report, dict)
    assert report["warnings"] == []
    assert {"skyhub-lounge", "expedia-rapid", "skyward-miles"} <= set(report["partners"])


def test_adapters_are_listed_with_their_profiles(capsys: pytest.CaptureFixture[str]) -> None:
    listed = facts(capsys, "adapter", "list")
    assert isinstance(listed, dict)
    profiles = {one["name"]: one["profile"] for one in listed["adapters"]}
    assert profiles.items() >= {"airlines.points_lcp": "E", "direct": "A", "hotels.expedia_rapid": "C"}.items()


def test_a_conversion_is_quoted_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    quoted = facts(capsys, "conversion", "quote", "PTS", "MILES:skyward-miles", "10000", "--date", "2026-11-22")
    assert isinstance(quoted, dict)
    assert (quoted["from_quantity"], quoted["to_quantity"]) == (10_000, 8_000)
    assert run(["conversion", "quote", "PTS", "MILES:skyward-miles", "1"]) == 1
    assert "below the minimum" in capsys.readouterr().out
    assert run(["conversion", "lint"]) == 0


def test_a_tier_match_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tier", "explain", "host", "gold", "rapid-rewards", "--on", "2026-11-22"]) == 0
    assert "Granted: gold" in capsys.readouterr().out
    assert run(["tier", "explain", "host", "gold", "rapid-rewards", "--provenance", "matched"]) == 1
    assert run(["tier", "lint"]) == 0


def test_the_server_says_when_it_is_ready_and_stops_when_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway", "serve", "--port", "0"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ.copy())
    try:
        assert process.stdout is not None
        ready = process.stdout.readline().strip()
        assert ready.startswith("ready: http://127.0.0.1:"), (tmp_path / "log").read_text()
        url = ready.removeprefix("ready: ")
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:
            assert json.load(answer)["status"] == "ok"
        minted = subprocess.run(
            [sys.executable, "-m", "gateway", "token", "--member", MEMBER], capture_output=True, text=True, check=True
        )
        request = urllib.request.Request(
            f"{url}/v1/partner-links", headers={"Authorization": f"Bearer {minted.stdout.strip()}"}
        )
        with pytest.raises(urllib.error.HTTPError) as nobody:
            urllib.request.urlopen(request, timeout=5)
        assert nobody.value.code == 404, "the token is accepted, the member is not here"
        nobody.value.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_the_member_grant_has_a_stable_name() -> None:
    assert MEMBER_GRANT == "urn:partner-benefits-gateway:grant:development-member"
