"""Real processes that are killed while they refresh a member's tokens, and the next one that comes."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from config.clock import SystemClock
from config.settings import FolderSettings, environment_without_settings
from gateway.links.tables import partner_links
from tests.api.conftest import settings_for
from tests.support.linking import LOUNGE, LinkingClub, configuration, linking_club

PATIENCE = 30.0


async def reader(club: LinkingClub, link: str, crash_point: str = "") -> tuple[int | None, str]:
    """Read the account in a process of its own: how it ended, and what it said."""
    settings = club.gateway.settings
    told = {
        "DATABASE__URL": settings.database.url,
        "FOLDERS__DATA": str(settings.folders.data),
        "FOLDERS__CONFIGURATION": str(settings.folders.configuration),
        "PARTNERS__BASE_URLS": json.dumps(settings.partners.base_urls),
        "FAULTS__CRASH_POINT": crash_point,
    }
    environment = environment_without_settings() | {f"GATEWAY__{name}": value for name, value in told.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.link_reader", LOUNGE, link, env=environment, stdout=PIPE, stderr=PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    return process.returncode, said.decode()


async def row(club: LinkingClub) -> Any:
    return await club.gateway.database.read(lambda connection: connection.execute(sa.select(partner_links)).one())


@pytest.mark.parametrize(("crash_point", "kept"), [("tokens_answered", 1), ("tokens_kept", 2)])
async def test_oa_11_a_process_killed_in_a_refresh_ends_no_link(
    database_url: str, tmp_path: Path, crash_point: str, kept: int
) -> None:
    settings = settings_for(database_url, tmp_path)
    folders = FolderSettings(configuration=configuration(tmp_path / "config"), data=tmp_path)
    settings = msgspec.structs.replace(settings, folders=folders)
    async with linking_club(settings, SystemClock(), values={"access_seconds": "1"}) as club:
        liu = await club.add_member("liu")
        assert (await club.link(liu, "SKY-1")).status_code == 200
        link, before = await club.link_id(liu), (await row(club)).generation
        club.desk().refreshes = 0
        assert (await reader(club, link, crash_point))[0] == -signal.SIGKILL
        assert (await row(club)).generation == before + kept - 1
        assert club.desk().refreshes == 1
        async with asyncio.timeout(PATIENCE):
            while (ended := await reader(club, link)) != (0, "SKY-1"):
                assert ended[0] == 1, "while the lease of the dead lasts nobody else refreshes"
        assert (await row(club)).state == "active"
        (grant,) = club.desk().grants.values()
        assert not grant.revoked
