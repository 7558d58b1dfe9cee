"""Finance's files on a real database. EX-05: nothing half-written is ever seen. EX-06: twice is byte-identical."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from catalogue.values import Money
from config.database import Database
from config.errors import MalformedError
from settlement.errors import ExportError
from settlement.exports import bundle as bundles
from settlement.exports.bundle import Bundle, export_period, list_bundles
from settlement.netting import NetPosition
from settlement.positions import positions
from tests.integration.night.sides import PARTNER, Ours, make_day, statement, store_ours, theirs

Run = Callable[..., Awaitable[Any]]
PERIOD = "2026-11"


async def export(database: Database, root: Path) -> Bundle:
    return await database.read(lambda c: export_period(c, root, PARTNER, PERIOD))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source, strict=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def files_below(folder: Path) -> list[Path]:
    return [
        path for path in folder.rglob("*") if path.is_file() and path.suffix != ".db" and "gateway.db" not in path.name
    ]


async def test_the_files_say_what_the_database_holds(
    database: Database, take_in: Run, reconcile: Run, tmp_path: Path
) -> None:
    agreed = Ours(id="sln_1", reference="rdm_1")
    disputed = Ours(id="sln_2", reference="rdm_2", gross=-101)
    fresh = Ours(id="sln_3", reference="rdm_3", gross=5, currency="JPY")
    await database.write(lambda c: store_ours(c, [agreed, disputed]))
    await take_in(statement([theirs(agreed), theirs(disputed, amount=Money(-100, "CNY"))]))
    await reconcile()
    await database.write(lambda c: store_ours(c, [fresh]))
    found = await export(database, tmp_path)
    detail = rows(found.folder / "detail.csv")
    shown = [(row["line_id"], row["gross"], row["maker_share"], row["standing"], row["match_pass"]) for row in detail]
    assert shown == [
        ("sln_1", "120.00", "72.00", "agreed", "reference"),
        ("sln_2", "-1.01", "-0.60", "disputed", "reference"),
        ("sln_3", "5", "3", "unreconciled", ""),
    ]
    (item,) = rows(found.folder / "breaks.csv")
    assert (item["kind"], item["ours_amount"], item["theirs_amount"]) == ("amount", "-1.01", "-1.00")
    assert found.control.totals == {
        "CNY": {"lines": "2", "gross": "118.99", "tax": "0.00", "net": "118.99"},
        "JPY": {"lines": "1", "gross": "5", "tax": "0", "net": "5"},
    }
    assert found.control.open_breaks == 1
    assert await database.read(lambda c: positions(c, PERIOD, PARTNER)) == (
        NetPosition(PARTNER, PERIOD, "CNY", "dealer", 4800, -41, 0, 2),
        NetPosition(PARTNER, PERIOD, "CNY", "maker", 7200, -60, 0, 2),
        NetPosition(PARTNER, PERIOD, "JPY", "dealer", 0, 0, 2, 1),
        NetPosition(PARTNER, PERIOD, "JPY", "maker", 0, 0, 3, 1),
    )


async def test_st_12_positions_of_a_day_sum_to_its_lines(
    database: Database, take_in: Run, reconcile: Run, tmp_path: Path
) -> None:
    day = make_day(11, 80)
    await database.write(lambda c: store_ours(c, day.ours))
    await take_in(statement(day.theirs))
    await reconcile()
    found = await database.read(lambda c: positions(c, PERIOD))
    assert sum(position.total for position in found) == sum(line.gross for line in day.ours)
    assert sum(position.unreconciled for position in found) == 0
    exported = await export(database, tmp_path)
    assert exported.control.detail_lines == len(day.ours)
    assert exported.control.breaks == len(rows(exported.folder / "breaks.csv")) == len(day.planted)


async def test_ex_05_the_control_file_counts_and_hashes_every_file(database: Database, tmp_path: Path) -> None:
    await database.write(lambda c: store_ours(c, [Ours(id="sln_1", reference="rdm_1")]))
    found = await export(database, tmp_path)
    files = contents(found.folder)
    assert sorted(files) == ["breaks.csv", "control.json", "detail.csv", "detail.xlsx", "positions.csv"]
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items() if name != "control.json"}
    assert found.control.sha256 == hashes
    assert files["detail.csv"].startswith(b"\xef\xbb\xbfline_id,")
    assert files["detail.csv"].count(b"\r\n") == files["detail.csv"].count(b"\n") == 2


async def test_ex_06_the_same_export_twice_rewrites_nothing(database: Database, tmp_path: Path) -> None:
    await database.write(lambda c: store_ours(c, make_day(12, 30).ours))
    first = await export(database, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    second = await export(database, tmp_path)
    assert (first.written, second.written, second.folder) == (True, False, first.folder)
    assert {path: path.stat().st_mtime_ns for path in second.folder.iterdir()} == before
    elsewhere = await export(database, tmp_path / "elsewhere")
    assert contents(elsewhere.folder) == contents(first.folder)


async def test_other_content_is_a_new_version_and_the_old_one_stays(database: Database, tmp_path: Path) -> None:
    await database.write(lambda c: store_ours(c, [Ours(id="sln_1", reference="rdm_1")]))
    first = await export(database, tmp_path)
    kept = contents(first.folder)
    await database.write(lambda c: store_ours(c, [Ours(id="sln_2", reference="rdm_2")]))
    second = await export(database, tmp_path)
    assert (first.version, second.version) == (1, 2)
    assert contents(first.folder) == kept
    listed = list_bundles(tmp_path, PARTNER, PERIOD)
    assert [(one.version, one.control.detail_lines) for one in listed] == [(1, 1), (2, 2)]


@pytest.mark.parametrize("place", ["record", "_publish"])
async def test_ex_05_a_crash_leaves_no_file_to_be_seen(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    await database.write(lambda c: store_ours(c, [Ours(id="sln_1", reference="rdm_1")]))

    def power_failure(*_: object) -> str:
        raise RuntimeError("power")

    with monkeypatch.context() as patch:
        patch.setattr(bundles, place, power_failure)
        with pytest.raises(RuntimeError, match="power"):
            await export(database, tmp_path)
    assert files_below(tmp_path) == []
    assert list_bundles(tmp_path, PARTNER, PERIOD) == []
    assert (await export(database, tmp_path)).version == 1


async def test_st_10_a_currency_nobody_settles_in_stops_the_export(database: Database, tmp_path: Path) -> None:
    await database.write(lambda c: store_ours(c, [Ours(id="sln_1", reference="rdm_1", currency="XAU")]))
    with pytest.raises(ExportError, match="XAU"):
        await export(database, tmp_path)
    assert list_bundles(tmp_path, PARTNER, PERIOD) == []


@pytest.mark.parametrize(
    ("partner", "period"), [("../../etc", PERIOD), ("", PERIOD), (PARTNER, "2026-13"), (PARTNER, "..")]
)
def test_what_is_no_partner_or_period_never_becomes_a_path(tmp_path: Path, partner: str, period: str) -> None:
    with pytest.raises(MalformedError):
        list_bundles(tmp_path, partner, period)
