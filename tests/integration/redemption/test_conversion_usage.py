"""What counts as converted, on both databases: everything but what was voided, each under its own day and pair."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.records import Mileage
from catalogue.conversion_caps import Used
from catalogue.loader import load_catalogue
from config.database import Database
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from gateway.redemption import store
from gateway.redemption.conversion_usage import conversions_used
from gateway.redemption.records import Quote, Redemption
from gateway.redemption.tables import redemptions
from tests.support.partners import PlainPartner
from tests.support.room import MEMBER, Room, open_room

CATALOGUE = load_catalogue(PACKAGED_FOLDER, tuple(read_partner_files(PACKAGED_FOLDER)))
MILES = CATALOGUE.conversions[0]


async def converted(room: Room, points: int, contract_id: str | None) -> Redemption:
    """Take in what looks like a conversion under a contract."""
    plain: Quote = await room.quote(points=points)
    quote = msgspec.structs.replace(
        plain,
        id=room.identifiers.new("quote"),
        kind="conversion" if contract_id else "benefit",
        contract_id=contract_id,
        contract_version=1,
        service=Mileage(account="SK-1", quantity=points * 4 // 5),
    )
    await room.database.write(partial(store.add_quote, quote=quote))
    taken = await room.database.write(
        partial(room.intake.take_in, quote_id=quote.id if contract_id else plain.id, member_id=MEMBER, kind=quote.kind)
    )
    return taken


async def test_what_was_converted_is_listed_and_what_was_voided_is_not(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=PlainPartner())
    today = room.clock.now()

    def set_state(connection: Connection, redemption_id: str, state: str, days: int) -> None:
        changes = {"state": state, "requested_at": today - timedelta(days=days)}
        connection.execute(redemptions.update().where(redemptions.c.id == redemption_id).values(changes))

    for points, state, days in ((500, "captured", 40), (1_000, "unknown", 2), (1_500, "voided", 1), (2_000, "held", 0)):
        one = await converted(room, points, MILES.id)
        await database.write(partial(set_state, redemption_id=one.id, state=state, days=days))
    await converted(room, 600, None)
    await converted(room, 700, "a-contract-that-left-the-files")
    used = await database.read(partial(conversions_used, catalogue=CATALOGUE, member_id=MEMBER))
    on: date = CATALOGUE.programme.today(today)
    assert used == (
        Used(on - timedelta(days=40), *MILES.pair, 500, 400),
        Used(on - timedelta(days=2), *MILES.pair, 1_000, 800),
        Used(on, *MILES.pair, 2_000, 1_600),
    )
    assert await database.read(partial(conversions_used, catalogue=CATALOGUE, member_id="mbr_other")) == ()
    assert (
        await database.read(
            lambda connection: connection.execute(sa.select(sa.func.count()).select_from(redemptions)).scalar_one()
        )
        == 6
    )
