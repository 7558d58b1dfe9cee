"""``gateway lounge``: every published case can be asked on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.main import run

GOLD = [
    "check",
    "SIN",
    "SQ-KRISFLYER-GOLD-T3",
    "--rule",
    "star-gold",
    "--status",
    "star-alliance:gold",
    "--carrier",
    "SQ",
]
NIGHT = ["--flight", "SIN-PVG", "--on", "2026-12-01", "--departs"]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["lounge", *arguments])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_the_last_minute_of_five_in_the_morning(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = ask(capsys, *GOLD, *NIGHT, "2026-12-02T05:00", "--guests", "1")
    assert (code, told.splitlines()[0]) == (0, "Admitted by star-gold with up to 1 guests.")
    code, told = ask(capsys, *GOLD, *NIGHT, "2026-12-02T05:01", "--guests", "2", "--locale", "zh-CN")
    assert (code, told.splitlines()[0]) == (1, "Not admitted.")
    assert "最多可携带 1 位同行人" in told


def test_the_answer_as_json_names_rule_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = ask(capsys, *GOLD, *NIGHT, "2026-12-02T05:01", "--json")
    answer = json.loads(told)
    assert (code, answer["rule"], answer["admitted"], answer["reasons"]) == (
        1, "star-gold", False, ["departure_not_in_time"],
    )  # fmt: skip
    assert "staralliance" in answer["source"].lower().replace(" ", "")


def test_a_connection_is_asked_by_its_journey(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    leg = {"operated_by": "CX", "marketed_by": "CX", "cabin": "economy"}
    journey = {
        "flight": leg | {"origin": "HKG", "destination": "PVG", "departs_at": "2026-12-01T15:00:00+08:00",
                         "scheduled_minutes": 150},
        "inbound": leg | {"origin": "LHR", "destination": "HKG", "departs_at": "2026-11-30T10:00:00Z",
                          "scheduled_minutes": 780, "cabin": "business"},
    }  # fmt: skip
    path = tmp_path / "journey.json"
    path.write_text(json.dumps(journey))
    asked = [
        "check",
        "HKG",
        "CX-THE-PIER",
        "--rule",
        "oneworld-connecting",
        "--on",
        "2026-12-01",
        "--journey",
        str(path),
    ]
    assert ask(capsys, *asked)[0] == 0
    journey["inbound"]["scheduled_minutes"] = 300
    path.write_text(json.dumps(journey))
    code, told = ask(capsys, *asked)
    assert code == 1
    assert "No long leg" in told
    path.write_text("{}")
    code, told = ask(capsys, *asked)
    assert code == 1
    assert "--journey: Object missing required field `flight`" in told


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["check", "SIN", "X", "--rule", "none"], 1, "There is no lounge rule 'none'"),
        (["check", "SIN", "X"], 2, "Say the day of the visit"),
        (["check", "SIN", "X", "--on", "2026-12-01", "--status", "gold"], 1, "is not PROGRAMME:TIER"),
        (
            ["check", "ZZZ", "X", "--flight", "ZZZ-PVG", "--departs", "2026-12-01T09:00"],
            1,
            "'ZZZ' is not in lounge_access/",
        ),
    ],
)
def test_what_cannot_be_judged_says_what_to_do(
    capsys: pytest.CaptureFixture[str], arguments: list[str], exit_code: int, told: str
) -> None:
    code, answer = ask(capsys, *arguments)
    assert code == exit_code
    assert told in answer


def test_rules_are_listed_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = ask(capsys, "rules")
    assert code == 0
    assert len(told.splitlines()) == 13
    assert "oneworld-ruby: oneworld ruby: no access" in told
