"""``gateway deny`` writes down which token is refused, once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from config import migrate
from config.clock import SystemClock
from config.database import Database
from config.settings import DatabaseSettings, OAuthSettings
from gateway.cli.main import run
from gateway.oauth import denials
from gateway.oauth.issuer import open_issuer


def test_a_token_is_denied_by_its_own_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/book.db"
    monkeypatch.setenv("GATEWAY__DATABASE__URL", url)
    token = open_issuer(OAuthSettings(key_file=tmp_path / "key.json"), SystemClock()).mint(
        subject="crm", client_id="crm", scope="members:write"
    )

    async def work(read: bool) -> frozenset[str]:
        database = await Database.open(DatabaseSettings(url=url))
        await migrate.upgrade(database)
        now = SystemClock().now()
        found = await database.read(lambda connection: denials.standing(connection, now)) if read else frozenset()
        await database.close()
        return found

    asyncio.run(work(read=False))
    told = []
    for _ in range(2):
        assert run(["deny", token, "--by", "anna", "--reason", "a lost phone", "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert [one["new"] for one in told] == [True, False]
    assert asyncio.run(work(read=True)) == {told[0]["jti"]}
    assert run(["deny", "no token", "--by", "anna", "--reason", "x"]) == 2
