"""``gateway ledger``: accounts that the audit stopped, and how two people let them go."""

from __future__ import annotations

from functools import partial

import click

from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.operations.frozen import Release, say_release
from settlement import freezing
from settlement.freezing import FrozenAccount


@click.group("ledger")
def command() -> None:
    """Look after accounts that the audit stopped."""


@command.command("frozen")
@json_option
@click.pass_obj
def list_frozen(context: CommandContext, as_json: bool) -> int:
    """List the accounts that take no movement; exit code 1 when there are any."""
    found = context.run(_frozen(context.load()))
    show(found, as_json=as_json, lines=lambda: [_line(one) for one in found] or ["No account is stopped."])
    return 1 if found else 0


@command.command("release")
@click.argument("frozen_id")
@click.option("--evidence", required=True, help="What had changed the account and how that was ended.")
@click.option("--by", required=True, help="Who says so; a second person has to say the same.")
@json_option
@click.pass_obj
def release(context: CommandContext, frozen_id: str, evidence: str, by: str, as_json: bool) -> None:
    """Let the account FROZEN_ID go, its balance computed anew from its entries, when two people have said so."""
    said = context.run(_release(context.load(), frozen_id, evidence, by))
    account = f"{said.account.code} {said.account.commodity}"
    words = f"is released with a balance of {said.balance}" if said.released else "waits for a second person"
    show(said, as_json=as_json, lines=lambda: [f"{account} {words}."])


async def _frozen(settings: Settings) -> list[FrozenAccount]:
    async with open_database(settings) as database:
        return await database.read(freezing.frozen)


async def _release(settings: Settings, frozen_id: str, evidence: str, by: str) -> Release:
    async with open_database(settings) as database:
        now = SystemClock().now()
        return await database.write(partial(say_release, identifier=frozen_id, by=by, evidence=evidence, at=now))


def _line(one: FrozenAccount) -> str:
    said = "nobody has said anything yet"
    if one.proposed_by is not None:
        said = f"{one.proposed_by} would release it: {one.proposed_evidence}"
    return f"{one.id}  {one.code} {one.commodity}  since {one.frozen_at:%Y-%m-%d %H:%M} UTC  {one.found}; {said}"
