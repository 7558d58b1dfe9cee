"""``gateway deny``: refuse an access token from now on, before its time is over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
import msgspec
from joserfc import jws
from joserfc.errors import JoseError

from config.clock import SystemClock
from config.errors import ConfigurationError
from config.settings import Settings
from gateway.cli.context import CommandContext, json_option, open_database, show
from gateway.oauth import denials


@click.command("deny")
@click.argument("token")
@click.option("--by", required=True, help="Who denies it.")
@click.option("--reason", required=True, help="Why; kept with it.")
@json_option
@click.pass_obj
def command(context: CommandContext, token: str, by: str, reason: str, as_json: bool) -> None:
    """Deny TOKEN: every process refuses it within a few seconds."""
    settings = context.load()
    jti, expires_at = read(token, settings.oauth.clock_skew_seconds)
    new = context.run(_deny(settings, jti, expires_at, by, reason))
    told = f"The token {jti} is denied." if new else f"The token {jti} was denied before."
    show({"jti": jti, "new": new}, as_json=as_json, lines=lambda: [told])


def read(token: str, skew_seconds: int) -> tuple[str, datetime]:
    """Read which token it is and until when it could be used; its signature is not asked, for denying harms nobody.

    Raises:
        ConfigurationError: it cannot be read, or names no ``jti`` by which it could be denied.
    """
    claims = _claims(token)
    jti, expires = claims.get("jti"), claims.get("exp")
    if not isinstance(jti, str) or not 0 < len(jti) <= 255 or type(expires) is not int:
        raise ConfigurationError("The token has no jti and exp by which it could be denied.")
    try:
        return jti, datetime.fromtimestamp(expires + skew_seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigurationError("The token's exp is no instant.") from error


def _claims(token: str) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(jws.extract_compact(token.encode()).payload, type=dict[str, Any])
    except (JoseError, ValueError) as error:
        raise ConfigurationError("That is no access token.") from error


async def _deny(settings: Settings, jti: str, expires_at: datetime, by: str, reason: str) -> bool:
    async with open_database(settings) as database:
        now = SystemClock().now()
        return await database.write(partial(denials.deny, jti=jti, expires_at=expires_at, by=by, reason=reason, at=now))
