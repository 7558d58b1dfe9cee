"""Access tokens that are refused before their time is over, by their ``jti``.

A denial is a row in the database until the token would have ended by itself. Every process reads the list when it
starts and every few seconds from then on, so that a token that it has verified before is refused as well.

Source: RFC 7009, section 2.1: a token that was revoked is not accepted any more, within the propagation delay.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from config.clock import Clock
from config.database import Database, insert_new
from gateway.edge_tables import denied_tokens

REFRESH_SECONDS = 5.0
"""How long a process may go on accepting what another one has denied."""


class Denials:
    """The tokens that are denied, as this process last read them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._denied: frozenset[str] = frozenset()

    def __contains__(self, jti: object) -> bool:
        """Say whether a token is denied."""
        return jti in self._denied

    async def refresh(self, database: Database, clock: Clock) -> None:
        """Read the list."""
        self._denied = await database.read(partial(standing, at=clock.now()))

    async def follow(self, database: Database, clock: Clock) -> None:
        """Read the list again and again, until cancelled."""
        while True:
            await clock.sleep(REFRESH_SECONDS)
            await self.refresh(database, clock)


def deny(connection: Connection, jti: str, *, expires_at: datetime, by: str, reason: str, at: datetime) -> bool:
    """Deny a token until it would have ended; False when it was denied before, and nothing changes."""
    row = {"jti": jti, "expires_at": expires_at, "denied_by": by, "reason": reason, "denied_at": at}
    return insert_new(connection, denied_tokens, row, unique=["jti"])


def standing(connection: Connection, at: datetime) -> frozenset[str]:
    """List the denied tokens whose time is not over."""
    query = sa.select(denied_tokens.c.jti).where(denied_tokens.c.expires_at > at)
    return frozenset(connection.execute(query).scalars())


def purge(connection: Connection, at: datetime) -> int:
    """Delete the denials of tokens that have ended by themselves; answer how many."""
    return connection.execute(sa.delete(denied_tokens).where(denied_tokens.c.expires_at <= at)).rowcount
