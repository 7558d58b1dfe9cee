"""Hostile adapters that get linked members wrong, each in one way."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.direct import calls, wire
from adapters.direct.adapter import DirectAdapter
from adapters.sdk.answers import readable
from adapters.sdk.codec import decode
from adapters.sdk.link_tokens import LinkedAccount
from adapters.sdk.manifest import LinkingFacts
from tests.adapters.sdk.hostile import Hostile, acting, declaring, replace

honest = DirectAdapter.read_account


async def remembers_the_first(self: Any, link: str) -> LinkedAccount:
    """Ask once and answer everybody with it."""
    answer = self.granted.setdefault("account", await honest(self, link))
    await self._client.call(calls.member(link))
    found: LinkedAccount = answer
    return found


async def asks_in_its_own_name(self: Any, link: str) -> LinkedAccount:
    """Tell the partner which member is meant instead of proving it."""
    await self._client.call(msgspec.structs.replace(calls.member(link), link=None))
    return LinkedAccount(account_number=link)


async def remembers_after_the_end(self: Any, link: str) -> LinkedAccount:
    """Answer from memory when the partner no longer does."""
    answer = await self._client.call(calls.member(link))
    if getattr(answer, "status", 401) == 401:
        found: LinkedAccount = self.granted[link]
        return found
    account = decode(readable(answer).body, wire.LinkedMember).account
    self.granted[link] = LinkedAccount(account_number=account)
    found = self.granted[link]
    return found


LINKS = (
    Hostile(
        "link_is_the_members",
        "mixes members up",
        acting(read_account=remembers_the_first, granted={}),
        "two members have one account",
    ),
    Hostile(
        "link_is_the_members",
        "vouches for members itself",
        acting(read_account=asks_in_its_own_name),
        "made no call in the name of the link",
    ),
    Hostile(
        "link_is_the_members",
        "never forgets",
        acting(read_account=remembers_after_the_end, granted={}),
        "over a link that was revoked",
    ),
    Hostile(
        "link_is_the_members",
        "does not revoke",
        declaring(lambda each: replace(each, linking=LinkingFacts(scope="member", revocation_path=""))),
        "over a link that was revoked",
    ),
)
