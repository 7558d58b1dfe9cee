"""``gateway catalogue`` and ``gateway rates`` as they are typed: what they print and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalogue.kinds import KINDS
from gateway.cli.main import run
from tests.support.catalogue_texts import budget, contract, texts, version

PARTNER = """
[partner]
id = "lounges"
name = { en = "Lounges", zh-CN = "贵宾厅" }
segment = "lounges"
adapter = "direct"

[environments.simulator]
base_url = "http://127.0.0.1:9101"

[contract]
"""


class Operator:
    """Somebody at the command line, with a folder of his own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def write(self, **files: str) -> None:
        """Make the folder hold exactly this catalogue."""
        for path in self.folder.rglob("*.toml"):
            path.unlink()
        for name, text in {**texts(**files), "partners/lounges.toml": PARTNER}.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(text, encoding="utf-8")

    def types(self, *words: str) -> tuple[int, str, str]:
        """Run a command; answer its exit code and what it printed."""
        code = run(list(words))
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

    def reads(self, *words: str) -> Any:
        """Run a command that prints JSON."""
        return json.loads(self.types(*words, "--json")[1])


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    monkeypatch.setenv("GATEWAY__DATABASE__URL", f"sqlite:///{tmp_path}/gateway.db")
    monkeypatch.setenv("GATEWAY__FOLDERS__CONFIGURATION", str(tmp_path / "config"))
    one = Operator(tmp_path / "config", capsys)
    one.write()
    return one


def test_from_an_empty_database_to_an_applied_change(operator: Operator) -> None:
    code, told, _ = operator.types("catalogue", "plan")
    assert (code, told.splitlines()[0]) == (
        1,
        "+ benefit:visit@1  (benefits/visit.toml, line 2, takes effect on 2026-01-01)",
    )
    assert "8 added, 0 removed, 0 changed. From an empty database to " in told
    code, told, _ = operator.types("catalogue", "apply", "--by", "liu")
    assert (code, told.splitlines()[-1]) == (0, "Applied as version 1.")
    assert operator.types("catalogue", "plan")[0] == 0
    code, told, _ = operator.types("catalogue", "apply")
    assert (code, told) == (0, "Nothing to do: version 1 says the same.\n")

    operator.write(budgets_all=budget(cap=5), benefits_visit=version(title="The lounge", airports='"PVG", "PEK"'))
    code, told, _ = operator.types("catalogue", "plan")
    assert code == 1
    assert told.splitlines()[:4] == [
        "~ benefit:visit@1  (benefits/visit.toml, line 2, takes effect on 2026-01-01)",
        "    title.en: Lounge -> The lounge",
        "~ budget:visits  (budgets/all.toml, line 2, takes effect on 2026-01-01)",
        "    cap: 1000 -> 5",
    ]
    target = operator.reads("catalogue", "plan")["target"]
    assert operator.types("catalogue", "apply", "--expect", "0" * 32)[0] == 1
    assert operator.types("catalogue", "apply", "--expect", target, "--reason", "less")[0] == 0
    newest = operator.reads("catalogue", "history")[0]
    assert (newest["number"], newest["content_hash"], newest["reason"]) == (2, target, "less")


def test_a_refusal_is_exit_code_1_and_an_override_is_kept(operator: Operator) -> None:
    operator.types("catalogue", "apply")
    operator.write(conversions_miles=contract(rate="1:1"))
    code, told, _ = operator.types("catalogue", "plan")
    assert code == 1
    assert "    rate: 5:4 -> 1:1" in told
    assert (
        "error: conversions/miles.toml, line 8: rate: conversion:miles@1: it has been in force since 2026-01-01" in told
    )
    code, _, error = operator.types("catalogue", "apply")
    assert code == 1
    assert error.startswith("Error: conversions/miles.toml, line 8: rate: ")
    override = ("--override", "conversion:miles@1")
    assert operator.types("catalogue", "apply", *override)[0] == 1
    code, told, _ = operator.types("catalogue", "apply", *override, "--reason", "corrected by the partner")
    assert (code, "overridden: conversions/miles.toml" in told) == (0, True)
    assert "overrides conversion:miles@1: corrected by the partner" in operator.types("catalogue", "history")[1]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_files_that_cannot_be_used_are_exit_code_2(operator: Operator, command: str) -> None:
    operator.write(benefits_visit=version(price=0))
    code, told, error = operator.types("catalogue", command)
    assert (code, told) == (2, "")
    place = "benefits/visit.toml, line 21: Expected `int` >= 1 - at `$.versions[0].payment.points.price`"
    assert error == f"Error: {place}; write a larger number.\n"


def test_an_applied_version_is_written_out_as_it_was(operator: Operator, tmp_path: Path) -> None:
    operator.types("catalogue", "apply")
    operator.write(budgets_all=budget(cap=5))
    operator.types("catalogue", "apply")
    assert operator.types("catalogue", "export", "1", str(tmp_path / "one"))[0] == 0
    written = {
        path.relative_to(tmp_path / "one").as_posix(): path.read_text() for path in (tmp_path / "one").rglob("*.toml")
    }
    assert written == texts()
    assert operator.types("catalogue", "export", "1", str(tmp_path / "one"))[0] == 2
    assert operator.types("catalogue", "export", "9", str(tmp_path / "nine"))[0] == 2


def test_budgets_and_schemas(operator: Operator) -> None:
    operator.types("catalogue", "apply")
    assert operator.types("catalogue", "budgets") == (0, "Nothing was taken of any budget yet.\n", "")
    assert operator.types("catalogue", "schema", "--check")[0] == 1
    assert operator.types("catalogue", "schema")[0] == 0
    assert operator.types("catalogue", "schema", "--check") == (0, "The schemas are current.\n", "")
    assert {f"{kind.name}.schema.json" for kind in KINDS} <= {
        path.name for path in (operator.folder / "schemas").iterdir()
    }


def test_rates_are_loaded_whole_and_shown(operator: Operator, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    head = "rate_date,from_currency,to_currency,rate,source\n"
    good.write_text(f"{head}2026-01-05,USD,CNY,7.125,a test's own\nTOTAL,1,,7.125,\n")
    bad.write_text(f"{head}2026-01-05,USD,CNY,0,\n")
    assert operator.types("rates", "load", str(good)) == (0, "Feed 1: 1 rates.\n", "")
    assert operator.types("rates", "load", str(good))[1] == "Feed 1: 1 rates; it was loaded before.\n"
    code, _, error = operator.types("rates", "load", str(bad))
    assert code == 1
    assert "bad.csv, line 2, rate: 0 is no rate" in error
    assert "bad.csv, line 2, source: it does not say where" in error
    code, told, _ = operator.types("rates", "show", "usd", "cny", "--on", "2026-01-06")
    assert (code, told) == (0, "1 USD = 7.125 CNY on 2026-01-05 (a test's own)\n")
    shown = operator.reads("rates", "show", "CNY", "USD", "--on", "2026-01-06")
    assert (shown["numerator"], shown["denominator"], shown["rate"]) == (8, 57, "0.1403508771")
    assert operator.types("rates", "show", "usd", "cny", "--on", "2026-03-01")[0] == 1
    (tmp_path / "latin.csv").write_bytes(b"\xe9")
    assert "not UTF-8 from byte 0" in operator.types("rates", "load", str(tmp_path / "latin.csv"))[2]
