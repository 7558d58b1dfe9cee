"""Nights over what a room has redeemed: a gateway on the room's database, and files as a test writes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from adapters.sdk.outcomes import Outcome
from adapters.sdk.records import CancelResult, ReservationRequest, StatementFile, StatementLine
from adapters.sdk.statement_file import parse_statement, write_statement
from catalogue.values import Money
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from config.settings import DatabaseSettings, FolderSettings, OAuthSettings, PartnerSettings, Settings
from gateway.cli.settlement.night import PartnerNight, night_of, take_in
from gateway.redemption.records import Redemption
from gateway.wiring import Gateway, open_gateway
from tests.support.partners import CAPABILITIES, PlainPartner
from tests.support.room import PARTNER, Room

NOBODY = "http://127.0.0.1:1"
"""Where nothing ever listens."""


class FilingPartner(PlainPartner):
    """Reserves, and accounts in files: nobody can ask it anything (profile G)."""

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        return parse_statement(name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        return None


class FencingFiler(FilingPartner):
    """Fences by our key besides (profile F)."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        self.calls.append("fence")
        self.book.tombstones.add(request.key)
        self.book.issued.pop(request.key, None)
        return CancelResult(outcome=Outcome.OK)


CAPABILITIES[FilingPartner] = ("reserves", "reports_statements")
CAPABILITIES[FencingFiler] = ("reserves", "fences", "reports_statements")


def row(redemption: Redemption, status: str = "booked", **changes: object) -> StatementLine:
    """Write what a file says of a redemption: by default that it was booked, as ``P-1``."""
    refund = changes.get("kind") == "refund"
    told: dict[str, object] = {
        "row": 1,
        "reference": redemption.partner_key,
        "partner_reference": "P-1",
        "kind": "visit",
        "service_date": date(2026, 12, 1),
        "quantity": 1,
        "amount": -12_000 if refund else 12_000,
        "status": status,
    } | changes
    if isinstance(told["amount"], int):
        told["amount"] = Money(told["amount"], "CNY")
    return StatementLine(**told)  # type: ignore[arg-type]


def refund(redemption: Redemption, amount: int = 12_000, **changes: object) -> StatementLine:
    """Write that something was given back; by default all of it."""
    return row(redemption, "refunded", kind="refund", amount=-amount, **changes)


@dataclass
class Nights:
    """A gateway that shares a room's database and partners."""

    room: Room
    gateway: Gateway
    sequence: int = 0

    async def run(self, day: date, *rows: StatementLine, partner: str = PARTNER) -> PartnerNight:
        """Take in a file of a day, and run its night once the day is over."""
        await self.take_in(day, *rows, partner=partner)
        return await self.again(day, partner=partner)

    async def take_in(self, day: date, *rows: StatementLine, partner: str = PARTNER) -> None:
        """Take in a file of a day once the day is over."""
        over = day + timedelta(days=1)
        if (now := self.room.clock.now()).date() < over:
            self.room.clock.advance(days=(over - now.date()).days)
        self.sequence += 1
        content = write_statement(partner, day, self.sequence, "CNY", rows)
        (report,) = await take_in(self.gateway, partner, ((f"{day}-{self.sequence}.csv", content),))
        assert report.state == "accepted"

    async def again(self, day: date, partner: str = PARTNER) -> PartnerNight:
        """Run a night over what is there already."""
        night = await night_of(self.gateway, partner, day, (), lambda _: None)
        assert night.problem is None
        return night


@asynccontextmanager
async def nights_of(room: Room, database_url: str, folder: Path) -> AsyncIterator[Nights]:
    """Open a gateway for the nights of a room, with the room's partners in the place of its own."""
    settings = Settings(
        database=DatabaseSettings(url=database_url),
        oauth=OAuthSettings(key_file=folder / "issuer-key.json"),
        folders=FolderSettings(data=folder / "data", exports=folder / "exports"),
        partners=PartnerSettings(base_urls=dict.fromkeys(read_partner_files(PACKAGED_FOLDER), NOBODY)),
    )
    gateway = await open_gateway(settings, room.clock, environ={})
    try:
        gateway.partners.update(room.partners)
        yield Nights(room, gateway)
    finally:
        await gateway.close()
