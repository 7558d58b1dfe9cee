"""``gateway settlement resolve``, ``assign``, ``dispute`` and ``reopen``: what people do about a break."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import cast, get_args

import click
from sqlalchemy import Connection

from gateway.cli.context import CommandContext, json_option, show
from gateway.cli.settlement import night
from gateway.cli.settlement.display import how_it_stands
from gateway.services import break_desk
from gateway.services.break_desk import Finding
from gateway.wiring import Gateway
from settlement.accounts import Bearer
from settlement.adjustments import Adjustment
from settlement.break_store import Closing, KeptBreak

Deed = Callable[[Connection, Gateway, datetime], KeptBreak]
of_break = click.argument("break_id")
by_whom = click.option("--by", required=True, help="Who says so.")
with_evidence = click.option("--evidence", required=True, help="How it was found out; kept with the break.")


@click.command("resolve")
@of_break
@click.option("--outcome", type=click.Choice(get_args(Closing)), required=True, help="How it ends.")
@click.option(
    "--adjust", type=int, metavar="MINOR_UNITS", help="By how much what we owe the partner changes; negative: less."
)
@click.option("--bearer", type=click.Choice(get_args(Bearer)), help="Who bears it, where our lines do not say.")
@with_evidence
@by_whom
@json_option
@click.pass_obj
def resolve_break(
    context: CommandContext,
    break_id: str,
    outcome: str,
    adjust: int | None,
    bearer: str | None,
    evidence: str,
    by: str,
    as_json: bool,
) -> None:
    """Close the open break BREAK_ID; above the contract's limit when two people have said the same.

    With --adjust the difference is booked, on the day on which the break is closed.
    """
    if adjust is None and bearer is not None:
        raise click.UsageError("--bearer says who bears what --adjust books.")
    ending, finding = cast("Closing", outcome), Finding(by, evidence)
    adjustment = None if adjust is None else Adjustment(adjust, cast("Bearer | None", bearer))

    def deed(connection: Connection, gateway: Gateway, at: datetime) -> KeptBreak:
        contracts = gateway.contracts
        return break_desk.close(
            connection, break_id, ending, finding, contracts=contracts, at=at, adjustment=adjustment
        )

    _do(context, deed, as_json=as_json)


@click.command("assign")
@of_break
@click.option("--to", "owner", required=True, help="Who looks at it from now on.")
@with_evidence
@by_whom
@json_option
@click.pass_obj
def assign_break(context: CommandContext, break_id: str, owner: str, evidence: str, by: str, as_json: bool) -> None:
    """Give the open break BREAK_ID to somebody."""
    finding = Finding(by, evidence)
    _do(context, lambda c, _, at: break_desk.assign(c, break_id, owner, finding, at=at), as_json=as_json)


@click.command("dispute")
@of_break
@with_evidence
@by_whom
@json_option
@click.pass_obj
def dispute_break(context: CommandContext, break_id: str, evidence: str, by: str, as_json: bool) -> None:
    """Write down that the partner was told of the open break BREAK_ID; it stays open."""
    finding = Finding(by, evidence)
    _do(context, lambda c, _, at: break_desk.dispute(c, break_id, finding, at=at), as_json=as_json)


@click.command("reopen")
@of_break
@with_evidence
@by_whom
@json_option
@click.pass_obj
def reopen_break(context: CommandContext, break_id: str, evidence: str, by: str, as_json: bool) -> None:
    """Open the break BREAK_ID again, which people closed wrongly, and take its adjustment back."""
    finding = Finding(by, evidence)

    def deed(connection: Connection, gateway: Gateway, at: datetime) -> KeptBreak:
        return break_desk.reopen(connection, break_id, finding, contracts=gateway.contracts, at=at)

    _do(context, deed, as_json=as_json)


def _do(context: CommandContext, deed: Deed, *, as_json: bool) -> None:
    async def work() -> KeptBreak:
        async with night.open_settlement(context.load()) as gateway:
            now = gateway.clock.now()
            return await gateway.database.write(lambda connection: deed(connection, gateway, now))

    kept = context.run(work())
    show(kept, as_json=as_json, lines=lambda: [f"{kept.item.id}: {how_it_stands(kept)}"])
