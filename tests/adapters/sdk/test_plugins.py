"""Packages from elsewhere that misbehave: told by the rule they break, never with a traceback."""

from __future__ import annotations

import json
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.sdk import registry
from adapters.sdk.testing.check import check_apart
from adapters.sdk.testing.examination import Report
from adapters.sdk.testing.rules.rule import Status
from gateway.cli.main import run

MANIFEST = """
name = "{name}"
title = "A partner"
segment = "lounges"
api_version = 1
capabilities = ["receives_webhooks"]
webhook_scheme = "standard_webhooks"
auth = "none"
[credentials]
[facts]
"""
CREATE = "def create(context):\n    {}\n"
SOURCES = {
    "raises": "raise RuntimeError('boom')",
    "computes": "while True:\n    pass",
    "waits": "import time\ntime.sleep(600)",
    "boasts": CREATE.format("return object()"),
    "ends": CREATE.format("import os; os._exit(7)"),
    "hangs": CREATE.format("import time; time.sleep(600)"),
    "breaks": CREATE.format("return {}['options']"),
}
LAST_WORDS = {
    "raises": ("package_loads", "raises: importing it raised RuntimeError: boom."),
    "boasts": ("declared_is_implemented", "boasts: receives_webhooks is declared and not implemented."),
    "ends": ("declared_is_implemented", "its process ended by itself with 7"),
    "hangs": ("declared_is_implemented", "it did not end within 12 s"),
}

PATIENCE = {"hangs": 12.0}


def plug(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "manifest.toml").write_text(MANIFEST.format(name=name), encoding="utf-8")
        (root / name / "__init__.py").write_text(textwrap.dedent(SOURCES[name]), encoding="utf-8")
    return root


def test_each_is_told_by_the_rule_it_breaks(tmp_path: Path) -> None:
    plug(tmp_path, *LAST_WORDS)
    with ThreadPoolExecutor(len(LAST_WORDS)) as pool:
        reports = list(pool.map(lambda name: check_apart(name, [tmp_path], seconds=PATIENCE.get(name, 60)), LAST_WORDS))
    for report, (rule, reason) in zip(reports, LAST_WORDS.values(), strict=True):
        told = {each.id: each for each in report.results}
        assert (told[rule].status, told[rule].reason) == (Status.FAILED, reason)
        assert told[rule].remedy
        assert told["callbacks_are_proved"].status in (Status.NOT_RUN, Status.NOT_APPLICABLE)
        assert report.grade == "failed"


@pytest.mark.parametrize("name", ["computes", "waits"])
def test_one_that_does_not_end_its_import_is_set_aside_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(registry, "IMPORT_SECONDS", 0.2)
    begun = time.monotonic()
    found = registry.discover([plug(tmp_path, name)])
    assert time.monotonic() - begun < 5
    assert found.problems == {name: f"{name}: importing it took longer than 0.2 s; do no work at import."}
    assert "direct" in found.packages


def test_the_command_tells_it_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plug(tmp_path, "raises")
    assert run(["adapter", "check", "raises", "--folder", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "package_loads                  FAILED          raises: importing it raised RuntimeError: boom." in shown.out
    assert "to do:" in shown.out
    assert "grade: failed (bronze needs package_loads)" in shown.out
    assert "Traceback" not in shown.out + shown.err


def test_the_command_holds_an_adapter_to_a_grade(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gateway.cli.adapter_check.check_apart", lambda name, places: Report(name, "A", "silver", []))
    assert run(["adapter", "check", "direct", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["grade"] == "silver"
    assert run(["adapter", "check", "direct", "--grade", "silver", "--json"]) == 0
    assert run(["adapter", "check", "direct", "--grade", "gold", "--json"]) == 1
    assert run(["adapter", "check", "nobody"]) == 2
    assert "There is no adapter 'nobody'" in capsys.readouterr().err
