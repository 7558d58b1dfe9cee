"""What a redemption adds to the partner's call, which takes 50 ms: taken in, called for, recorded and captured.

The gateway's own room on a real database, each member with points of his own; the partner is in memory and only
waits, so that the difference is all ours. The full row through HTTP is not measured here.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from sqlalchemy import Connection

from catalogue.members import MemberInput, upsert_member
from config import migrate
from config.database import Database
from config.settings import DatabaseSettings
from config.side_by_side import About
from gateway.redemption import store
from gateway.redemption.orders import Begun
from gateway.redemption.records import POINTS, Quote
from settlement import ledger
from tests.bench import databases
from tests.bench.measure import Result
from tests.bench.together import ROUNDS, Together, measure_together
from tests.support.clocks import RunningClock
from tests.support.partners import FencingPartner
from tests.support.room import Room, open_room

PARTNER_SECONDS = 0.05
ALONE, CROWD = 1, 32
EACH = {ALONE: 10, CROWD: 20}
PLENTY = 1_000_000
LIMITS = {ALONE: {"added p50 ms": 5.0}, CROWD: {"added p50 ms": 15.0, "added p99 ms": 25.0}}


def results() -> list[Result]:
    """Measure a row for one caller and for many, on SQLite with full durability and on PostgreSQL where one answers."""
    with TemporaryDirectory(prefix="bench-redemptions-") as folder:
        found = _on(f"sqlite:///{Path(folder) / 'book.db'}", "SQLite FULL")
    if databases.postgresql_answers():
        with databases.postgresql() as url:
            found += _on(url, "PostgreSQL")
    return found


def _on(url: str, where: str) -> list[Result]:
    return asyncio.run(_measured(url, where))


async def _measured(url: str, where: str) -> list[Result]:
    database = await Database.open(DatabaseSettings(url=url))
    try:
        await migrate.upgrade(database)
        room = await _room(database)
        return [await measure_together(await _row(room, where, concurrent)) for concurrent in (ALONE, CROWD)]
    finally:
        await database.close()


async def _room(database: Database) -> Room:
    partner = FencingPartner()
    partner.before_answer = _answer_later
    room = await open_room(database, clock=RunningClock(), skyhub_lounge=partner)
    await database.write(partial(_enrich, room))
    return room


async def _answer_later() -> None:
    await asyncio.sleep(PARTNER_SECONDS)


def _enrich(room: Room, connection: Connection) -> None:
    """Give every member of the crowd points of his own."""
    now = room.clock.now()
    for number in range(CROWD):
        upsert_member(connection, MemberInput(external_id=f"bench-{number}"), _member(number), now)
        ledger.issue(
            connection, key=f"bench:{number}", member_id=_member(number), commodity=POINTS, quantity=PLENTY, at=now,
            expires_at=now + timedelta(days=365), reason="opening", reference=f"bench:{number}",
        )  # fmt: skip


def _member(number: int) -> str:
    return f"mbr_{1000 + number % CROWD:026d}"


async def _row(room: Room, where: str, concurrent: int) -> Together:
    quotes = await _quotes(room, concurrent * ((EACH[concurrent] + 1) * ROUNDS + 1))

    async def redeem() -> None:
        quote = quotes.pop()
        begun = await room.database.write(About(quote.member_id, partial(take_in, room, quote)), short=True)
        assert begun is not None
        await room.engine.go_on(begun)

    return Together(
        name=f"redemption over the bare partner call, {concurrent} at once, {where}",
        floor=_answer_later,
        ours=redeem,
        goal=0.0,
        limits=LIMITS[concurrent],
        concurrent=concurrent,
        each=EACH[concurrent],
        spread_seconds=PARTNER_SECONDS if concurrent > 1 else 0.0,
    )


def take_in(room: Room, quote: Quote, connection: Connection) -> Begun | None:
    """Do what `gateway.services.redeem` does under its key."""
    _, begun = room.intake.take_in_and_order(
        connection, room.engine.order, quote_id=quote.id, member_id=quote.member_id
    )
    return begun


async def _quotes(room: Room, count: int) -> list[Quote]:
    """Store quotes of one like the room's, members in turn."""
    like = await room.quote(points=100)
    quotes = [
        msgspec.structs.replace(like, id=room.identifiers.new("quote"), member_id=_member(number))
        for number in range(count)
    ]
    await room.database.write(partial(_add, quotes))
    return quotes


def _add(quotes: list[Quote], connection: Connection) -> None:
    for quote in quotes:
        store.add_quote(connection, quote)
