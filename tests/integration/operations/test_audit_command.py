"""``gateway audit`` and ``gateway ledger``: by address and by file; what is found is stopped on request."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import Database
from gateway.cli.main import run
from tests.integration.ledger.helpers import MEMBER
from tests.integration.operations.test_frozen_accounts import DRIFTS, EVIDENCE, open_story

ONLY_HERE = {"hold_without_redemption"}
"""The story holds without a redemption; everything else of it is as it must be."""


class Commands:
    """Runs commands on the test's database."""

    def __init__(self, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys = capsys
        monkeypatch.setenv("GATEWAY__DATABASE__URL", url)

    async def __call__(self, *arguments: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(run, [*arguments, "--json"])
        printed = self.capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else printed.err


@pytest.fixture
def gateway(database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(database_url, capsys, monkeypatch)


async def test_lg_08_the_audit_finds_and_stops_and_two_people_release(gateway: Commands, database: Database) -> None:
    await database.write(open_story)
    code, report = await gateway("audit")
    assert {finding["rule"] for finding in report["findings"]} == ONLY_HERE
    await database.write(lambda connection: connection.execute(sa.text(DRIFTS["balance"][0])))
    code, report = await gateway("audit")
    assert (code, report["frozen"]) == (1, [])
    assert {finding["rule"] for finding in report["findings"]} > ONLY_HERE
    assert (await gateway("ledger", "frozen")) == (0, [])
    code, report = await gateway("audit", "--freeze")
    assert [drift["code"] for drift in report["frozen"]] == [f"member/{MEMBER}/available"]
    code, listed = await gateway("ledger", "frozen")
    assert (code, len(listed)) == (1, 1)
    said = ("ledger", "release", listed[0]["id"], "--evidence", EVIDENCE, "--by")
    assert (await gateway(*said, "ann"))[1]["released"] is False
    code, released = await gateway(*said, "bob")
    assert (code, released["released"], released["balance"]) == (0, True, 510)
    assert (await gateway("ledger", "frozen")) == (0, [])


async def test_a_database_that_nobody_serves_is_audited_by_its_address_or_file(
    gateway: Commands, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY__DATABASE__URL", f"sqlite:///{tmp_path}/elsewhere.db")
    given = database_url.removeprefix("sqlite:///")
    code, report = await gateway("audit", "--database", given)
    assert (code, report["findings"]) == (0, [])
    assert not (tmp_path / "elsewhere.db").exists()
    code, said = await gateway("audit", "--database", str(tmp_path / "nowhere.db"))
    assert (code, "There is no database" in said) == (2, True)
    assert not (tmp_path / "nowhere.db").exists()
