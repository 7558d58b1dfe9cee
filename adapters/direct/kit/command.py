"""Hold a partner's server to the contract, and show a table: ``gateway adapter kit``, as a command of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import click
import msgspec

from adapters.direct.kit.bench import KitSettings
from adapters.direct.kit.running import run_kit, table
from adapters.sdk.records import Service, Visit
from adapters.sdk.webhooks import webhook_key
from config.clock import SystemClock
from config.errors import ConfigurationError
from config.settings import process_environment


@click.command("kit")
@click.option("--url", required=True, help="The server's base address.")
@click.option("--client-id", required=True, help="Of the client that the server gave the kit.")
@click.option("--secret-env", required=True, metavar="NAME", help="Environment variable that holds its secret.")
@click.option("--service", metavar="JSON", help="What is reserved; a lounge visit tomorrow without it.")
@click.option("--currency", default="CNY", show_default=True, help="In which offers are asked for.")
@click.option("--webhook-port", type=int, help="Where the kit listens for events; without it none are proven.")
@click.option("--webhook-host", default="127.0.0.1", show_default=True, help="The address it listens at.")
@click.option("--webhook-secret-env", metavar="NAME", help="Environment variable that holds the secret of events.")
@click.option(
    "--trigger", default="", metavar="URL", help="POST {type, key} here makes an event happen; else you are asked."
)
@click.option("--wait-seconds", type=float, default=60.0, show_default=True, help="How long an event may take.")
@click.option("--statement-date", type=click.DateTime(["%Y-%m-%d"]), help="Day of the statement; today without it.")
@click.option("--account", default="", help="A member's account of yours; without it nothing about members is proven.")
@click.option("--tier", default="", help="A tier that you grant to an account; without it no grant is proven.")
@click.option("--strict", is_flag=True, help="What is not proven is a failure too.")
@click.option("--json", "as_json", is_flag=True, help="Results as JSON.")
def kit(strict: bool, as_json: bool, **given: Any) -> None:
    """Hold a server to the direct partner contract.

    The kit reserves, cancels and fences under keys that begin with kit-: run it against a test system. Exit codes: 0
    everything that could be asked is as it must be, 1 something is not, 2 wrong use.
    """
    results = asyncio.run(run_kit(_settings(given, process_environment()), SystemClock(), _ask))
    click.echo(msgspec.json.encode(results).decode() if as_json else table(results))
    bad = {"failed", "not proven"} if strict else {"failed"}
    click.get_current_context().exit(int(any(result.verdict in bad for result in results)))


def _settings(given: dict[str, Any], environ: Mapping[str, str]) -> KitSettings:
    port, named = given["webhook_port"], given["webhook_secret_env"]
    if (port is None) != (named is None):
        raise click.UsageError("--webhook-port and --webhook-secret-env belong together.")
    secret = "" if named is None else _secret(environ, named)
    if secret:
        try:
            webhook_key(secret)
        except ConfigurationError as error:
            raise click.UsageError(f"{named}: {error.message}") from error
    if given["trigger"] and not given["trigger"].startswith(given["url"]):
        raise click.UsageError("--trigger has to lie below --url: the token goes with it.")
    day: datetime | None = given["statement_date"]
    return KitSettings(
        url=given["url"],
        client_id=given["client_id"],
        client_secret=_secret(environ, given["secret_env"]),
        service=_service(given["service"]),
        currency=given["currency"],
        webhook_secret=secret,
        webhook_host=given["webhook_host"],
        webhook_port=port,
        trigger=given["trigger"],
        wait_seconds=given["wait_seconds"],
        account=given["account"],
        tier=given["tier"],
        statement_date=day.date() if day else None,
    )


def _secret(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise click.UsageError(f"The environment variable {name} is not set.")
    return environ[name]


def _service(text: str | None) -> Service:
    if text is None:
        tomorrow: date = SystemClock().now().date() + timedelta(days=1)
        return Visit(airport="PVG", lounge_id="kit-lounge", visit_date=tomorrow)
    try:
        found: Service = msgspec.json.decode(text, type=Service)
    except msgspec.DecodeError as error:
        raise click.UsageError(f"--service: {error}.") from error
    return found


async def _ask(what: str) -> None:
    click.echo(what, err=True)
