"""``gateway settlement run`` over the file of a bundled partner that nobody can ask: what it cancelled comes back."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
import sqlalchemy as sa

from adapters.sdk.records import Ride
from adapters.sdk.statement_file import write_statement
from config.database import Database
from gateway.cli.main import run
from gateway.redemption import store
from gateway.redemption.records import Redemption
from gateway.redemption.tables import claims
from tests.support.nights import refund, row
from tests.support.partners import PlainPartner, no
from tests.support.room import MEMBER, OPENING, Room, open_room

PARTNER = "amadeus-transfers"
DAY = date(2026, 11, 22)
PICK_UP = datetime(2026, 12, 1, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))


async def ride(room: Room) -> Redemption:
    """Redeem an airport transfer of 120 yuan."""
    some = await room.quote(partner=PARTNER)
    quote = msgspec.structs.replace(
        some,
        id=room.identifiers.new("quote"),
        benefit_id="airport-transfer",
        service=Ride(pick_up="PVG", drop_off="Shanghai, the Bund", pick_up_at=PICK_UP),
    )
    await room.database.write(partial(store.add_quote, quote=quote))
    taken = await room.database.write(partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER))
    await room.engine.advance(taken.id)
    return await room.get(taken.id)


async def test_a_night_gives_back_what_was_cancelled_and_keeps_the_claim_for_what_was_refused(
    database: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    adapter = PlainPartner()
    room = await open_room(database, amadeus_transfers=adapter)
    kept, cancelled = await ride(room), await ride(room)
    adapter.scripts.append(no)
    refused = await ride(room)
    file = tmp_path / "statement.csv"
    rows = [row(kept, kind="ride"), row(cancelled, kind="ride"), refund(cancelled), row(refused, kind="ride")]
    file.write_bytes(write_statement(PARTNER, DAY, 1, "CNY", rows))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEWAY__DATABASE__URL", database_url)
    command = ["settlement", "run", "--date", str(DAY), "--partner", PARTNER, "--statement", str(file), "--json"]

    async def night() -> Any:
        assert await asyncio.to_thread(run, command) == 0
        (told,) = json.loads(capsys.readouterr().out)
        return told

    first = await night()
    assert first["problem"] is None
    assert sorted(first["settled"]) == sorted([cancelled.id, refused.id])
    assert await room.balance() == (OPENING - 600, 0)
    assert await database.read(lambda c: c.execute(sa.select(claims.c.redemption_id)).scalars().all()) == [refused.id]
    again = await night()
    assert (again["changed"], again["settled"], again["run"]) == (False, [], first["run"])
    await room.require_clean_books()
