"""A whole gateway that serves over real HTTP, with its partners' simulators and a clock that can be moved."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import sqlalchemy as sa
import uvicorn

from adapters.sdk.registry import AdapterPackage, discover
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, listen, serve
from catalogue.calendar import local_date
from config.partner_files import PartnerFile, read_partner_files
from config.secrets import resolve_secret
from config.settings import (
    DatabaseSettings,
    FolderSettings,
    HttpSettings,
    OAuthSettings,
    PartnerSettings,
    RedemptionSettings,
    Settings,
)
from gateway.app import create_app
from gateway.cli.serve import configuration
from gateway.oauth.issuer import DevelopmentIssuer, open_issuer
from gateway.wiring import Gateway, open_gateway
from settlement.audit import audit
from settlement.tables import journal_entries, settlement_lines
from tests.api.conftest import MEMBER_SCOPES

LOUNGE, HOTEL, AIRLINE = "skyhub-lounge", "expedia-rapid", "skyward-miles"
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
"""Ten in the morning in Shanghai, the programme's zone."""
PATIENCE_SECONDS = 20.0
UNDECIDED = {"held", "submitting", "unknown", "accepted", "cancelling"}


class MovableClock:
    """Runs with the real time from `START` on; a test may jump ahead, never back."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return START + timedelta(seconds=time.monotonic() - self._begun) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def jump(self, **by: int) -> None:
        """Move on by ``timedelta(**by)``."""
        self._ahead += timedelta(**by)


class _Server(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True)
class Client:
    """Somebody with a token."""

    house: House
    subject: str
    scope: str
    client_id: str

    async def call(
        self, method: str, path: str, body: object = None, *, key: str | None = None, **options: Any
    ) -> httpx.Response:
        """Send a request; a POST without a key gets a fresh one."""
        headers = self.house.bearer(self.subject, self.scope, self.client_id) | options.pop("headers", {})
        if method == "POST":
            headers["Idempotency-Key"] = key or uuid4().hex
        return await self.house.http.request(method, path, json=body, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Read."""
        return await self.call("GET", path, **options)

    async def put(self, path: str, body: object) -> httpx.Response:
        """Write."""
        return await self.call("PUT", path, body)

    async def post(self, path: str, body: object = None, *, key: str | None = None, **options: Any) -> httpx.Response:
        """Do."""
        return await self.call("POST", path, body, key=key, **options)


@dataclass(frozen=True)
class Member(Client):
    """A member with the member app."""

    @property
    def id(self) -> str:
        """The gateway's id of the member."""
        return self.subject

    async def quote(self, benefit_id: str, service: dict[str, Any], pay_with: str = "points") -> dict[str, Any]:
        """Get a quote that has to succeed."""
        body = {"benefit_id": benefit_id, "service": service, "pay_with": pay_with}
        answer = await self.post("/v1/quotes", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def lounge(self, pay_with: str = "points", **service: Any) -> dict[str, Any]:
        """Quote a lounge visit tomorrow."""
        return await self.quote("lounge-visit", self.house.visit(**service), pay_with)

    async def redeem(self, quote: dict[str, Any], key: str | None = None) -> httpx.Response:
        """Redeem a quote."""
        return await self.post("/v1/redemptions", {"quote_id": quote["id"]}, key=key)

    async def captured(self, quote: dict[str, Any]) -> dict[str, Any]:
        """Redeem a quote that has to be granted at once."""
        answer = await self.redeem(quote)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def wallet(self) -> tuple[int, int]:
        """Answer (available, held) points."""
        found = (await self.get("/v1/me")).json()["wallet"]
        return found["available"], found["held"]

    async def until_wallet(self, available: int, held: int = 0) -> None:
        """Wait until the wallet holds this."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if await self.wallet() == (available, held):
                    return
                await asyncio.sleep(0.05)

    async def visits(self) -> dict[str, int]:
        """Answer what stands in the entitlement to lounge visits."""
        items = (await self.get("/v1/entitlements")).json()["items"]
        found = next(item for item in items if item["benefit_id"] == "lounge-visit")
        return {name: found[name] for name in ("total", "used", "pending", "remaining")}

    async def until_visits(self, used: int) -> None:
        """Wait until so many visits are used and none is pending."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if await self.visits() == {"total": 6, "used": used, "pending": 0, "remaining": 6 - used}:
                    return
                await asyncio.sleep(0.05)

    async def until(self, path: str, states: set[str] = UNDECIDED) -> dict[str, Any]:
        """Read something until its state is none of these."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = (await self.get(path)).json()
                if found["state"] not in states:
                    return dict(found)
                await asyncio.sleep(0.05)


@dataclass
class House:
    """The running gateway, what is behind it, and tokens for everybody."""

    http: httpx.AsyncClient
    gateway: Gateway
    issuer: DevelopmentIssuer
    clock: MovableClock
    simulators: dict[str, Simulator]
    addresses: dict[str, str]

    @asynccontextmanager
    async def partner(self, name: str) -> AsyncIterator[httpx.AsyncClient]:
        """Speak to a partner's simulator itself."""
        async with httpx.AsyncClient(base_url=self.addresses[name], trust_env=False) as client:
            yield client

    def bearer(self, subject: str, scope: str, client_id: str) -> dict[str, str]:
        """Make the header of a token."""
        return {"Authorization": f"Bearer {self.issuer.mint(subject=subject, client_id=client_id, scope=scope)}"}

    def system(self, name: str, scope: str) -> Client:
        """Speak for a system."""
        return Client(self, name, scope, name)

    @property
    def desk(self) -> Client:
        """The lounge's desk."""
        return self.system("skyhub-desk", "vouchers:redeem")

    @property
    def crm(self) -> Client:
        """The maker's CRM."""
        return self.system("crm", "members:write points:write")

    @property
    def today(self) -> date:
        """The programme's date."""
        return local_date(self.clock.now(), "Asia/Shanghai")

    def visit(self, days: int = 1, **changes: Any) -> dict[str, Any]:
        """Make a lounge visit so many days from now, in a lounge of its own."""
        day = (self.today + timedelta(days=days)).isoformat()
        return {"kind": "visit", "airport": "PVG", "lounge_id": f"L-{uuid4().hex[:8]}", "visit_date": day} | changes

    def stay(self, days: int = 14, nights: int = 1, **changes: Any) -> dict[str, Any]:
        """Make a stay so many days from now, in a hotel of its own."""
        begin = self.today + timedelta(days=days)
        return {
            "kind": "stay",
            "property_id": str(10_000_000 + uuid4().int % 10_000_000),
            "check_in_date": begin.isoformat(),
            "check_out_date": (begin + timedelta(days=nights)).isoformat(),
        } | changes

    async def earn(self, member_id: str, yuan: int) -> None:
        """Credit parts for so many yuan: a point for every ten, a qualifying point for each."""
        body = {
            "activity": "parts",
            "amount": {"amount": yuan * 100, "currency": "CNY"},
            "occurred_at": self.clock.now().isoformat().replace("+00:00", "Z"),
            "reference": f"order-{uuid4().hex}",
        }
        answer = await self.crm.post(f"/v1/members/{member_id}/accruals", body)
        assert answer.status_code == 201, answer.text

    async def join(self, yuan: int = 200_000) -> Member:
        """Make a member who spent so much, consented to everything and has an account at the airline.

        200,000 yuan make a gold member with 20,000 points; below 150,000 it is a silver one.
        """
        profile = {"given_name": "Wei", "family_name": "Liu", "email": "liu@example.com", "phone": "+8613900000001"}
        answer = await self.crm.put(f"/v1/members/crm-{uuid4().hex}", {"locale": "en", "profile": profile})
        member = Member(self, answer.json()["id"], MEMBER_SCOPES, "member-app")
        if yuan:
            await self.earn(member.id, yuan)
        link = {"account_number": f"88{uuid4().int % 10**8:08d}55"}
        answers = await asyncio.gather(
            member.put(f"/v1/consents/{HOTEL}/booking", {"granted": True}),
            member.put(f"/v1/consents/{AIRLINE}/mileage_credit", {"granted": True}),
            member.put(f"/v1/partner-links/{AIRLINE}", link),
        )
        assert [answer.status_code for answer in answers] == [200] * 3
        return member

    async def entries(self, redemption_id: str) -> set[str]:
        """Name the journal entries of a redemption, without its id."""
        return await self._keys(journal_entries.c.key, redemption_id)

    async def lines(self, redemption_id: str) -> set[str]:
        """Name the settlement lines of a redemption, without its id."""
        return await self._keys(settlement_lines.c.line_key, redemption_id)

    async def _keys(self, column: sa.Column[str], redemption_id: str) -> set[str]:
        query = sa.select(column).where(column.like(f"{redemption_id}:%"))
        found = await self.gateway.database.read(lambda connection: list(connection.execute(query).scalars()))
        return {key.removeprefix(f"{redemption_id}:") for key in found}

    def fault(self, partner: str, operation: str, mode: str, *, times: int = 1, seconds: float = 10.0) -> None:
        """Plan what a partner does wrong."""
        self.simulators[partner].faults.plan(operation, mode, times, seconds)

    def granted(self, partner: str, reference: str) -> bool:
        """Say whether a partner's own book has something under its reference that was not taken back."""
        book = self.simulators[partner].book.snapshot()
        if partner == LOUNGE:
            found = [one["reservation"] for one in book.get("reservations", {}).values()]
            return any(one.get("reference") == reference and one["status"] != "cancelled" for one in found)
        found = list(book.get("itineraries", {}).values())
        return any(one["itinerary_id"] == reference and not one["cancelled_at"] for one in found)


@asynccontextmanager
async def open_house(
    database_url: str,
    folder: Path,
    folders: FolderSettings | None = None,
    others: Mapping[str, Callable[[SimulatorOptions], Simulator]] | None = None,
) -> AsyncIterator[House]:
    """Start everything on free ports; at the end the whole ledger is audited.

    ``folders``: another configuration and further adapters; ``others``: makers of simulators, by partner, where the
    adapter's package has none.
    """
    folders = folders or FolderSettings(data=folder, exports=folder / "exports")
    clock = MovableClock()
    listener = listen(0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    files = read_partner_files(folders.configuration)
    packages = discover(folders.adapters).packages
    simulators = {
        name: _simulator(file, packages[file.partner.adapter], clock, address, (others or {}).get(name))
        for name, file in files.items()
    }
    async with AsyncExitStack() as closing:
        closing.callback(listener.close)
        addresses = {name: await closing.enter_async_context(serve(one)) for name, one in simulators.items()}
        gateway = await open_gateway(_settings(database_url, folder, address, addresses, folders), clock, environ={})
        closing.push_async_callback(gateway.close)
        server = _Server(configuration(create_app(gateway, workers=True)))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            assert not task.done()
            await asyncio.sleep(0.01)
        http = httpx.AsyncClient(base_url=address, timeout=30, trust_env=False)
        try:
            yield House(http, gateway, open_issuer(gateway.settings.oauth, clock), clock, simulators, addresses)
            report = await gateway.database.read(audit)
            assert report.findings == ()
        finally:
            await http.aclose()
            server.should_exit = True
            await task


def _simulator(
    file: PartnerFile,
    package: AdapterPackage,
    clock: MovableClock,
    gateway_url: str,
    other: Callable[[SimulatorOptions], Simulator] | None,
) -> Simulator:
    options = _options(file, package, clock, gateway_url)
    create = other or import_module(f"{package.module}.simulator").create_simulator
    made: Simulator = create(options)
    return made


def _options(file: PartnerFile, package: AdapterPackage, clock: MovableClock, gateway_url: str) -> SimulatorOptions:
    environment = file.environments["simulator"]
    reveal = partial(resolve_secret, environ={})
    kinds = package.manifest.credentials
    secret = reveal(environment.webhook_secrets[0]).reveal() if environment.webhook_secrets else None
    signed = package.manifest.signs_webhooks
    address = f"{gateway_url}/v1/webhooks/{file.partner.id}"
    return SimulatorOptions(
        partner=file.partner.id,
        clock=clock,
        webhook_url=None if secret is None else address if signed else f"{address}/{secret}",
        webhook_secret=secret if signed else None,
        credentials={
            name: reveal(one, masked=kinds[name] == "secret").reveal() for name, one in environment.credentials.items()
        },
        values=environment.simulator_options,
    )


def _settings(
    database_url: str, folder: Path, address: str, partners: dict[str, str], folders: FolderSettings
) -> Settings:
    """Real waiting times, shortened; the issuer's key and everything else in a folder of the test's own."""
    return Settings(
        database=DatabaseSettings(url=database_url, upgrade_on_start=False),
        http=HttpSettings(public_url=address),
        oauth=OAuthSettings(key_file=folder / "issuer-key.json"),
        redemption=RedemptionSettings(
            sweep_interval_seconds=0.1, lease_margin_seconds=0.5, retry_schedule_seconds=(0.2, 0.3, 0.5, 1, 5)
        ),
        folders=folders,
        partners=PartnerSettings(base_urls=partners),
    )
