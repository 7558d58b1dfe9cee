"""The token vault of the SDK over the gateway's database."""

from __future__ import annotations

from functools import partial

from adapters.sdk.link_tokens import HeldTokens, LinkTokens
from config.clock import Clock
from config.crash_points import CrashPoints
from config.database import Database
from gateway.links import store
from gateway.links.sealing import Sealer


class DatabaseVault:
    """See `adapters.sdk.link_tokens.TokenVault`: each method is one transaction, on disk when it answers."""

    def __init__(self, database: Database, sealer: Sealer, clock: Clock, crash: CrashPoints | None = None) -> None:
        """Keep the seams."""
        self._crash = crash or CrashPoints()
        self._database = database
        self._sealer = sealer
        self._clock = clock

    async def read(self, link: str) -> HeldTokens | None:
        """Give the tokens of a link that may be used."""
        return await self._database.read(partial(store.read_tokens, sealer=self._sealer, link_id=link))

    async def begin(self, link: str, generation: int, holder: str, seconds: int) -> bool:
        """Take the lease of a refresh."""
        operation = partial(store.begin_refresh, link_id=link, generation=generation, holder=holder, seconds=seconds)
        return await self._database.write(operation)

    async def replace(self, link: str, generation: int, tokens: LinkTokens) -> bool:
        """Keep the next generation."""
        self._crash.reach("tokens_answered")
        operation = partial(
            store.replace_tokens,
            sealer=self._sealer,
            link_id=link,
            generation=generation,
            tokens=tokens,
            at=self._clock.now(),
        )
        kept = await self._database.write(operation)
        self._crash.reach("tokens_kept")
        return kept

    async def give_up(self, link: str, holder: str, *, unanswered: bool) -> None:
        """Give the lease back."""
        operation = partial(store.give_up_refresh, link_id=link, holder=holder, unanswered=unanswered)
        await self._database.write(operation)

    async def declare_dead(self, link: str, generation: int) -> bool:
        """End a link."""
        operation = partial(store.declare_dead, link_id=link, generation=generation, at=self._clock.now())
        return await self._database.write(operation)
