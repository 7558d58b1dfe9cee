"""A whole redemption over HTTP: verify the token, hold, one partner call, capture, answer; 16 callers at once.

Ours is ``POST /v1/redemptions`` of the gateway itself, with its idempotency key, quote, budget, history, outbox,
settlement line and voucher. The floor is a chain of bare parts that only holds, calls and captures: an ASGI function,
bare streams, and the ledger by the same writer. The peer is what a day's work makes of it: FastAPI with PyJWT, an async
ORM and plain httpx. All are asked in this process; the partner is a process of its own.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from sqlalchemy import Connection

from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.client import PartnerClient
from adapters.sdk.manifest import Limits
from adapters.sdk.records import Visit
from catalogue.benefits import PayWith
from catalogue.members import MemberInput, upsert_member
from catalogue.values import Money
from config.clock import SystemClock
from config.database import Database
from config.settings import DatabaseSettings, FolderSettings, OAuthSettings, Settings
from config.side_by_side import About
from gateway.app import create_app
from gateway.oauth.issuer import open_issuer
from gateway.redemption import store
from gateway.redemption.records import POINTS, Quote
from gateway.wiring import Gateway, open_gateway
from settlement import ledger
from settlement.accounts import counter_account
from tests.bench import databases, holds_books, whole_textbook
from tests.bench.holds_books import AT, member
from tests.bench.measure import Result
from tests.bench.outbound import CALL
from tests.bench.raw_http import BODY, RawClient, partner
from tests.bench.together import ROUNDS, Together, Work, measure_together
from tests.support.asgi import ask
from tests.support.partners import FencingPartner, connected

CONCURRENT = 16
EACH = 8
PARTNER = "skyhub-lounge"
PLENTY = 1_000_000


def results() -> list[Result]:
    """Measure on both databases; PostgreSQL only where a server answers."""
    with ExitStack() as stack:
        port = stack.enter_context(partner())
        books = [stack.enter_context(holds_books.sqlite_book()) for _ in range(2)]
        own = stack.enter_context(TemporaryDirectory(prefix="bench-whole-"))
        goals = {"goal": 0.37, "goal_of_peer": 12.0}
        found = [asyncio.run(_measured(f"sqlite:///{own}/book.db", books, port, "SQLite FULL", goals))]
        if databases.postgresql_answers():
            books = [stack.enter_context(holds_books.postgresql_book()) for _ in range(2)]
            url = stack.enter_context(databases.postgresql())
            found.append(asyncio.run(_measured(url, books, port, "PostgreSQL", {"goal": 0.45, "goal_of_peer": 7.0})))
    return found


async def _measured(url: str, books: list[str], port: int, where: str, goals: dict[str, Any]) -> Result:
    async with AsyncExitStack() as stack:
        floor = await stack.enter_async_context(_bare(books[0], port))
        peer = await stack.enter_async_context(whole_textbook.redeeming(books[1], port))
        ours = await stack.enter_async_context(_ours(url, port))
        row = Together(
            name=f"whole redemption, {CONCURRENT} at once, {where}",
            floor=floor,
            ours=ours,
            peer=peer,
            concurrent=CONCURRENT,
            each=EACH,
            **goals,
        )
        return await measure_together(row)


@asynccontextmanager
async def _bare(url: str, port: int) -> AsyncIterator[Work]:
    """Hold, call, capture, and nothing else."""
    database, raw = await Database.open(DatabaseSettings(url=url)), RawClient(port)
    serial = itertools.count(1)

    async def app(_scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        number = next(serial)
        key, of = f"bare:{number}", member(number)
        hold = partial(
            ledger.hold, key=f"{key}:hold", member_id=of, commodity=POINTS, quantity=100, at=AT, reference=key
        )
        await database.write(About(of, hold), short=True)
        await raw.post(BODY)
        capture = partial(
            ledger.capture, hold_key=f"{key}:hold", key=f"{key}:capture", at=AT, to=counter_account(POINTS)
        )
        await database.write(About(of, capture), short=True)
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": BODY})

    try:
        yield lambda: ask(app, "POST", "/", expected=201)
    finally:
        raw.close()
        await database.close()


def _calling(client: PartnerClient) -> FencingPartner:
    """Make a partner that reserves by one call over HTTP."""

    async def call() -> None:
        answer = await client.call(CALL)
        assert isinstance(answer, PartnerAnswer), answer

    made = FencingPartner()
    made.before_answer = call
    return made


@asynccontextmanager
async def _ours(url: str, port: int) -> AsyncIterator[Work]:
    with TemporaryDirectory(prefix="bench-whole-") as folder:
        place = Path(folder)
        settings = Settings(
            database=DatabaseSettings(url=url, upgrade_on_start=True),
            oauth=OAuthSettings(key_file=place / "key.json"),
            folders=FolderSettings(data=place, exports=place),
        )
        gateway = await open_gateway(settings, SystemClock(), environ={})
        limits = Limits(deadline_seconds=30, concurrency=CONCURRENT, queue=CONCURRENT)
        client = PartnerClient(base_url=f"http://127.0.0.1:{port}", limits=limits, clock=SystemClock())
        gateway.partners[PARTNER] = connected(_calling(client), partner=PARTNER, deadline_seconds=30)
        app = create_app(gateway)
        try:
            async with app.lifespan():
                yield await _redeeming(gateway, app, settings.oauth)
        finally:
            await client.aclose()
            await gateway.close()


async def _redeeming(gateway: Gateway, app: Any, settings: OAuthSettings) -> Work:
    quotes = [_quote(gateway, number) for number in range(CONCURRENT * (EACH * ROUNDS + 1))]
    await gateway.database.write(partial(_fill, gateway, quotes))
    issuer = open_issuer(settings, SystemClock())
    tokens = {
        of: issuer.mint(subject=of, client_id="member-app", scope="redemptions:write").encode()
        for of in {quote.member_id for quote in quotes}
    }

    async def redeem() -> bytes:
        quote = quotes.pop()
        headers = [
            (b"authorization", b"Bearer " + tokens[quote.member_id]),
            (b"content-type", b"application/json"),
            (b"idempotency-key", quote.id.encode()),
        ]
        body = msgspec.json.encode({"quote_id": quote.id})
        return await ask(app, "POST", "/v1/redemptions", headers, body, expected=201)

    return redeem


def _member(number: int) -> str:
    return f"mbr_{number % CONCURRENT:026d}"


def _quote(gateway: Gateway, number: int) -> Quote:
    now = gateway.clock.now()
    day = gateway.catalogue.programme.today(now) + timedelta(days=2)
    return Quote(
        id=gateway.identifiers.new("quote"),
        kind="benefit",
        member_id=_member(number),
        partner=PARTNER,
        benefit_id="lounge-visit",
        benefit_version=1,
        contract_id=None,
        contract_version=None,
        pay_with=PayWith.POINTS,
        commodity=POINTS,
        quantity=100,
        service=Visit(airport="PVG", lounge_id="L1", visit_date=day, guests=0),
        offer_token="offer",
        title="Visit",
        price=Money(12_000, "CNY"),
        base_price=None,
        created_at=now,
        expires_at=now + timedelta(hours=1),
    )


def _fill(gateway: Gateway, quotes: list[Quote], connection: Connection) -> None:
    now = gateway.clock.now()
    for number in range(CONCURRENT):
        upsert_member(connection, MemberInput(external_id=f"bench-{number}"), _member(number), now)
        ledger.issue(
            connection, key=f"bench:{number}", member_id=_member(number), commodity=POINTS, quantity=PLENTY, at=now,
            expires_at=now + timedelta(days=365), reason="opening", reference=f"bench:{number}",
        )  # fmt: skip
    for quote in quotes:
        store.add_quote(connection, quote)
