"""``gateway conversion corrections`` and ``show``: what was converted, and what a corrected contract refunds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from catalogue import versions
from catalogue.conversion_lots import LotShare
from catalogue.loader import check_catalogue, read_texts
from catalogue.model import Catalogue
from config import migrate
from config.clock import SystemClock
from config.database import Database
from config.partner_files import read_partner_files
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.services.conversion_corrections import Correction, apply_corrections, list_corrections
from gateway.services.conversions import Converted, read_conversion
from settlement.contracts import read_contract

T = TypeVar("T")


@click.command("corrections")
@click.option("--apply", "apply", is_flag=True, help="Post what is due; what is posted stays as it is.")
@json_option
@click.pass_obj
def corrections(context: CommandContext, apply: bool, as_json: bool) -> int:
    """List what corrected contracts refund to conversions made before; exit code 1 while something is due."""
    settings = context.load()

    async def work(database: Database, catalogue: Catalogue) -> tuple[Correction, ...]:
        if not apply:
            return await list_corrections(database, catalogue)
        folder = settings.folders.configuration
        files = read_partner_files(folder)
        contracts = {name: read_contract(folder / "partners" / f"{name}.toml", one) for name, one in files.items()}
        return await apply_corrections(database, catalogue, contracts, SystemClock().now())

    found = context.run(_with_catalogue(settings, work))
    show(found, as_json=as_json, lines=lambda: [_line(one) for one in found] or ["No correction refunds anything."])
    return int(any(one.state == "due" for one in found))


@click.command("show")
@click.argument("conversion")
@json_option
@click.pass_obj
def show_conversion(context: CommandContext, conversion: str, as_json: bool) -> int:
    """Show CONVERSION: its contract, its transfer, and each lot's part; exit code 1 when the transfer is overdue."""

    async def work(database: Database, catalogue: Catalogue) -> Converted:
        now = SystemClock().now()
        return await database.read(lambda connection: read_conversion(connection, catalogue, conversion, now))

    found = context.run(_with_catalogue(context.load(), work))
    show(found, as_json=as_json, lines=lambda: _conversion_lines(found))
    return int(found.transfer is not None and found.transfer.overdue)


desk_commands = (corrections, show_conversion)


async def _with_catalogue(settings: Settings, work: Callable[[Database, Catalogue], Awaitable[T]]) -> T:
    """Work with the catalogue that was applied to the database; the files', when none was."""
    folder = settings.folders.configuration
    async with open_database(settings) as database:
        await migrate.bring_up_to_date(database, upgrade=False)
        number = await database.read(versions.head)
        texts = (
            read_texts(folder)
            if number is None
            else await database.read(lambda connection: versions.texts_of(connection, number))
        )
        return await work(database, check_catalogue(texts, tuple(read_partner_files(folder))))


def _line(one: Correction) -> str:
    refund = one.refund
    parts = [f"{refund.given_back} points back" if refund.given_back else ""]
    parts.append(f"{refund.credited} more to be credited by {one.partner}" if refund.credited else "")
    if refund.fee_returned is not None:
        fee = refund.fee_returned
        parts.append(f"{fee.amount} {fee.currency} (minor units) of the fee to be returned by {one.partner}")
    parts.append(f"{refund.kept} too many are kept" if refund.kept else "")
    parts.append(f"{refund.fee_waived} of a fee are waived" if refund.fee_waived else "")
    told = "; ".join(part for part in parts if part)
    return f"{one.state} {refund.key} ({one.member_id}): {told} ({refund.reason})"


def _conversion_lines(found: Converted) -> list[str]:
    lines = [
        f"{found.id}: {found.from_quantity} points for {found.to_quantity}, {found.state}, "
        f"by {found.contract_id} version {found.contract_version}."
    ]
    if found.transfer is not None:
        due = "not stated" if found.transfer.due_date is None else f"by {found.transfer.due_date}"
        lines.append(f"Transfer {found.transfer.state}; due {due}, {found.transfer.days_over} days over.")
    return lines + [_lot_line(one) for one in found.lots]


def _lot_line(one: LotShare) -> str:
    worth = f"{one.value.amount} {one.value.currency} (minor units)"
    return f"{one.lot_id}: {one.from_quantity} points gave {one.to_quantity}, worth {worth}."
