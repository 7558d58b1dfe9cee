"""A whole gateway behind its own application, on an embedded database, with a clock that stands still."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from config.settings import DatabaseSettings, FolderSettings, OAuthSettings, PartnerSettings, Settings
from gateway.app import create_app
from gateway.oauth.issuer import DevelopmentIssuer, open_issuer
from gateway.wiring import Gateway, open_gateway

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
"""Noon in Shanghai, the programme's zone."""

NOBODY = "http://127.0.0.1:1"
"""Where nothing ever listens; the ports of the partner files are those of ``make serve``."""

MEMBER_SCOPES = (
    "profile:read benefits:read redemptions:read redemptions:write "
    "conversions:write tiers:write consents:write links:write"
)


class StandingClock:
    """A clock that moves only when a test moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.instant = now

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return (self.instant - NOON).total_seconds()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)

    def move(self, **by: int) -> None:
        self.instant += timedelta(**by)


@dataclass
class Stack:
    """What a test needs: the client, what is behind it, and tokens."""

    client: AsyncTestClient[Litestar]
    gateway: Gateway
    issuer: DevelopmentIssuer
    clock: StandingClock

    def bearer(self, subject: str, scope: str, client_id: str | None = None) -> dict[str, str]:
        """Make the header of a token."""
        token = self.issuer.mint(subject=subject, client_id=client_id or subject, scope=scope)
        return {"Authorization": f"Bearer {token}"}

    def member(self, member_id: str, scope: str = MEMBER_SCOPES) -> dict[str, str]:
        """Make the header of a member's token, issued to the member app."""
        return self.bearer(member_id, scope, "member-app")

    @property
    def crm(self) -> dict[str, str]:
        return self.bearer("crm", "members:write points:write")

    async def add_member(self, external_id: str = "liu", **fields: Any) -> str:
        """Create a member and answer our id."""
        answer = await self.client.put(f"/v1/members/{external_id}", json=fields, headers=self.crm)
        assert answer.status_code == 200, answer.text
        member_id: str = answer.json()["id"]
        return member_id

    async def earn(self, member_id: str, yuan: int, reference: str = "sale-1", key: str | None = None) -> Any:
        """Credit the purchase of a new car."""
        return await self.client.post(
            f"/v1/members/{member_id}/accruals",
            json=car(yuan, reference),
            headers=self.crm | {"Idempotency-Key": key or f"key-{reference}"},
        )


def car(yuan: int, reference: str = "sale-1") -> dict[str, Any]:
    """The body of an accrual: a new car."""
    return {
        "activity": "new_car",
        "amount": {"amount": yuan * 100, "currency": "CNY"},
        "occurred_at": "2026-11-21T08:00:00Z",
        "reference": reference,
    }


def settings_for(database_url: str, folder: Path) -> Settings:
    """Settings of a gateway of a test's own, whose partners do not answer, whatever else runs on this machine."""
    return Settings(
        database=DatabaseSettings(url=database_url),
        oauth=OAuthSettings(key_file=folder / "issuer-key.json"),
        folders=FolderSettings(data=folder, exports=folder / "exports"),
        partners=PartnerSettings(base_urls=dict.fromkeys(read_partner_files(PACKAGED_FOLDER), NOBODY)),
    )


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "gateway.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def stack(sqlite_url: str, tmp_path: Path, clock: StandingClock) -> AsyncIterator[Stack]:
    """A stack on SQLite."""
    settings = settings_for(sqlite_url, tmp_path)
    gateway = await open_gateway(settings, clock, environ={})
    issuer = open_issuer(settings.oauth, clock)
    try:
        async with AsyncTestClient(create_app(gateway), raise_server_exceptions=False) as client:
            yield Stack(client, gateway, issuer, clock)
    finally:
        await gateway.close()
