"""``gateway token``: an access token from the development issuer, for trying things out."""

from __future__ import annotations

import click

from catalogue.identifiers import is_identifier
from config.clock import SystemClock
from config.errors import ConfigurationError
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, show
from gateway.oauth.clients import read_clients
from gateway.oauth.issuer import open_issuer

MEMBER_CLIENT = "member-app"


@click.command("token")
@click.option("--member", help="Member id (mbr_...): a token that speaks for this member.")
@click.option("--client", help="Client id: a token that speaks for this system.")
@click.option("--scope", multiple=True, help="Scope to grant; may be repeated. Default: all of the client's.")
@json_option
@click.pass_obj
def command(
    context: CommandContext, member: str | None, client: str | None, scope: tuple[str, ...], as_json: bool
) -> None:
    """Mint an access token of a member or a client; only while the development issuer is on."""
    if (member is None) == (client is None):
        raise click.UsageError("Name either --member or --client.")
    if member is not None and not is_identifier("member", member):
        raise click.UsageError(f"{member!r} is not a member id (mbr_ and 26 characters).")
    settings = context.load()
    token = mint(settings, member, client or MEMBER_CLIENT, scope)
    facts = {"access_token": token, "token_type": "Bearer", "expires_in": settings.oauth.access_token_seconds}
    show(facts, as_json=as_json, lines=lambda: [token])


def mint(settings: Settings, member: str | None, client: str, scope: tuple[str, ...]) -> str:
    """Sign a token with the issuer's key.

    Raises:
        ConfigurationError: tokens come from another issuer, or the client is not known.
    """
    if not settings.oauth.development_issuer:
        raise ConfigurationError("oauth.development_issuer is off: tokens come from another issuer.")
    clients = read_clients(settings.oauth.clients_file)
    if client not in clients:
        raise ConfigurationError(f"There is no client {client!r}; known are {', '.join(sorted(clients))}.")
    granted = scope or clients[client].scopes
    issuer = open_issuer(settings.oauth, SystemClock())
    return issuer.mint(subject=member or client, client_id=client, scope=" ".join(granted))
