"""OP-08 at night: a break in a word of a later version is left to it, and finance is told all the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from catalogue.values import Money
from config.database import Database
from config.errors import ConflictError
from gateway.schemas.settlement import BreakView
from gateway.services import break_desk
from gateway.services.break_desk import Finding
from settlement.break_store import list_breaks
from settlement.exports.bundle import Bundle
from settlement.netting import NetPosition
from settlement.night_tables import breaks
from settlement.positions import positions
from tests.integration.night.sides import AT, DAY, PARTNER, Ours, statement, store_ours, theirs
from tests.integration.night.test_exports import PERIOD, export, rows
from tests.support.later import LATER, any_word

Run = Callable[..., Awaitable[Any]]
LINES = [Ours(id=f"sln_{number}", reference=f"rdm_{number}") for number in (1, 2, 3)]


def standings(bundle: Bundle) -> dict[str, str]:
    return {row["line_id"]: row["standing"] for row in rows(bundle.folder / "detail.csv")}


async def kept(database: Database) -> list[Any]:
    query = sa.select(breaks).where(breaks.c.ours_id == "sln_1")
    return await database.read(lambda connection: list(connection.execute(query)))


@pytest.mark.parametrize("later", [{"state": LATER}, {"kind": "late_fee"}], ids=["state", "kind"])
async def test_op_08_a_break_in_a_later_word_is_left_to_it_and_its_line_stays_disputed(
    database: Database, take_in: Run, reconcile: Run, tmp_path: Path, later: dict[str, str]
) -> None:
    await database.write(lambda connection: store_ours(connection, LINES))
    wrong = [theirs(one, amount=Money(1, "CNY")) for one in LINES[:2]]
    await take_in(statement([*wrong, theirs(LINES[2])]))
    await reconcile()

    def write(connection: sa.Connection) -> None:
        any_word(connection, breaks)
        connection.execute(breaks.update().where(breaks.c.ours_id == "sln_1").values(**later))

    await database.write(write)
    before = await kept(database)
    await take_in(statement([theirs(one) for one in LINES], sequence=2), name="corrected.csv")
    report = await reconcile()
    assert report.changed
    assert await kept(database) == before
    listed = await database.read(list_breaks)
    shown = {one.item.ours_id: BreakView.of(one, DAY) for one in listed}
    assert shown["sln_1"].state == ("unknown" if "state" in later else "open")
    assert shown["sln_1"].kind == later.get("kind", "amount")
    assert shown["sln_2"].state == "closed"
    bundle = await export(database, tmp_path)
    assert (bundle.control.breaks, bundle.control.open_breaks) == (2, 1)
    assert standings(bundle) == {"sln_1": "disputed", "sln_2": "agreed", "sln_3": "agreed"}
    assert {row["ours_id"]: row["state"] for row in rows(bundle.folder / "breaks.csv")} == {
        "sln_1": shown["sln_1"].state,
        "sln_2": "closed",
    }
    assert await database.read(lambda connection: positions(connection, PERIOD, PARTNER)) == (
        NetPosition(PARTNER, PERIOD, "CNY", "dealer", 9_600, 4_800, 0, 3),
        NetPosition(PARTNER, PERIOD, "CNY", "maker", 14_400, 7_200, 0, 3),
    )


async def test_op_08_a_group_whose_break_is_in_a_later_state_stays_disputed_whole(
    database: Database, take_in: Run, reconcile: Run, tmp_path: Path
) -> None:
    parts = [Ours(id=f"sln_{number}", reference="rdm_many", gross=number * 100) for number in (1, 2)]
    await database.write(lambda connection: store_ours(connection, parts))
    await take_in(statement([theirs(parts[0], amount=Money(amount, "CNY")) for amount in (10, 20)]))
    await reconcile()

    def write(connection: sa.Connection) -> None:
        any_word(connection, breaks)
        connection.execute(breaks.update().values(state=LATER))

    await database.write(write)
    assert standings(await export(database, tmp_path)) == {"sln_1": "disputed", "sln_2": "disputed"}


@pytest.mark.parametrize(
    ("word", "state"),
    [("escalated", {}), ("resolved", {"state": LATER, "close_reason": "resolved"})],
    ids=["word", "state"],
)
async def test_op_08_people_leave_a_break_to_the_version_that_knows_how_it_stands(
    database: Database, take_in: Run, reconcile: Run, word: str, state: dict[str, str]
) -> None:
    await database.write(lambda connection: store_ours(connection, LINES[:1]))
    await take_in(statement([theirs(LINES[0], amount=Money(1, "CNY"))]))
    await reconcile()
    (found,) = await database.read(list_breaks)
    said = {"word": word, "by": "ann", "at": AT.isoformat(), "evidence": "the desk says so"}

    def write(connection: sa.Connection) -> None:
        any_word(connection, breaks)
        connection.execute(breaks.update().values(evidence=found.item.evidence | {"people": [said]}, **state))

    await database.write(write)
    before = await kept(database)
    assert [one.state for one in await database.read(list_breaks)] == ["unknown"]
    finding = Finding("bob", "the desk says so too")
    for deed in (
        partial(break_desk.close, outcome="resolved", contracts={}),
        partial(break_desk.assign, owner="finance"),
        break_desk.dispute,
        partial(break_desk.reopen, contracts={}),
    ):
        with pytest.raises(ConflictError, match="it is unknown"):
            await database.write(partial(deed, break_id=found.item.id, finding=finding, at=AT))
    assert await kept(database) == before
