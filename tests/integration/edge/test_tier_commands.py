"""``gateway tier`` as people run it: answers, exit codes, JSON, and a wrong file named with its key."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from catalogue import match_store, members, partner_accounts, statuses
from catalogue.loader import load_catalogue
from catalogue.members import MemberInput
from catalogue.tier_match import HeldStatus, Provenance
from config import migrate
from config.clock import SystemClock
from config.database import Database
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from config.settings import DatabaseSettings
from gateway.cli.main import run
from gateway.schemas.benefits import TierMatchBody
from gateway.services import tier_matches

MEMBER = "mbr_00000000000000000000000001"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``gateway tier ...`` in a folder of the test's own; answers exit code, output and errors."""
    monkeypatch.setenv("GATEWAY__DATABASE__URL", f"sqlite:///{tmp_path}/gateway.db")
    monkeypatch.setenv("GATEWAY__FOLDERS__DATA", str(tmp_path))
    monkeypatch.setenv("GATEWAY__FOLDERS__EXPORTS", str(tmp_path / "exports"))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["tier", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.mark.parametrize(
    ("arguments", "code", "last"),
    [
        (["AA", "Platinum Pro", "oneworld", "--on", "2017-01-01"], 0, "Level: Sapphire"),
        (["AA", "Platinum Pro", "oneworld", "--on", "2026-11-22"], 0, "Level: Emerald"),
        (["AA", "Platinum Pro", "oneworld", "--on", "2020-01-01"], 1, "Granted: nothing"),
        (["SK", "EuroBonus Gold", "skyteam", "--on", "2026-11-22"], 0, "Level: Elite Plus (inferred)"),
        (["AFKL", "Gold", "skyteam"], 1, "Granted: nothing"),
        (["host", "gold", "rapid-rewards", "--on", "2026-11-22"], 0, "Granted: gold"),
        (["host", "gold", "rapid-rewards", "--provenance", "matched"], 1, "Granted: nothing"),
        (
            ["SPG", "Gold", "DL", "--on", "2014-01-01"],
            0,
            "Granted: 1 Starpoint per USD on eligible flights",
        ),
        (["AA", "gold", "oneworld"], 1, "Granted: nothing"),
    ],
)
def test_explain(command: Command, arguments: list[str], code: int, last: str) -> None:
    found, output, _ = command("explain", *arguments)
    assert (found, output.splitlines()[-1]) == (code, last)


def test_explain_as_json_carries_dates_sources_and_the_reason(command: Command) -> None:
    code, output, _ = command("explain", "AA", "Platinum Pro", "oneworld", "--on", "2020-01-01", "--json")
    found: dict[str, Any] = json.loads(output)
    assert (code, found["refusal"], found["level"], found["edge"]) == (1, "dates_not_stated", None, None)
    assert [(row["level"], row["valid_to_date"], bool(row["sources"])) for row in found["rows"]] == [
        ("Sapphire", "2026-09-29", True),
        ("Emerald", None, True),
    ]
    _, output, _ = command("explain", "UA", "Premier 1K", "marriott-rewards", "--on", "2014-01-01", "--json")
    edge = json.loads(output)["edge"]
    assert (edge["id"], edge["certain_from_date"], edge["to_tier"]) == ("rewards-plus-united", "2013-07-31", "Gold")
    assert edge["source"].startswith("travelcodex.com")


def test_explain_in_chinese(command: Command) -> None:
    _, output, _ = command("explain", "AFKL", "Gold", "skyteam", "--locale", "zh-CN")
    assert "来源不一致" in output


def test_list_shows_tiers_and_levels_by_day(command: Command) -> None:
    code, output, _ = command("list", "--on", "2024-08-31")
    assert code == 0
    assert "AFKL (Air France and KLM Flying Blue): Silver (skyteam: Elite), Gold (skyteam: sources_disagree)" in output
    assert "EuroBonus Gold (skyteam: no_level, star: Gold)" in output
    _, output, _ = command("list", "--json")
    programmes = {one["programme"]: one for one in json.loads(output)}
    assert programmes["oneworld"]["alliance"] is True
    assert programmes["rapid-rewards"]["partner"] == "expedia-rapid"


def test_lint_tells_notes_and_fails_on_faults(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output, _ = command("lint")
    assert (code, output.splitlines()[-1]) == (0, "The tier graph is sound.")
    assert "note: tier_matches/star.toml: disputed: AC 35K star Silver" in output
    folder = tmp_path / "config"
    shutil.copytree(PACKAGED_FOLDER, folder)
    monkeypatch.setenv("GATEWAY__FOLDERS__CONFIGURATION", str(folder))
    star = folder / "tier_matches" / "star.toml"
    text = star.read_text(encoding="utf-8")
    star.write_text(text.replace("valid_to_date = 2024-08-31", "valid_to_date = 2024-09-01"), encoding="utf-8")
    code, output, _ = command("lint", "--json")
    wrong = [one for one in json.loads(output) if one["severity"] != "note"]
    assert (code, len(wrong)) == (1, 1)
    assert (wrong[0]["severity"], wrong[0]["key"]) == ("error", "level")
    assert "is Elite Plus in skyteam and Gold in star on one day" in wrong[0]["message"]
    star.write_text(text.replace("valid_to_date", "valid_until"), encoding="utf-8")
    code, _, error = command("lint")
    assert code == 2
    assert "star.toml" in error
    assert "valid_until" in error


async def _prepare(url: str) -> None:
    """A member whose airline account is new, so that his request waits, and who is gold here."""
    database = await Database.open(DatabaseSettings(url=url))
    await migrate.upgrade(database)
    catalogue = load_catalogue(PACKAGED_FOLDER, tuple(read_partner_files(PACKAGED_FOLDER)))
    now = SystemClock().now()
    today = catalogue.programme.today(now)
    airline = HeldStatus(programme="skyward-miles", tier="gold", provenance=Provenance.EARNED, valid_from_date=today)
    await database.write(partial(members.upsert_member, member=MemberInput(external_id="crm-1"), new_id=MEMBER, at=now))
    for partner in ("skyward-miles", "expedia-rapid"):
        put = partial(partner_accounts.put_account, member_id=MEMBER, partner=partner, account_number="77", at=now)
        await database.write(put)
    await database.write(
        partial(statuses.grant_status, member_id=MEMBER, status=airline, evidence={"partner": "skyward-miles"}, at=now)
    )
    ask = partial(
        tier_matches.match,
        catalogue=catalogue,
        member_id=MEMBER,
        body=TierMatchBody(partner="skyward-miles", from_partner=True),
        new_id="tmt_1",
        locale="en",
        now=now,
    )
    assert (await database.write(ask)).state == "review"
    assert len(await database.read(match_store.open_reviews)) == 1
    await database.close()


def test_a_request_is_listed_decided_and_told(command: Command, tmp_path: Path) -> None:
    asyncio.run(_prepare(f"sqlite:///{tmp_path}/gateway.db"))
    code, output, _ = command("reviews")
    assert code == 0
    assert "tmt_1" in output
    assert "The membership is less than 30 days old. The partner account was linked within 3 days." in output
    assert command("decide", "tmt_1", "--approve")[0] == 2, "nobody is named who decides"
    assert command("decide", "tmt_9", "--approve", "--by", "wang")[0] == 1
    code, output, _ = command("decide", "tmt_1", "--approve", "--by", "wang")
    assert (code, output) == (0, "tmt_1: granted by wang.\n")
    code, _, error = command("decide", "tmt_1", "--refuse", "--by", "wang")
    assert (code, error) == (1, "Error: This request was decided before.\n")
    assert command("reviews")[1] == "Nothing waits.\n"
    assert command("settle")[1] == "No challenge is over.\n"
    assert command("progress", "tmt_1", "5")[0] == 1, "it began no challenge"


def test_batches_are_written_per_partner_and_day(command: Command, tmp_path: Path) -> None:
    asyncio.run(_prepare(f"sqlite:///{tmp_path}/gateway.db"))
    code, output, _ = command("batch", "--date", "2026-01-02", "--json")
    assert code == 0
    assert [(one["partner"], one["rows"], one["waiting"]) for one in json.loads(output)] == [
        ("expedia-rapid", 0, []),
        ("skyward-miles", 0, []),
    ]
    written = tmp_path / "exports" / "tier-matches" / "expedia-rapid_2026-01-02.csv"
    before = written.read_bytes()
    assert before.startswith(b"reference,account_number,")
    assert command("batch", "--date", "2026-01-02", "--partner", "expedia-rapid")[0] == 0
    assert written.read_bytes() == before
    assert [path.suffix for path in written.parent.iterdir()] == [".csv", ".csv"]
    assert command("batch", "--date", "2026-01-02", "--partner", "nobody")[0] == 1
