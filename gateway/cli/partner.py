"""``gateway partner``: list partners, switch one off and on again, trust one with repeats again."""

from __future__ import annotations

from functools import partial as bound

import click
import msgspec

from config.clock import SystemClock
from config.errors import NotFoundError
from config.partner_files import read_partner_files
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.operations.switches import Change, Switch, change, read_switches


class Listed(msgspec.Struct, frozen=True):
    """A partner that a file names, and how it is switched."""

    id: str
    adapter: str
    file_enabled: bool
    switch: Switch


class Switched(msgspec.Struct, frozen=True):
    """A partner after a change."""

    id: str
    switch: Switch


@click.group("partner")
def command() -> None:
    """List partners and switch them off and on."""


@command.command("list")
@json_option
@click.pass_obj
def list_partners(context: CommandContext, as_json: bool) -> None:
    """List every partner that a file names."""
    found = context.run(_list(context.load()))
    show(found, as_json=as_json, lines=lambda: [_line(one) for one in found])


@command.command("disable")
@click.argument("partner")
@click.option("--reason", required=True, help="Why; kept with the change.")
@click.option("--by", required=True, help="Who switches it.")
@json_option
@click.pass_obj
def disable(context: CommandContext, partner: str, reason: str, by: str, as_json: bool) -> None:
    """Take nothing new in at PARTNER; what is open there is finished."""
    _switch(context, partner, "disabled", reason, by, as_json)


@command.command("enable")
@click.argument("partner")
@click.option("--reason", required=True, help="Why; kept with the change.")
@click.option("--by", required=True, help="Who switches it.")
@json_option
@click.pass_obj
def enable(context: CommandContext, partner: str, reason: str, by: str, as_json: bool) -> None:
    """Take redemptions in at PARTNER again."""
    _switch(context, partner, "enabled", reason, by, as_json)


@command.command("trust")
@click.argument("partner")
@click.option("--reason", required=True, help="How it is known that the partner mended it.")
@click.option("--by", required=True, help="Who says so.")
@json_option
@click.pass_obj
def trust(context: CommandContext, partner: str, reason: str, by: str, as_json: bool) -> None:
    """Let repeats under one key be sent to PARTNER again, which had once granted two."""
    _switch(context, partner, "trusted", reason, by, as_json)


def _switch(context: CommandContext, partner: str, what: Change, reason: str, by: str, as_json: bool) -> None:
    done = context.run(_change(context.load(), partner, what, reason, by))
    show(done, as_json=as_json, lines=lambda: [f"{partner} is {what}."])


async def _list(settings: Settings) -> list[Listed]:
    files = read_partner_files(settings.folders.configuration)
    async with open_database(settings) as database:
        switches = await database.read(read_switches)
    return [
        Listed(name, file.partner.adapter, file.partner.enabled, switches.get(name, Switch()))
        for name, file in sorted(files.items())
    ]


async def _change(settings: Settings, partner: str, what: Change, reason: str, by: str) -> Switched:
    if partner not in read_partner_files(settings.folders.configuration):
        raise NotFoundError(f"There is no partner {partner!r}.")
    async with open_database(settings) as database:
        now = SystemClock().now()
        operation = bound(change, partner=partner, what=what, reason=reason, by=by, at=now)
        return Switched(partner, await database.write(operation))


def _line(one: Listed) -> str:
    states = ["disabled" if one.switch.disabled else "enabled" if one.file_enabled else "not enabled in its file"]
    states += ["not trusted with repeats"] if one.switch.distrusted else []
    last = one.switch.last_change
    why = "" if last is None else f"  ({last.change} by {last.changed_by}: {last.reason})"
    return f"{one.id}  {one.adapter}  {', '.join(states)}{why}"
