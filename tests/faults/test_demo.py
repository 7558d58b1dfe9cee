"""The whole journey as processes: undisturbed, and with the gateway killed while it redeems, on both databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalogue.members import MemberInput, upsert_member
from config.database import Database

CHECKS = {
    "points in = points out",
    "redemptions captured",
    "granted by the partners, once each",
    "voucher consumed at the desk",
    "status at the hotel partner",
    "journal entries balanced",
    "holds still open",
    "planted breaks found",
    "false breaks",
    "files changed by a second run",
}


def run_demo(folder: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "gateway", "demo", "--json", "--folder", str(folder), *options]
    elsewhere = folder.parent / "elsewhere.db"
    environment = {**os.environ, "GATEWAY__DATABASE__URL": f"sqlite:///{elsewhere}"}
    finished = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False, env=environment)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert not elsewhere.exists(), "the demo has settings of its own"
    outcome: dict[str, Any] = json.loads(finished.stdout)
    return outcome


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_demo(tmp_path_factory.mktemp("demo"))


def test_everything_promised_is_there(undisturbed: dict[str, Any]) -> None:
    assert {check["name"] for check in undisturbed["checks"]} == CHECKS
    assert all(check["holds"] for check in undisturbed["checks"])
    assert undisturbed["files"]


def test_killed_three_times_it_ends_the_same(undisturbed: dict[str, Any], database_url: str, tmp_path: Path) -> None:
    outcome = run_demo(tmp_path / "demo", "--database", database_url, "--kill-gateway", "3", "--seed", "3")
    assert outcome["kills"] == 3
    assert outcome["checks"] == undisturbed["checks"]


async def test_a_database_with_members_in_it_is_refused(database: Database, tmp_path: Path) -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    member = MemberInput(external_id="crm-1")
    await database.write(lambda connection: upsert_member(connection, member, "mbr_00000000000000000000000001", at))
    command = [sys.executable, "-m", "gateway", "demo", "--folder", str(tmp_path), "--database", database.url]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: ASYNC221
    assert finished.returncode == 1
    assert "not empty" in finished.stderr
