"""``gateway settlement uses`` and ``explain``: what partners told of uses that no visit of ours accounts for."""

from __future__ import annotations

from functools import partial as bound

import click

from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.usage.store import OPEN, KeptUse, explain, list_uses


@click.command("uses")
@click.option("--partner", help="Only this partner's.")
@click.option("--all", "every", is_flag=True, help="Matched and explained ones too.")
@json_option
@click.pass_obj
def show_uses(context: CommandContext, partner: str | None, every: bool, as_json: bool) -> int:
    """List uses without a visit of ours, or of more people than one; exit code 1 when there is any."""
    states = (*OPEN, "matched", "explained") if every else OPEN
    found = context.run(_listed(context.load(), states, partner))
    show(found, as_json=as_json, lines=lambda: [_line(use) for use in found] or ["No use waits for anybody."])
    return 1 if any(use.state in OPEN for use in found) else 0


@click.command("explain")
@click.argument("use_id")
@click.option("--note", required=True, help="What it was.")
@click.option("--by", required=True, help="Who says so.")
@json_option
@click.pass_obj
def explain_use(context: CommandContext, use_id: str, note: str, by: str, as_json: bool) -> None:
    """Close a use with an explanation. No points and no money move: the partner's statement decides those."""
    use = context.run(_explained(context.load(), use_id, by, note))
    show(use, as_json=as_json, lines=lambda: [_line(use)])


async def _listed(settings: Settings, states: tuple[str, ...], partner: str | None) -> list[KeptUse]:
    async with open_database(settings) as database:
        return await database.read(bound(list_uses, states=states, partner=partner))


async def _explained(settings: Settings, use_id: str, by: str, note: str) -> KeptUse:
    async with open_database(settings) as database:
        return await database.write(bound(explain, use_id=use_id, by=by, note=note, at=SystemClock().now()))


def _line(use: KeptUse) -> str:
    visit = f", redemption {use.redemption_id}" if use.redemption_id is not None else ""
    charge = f", {use.charge} {use.currency} from the member himself" if use.charge is not None else ""
    told = f" ({use.closed_by}: {use.note})" if use.closed_by is not None else ""
    people = f"{use.visitors} visitors, {use.guests} of them guests"
    where = f"{use.service_date}  {use.partner} {use.place}"
    return f"{use.state:9}  {use.id}  {where}: member {use.member_id}, {people}{visit}{charge}{told}"
