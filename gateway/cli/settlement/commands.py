"""The commands: parse, call the night, print. Breaks are data; a command fails only when the night did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.context import CommandContext, json_option
from gateway.cli.settlement import night
from gateway.cli.settlement.display import Display
from gateway.services.settlement import require_begun
from settlement.break_store import list_breaks
from settlement.positions import positions as net_positions

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])
of_partner = click.option("--partner", help="Only this partner.")


@click.group("settlement")
def command() -> None:
    """Statements, reconciliation, breaks, positions and finance's files."""


@command.command("import")
@click.option("--partner", required=True, help="Whose files these are.")
@click.argument("files", nargs=-1, required=True, type=FILE)
@json_option
@click.pass_obj
def import_files(context: CommandContext, partner: str, files: tuple[Path, ...], as_json: bool) -> int:
    """Take in statement FILES; the same file twice is a no-op."""

    async def work() -> tuple[Any, ...]:
        async with night.open_settlement(context.load()) as gateway:
            return await night.take_in(gateway, partner, night.read_files(files))

    reports = context.run(work())
    Display(as_json=as_json).statements(reports)
    return int(any(report.state == "quarantined" for report in reports))


@command.command("run")
@click.option("--date", "day", required=True, type=DAY, help="The business date, YYYY-MM-DD.")
@of_partner
@click.option("--statement", "files", multiple=True, type=FILE, help="A file instead of fetching; needs --partner.")
@json_option
@click.pass_obj
def run_night(
    context: CommandContext, day: datetime, partner: str | None, files: tuple[Path, ...], as_json: bool
) -> int:
    """Take in the day's statements, match, net and export; repeating it changes nothing."""
    if files and partner is None:
        raise click.UsageError("--statement needs --partner.")
    display = Display(as_json=as_json)

    async def work() -> list[night.PartnerNight]:
        async with night.open_settlement(context.load()) as gateway:
            require_begun(day.date(), gateway.clock.now())
            nights = []
            for name in [partner] if partner is not None else night.reporting_partners(gateway):
                night.reporting_partner(gateway, name)
                with display.progress(name) as report:
                    given = night.read_files(files) if files else None
                    nights.append(await night.night_of(gateway, name, day.date(), given, report))
            return nights

    nights = context.run(work())
    display.nights(nights)
    return int(any(one.problem is not None for one in nights))


@command.command("export")
@click.option("--period", required=True, help="The month, YYYY-MM.")
@of_partner
@json_option
@click.pass_obj
def export_files(context: CommandContext, period: str, partner: str | None, as_json: bool) -> None:
    """Write finance's files of a period; the same content again writes nothing."""

    async def work() -> list[Any]:
        async with night.open_settlement(context.load()) as gateway:
            names = [partner] if partner is not None else sorted(gateway.partner_files)
            return [await night.export(gateway, name, period) for name in names]

    Display(as_json=as_json).bundles(context.run(work()))


@command.command("breaks")
@of_partner
@click.option("--state", type=click.Choice(["open", "closed"]), default="open", show_default=True)
@click.option("--as-of", type=DAY, help="Count ages to this date; default: the day of the newest break.")
@json_option
@click.pass_obj
def show_breaks(
    context: CommandContext, partner: str | None, state: str, as_of: datetime | None, as_json: bool
) -> None:
    """List breaks with their age and owner."""
    kept = _read(context, partner, lambda connection: list_breaks(connection, partner=partner, state=state))
    newest = max((row.item.business_date for row in kept), default=date.min)
    Display(as_json=as_json).breaks(kept, as_of.date() if as_of else newest)


@command.command("positions")
@click.option("--period", required=True, help="The month, YYYY-MM.")
@of_partner
@json_option
@click.pass_obj
def show_positions(context: CommandContext, period: str, partner: str | None, as_json: bool) -> None:
    """Show what is owed per partner, currency and bearer."""
    Display(as_json=as_json).positions(_read(context, partner, lambda c: net_positions(c, period, partner)))


def _read(context: CommandContext, partner: str | None, operation: Callable[[Any], Any]) -> Any:
    """Read what is kept; nothing kept of a partner that no file names is a name mistyped."""

    async def work() -> Any:
        async with night.open_settlement(context.load()) as gateway:
            found = await gateway.database.read(operation)
            if not found and partner is not None:
                night.known_partner(gateway, partner)
            return found

    return context.run(work())
