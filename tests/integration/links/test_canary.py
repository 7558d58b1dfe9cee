"""No token of a member is anywhere but sealed in the database and in the calls that need it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from adapters.sdk.errors import PartnerError
from config.settings import FolderSettings
from gateway.cli.main import run
from gateway.links.sealing import Place
from gateway.links.vault import DatabaseVault
from tests.api.conftest import StandingClock, settings_for
from tests.support.linking import LOUNGE, LinkingClub, browse, configuration, linking_club


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


def tokens_of(club: LinkingClub) -> set[str]:
    """Everything that the partner ever gave for a member, and what was asked for it."""
    found: set[str] = set()
    for code, grant in club.desk().grants.items():
        found |= {code, grant.refresh, *grant.access, *grant.spent} - {""}
    return found


async def everything_in(club: LinkingClub) -> bytes:
    """Every value of every table, as bytes."""

    def read(connection: sa.Connection) -> list[bytes]:
        names = sa.inspect(connection).get_table_names()
        rows = [row for name in names for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"').all()]
        return [each if isinstance(each, bytes) else str(each).encode() for row in rows for each in row]

    return b"\n".join(await club.gateway.database.read(read))


async def test_tokens_are_in_no_table_log_answer_error_or_representation(
    database_url: str, tmp_path: Path, clock: StandingClock, logged: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(database_url, tmp_path)
    folders = FolderSettings(configuration=configuration(tmp_path / "config"), data=tmp_path)
    async with linking_club(msgspec.structs.replace(settings, folders=folders), clock) as club:
        liu = await club.add_member("liu")
        url = await club.begin(liu)
        verifier = await _verifier(club)
        answer = await browse(url, member="SKY-1")
        said = [(await club.finish(liu, answer)).text, (await club.finish(liu, answer)).text]
        link = await club.link_id(liu)
        clock.move(seconds=601)
        adapter: Any = club.gateway.partners[LOUNGE].adapter
        said.append(repr(await adapter.read_account(link)))
        vault = DatabaseVault(club.gateway.database, club.gateway.sealer, clock)
        said += [repr(await vault.read(link)), repr(club.gateway.partners[LOUNGE].linking)]
        for mode in ("error_500_before", "html_200", "nan", "wrong_echo"):
            clock.move(seconds=601)
            club.simulators[LOUNGE].faults.plan("token", mode, times=1)
            try:
                await adapter.read_account(link)
            except PartnerError as error:
                said += [repr(error), str(error), repr(error.facts)]
        for path in ("/v1/partner-links", "/v1/me"):
            said.append((await club.client.get(path, headers=club.member(liu))).text)
        kept = await everything_in(club)
        ended = await club.client.delete(f"/v1/partner-links/{LOUNGE}", headers=club.member(liu))
        said.append(ended.text)
        canaries = tokens_of(club) | {verifier, answer["state"]}
        assert len(canaries) >= 7, "there was something to find"
        ours = [each for each in logged.records if not each.name.startswith(("httpx", "httpcore"))]
        assert ours, "the browser and the app of the test say what they do, and are left out"
        everything = "\n".join([*said, *(f"{each.getMessage()} {each.__dict__}" for each in ours)])
        assert [each for each in canaries if each in everything] == []
        assert [each for each in canaries if each.encode() in kept] == []
        assert b"SKY-1" in kept, "the search finds what is there"


async def _verifier(club: LinkingClub) -> str:
    """Open the verifier of the request that is under way."""
    taken: list[str] = []

    def look(connection: sa.Connection) -> None:
        row = connection.exec_driver_sql(
            "SELECT state_hash, key_version, verifier_sealed FROM partner_link_requests"
        ).one()
        place = Place("partner_link_requests", "verifier_sealed", row[0])
        taken.append(club.gateway.sealer.open(place, row[1], bytes(row[2])).reveal())

    await club.gateway.database.read(look)
    return taken[0]


def test_a_trial_shows_that_there_are_tokens_and_none_of_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.context.configure_logging", lambda _settings: None)
    assert run(["adapter", "try", "direct", "read_account"]) == 0
    shown = capsys.readouterr().out
    assert "trial-member" in shown
    assert shown.count("[secret]") >= 4
    assert not re.search(r"(code|token|verifier)\W+[A-Za-z0-9_-]{24,}", shown), shown
