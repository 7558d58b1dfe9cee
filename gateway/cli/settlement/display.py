"""What the commands print: tables for people, JSON for programs, progress on a terminal or as plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table

from gateway.cli.settlement.night import PartnerNight
from gateway.operations.overdue import told
from settlement.adjustments import Adjustment
from settlement.break_store import KeptBreak
from settlement.breaks import age_days, bucket
from settlement.exports.bundle import Bundle
from settlement.exports.csv_text import field
from settlement.exports.rows import amount
from settlement.matching.rules import MATCHED
from settlement.netting import NetPosition
from settlement.reconciliation import Progress, Report
from settlement.statements import IngestReport


class Display:
    """Prints facts to standard output and progress to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        """Choose JSON or tables."""
        self._as_json = as_json
        self._out = Console(soft_wrap=True)
        self._err = Console(stderr=True)

    @contextmanager
    def progress(self, partner: str) -> Iterator[Report]:
        """Show a bar per stage on a terminal, else one line at the end of each stage."""
        if not self._err.is_terminal or self._as_json:
            yield lambda progress: None if self._as_json else click.echo(_line(partner, progress), err=True)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
        )
        with Bars(*columns, console=self._err, transient=True) as bars:
            tasks: dict[str, Any] = {}

            def report(progress: Progress) -> None:
                if progress.stage not in tasks:
                    tasks[progress.stage] = bars.add_task(f"{partner} {progress.stage}", speed="")
                speed = f"{progress.rows_per_second} rows/s"
                bars.update(tasks[progress.stage], completed=progress.done, total=progress.total, speed=speed)

            yield report

    def statements(self, reports: Sequence[IngestReport]) -> None:
        """Print what became of files."""
        if self._as_json:
            self._json(reports)
            return
        rows = [
            (one.name, _state(one), _text(one.business_date), one.line_count, one.fault_count, one.reason or "")
            for one in reports
        ]
        self._table("statements", ("file", "state", "date", "lines", "faults", "reason"), rows)

    def nights(self, nights: Sequence[PartnerNight]) -> None:
        """Print the closing tables of a night."""
        if self._as_json:
            self._json([_night(one) for one in nights])
            return
        self.statements([report for one in nights for report in one.statements])
        self._table(
            "reconciliation", ("partner", "date", "ours", "theirs", "matched", "breaks", "state"), _runs(nights)
        )
        self.positions([position for one in nights for position in one.positions])
        self.bundles([one.bundle for one in nights if one.bundle is not None])
        for one in nights:
            for name in one.settled:
                click.echo(f"{one.partner}: the file ended redemption {name}")
            for line in told(one.open):
                click.echo(line)
            if one.note:
                click.echo(f"{one.partner}: {one.note}")
            if one.problem:
                click.echo(f"{one.partner}: {one.problem}", err=True)

    def breaks(self, kept: Sequence[KeptBreak], as_of: date) -> None:
        """Print breaks with ages as of a date."""
        if self._as_json:
            aged = [msgspec.to_builtins(row) | {"age_days": age_days(row.item.business_date, as_of)} for row in kept]
            self._json(aged)
            return
        rows = [
            (
                row.item.id,
                row.item.partner,
                row.item.kind,
                row.item.reference or "",
                _money(row.item.ours_amount, row.item.ours_currency),
                _money(row.item.theirs_amount, row.item.theirs_currency),
                bucket(age_days(row.item.business_date, as_of)),
                row.item.owner,
                how_it_stands(row),
            )
            for row in kept
        ]
        columns = ("break", "partner", "kind", "reference", "ours", "theirs", "days", "owner", "how it stands")
        self._table("breaks", columns, rows)

    def positions(self, found: Sequence[NetPosition]) -> None:
        """Print net positions."""
        if self._as_json:
            self._json([msgspec.to_builtins(one) | {"total": one.total} for one in found])
            return
        rows = [
            (one.partner, one.period, one.currency, one.bearer, *(_money(part, one.currency) for part in _parts(one)))
            for one in found
        ]
        columns = ("partner", "period", "currency", "bearer", "agreed", "disputed", "unreconciled", "total")
        self._table("net positions", columns, rows)

    def bundles(self, bundles: Sequence[Bundle]) -> None:
        """Print where exports are."""
        if self._as_json:
            self._json([_bundle(one) for one in bundles])
            return
        rows = [
            (one.control.partner, one.control.period, str(one.folder), one.control.detail_lines, _written(one))
            for one in bundles
        ]
        self._table("exports", ("partner", "period", "folder", "lines", "state"), rows)

    def _table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        texts = [[str(cell) for cell in row] for row in rows]
        if not self._out.is_terminal:
            widths = [max(map(len, cells)) for cells in zip(columns, *texts, strict=True)]
            click.echo(f"{title}:")
            for row in (list(columns), *texts):
                click.echo("  " + "  ".join(map(str.ljust, row, widths)).rstrip())
            return
        table = Table(title=title, title_justify="left")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in texts:
            table.add_row(*row)
        self._out.print(table)

    def _json(self, value: Any) -> None:
        click.echo(msgspec.json.encode(value).decode())


def how_it_stands(kept: KeptBreak) -> str:
    """Say of a break where it is, and what the newest word of a person about it was."""
    said = f": {kept.words[-1].evidence}" if kept.words else ""
    if kept.state == "closed":
        who, changed = " and ".join(kept.closed_by), None if kept.adjusted is None else kept.adjusted[1]
        ending = f"{kept.words[-1].word if changed else kept.close_reason}{_adjusting(changed)} by {who}{said}"
        return ending if who else f"closed by a run, {kept.close_reason}"
    if kept.proposal is not None:
        waiting, by = f"{kept.proposal.word}{_adjusting(kept.proposal.adjustment)}", kept.proposal.by
        return f"open, {by} says {waiting} and waits for a second person: {kept.proposal.evidence}"
    return f"open, {kept.words[-1].word} by {kept.words[-1].by}{said}" if kept.words else "open"


def _adjusting(adjustment: Adjustment | None) -> str:
    """Say what is booked: what we owe more, or less when negative."""
    if adjustment is None:
        return ""
    borne = "" if adjustment.bearer is None else f" borne by {adjustment.bearer}"
    return f", adjusting {_money(adjustment.amount, adjustment.currency)}{borne},"


def _runs(nights: Sequence[PartnerNight]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for one in nights:
        if one.report is None:
            rows.append((one.partner, one.business_date, "", "", "", "", "not matched"))
            continue
        summary = one.report.run.summary
        kinds = {kind: count for kind, count in summary["outcomes"].items() if kind != MATCHED}
        shown = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())) or "none"
        state = "written" if one.report.changed else "unchanged"
        sides = (summary["ours"], summary["theirs"], summary["outcomes"].get(MATCHED, 0))
        rows.append((one.partner, one.business_date, *sides, shown, state))
    return rows


def _night(one: PartnerNight) -> dict[str, Any]:
    return {
        "partner": one.partner,
        "business_date": one.business_date,
        "statements": one.statements,
        "run": one.report.run if one.report else None,
        "changed": one.report.changed if one.report else False,
        "settled": one.settled,
        "export": _bundle(one.bundle) if one.bundle else None,
        "positions": one.positions,
        "open": one.open,
        "note": one.note,
        "problem": one.problem,
    }


def _bundle(bundle: Bundle) -> dict[str, Any]:
    return {
        "folder": str(bundle.folder),
        "version": bundle.version,
        "written": bundle.written,
        "control": bundle.control,
    }


def _state(report: IngestReport) -> str:
    return f"{report.state} before" if report.known else report.state


def _parts(position: NetPosition) -> tuple[int, ...]:
    return position.agreed, position.disputed, position.unreconciled, position.total


def _written(bundle: Bundle) -> str:
    return f"version {bundle.version} written" if bundle.written else f"version {bundle.version}, unchanged"


def _money(units: int | None, commodity: str | None) -> str:
    text = field(amount(units, commodity))
    return f"{text} {commodity}" if text else ""


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _line(partner: str, progress: Progress) -> str:
    return f"{partner}: {progress.stage} {progress.done}/{progress.total} rows, {progress.rows_per_second} rows/s"
