"""``gateway watch``: what operators must look at."""

from __future__ import annotations

from functools import partial as bound

import click

from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.operations.alarms import Alarm, list_alarms
from gateway.operations.overdue import Open, open_of, told

AT_ONCE = 1000
of_partner = click.option("--partner", help="Only this partner's.")


@click.group("watch")
def command() -> None:
    """See alarms, and what should have ended by now."""


@command.command("open")
@of_partner
@json_option
@click.pass_obj
def show_open(context: CommandContext, partner: str | None, as_json: bool) -> int:
    """List what is undecided past its deadline, and partners' claims; exit code 1 when there is any."""
    found = context.run(_open(context.load(), partner))
    show(found, as_json=as_json, lines=lambda: told(found) or ["Nothing is past its deadline, nothing is claimed."])
    return 1 if found.overdue or found.claims else 0


@command.command("alarms")
@click.option("--kind", help="Only of this kind.")
@of_partner
@json_option
@click.pass_obj
def show_alarms(context: CommandContext, kind: str | None, partner: str | None, as_json: bool) -> None:
    """List alarms, newest first."""
    found = context.run(_alarms(context.load(), kind, partner))
    show(found, as_json=as_json, lines=lambda: [_line(alarm) for alarm in found] or ["There was no alarm."])


async def _open(settings: Settings, partner: str | None) -> Open:
    async with open_database(settings) as database:
        return await database.read(bound(open_of, now=SystemClock().now(), partner=partner, limit=AT_ONCE))


async def _alarms(settings: Settings, kind: str | None, partner: str | None) -> list[Alarm]:
    async with open_database(settings) as database:
        return await database.read(bound(list_alarms, limit=AT_ONCE, kind=kind, partner=partner))


def _line(alarm: Alarm) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in alarm.facts.items())
    at = "" if alarm.partner is None else f" at {alarm.partner}"
    return f"{alarm.last_at:%Y-%m-%d %H:%M} UTC  {alarm.kind}{at}  {alarm.subject} ({alarm.times} times)  {facts}"
