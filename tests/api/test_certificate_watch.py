"""A whole gateway watches the certificates of its partners, as a server does and as a command that ends soon."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from config.database import Database
from config.settings import DatabaseSettings
from gateway.background import background
from gateway.operations.alarms import Alarm, list_alarms
from gateway.wiring import Gateway, open_gateway
from tests.api.conftest import StandingClock, settings_for

PARTNER = "skyhub-lounge"


async def alarms(database: Database) -> list[Alarm]:
    return await database.read(partial(list_alarms, limit=9))


def meet_a_bad_certificate(gateway: Gateway) -> None:
    client = gateway.partners[PARTNER].client
    assert client is not None
    client.handshakes.fail("certificate")


async def test_nw_03_what_a_call_of_any_process_met_is_told_before_it_ends(sqlite_url: str, tmp_path: Path) -> None:
    gateway = await open_gateway(settings_for(sqlite_url, tmp_path), StandingClock(), environ={})
    meet_a_bad_certificate(gateway)
    await gateway.close()
    database = await Database.open(DatabaseSettings(url=sqlite_url))
    assert [(each.kind, each.subject) for each in await alarms(database)] == [("bad_certificate", PARTNER)]
    await database.close()


async def test_nw_03_a_serving_gateway_tells_without_being_asked(sqlite_url: str, tmp_path: Path) -> None:
    gateway = await open_gateway(settings_for(sqlite_url, tmp_path), StandingClock(), environ={})
    meet_a_bad_certificate(gateway)
    async with background(gateway):
        for _ in range(1_000):
            if await alarms(gateway.database):
                break
    assert [each.times for each in await alarms(gateway.database)] == [1]
    await gateway.close()
