"""``gateway voucher``: what is done with vouchers by the clock."""

from __future__ import annotations

from functools import partial

import click

from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.services import vouchers


@click.group("voucher")
def command() -> None:
    """Look after vouchers."""


@command.command("expire")
@json_option
@click.pass_obj
def expire_vouchers(context: CommandContext, as_json: bool) -> None:
    """Mark every voucher that has ended unused; a serving gateway does so by itself."""
    expired = context.run(_expire(context.load()))
    show({"expired": expired}, as_json=as_json, lines=lambda: [f"{expired} vouchers have ended unused."])


async def _expire(settings: Settings) -> int:
    async with open_database(settings) as database:
        return await database.write(partial(vouchers.expire, now=SystemClock().now()))
