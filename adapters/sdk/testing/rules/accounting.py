"""Rules about the statement: what happened is in it, and what is wrong with it shows."""

from __future__ import annotations

import re

from adapters.sdk.errors import StatementError
from adapters.sdk.records import ReservationRequest, StatementFile
from adapters.sdk.testing.bench import Bench
from adapters.sdk.testing.breaks import BreakKind, PlannedBreak
from adapters.sdk.testing.rules.guarding import statement_error
from adapters.sdk.testing.rules.rule import RuleBrokenError, require, require_none

BREAKS: tuple[BreakKind, ...] = ("missing_row", "extra_row", "amount_changed", "duplicate_row", "status_changed")


async def statement_accounts(bench: Bench) -> None:
    """The partner's file of the day holds the reservation, and its control totals are read and right."""
    request = await _used(bench)
    file = _read(bench)
    wanted = None if bench.manifest.facts.issues_nothing else request.key
    require(
        wanted in {line.reference for line in file.lines},
        "no row of the statement has the reservation's key as its reference",
    )
    require(not file.faults, f"row faults: {file.faults}")
    require(file.declared_count == len(file.lines), "the declared count is not the number of rows")
    require(bool(file.declared_totals), "no control total was read")


async def statement_breaks_show(bench: Bench) -> None:
    """Each break that is planted in the file makes the rows that are read differ from the honest ones."""
    await _used(bench)
    honest = _read(bench).lines
    faults = []
    for kind in BREAKS:
        bench.simulator.plan[:] = [PlannedBreak(kind)]
        if bench.simulator.planted(bench.today()) and _read(bench).lines == honest:
            faults.append(f"a planted {kind} does not show in what is read")
    bench.simulator.plan.clear()
    require_none(faults)


async def damaged_statement_is_refused(bench: Bench) -> None:
    """A file whose totals are wrong, that is cut short, or that is no statement at all is refused whole."""
    await _used(bench)
    name, content = bench.simulator.statement(bench.today())
    lines = content.splitlines(keepends=True)
    damaged = {
        "without its last row": b"".join(lines[:-1]),
        "cut in the middle": content[: len(content) // 2],
        "with another total": b"".join([*lines[:-1], re.sub(rb"\d", b"9", lines[-1])]),
        "that is a web page": b"<!doctype html><p>Back soon.",
        "that is empty": b"",
    }
    require_none(
        [f"a file {what} was read" for what, data in damaged.items() if not statement_error(bench.adapter, name, data)]
    )


async def fetched_statement_is_the_file(bench: Bench) -> None:
    """The fetched file is the partner's file, byte for byte; a name comes with it."""
    await bench.reserve(await bench.request("fetch"))
    fetched = await bench.adapter.fetch_statement(bench.today())
    require(fetched is not None, "no statement was fetched")
    name, content = fetched
    require(
        content == bench.simulator.statement(bench.today())[1],
        "fetch_statement answered other bytes than the simulator's file has",
    )
    require(bool(name), "the fetched file has no name")


async def _used(bench: Bench) -> ReservationRequest:
    request = await bench.request("statement")
    await bench.reserve(request)
    bench.subject.use(bench.simulator, request)
    return request


def _read(bench: Bench) -> StatementFile:
    try:
        file: StatementFile = bench.adapter.parse_statement(*bench.simulator.statement(bench.today()))
    except StatementError as error:
        raise RuleBrokenError(f"the partner's own file was refused: {error.message}") from error
    return file
