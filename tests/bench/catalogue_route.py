"""GET /v1/benefits: 20 benefits, authenticated and priced for the member, against a route that gives the same bytes.

All three are asked as ASGI applications in this process: the server, which costs all of them the same, is left out, so
that the ratio is of what an application itself does. The peer is FastAPI with PyJWT, an async session and pydantic.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jwt
import msgspec
import sqlalchemy as sa
from fastapi import FastAPI, Header
from litestar import Litestar, get
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from catalogue.members import MemberInput, upsert_member
from config.clock import SystemClock
from config.files import PACKAGED_FOLDER
from config.settings import DatabaseSettings, FolderSettings, OAuthSettings, Settings
from gateway.app import create_app
from gateway.oauth.issuer import open_issuer
from gateway.wiring import Gateway, open_gateway
from tests.bench.measure import Result
from tests.bench.together import Together, Work, measure_together
from tests.support.asgi import ask

COUNT = 20
MEMBER = "mbr_00000000000000000000000001"
CONCURRENT = 16
App = Callable[[Any, Any, Any], Awaitable[None]]
Page = list[dict[str, Any]]


def results() -> list[Result]:
    """Measure the row."""
    with TemporaryDirectory(prefix="bench-benefits-") as folder:
        return [asyncio.run(_measured(Path(folder)))]


async def _measured(folder: Path) -> Result:
    settings = _settings(folder)
    token = open_issuer(settings.oauth, SystemClock()).mint(
        subject=MEMBER, client_id="member-app", scope="benefits:read"
    )
    async with _ours(settings) as (gateway, app):
        await gateway.database.write(
            lambda connection: upsert_member(connection, MemberInput(external_id="bench"), MEMBER, gateway.clock.now())
        )
        ours = _asking(app, token)
        body = await ours()
        items = msgspec.json.decode(body)["items"]
        assert len(items) == COUNT, len(items)
        engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/book.db")
        try:
            return await measure_together(_row(ours, _bare(body), _asking(_naive(settings, engine, items), token)))
        finally:
            await engine.dispose()


def _row(ours: Work, bare: App, peer: Work) -> Together:
    return Together(
        name=f"GET /v1/benefits, {COUNT} benefits, {CONCURRENT} at once",
        floor=_asking(bare, ""),
        ours=ours,
        peer=peer,
        goal=0.5,
        limits={"p99 of floor": 5.0},
        concurrent=CONCURRENT,
        each=10,
    )


def _settings(folder: Path) -> Settings:
    configuration = folder / "configuration"
    shutil.copytree(PACKAGED_FOLDER, configuration, ignore=shutil.ignore_patterns("*.py", "__pycache__", "versions"))
    benefits = configuration / "benefits"
    plain = (benefits / "lounge-visit.toml").read_text(encoding="utf-8")
    here = [path for path in benefits.glob("*.toml") if path.name != "lounge-visit.toml"]
    for path in here:
        path.unlink()
    for number in range(1, COUNT):
        (benefits / f"lounge-{number:02d}.toml").write_text(
            plain.replace('id = "lounge-visit"', f'id = "lounge-{number:02d}"'), encoding="utf-8"
        )
    return Settings(
        database=DatabaseSettings(url=f"sqlite:///{folder}/book.db"),
        oauth=OAuthSettings(key_file=folder / "key.json"),
        folders=FolderSettings(configuration=configuration, data=folder, exports=folder),
    )


@asynccontextmanager
async def _ours(settings: Settings) -> AsyncIterator[tuple[Gateway, App]]:
    gateway = await open_gateway(settings, SystemClock(), environ={})
    try:
        app = create_app(gateway)
        async with app.lifespan():
            yield gateway, app
    finally:
        await gateway.close()


def _bare(body: bytes) -> App:
    page = msgspec.json.decode(body)

    async def benefits() -> dict[str, Any]:
        found: dict[str, Any] = page
        return found

    return Litestar([get("/v1/benefits")(benefits)], openapi_config=None, logging_config=None)


def _naive(settings: Settings, engine: AsyncEngine, items: Page) -> App:
    app = FastAPI()
    key = next(iter(open_issuer(settings.oauth, SystemClock()).public_keys.values())).get_op_key("verify")

    async def benefits(authorization: str = Header()) -> Page:
        token = authorization.removeprefix("Bearer ")
        claims = jwt.decode(token, key, algorithms=["ES256"], audience=settings.oauth.audience)
        async with engine.connect() as connection:
            for table in ("members", "consents", "member_vehicles", "partner_accounts"):
                column = "id" if table == "members" else "member_id"
                query = sa.text(f"SELECT * FROM {table} WHERE {column} = :member")
                (await connection.execute(query, {"member": claims["sub"]})).all()
        return [dict(item) for item in items]

    app.add_api_route("/v1/benefits", benefits, response_model=Page)
    made: App = app
    return made


def _asking(app: Any, token: str) -> Callable[[], Awaitable[bytes]]:
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return lambda: ask(app, "GET", "/v1/benefits", headers, query=b"limit=50")
