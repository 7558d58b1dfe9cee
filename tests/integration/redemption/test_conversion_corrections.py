"""A contract turns out to have been wrong: what members converted by it is refunded, once, on both databases."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from adapters.sdk.records import Mileage
from catalogue.conversion import ConversionContract, Correction, PricePoint
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from catalogue.values import Rate
from config.database import Database
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from gateway.cli.main import run
from gateway.redemption import reversal_store, store
from gateway.redemption.effects import Effects
from gateway.redemption.records import Redemption
from gateway.services.conversion_corrections import apply_corrections, list_corrections
from settlement.contracts import read_contract
from settlement.tables import postings, settlement_lines
from tests.support.partners import PlainPartner
from tests.support.room import MEMBER, OPENING, Room, open_room

AIRLINE = "skyward-miles"
FILES = read_partner_files(PACKAGED_FOLDER)
CONTRACTS = {AIRLINE: read_contract(PACKAGED_FOLDER / "partners" / f"{AIRLINE}.toml", FILES[AIRLINE])}
PACKAGED = load_catalogue(PACKAGED_FOLDER, tuple(FILES))
CORRECTION = Correction(version=1, published_date=date(2026, 12, 1), reason="annex B was misprinted")
TEXT = """
[[contracts]]
id = "pts-to-skyward-miles"
version = 2
partner = "skyward-miles"
from_commodity = "PTS"
to_commodity = "MILES:skyward-miles"
rate = { from_units = 1, to_units = 1 }
effective_from_date = 2026-01-01
source = "a test's own"
correction = { version = 1, published_date = 2026-12-01, reason = "annex B was misprinted" }
"""


def corrected(first: ConversionContract, **terms: Any) -> Catalogue:
    """Let a second version, with other terms, correct a contract."""
    second = msgspec.structs.replace(first, version=2, correction=CORRECTION, **terms)
    return msgspec.structs.replace(PACKAGED, conversions=(first, second))


def price_points(*points: tuple[int, int]) -> dict[str, Any]:
    found = tuple(PricePoint(*one) for one in points)
    return {"rate": None, "bonus": None, "minimum": 1, "maximum": None, "increment": 1, "price_points": found}


async def open_club(database: Database, catalogue: Catalogue) -> Room:
    return await open_room(database, changing=lambda _: catalogue, skyward_miles=PlainPartner())


async def converted(room: Room, points: int, miles: int) -> Redemption:
    """Convert by version 1 and let the partner credit it."""
    plain = await room.quote(partner=AIRLINE, points=points)
    quote = msgspec.structs.replace(
        plain,
        id=room.identifiers.new("quote"),
        kind="conversion",
        benefit_id=None,
        benefit_version=None,
        contract_id="pts-to-skyward-miles",
        contract_version=1,
        price=None,
        service=Mileage(account="SK-1", quantity=miles),
    )
    await room.database.write(partial(store.add_quote, quote=quote))
    take_in = partial(room.intake.take_in, quote_id=quote.id, member_id=MEMBER, kind="conversion")
    taken = await room.database.write(take_in)
    await room.engine.advance(taken.id)
    return await room.get(taken.id)


async def posted(database: Database, key: str) -> list[tuple[str, str, int]]:
    query = sa.select(postings.c.account, postings.c.commodity, postings.c.amount).where(postings.c.entry_key == key)
    rows = await database.read(lambda connection: connection.execute(query.order_by(postings.c.number)).all())
    return [(account, commodity, amount) for account, commodity, amount in rows]


async def test_miles_that_are_owed_are_booked_with_a_line_and_only_once(database: Database) -> None:
    catalogue = corrected(*PACKAGED.conversions, rate=Rate(1, 1), bonus=None)
    room = await open_club(database, catalogue)
    made = await converted(room, 1_000, 800)
    assert made.state.value == "captured"
    (due,) = await list_corrections(database, catalogue)
    assert (due.state, due.refund.credited, due.refund.given_back) == ("due", 200, 0)
    for days in (0, 1):
        (done,) = await apply_corrections(database, catalogue, CONTRACTS, room.clock.now() + timedelta(days=days))
        assert done.state == "posted"
    key = f"{made.id}:correct:2"
    assert [leg for leg in await posted(database, key) if leg[1] == f"MILES:{AIRLINE}"] == [
        (f"partner/{AIRLINE}/clearing", f"MILES:{AIRLINE}", -200),
        (f"partner/{AIRLINE}/receivable", f"MILES:{AIRLINE}", 200),
    ]
    line = settlement_lines.c
    query = sa.select(line.quantity, line.gross, line.points, line.entry_key).where(line.line_key == key)
    rows = await database.read(lambda connection: connection.execute(query).all())
    assert [tuple(row) for row in rows] == [(200, 1_400, 0, key)], "seven fen a mile"
    assert await room.balance() == (OPENING - 1_000, 0)
    await room.require_clean_books()


async def test_points_that_were_taken_too_many_return_to_their_lots(database: Database) -> None:
    first = msgspec.structs.replace(*PACKAGED.conversions, **price_points((1_400, 500)))
    catalogue = corrected(first, **price_points((1_120, 500)))
    room = await open_club(database, catalogue)
    made = await converted(room, 1_400, 500)
    assert await room.balance() == (OPENING - 1_400, 0)
    (done,) = await apply_corrections(database, catalogue, CONTRACTS, room.clock.now())
    assert (done.state, done.refund.given_back, done.refund.credited) == ("posted", 280, 0)
    assert await room.balance() == (OPENING - 1_120, 0)
    assert ("partner/skyward-miles/clearing", "PTS", -280) in await posted(database, f"{made.id}:correct:2")
    assert await apply_corrections(database, catalogue, CONTRACTS, room.clock.now()) == (done,)
    await room.require_clean_books()


@pytest.mark.parametrize("terms", [price_points((1_120, 500)), price_points((1_400, 700))], ids=["points", "miles"])
async def test_a_corrected_conversion_that_is_undone_comes_back_whole(
    database: Database, terms: dict[str, Any]
) -> None:
    catalogue = corrected(msgspec.structs.replace(*PACKAGED.conversions, **price_points((1_400, 500))), **terms)
    room = await open_club(database, catalogue)
    made = await converted(room, 1_400, 500)
    await apply_corrections(database, catalogue, CONTRACTS, room.clock.now())
    effects = Effects(catalogue, CONTRACTS, room.identifiers)
    ask = partial(reversal_store.ask, redemption=made, quantity=1_400, reason="partner", at=room.clock.now())
    reversal = await database.write(ask)
    assert reversal is not None
    undo = partial(effects.reversed, redemption=made, reversal=reversal, at=room.clock.now())
    for _ in range(2):
        await database.write(undo)
        assert await room.balance() == (OPENING, 0)
    query = sa.select(sa.func.sum(settlement_lines.c.gross))
    assert await database.read(lambda connection: connection.execute(query).scalar_one()) == 0
    query = sa.select(sa.func.sum(postings.c.amount)).where(postings.c.account == f"partner/{AIRLINE}/receivable")
    assert await database.read(lambda connection: connection.execute(query).scalar_one()) == 0
    await room.require_clean_books()


async def test_what_was_given_too_much_stays_and_what_is_undone_is_left_alone(database: Database) -> None:
    catalogue = corrected(*PACKAGED.conversions, rate=Rate(2, 1), bonus=None)
    room = await open_club(database, catalogue)
    kept = await converted(room, 1_000, 800)
    undone = await converted(room, 2_000, 1_600)
    ask = partial(reversal_store.ask, redemption=undone, quantity=2_000, reason="partner", at=room.clock.now())
    await database.write(ask)
    (told,) = await apply_corrections(database, catalogue, CONTRACTS, room.clock.now())
    assert (told.refund.conversion_id, told.state, told.refund.kept) == (kept.id, "told", 300)
    assert await posted(database, told.refund.key) == []
    await room.require_clean_books()


async def test_an_operator_sees_and_posts_them(
    database_url: str,
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    room = await open_club(database, PACKAGED)
    made = await converted(room, 1_000, 800)
    folder = tmp_path / "configuration"
    shutil.copytree(PACKAGED_FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "migrations", "__pycache__"))
    monkeypatch.setenv("GATEWAY__DATABASE__URL", database_url)
    monkeypatch.setenv("GATEWAY__FOLDERS__CONFIGURATION", str(folder))

    async def gateway(*arguments: str) -> tuple[int, str]:
        code = await asyncio.to_thread(run, ["conversion", *arguments])
        return code, capsys.readouterr().out

    assert await gateway("corrections") == (0, "No correction refunds anything.\n")
    path = folder / "conversions" / f"{AIRLINE}.toml"
    path.write_text(path.read_text(encoding="utf-8") + TEXT, encoding="utf-8")
    line = f"{made.id}:correct:2 ({MEMBER}): 200 more to be credited by {AIRLINE} (annex B was misprinted)\n"
    assert await gateway("corrections") == (1, f"due {line}")
    assert await gateway("corrections", "--apply") == (0, f"posted {line}")
    assert await gateway("corrections") == (0, f"posted {line}")
    code, shown = await gateway("show", made.id, "--json")
    found = json.loads(shown)
    assert (code, found["state"], found["transfer"]["state"]) == (0, "captured", "in_time")
    assert [(lot["from_quantity"], lot["to_quantity"], lot["value"]) for lot in found["lots"]] == [
        (1_000, 800, {"amount": 20_000, "currency": "CNY"})
    ]
    assert "1000 points gave 800, worth 20000 CNY (minor units)." in (await gateway("show", made.id))[1]
    assert (await gateway("show", "rdm_unknown"))[0] == 1
