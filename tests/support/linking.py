"""A gateway with two partners on our own contract at which members link: their simulators, and what a browser does."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import msgspec
import sqlalchemy as sa

from adapters.direct.simulator import create_simulator
from adapters.direct.simulator_book import DirectBook
from adapters.direct.simulator_links import LinkDesk
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, serve
from config.clock import Clock
from config.files import PACKAGED_FOLDER
from config.settings import Settings
from gateway.app import create_app
from gateway.links.tables import partner_links
from gateway.oauth.issuer import DevelopmentIssuer, open_issuer
from gateway.wiring import Gateway, open_gateway
from tests.api.serving import serving

LOUNGE, OTHER = "skyhub-lounge", "other-lounge"
CREDENTIALS = {"client_id": "club-at-skyhub", "client_secret": "gateway-simulator-secret"}
SCOPES = "profile:read profile:write links:write"


@dataclass
class LinkingClub:
    """A gateway, its client and its partners' simulators by id."""

    gateway: Gateway
    client: httpx.AsyncClient
    issuer: DevelopmentIssuer
    simulators: dict[str, Simulator]

    def desk(self, partner: str = LOUNGE) -> LinkDesk:
        """Give what the partner knows of members' grants."""
        book = self.simulators[partner].book
        assert isinstance(book, DirectBook)
        assert isinstance(book.links, LinkDesk)
        return book.links

    def member(self, member_id: str, scope: str = SCOPES) -> dict[str, str]:
        """Make the header of a member's token."""
        return {"Authorization": f"Bearer {self.issuer.mint(subject=member_id, client_id='app', scope=scope)}"}

    async def add_member(self, external_id: str) -> str:
        """Create a member and answer our id."""
        token = self.issuer.mint(subject="crm", client_id="crm", scope="members:write points:adjust")
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self.client.put(f"/v1/members/{external_id}", json={}, headers=headers)
        assert answer.status_code == 200, answer.text
        found: str = answer.json()["id"]
        return found

    async def begin(self, member_id: str, partner: str = LOUNGE) -> str:
        """Begin to link and answer the partner's page."""
        answer = await self.client.post(f"/v1/partner-links/{partner}", headers=self.member(member_id))
        assert answer.status_code == 201, answer.text
        url: str = answer.json()["authorization_url"]
        return url

    async def finish(self, member_id: str, query: dict[str, str]) -> httpx.Response:
        """Hand the browser's query on."""
        return await self.client.get("/v1/partner-links/callback", params=query, headers=self.member(member_id))

    async def link(self, member_id: str, account: str, partner: str = LOUNGE) -> httpx.Response:
        """Walk the whole way."""
        return await self.finish(member_id, await browse(await self.begin(member_id, partner), member=account))

    async def link_id(self, member_id: str, partner: str = LOUNGE) -> str:
        """Answer the identifier of a link."""
        mine = sa.and_(partner_links.c.member_id == member_id, partner_links.c.partner == partner)
        query = sa.select(partner_links.c.id).where(mine)
        found: str = await self.gateway.database.read(lambda each: each.execute(query).scalar_one())
        return found


async def browse(url: str, **more: str) -> dict[str, str]:
    """Open the partner's page with magic values in its query, and answer the query that it sends back with."""
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(f"{url}&{urlencode(more)}")
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def configuration(folder: Path) -> Path:
    """Copy the shipped configuration, and give it a second partner on our own contract at which members link."""
    shutil.copytree(PACKAGED_FOLDER, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    text = (folder / "partners" / f"{LOUNGE}.toml").read_text(encoding="utf-8").partition("[contract]")[0]
    contract = '[contract]\ncut_off = 00:00:00\ntime_zone = "Asia/Shanghai"\nstatement_format = "contractual-v1"\n'
    contract += 'tolerance_minor_units = 0\nnetting = "monthly"\nterms = []\n'
    (folder / "partners" / f"{OTHER}.toml").write_text(text.replace(LOUNGE, OTHER) + contract, encoding="utf-8")
    return folder


@asynccontextmanager
async def linking_club(
    settings: Settings, clock: Clock, values: dict[str, str] | None = None, environ: dict[str, str] | None = None
) -> AsyncIterator[LinkingClub]:
    """Open gateway and simulators while the block lasts; ``values`` are the simulators' options."""
    async with AsyncExitStack() as closing:
        simulators, addresses = {}, dict(settings.partners.base_urls)
        for partner in (LOUNGE, OTHER):
            options = SimulatorOptions(partner=partner, clock=clock, credentials=CREDENTIALS, values=values or {})
            simulators[partner] = create_simulator(options)
            addresses[partner] = await closing.enter_async_context(serve(simulators[partner]))
        partners = msgspec.structs.replace(settings.partners, base_urls=addresses)
        gateway = await open_gateway(msgspec.structs.replace(settings, partners=partners), clock, environ=environ or {})
        closing.push_async_callback(gateway.close)
        port = await closing.enter_async_context(serving(create_app(gateway)))
        http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
        client = await closing.enter_async_context(http)
        yield LinkingClub(gateway, client, open_issuer(settings.oauth, clock), simulators)
