"""``gateway audit``: every rule of the ledger, checked against the database."""

from __future__ import annotations

import click
import sqlalchemy as sa
from sqlalchemy import Connection

from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.redemption.states import HOLDING
from gateway.redemption.tables import quotes, redemptions
from settlement.audit import AuditReport, audit


@click.command("audit")
@json_option
@click.pass_obj
def command(context: CommandContext, as_json: bool) -> int:
    """Audit the ledger; exit code 1 when anything is found."""
    report = context.run(_audit(context.load()))
    show(report, as_json=as_json, lines=lambda: _lines(report))
    return 0 if report.clean else 1


async def _audit(settings: Settings) -> AuditReport:
    async with open_database(settings) as database:
        return await database.read(lambda connection: audit(connection, live_hold_keys=live_hold_keys(connection)))


def live_hold_keys(connection: Connection) -> tuple[str, ...]:
    """List the hold keys of redemptions that are undecided and hold something."""
    query = (
        sa.select(redemptions.c.id)
        .join(quotes, quotes.c.id == redemptions.c.quote_id)
        .where(redemptions.c.state.in_([state.value for state in HOLDING]), quotes.c.quantity > 0)
    )
    return tuple(f"{redemption_id}:hold" for redemption_id in connection.execute(query).scalars())


def _lines(report: AuditReport) -> list[str]:
    counts = ", ".join(f"{count} {name}" for name, count in report.counts.items())
    found = [f"{finding.rule}: {finding.subject}: {finding.message}" for finding in report.findings]
    end = "The ledger is as it must be." if report.clean else f"{len(found)} findings."
    return [f"Looked at {counts}; {len(report.open_holds)} holds are open.", *found, end]
