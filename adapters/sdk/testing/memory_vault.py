"""A token vault in memory: for the conformance kit, for trials, and for tests of what talks to a vault."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.sdk.link_tokens import HeldTokens, LinkTokens
from config.clock import Clock


class MemoryVault:
    """Keeps tokens for the process's life; the rules are those of `adapters.sdk.link_tokens.TokenVault`."""

    def __init__(self, clock: Clock) -> None:
        """Begin empty."""
        self._clock = clock
        self.held: dict[str, HeldTokens] = {}
        self.leases: dict[str, tuple[str, datetime]] = {}
        self.unanswered: set[str] = set()
        self.dead: set[str] = set()

    def put(self, link: str, tokens: LinkTokens) -> None:
        """Keep the first tokens of a link."""
        self.held[link] = HeldTokens(generation=1, tokens=tokens)
        self.dead.discard(link)

    async def read(self, link: str) -> HeldTokens | None:
        """Give what is held."""
        return self.held.get(link)

    async def begin(self, link: str, generation: int, holder: str, seconds: int) -> bool:
        """Take the lease when nobody holds it."""
        held, lease, now = self.held.get(link), self.leases.get(link), self._clock.now()
        if held is None or held.generation != generation:
            return False
        if lease is not None and lease[0] != holder and lease[1] > now:
            return False
        self.leases[link] = (holder, now + timedelta(seconds=seconds))
        return True

    async def replace(self, link: str, generation: int, tokens: LinkTokens) -> bool:
        """Keep the next generation."""
        held = self.held.get(link)
        if held is None or held.generation != generation:
            return False
        self.held[link] = HeldTokens(generation=generation + 1, tokens=tokens)
        self.leases.pop(link, None)
        self.unanswered.discard(link)
        return True

    async def give_up(self, link: str, holder: str, *, unanswered: bool) -> None:
        """Give the lease back."""
        self.leases.pop(link, None)
        if unanswered:
            self.unanswered.add(link)

    async def declare_dead(self, link: str, generation: int) -> bool:
        """End the link."""
        held = self.held.get(link)
        if held is None or held.generation != generation:
            return False
        del self.held[link]
        self.dead.add(link)
        return True
