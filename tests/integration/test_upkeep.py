"""A server that does not keep up its tables is told of when a gateway opens, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from config import upkeep
from config.database import Database
from gateway.wiring import open_gateway
from tests.api.conftest import StandingClock, settings_for


@pytest.mark.parametrize(
    ("autovacuum", "track_counts", "named"),
    [
        ("on", "on", None),
        ("off", "on", "with autovacuum=off:"),
        ("on", "off", "with track_counts=off:"),
        ("off", "off", "with autovacuum=off and track_counts=off:"),
    ],
)
def test_what_is_switched_off_is_named(autovacuum: str, track_counts: str, named: str | None) -> None:
    said = upkeep.neglected({"autovacuum": autovacuum, "track_counts": track_counts})
    assert (said is None) if named is None else (said is not None and named in said)


async def test_the_server_itself_is_asked(database: Database) -> None:
    def told(connection: Connection) -> str | None:
        if connection.dialect.name == "sqlite":
            return None
        read = connection.exec_driver_sql("SELECT name, setting FROM pg_settings").all()
        return upkeep.neglected({str(name): str(setting) for name, setting in read})

    assert await database.read(upkeep.look_at) == await database.read(told)


@pytest.mark.parametrize("said", [None, "PostgreSQL runs with autovacuum=off"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_gateway_that_opens_says_so_once(
    database_url: str,
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(upkeep, "look_at", lambda _connection: said)
    gateway = await open_gateway(settings_for(database_url, tmp_path), StandingClock(), environ={})
    await gateway.close()
    lines: list[Any] = [record for record in caplog.records if record.name == "gateway.wiring"]
    told = [(line.levelname, line.msg["event"], line.msg["reason"]) for line in lines]
    assert told == ([] if said is None else [("WARNING", "database.neglected", said)])
