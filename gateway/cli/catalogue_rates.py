"""``gateway rates``: feeds of rates of exchange."""

from __future__ import annotations

import getpass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from catalogue import rate_store
from catalogue.errors import RateFeedRefusedError
from catalogue.rates import decimal_text
from config.clock import SystemClock
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show

LARGEST_FEED_BYTES = 4_194_304


class ShownRate(NamedTuple):
    """One rate as it is printed; ``rate`` is a decimal text, the fraction is exact."""

    rate_date: date
    from_currency: str
    to_currency: str
    rate: str
    numerator: int
    denominator: int
    source: str


@click.group("rates")
def command() -> None:
    """Load rates of exchange and look at them."""


@command.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--by", default=getpass.getuser, help="Who loads it (default: the user of this machine).")
@click.option("--accept-moves", is_flag=True, help="Take rates that moved unusually far: they have been checked.")
@json_option
@click.pass_obj
def load(context: CommandContext, file: Path, by: str, accept_moves: bool, as_json: bool) -> None:
    """Take a feed FILE in whole, or refuse it whole (exit code 1) with every finding by line and column."""
    settings, now = context.load(), SystemClock().now()
    operation = partial(
        rate_store.take_feed,
        text=_text(file),
        name=file.name,
        today=now.date(),
        at=now,
        by=by,
        accept_moves=accept_moves,
    )
    taken = context.run(_write(settings, operation))
    told = f"Feed {taken.number}: {taken.rows} rates" + ("." if taken.is_new else "; it was loaded before.")
    show(taken, as_json=as_json, lines=lambda: [told])


@command.command("show")
@click.argument("from_currency")
@click.argument("to_currency")
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day to convert at (default: today).")
@json_option
@click.pass_obj
def show_rate(
    context: CommandContext, from_currency: str, to_currency: str, on: datetime | None, as_json: bool
) -> None:
    """Show the rate that a day is converted at; exit code 1 when there is none, or only an old one."""
    settings = context.load()
    day = on.date() if on else SystemClock().now().date()
    found = context.run(_rate(settings, from_currency.upper(), to_currency.upper(), day))
    line = f"1 {found.from_currency} = {found.rate} {found.to_currency} on {found.rate_date} ({found.source})"
    show(found._asdict(), as_json=as_json, lines=lambda: [line])


def _text(file: Path) -> str:
    raw = file.read_bytes()
    if len(raw) > LARGEST_FEED_BYTES:
        raise RateFeedRefusedError(f"{file.name} is larger than {LARGEST_FEED_BYTES} bytes; split it.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RateFeedRefusedError(f"{file.name} is not UTF-8 from byte {error.start} on; save it as UTF-8.") from None


async def _write(settings: Settings, operation: partial[rate_store.TakenFeed]) -> rate_store.TakenFeed:
    async with open_database(settings, upgrade=settings.database.upgrade_on_start) as database:
        return await database.write(operation)


async def _rate(settings: Settings, from_currency: str, to_currency: str, day: date) -> ShownRate:
    age = settings.catalogue.rate_max_age_days
    async with open_database(settings) as database:
        found = await database.read(
            lambda connection: rate_store.rate_on(connection, from_currency, to_currency, day, max_age_days=age)
        )
    return ShownRate(
        rate_date=found.rate_date,
        from_currency=found.from_currency,
        to_currency=found.to_currency,
        rate=decimal_text(found.fraction),
        numerator=found.numerator,
        denominator=found.denominator,
        source=found.source,
    )
