"""``gateway settlement`` end to end on an embedded database: import, run, breaks, positions, export."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.sdk.records import StatementLine
from adapters.sdk.statement_file import write_statement
from catalogue.values import Money
from config.database import Database
from config.settings import DatabaseSettings
from gateway.cli.main import run
from tests.integration.night import sides
from tests.integration.night.sides import Ours, store_ours, theirs

DAY = date(2026, 11, 21)
PARTNER = "skyhub-lounge"
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def gateway(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run the command line against a database of this test's own; answers exit code and standard output."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(sqlite_template, tmp_path / "gateway.db")
    monkeypatch.setenv("GATEWAY__DATABASE__URL", f"sqlite:///{tmp_path / 'gateway.db'}")

    def call(*arguments: str) -> tuple[int, str]:
        code = run(["settlement", *arguments])
        return code, capsys.readouterr().out

    return call


def ours(number: int, **changes: Any) -> Ours:
    line = Ours(id=f"sln_{number}", reference=f"rdm_{number}", service_date=DAY, business_date=DAY)
    return msgspec.structs.replace(line, **changes)


def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[Ours], rows: list[StatementLine]) -> str:
    """Store our side and write the partner's file; answer its path."""
    monkeypatch.setattr(sides, "PARTNER", PARTNER)

    async def store() -> None:
        database = await Database.open(DatabaseSettings(url=f"sqlite:///{tmp_path / 'gateway.db'}"))
        await database.write(lambda connection: store_ours(connection, lines))
        await database.close()

    asyncio.run(store())
    path = tmp_path / "statement.csv"
    path.write_bytes(write_statement(PARTNER, DAY, 1, "CNY", rows))
    return str(path)


def test_a_night_from_a_file(gateway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [ours(1), ours(2)]
    file = prepare(tmp_path, monkeypatch, lines, [theirs(lines[0]), theirs(ours(3))])
    asked = ("run", "--date", str(DAY), "--partner", PARTNER, "--statement", file, "--json")
    code, output = gateway(*asked)
    assert code == 0
    (night,) = json.loads(output)
    assert night["run"]["summary"]["outcomes"] == {"matched": 1, "missing_ours": 1, "missing_theirs": 1}
    assert (night["changed"], night["problem"], night["export"]["version"]) == (True, None, 1)
    (again,) = json.loads(gateway(*asked)[1])
    assert (again["changed"], again["export"]["written"], again["run"]) == (False, False, night["run"])

    code, output = gateway("breaks", "--as-of", "2026-11-24", "--json")
    aged = {found["item"]["kind"]: found["age_days"] for found in json.loads(output)}
    assert (code, aged) == (0, {"missing_ours": 3, "missing_theirs": 3})
    code, output = gateway("positions", "--period", "2026-11", "--json")
    assert {found["bearer"]: found["total"] for found in json.loads(output)} == {"maker": 14400, "dealer": 9600}
    code, output = gateway("export", "--period", "2026-11", "--partner", PARTNER)
    assert code == 0
    assert "version 1, unchanged" in output


def test_tables_for_people_name_the_breaks(gateway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = prepare(tmp_path, monkeypatch, [ours(1)], [])
    code, output = gateway("run", "--date", str(DAY), "--partner", PARTNER, "--statement", file)
    assert code == 0
    assert "missing_theirs 1" in output
    assert "net positions" in output
    assert "rdm_1" in gateway("breaks")[1]


def test_two_people_close_a_break_and_the_lists_say_who_and_why(
    gateway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = prepare(tmp_path, monkeypatch, [ours(1)], [])
    asked = ("run", "--date", str(DAY), "--partner", PARTNER, "--statement", file)
    assert gateway(*asked)[0] == 0
    (found,) = json.loads(gateway("breaks", "--json")[1])
    name, why = found["item"]["id"], "the lounge lost it, its mail of Monday"
    assert gateway("assign", name, "--to", "finance", "--evidence", why, "--by", "eve")[1].startswith(
        f"{name}: open, assigned by eve: {why}"
    )
    assert "disputed by eve" in gateway("dispute", name, "--evidence", why, "--by", "eve")[1]
    resolve = ("resolve", name, "--outcome", "resolved", "--evidence", why, "--by")
    assert gateway(*resolve, "ann") == (
        0,
        f"{name}: open, ann says resolved and waits for a second person: {why}\n",
    )
    assert "ann says resolved and waits for a second person" in gateway("breaks")[1]
    code, output = gateway(*resolve, "ben", "--json")
    told = json.loads(output)
    assert (code, told["state"], told["closed_by"], told["item"]["owner"]) == (0, "closed", ["ann", "ben"], "finance")
    assert gateway(*asked)[0] == 0
    assert name not in gateway("breaks")[1], "the next night leaves it closed"
    assert f"resolved by ann and ben: {why}" in gateway("breaks", "--state", "closed")[1]
    assert json.loads(gateway("breaks", "--state", "closed", "--json")[1])[0]["words"][-1]["by"] == "ben"
    assert run(["settlement", *resolve, "cat"]) == 1
    assert capsys.readouterr().err == f"Error: {name} is not open: it is closed (resolved) by ann and ben.\n"
    assert gateway("reopen", name, "--evidence", why, "--by", "cat")[1] == f"{name}: open, reopened by cat: {why}\n"
    assert name in gateway("breaks")[1]


def test_a_difference_is_adjusted_and_the_lists_say_by_how_much(
    gateway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ours(1)
    file = prepare(tmp_path, monkeypatch, [line], [theirs(line, amount=Money(12_500, "CNY"))])
    assert gateway("run", "--date", str(DAY), "--partner", PARTNER, "--statement", file)[0] == 0
    (found,) = json.loads(gateway("breaks", "--json")[1])
    name, why = found["item"]["id"], "their invoice 7 shows the guest"
    adjusting = ("resolve", name, "--outcome", "resolved", "--evidence", why, "--by")
    assert run(["settlement", *adjusting, "ann", "--adjust", "-500"]) == 1
    assert "The partner says 500 minor units of CNY more than we do" in capsys.readouterr().err
    assert gateway(*adjusting, "ann", "--bearer", "maker")[0] == 2
    more = ("--adjust", "500", "--bearer", "maker")
    assert "ann says resolved, adjusting 5.00 CNY borne by maker, and waits" in gateway(*adjusting, "ann", *more)[1]
    assert gateway(*adjusting, "ben", *more)[1] == (
        f"{name}: resolved, adjusting 5.00 CNY borne by maker, by ann and ben: {why}\n"
    )
    periods = {"2026-11", f"{datetime.now(UTC):%Y-%m}"}
    found = [json.loads(gateway("positions", "--period", period, "--json")[1]) for period in periods]
    assert sum(one["agreed"] for positions in found for one in positions if one["bearer"] == "maker") == 7_200 + 500


def test_a_list_says_which_breaks_a_run_closed(
    gateway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ours(1)
    asked = ("run", "--date", str(DAY), "--partner", PARTNER, "--statement")
    gateway(*asked, prepare(tmp_path, monkeypatch, [line], []))
    corrected = tmp_path / "corrected.csv"
    corrected.write_bytes(write_statement(PARTNER, DAY, 2, "CNY", [theirs(line)]))
    assert gateway(*asked, str(corrected))[0] == 0
    assert "closed by a run, matched" in gateway("breaks", "--state", "closed")[1]


def test_a_file_that_is_refused_is_a_failure_and_nothing_is_matched(
    gateway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = prepare(tmp_path, monkeypatch, [ours(1)], [])
    asked = ("run", "--date", "2026-11-20", "--partner", PARTNER, "--statement", file, "--json")
    code, output = gateway(*asked)
    assert code == 1
    (night,) = json.loads(output)
    assert "quarantined" in night["problem"]
    assert night["run"] is None


def test_import_tells_what_became_of_each_file(
    gateway: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = prepare(tmp_path, monkeypatch, [], [])
    assert "accepted" in gateway("import", "--partner", PARTNER, file)[1]
    assert "accepted before" in gateway("import", "--partner", PARTNER, file)[1]
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"nothing")
    assert gateway("import", "--partner", PARTNER, str(broken))[0] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "--date", "2026-11-31"), 2),
        (("run", "--date", str(DAY), "--statement", "gateway.db"), 2),
        (("run", "--date", str(DAY), "--partner", "nobody"), 1),
        (("export", "--period", "2026-13"), 1),
        (("export", "--period", "2026-11", "--partner", "nobody"), 1),
        (("positions", "--period", "november"), 1),
        (("positions", "--period", "2026-11", "--partner", "nobody"), 1),
        (("breaks", "--partner", "nobody"), 1),
        (("resolve", "brk_1", "--outcome", "resolved", "--evidence", "it is not there", "--by", "ann"), 1),
        (("resolve", "brk_1", "--outcome", "forgiven", "--evidence", "it is not there", "--by", "ann"), 2),
        (("resolve", "brk_1", "--outcome", "resolved", "--by", "ann"), 2),
        (("dispute", "brk_1", "--evidence", "it is not there"), 2),
    ],
)
def test_wrong_use_and_unknown_names(gateway: Command, arguments: tuple[str, ...], code: int) -> None:
    assert gateway(*arguments)[0] == code


def test_a_day_that_has_not_begun_is_refused_before_anything_is_fetched(
    gateway: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["settlement", "run", "--date", "2999-01-01"])
    assert (code, capsys.readouterr().err) == (1, "Error: 2999-01-01 has not begun.\n")
