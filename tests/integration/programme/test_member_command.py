"""``gateway member show``: a published sum of points, asked on the command line, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from config.clock import SystemClock
from gateway.cli.main import run
from tests.integration.programme.club import Club
from tests.integration.programme.test_jobs import spend


async def test_p14_is_answered_on_the_command_line(
    club: Club, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """77 - 77 redeemed + 82 earned is 82 (an app showed 159): github.com/ucraft-com/POS-Awesome/issues/45."""
    monkeypatch.setenv("GATEWAY__DATABASE__URL", database_url)
    monkeypatch.setattr(SystemClock, "now", lambda _: club.clock.now())
    member = await club.join("p14")

    async def shown(*more: str) -> str:
        code = await asyncio.to_thread(run, ["member", "show", "p14", *more])
        assert code == 0
        return capsys.readouterr().out

    await club.earn(member, 770, "parts")
    assert "77 points can be spent, 0 are held." in await shown()
    await spend(club, member, 77)
    await club.earn(member, 820, "parts")
    assert "82 points can be spent, 0 are held." in await shown()
    assert "points can be spent, " not in await shown("--on", "2026-11-22")
