"""The second lounge knows no voucher of ours: the running gateway asks it who came, and tells what fits no voucher."""

from __future__ import annotations

import asyncio
from datetime import datetime, time, timedelta
from functools import partial

import pytest

from adapters.lounges.mastercard_airport.simulator_book import AirportBook
from gateway.background import background
from gateway.operations.alarms import list_alarms
from gateway.usage.store import KeptUse, list_uses
from gateway.usage.worker import UNMATCHED, UsageWorker
from tests.api.journey.house import House, Member, MovableClock
from tests.api.journey.test_trip import CARDS, visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERY = ("matched", "differs", "unmatched", "explained")


class Tomorrow(MovableClock):
    """The house's clock a day later, so that nobody else's day is moved."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() + timedelta(days=1)


async def uses_of(house: House, member: Member) -> list[KeptUse]:
    found = await house.gateway.database.read(partial(list_uses, states=EVERY, partner=CARDS))
    return [one for one in found if one.member_id == member.id]


async def test_visits_are_polled_matched_and_what_fits_nothing_is_told(house: House, liu: Member) -> None:
    account = f"u{liu.id[-20:]}-4321"
    await liu.put(f"/v1/consents/{CARDS}/lounge_access", {"granted": True})
    await liu.put(f"/v1/partner-links/{CARDS}", {"account_number": account})
    made = await liu.captured(await liu.quote("lounge-card-visit", visit(house)))
    book = house.simulators[CARDS].book
    assert isinstance(book, AirportBook)
    tomorrow = datetime.combine(house.today + timedelta(days=1), time(9), house.clock.now().tzinfo)
    book.visit(account, "PVG1", tomorrow, 2)
    book.visit(account, "PEK1", tomorrow, 1, fee=4_500)
    here = house.gateway
    worker = UsageWorker(here.database, Tomorrow(house.clock), here.partners, here.contracts, here.identifiers)
    while not (found := await uses_of(house, liu)):
        await worker.once()
    await worker.once()
    assert await uses_of(house, liu) == found
    by_state = {one.state: one for one in found}
    assert set(by_state) == {"matched", "unmatched"}
    assert by_state["matched"].redemption_id == made["id"]
    assert (by_state["unmatched"].place, by_state["unmatched"].charge) == ("PEK1", 4_500)
    shown = await house.system("operations", "operations:read").get("/v1/alarms", params={"kind": UNMATCHED})
    assert by_state["unmatched"].id in {one["subject"] for one in shown.json()["items"]}
    alarms = await here.database.read(partial(list_alarms, limit=99, kind=UNMATCHED))
    assert account not in str(alarms)


async def test_a_serving_gateway_asks_by_itself(house: House) -> None:
    async with background(house.gateway):
        assert "uses" in {task.get_name() for task in asyncio.all_tasks()}
