"""ST-06: every way in which a file can arrive, and what becomes of it."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from adapters.sdk.records import RowFault
from adapters.sdk.statement_file import parse_statement
from config.database import Database
from settlement.night_tables import statement_lines, statements
from settlement.reconciliation import RunReport
from settlement.statements import IngestReport, accepted_statement, handback_document, ingest, read_handback
from tests.integration.night.sides import AT, DAY, PARTNER, Ours, statement, theirs

TakeIn = Callable[..., Awaitable[IngestReport]]
LINE = Ours(id="sln_1", reference="rdm_1")


async def counted(database: Database, table: sa.Table) -> int:
    return await database.read(lambda c: c.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


async def accepted(database: Database) -> str | None:
    return await database.read(lambda c: accepted_statement(c, PARTNER, DAY))


async def test_st_06_a_good_file_is_kept_raw_and_becomes_lines(database: Database, take_in: TakeIn) -> None:
    content = statement([theirs(LINE), theirs(LINE)])
    report = await take_in(content, name="day.csv")
    assert (report.state, report.known, report.line_count, report.business_date) == ("accepted", False, 2, DAY)
    kept = await database.read(lambda c: c.execute(sa.select(statements)).one())
    assert (bytes(kept.content), kept.name, kept.declared_totals["CNY"]) == (content, "day.csv", "24000")
    assert await counted(database, statement_lines) == 2


async def test_st_06_the_same_file_twice_is_a_no_op_under_any_name(database: Database, take_in: TakeIn) -> None:
    content = statement([theirs(LINE)])
    first = await take_in(content)
    second = await take_in(content, name="again.csv", at=AT + timedelta(hours=1))
    assert second == msgspec.structs.replace(first, known=True)
    assert (await counted(database, statements), await counted(database, statement_lines)) == (1, 1)


async def test_st_06_the_same_file_twice_at_once_is_stored_once(database: Database, take_in: TakeIn) -> None:
    content = statement([theirs(LINE)])
    reports = await asyncio.gather(*(take_in(content) for _ in range(5)))
    assert sorted(report.known for report in reports) == [False, True, True, True, True]
    assert await counted(database, statement_lines) == 1


async def test_st_06_an_empty_day_is_a_valid_file(database: Database, take_in: TakeIn) -> None:
    report = await take_in(statement([]))
    assert (report.state, report.line_count) == ("accepted", 0)
    assert await accepted(database) == report.statement_id


async def test_st_06_a_truncated_file_is_quarantined_whole_with_its_bytes(database: Database, take_in: TakeIn) -> None:
    content = statement([theirs(LINE), theirs(LINE)])[:-20]
    report = await take_in(content)
    assert report.state == "quarantined"
    assert report.reason is not None
    assert "trailer" in report.reason
    assert await counted(database, statement_lines) == 0
    kept = await database.read(lambda c: c.execute(sa.select(statements.c.content)).scalar_one())
    assert bytes(kept) == content


async def test_st_06_a_wrong_control_total_is_quarantined(database: Database, take_in: TakeIn) -> None:
    report = await take_in(statement([theirs(LINE)]).replace(b"CNY=120.00", b"CNY=120.01"))
    assert (report.state, await counted(database, statement_lines)) == ("quarantined", 0)


async def test_st_06_files_of_another_day_partner_or_future_are_quarantined(
    database: Database, take_in: TakeIn
) -> None:
    other_day = await take_in(statement([]), expected_date=DAY + timedelta(days=1))
    other_partner = await take_in(statement([], partner="borealis"))
    future = await take_in(statement([], day=DAY + timedelta(days=30)))
    reasons = [report.reason or "" for report in (other_day, other_partner, future)]
    assert [report.state for report in (other_day, other_partner, future)] == ["quarantined"] * 3
    assert ["was asked for" in reasons[0], "'borealis'" in reasons[1], "future" in reasons[2]] == [True] * 3
    assert await accepted(database) is None


async def test_a_correction_supersedes_and_a_stale_file_does_not(database: Database, take_in: TakeIn) -> None:
    first = await take_in(statement([theirs(LINE)], sequence=2))
    stale = await take_in(statement([], sequence=1))
    assert (stale.state, await accepted(database)) == ("superseded", first.statement_id)
    second = await take_in(statement([], sequence=3))
    assert (second.state, second.superseded) == ("accepted", first.statement_id)
    assert await accepted(database) == second.statement_id


async def test_other_content_under_a_known_sequence_is_quarantined(database: Database, take_in: TakeIn) -> None:
    first = await take_in(statement([theirs(LINE)]))
    report = await take_in(statement([]))
    assert report.state == "quarantined"
    assert await accepted(database) == first.statement_id


async def test_a_row_fault_goes_to_the_handback_and_the_rest_proceeds(database: Database, take_in: TakeIn) -> None:
    report = await take_in(statement([theirs(LINE), theirs(LINE, status="vanished")]))
    assert (report.state, report.line_count, report.fault_count) == ("accepted", 1, 1)
    content = await database.read(lambda c: read_handback(c, report.statement_id))
    assert content is not None
    header, row = csv.reader(io.StringIO(content.decode(), newline=""))
    assert (header, row[:2]) == (["row", "code", "message", "raw"], ["2", "status"])


async def test_a_parser_that_breaks_quarantines_the_file_and_nothing_else(database: Database) -> None:
    def broken(_name: str, _content: bytes) -> Any:
        raise KeyError("column")

    report = await database.write(lambda c: ingest(c, broken, PARTNER, "x.csv", b"x", AT))
    assert report.state == "quarantined"
    assert report.reason is not None
    assert "KeyError" in report.reason


async def test_figures_and_texts_that_no_database_holds_are_quarantined(database: Database) -> None:
    file = parse_statement("x", statement([theirs(LINE)]))
    for number, line in enumerate((theirs(LINE, quantity=2**62), theirs(LINE, reference="a\x00b"))):
        odd = msgspec.structs.replace(file, lines=(line,))
        content = f"{number}".encode()
        report = await database.write(
            lambda c, odd=odd, content=content: ingest(c, lambda *_: odd, PARTNER, "x", content, AT)  # type: ignore[misc]
        )
        assert (report.state, (report.reason or "")[:5]) == ("quarantined", "Row 1")


async def test_st_06_a_missing_file_leaves_our_lines_unjudged(
    database: Database, reconcile: Callable[..., Awaitable[RunReport]]
) -> None:
    assert await accepted(database) is None
    report = await reconcile()
    assert report.run.summary["outcomes"] == {}


def test_formulas_in_a_handback_are_harmless() -> None:
    content = handback_document((RowFault(row=1, code="kind", message="unknown", raw="=cmd|x"),))
    assert b'"\'=cmd|x"' in content
