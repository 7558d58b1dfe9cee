"""Members of a campaign: each redeems one benefit after the other, as an app does on a bad line.

An app keeps the key of what it wants and asks again until it has an answer; sometimes it asks twice at once, hangs up
too early, or cancels. What it was told is kept, for nothing that was told may turn out untrue.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import aiohttp

from gateway.oauth.server import MEMBER_GRANT
from tests.campaign.club import Club, benefit_id, patiently

TWICE, HANGS_UP, CANCELS, VISITS = 0.05, 0.05, 0.08, 0.3
"""How often a member asks twice at once, hangs up, cancels, is seen at the desk."""
IN_FLIGHT = "idempotency_key_in_flight"
PATIENCE_SECONDS = 120.0
EARNING = 2_500_000_000_000
"""Minor units that a member spends on a car to begin with: five billion points."""

Answer = tuple[int, dict[str, Any]]


class LostPatienceError(Exception):
    """The gateway gave no answer for too long."""


@dataclass
class Wish:
    """One thing that a member wanted: the key it was asked under, and everything that was answered."""

    member: str
    profile: str
    key: str
    redemption_ids: set[str] = field(default_factory=set)
    captured: bool = False
    refused: bool = False
    cancel_told: str | None = None


@dataclass
class Line:
    """HTTP to whichever gateway answers."""

    club: Club
    http: aiohttp.ClientSession
    dice: Random
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    async def ask(self, method: str, path: str, token: str, body: object = None, key: str | None = None) -> Answer:
        """Ask until there is an answer that is one.

        Raises:
            LostPatienceError: there was none.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            found = await self.once(method, path, token, body, key)
            if found is not None:
                return found
            await asyncio.sleep(0.05 + 0.2 * self.dice.random())
        raise LostPatienceError(f"{method} {path}")

    async def once(
        self, method: str, path: str, token: str, body: object, key: str | None = None, seconds: float = 15.0
    ) -> Answer | None:
        """Ask once; None when there was no answer, or the answer is to ask again."""
        headers = {"Authorization": f"Bearer {token}"} | ({"Idempotency-Key": key} if key else {})
        url = self.club.url(self.dice.randrange(self.club.gateways)) + path
        timeout = aiohttp.ClientTimeout(total=seconds)
        began = time.monotonic()
        try:
            async with self.http.request(method, url, json=body, headers=headers, timeout=timeout) as answer:
                told = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
            self.statuses["no answer"] += 1
            return None
        self.seconds.append(time.monotonic() - began)
        self.statuses[f"{method} {answer.status}"] += 1
        again = answer.status in (429, 502, 503, 504) or told.get("code") == IN_FLIGHT
        return None if again else (answer.status, told)


class Members:
    """Opens members and lets them live."""

    def __init__(self, club: Club, line: Line, dice: Random) -> None:
        """Take the line; nobody is a member yet."""
        self.club = club
        self.line = line
        self.dice = dice
        self.tokens: dict[str, str] = {}
        self.opened_with: dict[str, int] = {}
        self.wishes: list[Wish] = []
        self.troubles: Counter[str] = Counter()

    async def open(self, count: int) -> None:
        """Enrol members and give each of them points enough."""
        crm = await self.token_of("crm")
        for number in range(count):
            _, told = await self.line.ask("PUT", f"/v1/members/campaign-{number}", crm, {"city": "Changchun"})
            member = told["id"]
            earning = {
                "activity": "new_car",
                "amount": {"amount": EARNING, "currency": "CNY"},
                "occurred_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "reference": f"order-{number}",
            }
            path = f"/v1/members/{member}/accruals"
            status, told = await self.line.ask("POST", path, crm, earning, key=f"order-{number}")
            assert status == 201, told
            self.opened_with[member] = told["points"]
            self.tokens[member] = await self.token_of("member-app", member)

    async def token_of(self, client: str, member: str | None = None) -> str:
        """Get a token of a client, or of a member."""
        form = {"grant_type": MEMBER_GRANT, "member": member} if member else {"grant_type": "client_credentials"}
        pair = base64.b64encode(f"{client}:development-secret-of-{client}".encode()).decode()
        for _ in range(200):
            with contextlib.suppress(aiohttp.ClientError, OSError):
                headers = {"Authorization": f"Basic {pair}"}
                async with self.line.http.post(self.club.url(0) + "/oauth/token", data=form, headers=headers) as answer:
                    if answer.status == 200:
                        return str((await answer.json())["access_token"])
            await asyncio.sleep(0.1)
        raise LostPatienceError(f"no token for {client}")

    async def live(self, member: str, left: list[str]) -> None:
        """Redeem for one member until nothing is left to redeem; ``left`` are profiles, shared by all members."""
        while left:
            wish = Wish(member, left.pop(), key=f"wish-{len(self.wishes)}-{len(left)}")
            self.wishes.append(wish)
            try:
                await self.redeem(wish)
            except LostPatienceError:
                self.troubles["no answer for two minutes"] += 1

    async def redeem(self, wish: Wish) -> None:
        """Ask for a price, redeem, perhaps cancel."""
        token = self.tokens[wish.member]
        body = await self.quote(wish.member, wish.profile)
        if body is None:
            return
        if self.dice.random() < HANGS_UP:
            self.note(wish, await self.line.once("POST", "/v1/redemptions", token, body, wish.key, seconds=0.02))
        if self.dice.random() < TWICE:
            both = (self.line.once("POST", "/v1/redemptions", token, body, wish.key) for _ in range(2))
            for answer in await asyncio.gather(*both):
                self.note(wish, answer)
        self.note(wish, await self.line.ask("POST", "/v1/redemptions", token, body, wish.key))
        await self._afterwards(wish, token)

    async def quote(self, member: str, profile: str, *, patient: bool = True) -> dict[str, Any] | None:
        """Ask for a price, again and again when ``patient``; answer the body that redeems it, if there is one."""
        day = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
        service = {"kind": "visit", "airport": "PVG", "lounge_id": "PVG-T2", "visit_date": day}
        asked = {"benefit_id": benefit_id(profile), "service": service, "pay_with": "points"}
        ask = self.line.ask if patient else self.line.once
        answer = await ask("POST", "/v1/quotes", self.tokens[member], asked)
        if answer is None:
            return None
        status, quote = answer
        if status != 201:
            self.troubles[f"quote {status} {quote.get('code')}"] += 1
            return None
        return {"quote_id": quote["id"]}

    def note(self, wish: Wish, answer: Answer | None) -> None:
        """Keep what was told."""
        if answer is None:
            return
        status, told = answer
        if status in (201, 202):
            wish.redemption_ids.add(told["id"])
            wish.captured |= status == 201
        elif told.get("redemption_id"):
            wish.redemption_ids.add(told["redemption_id"])
            wish.refused = True
        else:
            self.troubles[f"redemption {status} {told.get('code')}"] += 1

    async def _afterwards(self, wish: Wish, token: str) -> None:
        if not wish.redemption_ids:
            return
        redemption = min(wish.redemption_ids)
        if wish.captured and wish.profile == "A" and self.dice.random() < VISITS:
            await self._visit(redemption, token)
        elif self.dice.random() < CANCELS:
            path = f"/v1/redemptions/{redemption}/cancel"
            status, told = await self.line.ask("POST", path, token, {}, key=f"cancel-{wish.key}")
            wish.cancel_told = str(told.get("cancellation") or told.get("state") or f"{status} {told.get('code')}")

    async def _visit(self, redemption: str, token: str) -> None:
        _, told = await self.line.ask("GET", f"/v1/redemptions/{redemption}", token)
        visit = {"reference": told.get("partner_reference"), "guests": 0}
        await patiently(self.line.http, "POST", self.club.partners["A"] + "/_simulator/visits", json=visit)
