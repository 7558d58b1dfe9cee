"""The redemption room around partners in memory: real database, real ledger, real catalogue and contracts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, partial

from sqlalchemy import Connection

from adapters.sdk.records import Visit
from catalogue.benefits import PayWith
from catalogue.identifiers import Identifiers
from catalogue.loader import load_catalogue
from catalogue.members import MemberInput, upsert_member
from catalogue.model import Catalogue
from catalogue.values import Money
from config.database import Database
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from config.settings import RedemptionSettings
from gateway.partners import Partners
from gateway.redemption import store
from gateway.redemption.effects import Effects
from gateway.redemption.engine import Engine
from gateway.redemption.intake import Intake
from gateway.redemption.observer import Observer
from gateway.redemption.records import POINTS, Quote, Redemption
from gateway.redemption.reversal_engine import ReversalEngine
from gateway.redemption.seams import Seams
from gateway.redemption.sweeper import Sweeper
from settlement import ledger
from settlement.audit import audit
from settlement.contracts import PartnerContract, read_contract
from tests.support.clocks import ManualClock
from tests.support.partners import PlainPartner, connected

MEMBER = "mbr_00000000000000000000000001"
PARTNER = "skyhub-lounge"
OTHER_PARTNER = "expedia-rapid"
OPENING = 10_000


Changing = Callable[[Catalogue], Catalogue]


def same(catalogue: Catalogue) -> Catalogue:
    """Change nothing."""
    return catalogue


@dataclass
class Room:
    """Everything of the redemption room, opened on a test database."""

    database: Database
    clock: ManualClock
    partners: Partners
    effects: Effects
    identifiers: Identifiers
    seams: Seams
    intake: Intake
    engine: Engine
    reversals: ReversalEngine
    observer: Observer
    sweeper: Sweeper

    async def quote(self, *, partner: str = PARTNER, points: int = 600, guests: int = 0) -> Quote:
        """Store a quote of a lounge visit (or a hotel upgrade's price shape is not needed here)."""
        now = self.clock.now()
        quote = Quote(
            id=self.identifiers.new("quote"),
            kind="benefit",
            member_id=MEMBER,
            partner=partner,
            benefit_id="lounge-visit" if partner == PARTNER else "hotel-stay",
            benefit_version=1,
            contract_id=None,
            contract_version=None,
            pay_with=PayWith.POINTS,
            commodity=POINTS,
            quantity=points,
            service=Visit(airport="PVG", lounge_id="L1", visit_date=date(2026, 12, 1), guests=guests),
            offer_token="offer",
            title="Visit",
            price=Money(12_000 * (1 + guests), "CNY"),
            base_price=None,
            created_at=now,
            expires_at=now + timedelta(minutes=15),
        )
        await self.database.write(partial(store.add_quote, quote=quote))
        return quote

    async def take_in(self, *, points: int = 600, partner: str = PARTNER, guests: int = 0) -> str:
        """Quote and take in one redemption; answer its id."""
        quote = await self.quote(points=points, partner=partner, guests=guests)
        taken = await self.database.write(partial(self.intake.take_in, quote_id=quote.id, member_id=MEMBER))
        return taken.id

    async def redeem(self, *, points: int = 600) -> Redemption:
        """Take in a redemption and advance it once."""
        redemption_id = await self.take_in(points=points)
        await self.engine.advance(redemption_id)
        return await self.get(redemption_id)

    async def get(self, redemption_id: str) -> Redemption:
        """Read a redemption."""
        return await self.database.read(partial(store.must_get, redemption_id=redemption_id))

    async def balance(self) -> tuple[int, int]:
        """Answer (available, held) points of the member."""
        for balance in await self.database.read(partial(ledger.balances, member_id=MEMBER, at=self.clock.now())):
            if balance.commodity == POINTS:
                return balance.available, balance.held
        return 0, 0

    def seams_on(self, database: Database) -> Seams:
        """Give the seams of another process on the same database."""
        return replace(self.seams, database=database)

    async def require_clean_books(self) -> None:
        """Audit the whole ledger."""
        report = await self.database.read(audit)
        assert report.findings == ()


@cache
def read_packaged() -> tuple[dict[str, PartnerContract], Catalogue]:
    """Read the packaged contracts and catalogue, once for all tests of a process."""
    files = read_partner_files(PACKAGED_FOLDER)
    contracts = {
        name: read_contract(PACKAGED_FOLDER / "partners" / f"{name}.toml", file) for name, file in files.items()
    }
    return contracts, load_catalogue(PACKAGED_FOLDER, tuple(files))


async def open_room(
    database: Database, *, changing: Changing = same, clock: ManualClock | None = None, **adapters: PlainPartner
) -> Room:
    """Open the room with adapters by partner id (``-`` written ``_``); the member has `OPENING` points.

    ``changing`` exchanges what it likes of the packaged catalogue; time stands still unless a clock is given.
    """
    clock = clock or ManualClock()
    partners = Partners()
    for name, adapter in adapters.items():
        partner = name.replace("_", "-")
        partners[partner] = connected(adapter, partner=partner)
    contracts, packaged = read_packaged()
    catalogue = changing(packaged)
    identifiers = Identifiers(clock)
    settings = RedemptionSettings(lease_margin_seconds=0.0)
    effects = Effects(catalogue, contracts, identifiers)
    seams = Seams(database, clock, partners, effects, identifiers, settings)
    engine, reversals = Engine(seams, jitter=lambda: 0.0), ReversalEngine(seams, jitter=lambda: 0.0)
    room = Room(
        database=database,
        clock=clock,
        partners=partners,
        effects=effects,
        identifiers=identifiers,
        seams=seams,
        intake=Intake(seams, catalogue),
        engine=engine,
        reversals=reversals,
        observer=Observer(seams),
        sweeper=Sweeper(database, clock, engine, reversals, settings),
    )
    await database.write(partial(open_member, clock, OPENING))
    return room


def open_member(clock: ManualClock, points: int, connection: Connection) -> None:
    """Create the member with points that last a year."""
    upsert_member(connection, MemberInput(external_id="crm-1"), MEMBER, clock.now())
    ledger.issue(
        connection,
        key="opening",
        member_id=MEMBER,
        commodity=POINTS,
        quantity=points,
        at=clock.now(),
        expires_at=clock.now() + timedelta(days=365),
        reason="opening",
        reference="opening",
    )
