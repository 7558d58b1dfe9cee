"""``gateway restored``: by the configuration that will serve; a dry run, the run, and a second one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from config.database import Database
from gateway.cli.main import run
from gateway.redemption.states import State
from tests.integration.operations.test_audit_command import Commands
from tests.support.partners import LookingUpPartner
from tests.support.room import OTHER_PARTNER, PARTNER, Room, open_room


@pytest.fixture
def gateway(database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setattr("gateway.cli.context.configure_logging", lambda _settings: None)
    return Commands(database_url, capsys, monkeypatch)


async def held(database: Database) -> tuple[Room, list[str]]:
    """Hold one redemption at each of two partners, a minute ago; a third quote lies unused."""
    room = await open_room(database, skyhub_lounge=LookingUpPartner(), expedia_rapid=LookingUpPartner())
    room.clock.advance(seconds=(datetime.now(UTC) - room.clock.now()).total_seconds() - 60)
    taken = sorted([await room.take_in(partner=partner) for partner in (PARTNER, OTHER_PARTNER)])
    await room.quote()
    return room, taken


async def test_a_dry_run_tells_the_run_does_and_a_second_one_changes_nothing(
    gateway: Commands, database: Database
) -> None:
    room, taken = await held(database)
    words = ("restored", "--lost-since", (room.clock.now() + timedelta(seconds=30)).isoformat())
    code, planned = await gateway(*words, "--dry-run")
    assert (code, [one["id"] for one in planned["redemptions"]]) == (0, taken)
    assert [one["next_step"] for one in planned["redemptions"]] == ["look_up", "look_up"]
    assert planned["quotes_ended"] == 1
    assert [(await room.get(each)).state for each in taken] == [State.HELD] * 2
    assert await gateway(*words) == (0, planned)
    assert [(await room.get(each)).state for each in taken] == [State.UNKNOWN] * 2
    code, nothing = await gateway(*words)
    assert (code, nothing["redemptions"], nothing["quotes_ended"]) == (0, [], 0)


async def test_people_read_what_was_done_and_what_is_left_to_them(gateway: Commands, database: Database) -> None:
    room, taken = await held(database)
    instant = (room.clock.now() + timedelta(seconds=30)).isoformat()
    assert await asyncio.to_thread(run, ["restored", "--lost-since", instant]) == 0
    told = gateway.capsys.readouterr().out
    assert f"{OTHER_PARTNER}: redemptions looked up first: 1" in told
    for each in taken:
        assert f"{each}  at " in told
    assert "No cancellations may have been sent." in told
    assert "gateway manual list" in told
    assert "missing_ours" in told


async def test_nonsense_is_refused_and_nothing_is_changed(gateway: Commands, database: Database) -> None:
    room, taken = await held(database)
    for text, code, says in (
        ((datetime.now(UTC) + timedelta(hours=1)).isoformat(), 1, "has not come yet"),
        ((room.clock.now() - timedelta(hours=1)).isoformat(), 1, "too early"),
        (room.clock.now().replace(tzinfo=None).isoformat(), 2, "no instant with its offset"),
        ("yesterday", 2, "no instant with its offset"),
    ):
        found, told = await gateway("restored", "--lost-since", text)
        assert (found, says in told) == (code, True), told
    assert [(await room.get(each)).state for each in taken] == [State.HELD] * 2
