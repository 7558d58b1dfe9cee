"""``gateway audit``: every rule of the ledger, checked against the database."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.identifiers import Identifiers
from config.clock import SystemClock
from config.errors import ConfigurationError
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.operations.auditor import Auditor
from gateway.redemption.tables import UNDECIDED, quotes, redemptions
from settlement.audit import AuditReport, audit
from settlement.freezing import Drift


class Audited(AuditReport, frozen=True):
    """The report, and the accounts that were stopped because of it."""

    frozen: tuple[Drift, ...] = ()


@click.command("audit")
@click.option("--database", "address", help="Another database than the settings': a file of SQLite, or an address.")
@click.option("--freeze", is_flag=True, help="Stop the accounts whose balance is not what their entries sum to.")
@json_option
@click.pass_obj
def command(context: CommandContext, address: str | None, freeze: bool, as_json: bool) -> int:
    """Audit the ledger, whether it is served meanwhile or not; exit code 1 when anything is found."""
    report = context.run(_audit(_at(context.load(), address), freeze))
    show(report, as_json=as_json, lines=lambda: _lines(report))
    return 0 if report.clean else 1


def _at(settings: Settings, address: str | None) -> Settings:
    """Answer the settings with another database.

    Raises:
        ConfigurationError: there is no such file: an audit makes none.
    """
    if address is None:
        return settings
    if "://" not in address:
        if not Path(address).is_file():
            raise ConfigurationError(f"There is no database {address}.")
        address = f"sqlite:///{Path(address).resolve()}"
    return msgspec.structs.replace(settings, database=msgspec.structs.replace(settings.database, url=address))


async def _audit(settings: Settings, freeze: bool) -> Audited:
    clock = SystemClock()
    async with open_database(settings) as database:
        report = await database.read(lambda connection: audit(connection, live_hold_keys=live_hold_keys(connection)))
        auditor = Auditor(database, clock, Identifiers(clock), settings.audit)
        stopped = await auditor.once() if freeze and not report.clean else ()
        return Audited(report.findings, report.counts, report.open_holds, stopped)


def live_hold_keys(connection: Connection) -> tuple[str, ...]:
    """List the hold keys of redemptions that are undecided and hold something."""
    query = (
        sa.select(redemptions.c.id)
        .join(quotes, quotes.c.id == redemptions.c.quote_id)
        .where(UNDECIDED, quotes.c.quantity > 0)
    )
    return tuple(f"{redemption_id}:hold" for redemption_id in connection.execute(query).scalars())


def _lines(report: Audited) -> list[str]:
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    found = [f"{finding.rule}: {finding.subject}: {finding.message}" for finding in report.findings]
    found += [f"stopped: {drift.code} {drift.commodity}: {drift.found}" for drift in report.frozen]
    end = "The ledger is as it must be." if report.clean else f"{len(report.findings)} findings."
    return [f"Looked at {counts}; {len(report.open_holds)} holds are open.", *found, end]
