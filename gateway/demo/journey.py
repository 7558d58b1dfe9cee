"""The six steps of the journey, each through the same doors that the real callers use."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx

from config.clock import Clock
from gateway.demo.api import Caller, Simulator, UnexpectedAnswerError
from gateway.demo.simulators import AIRLINE, CARS, HOTEL, LOUNGE, RIDES
from gateway.demo.world import World

MEMBER = "crm-liu-0001"
EARNINGS = (("new_car", 20_000_000), ("parts", 8_000_000), ("parts", 1_000_000))
"""What Mr Liu has spent before the journey, in fen: a Magotan and parts for it; enough for gold, not for platinum."""
UNASKABLE = (RIDES, CARS)
"""Partners whose lost answers only people or a file can replace; their legs are booked first."""
CONVERTED_POINTS = 2_000
UNDECIDED = {"held", "submitting", "unknown", "accepted", "cancelling"}
WAIT_SECONDS = 60.0
TABLES = {LOUNGE: "reservations", HOTEL: "itineraries", AIRLINE: "credits", CARS: "bookings", RIDES: "orders"}
"""The table of each simulator's book that holds what was granted."""


@dataclass
class Story:
    """What happened, for the closing table."""

    points_in: int = 0
    redemptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    wallet: dict[str, int] = field(default_factory=dict)
    voucher_consumed: bool = False
    upgrade_minor_units: int = 0
    status_granted: str | None = None


class Journey:
    """Mr Liu, the club's CRM, the lounge's desk and the partners' simulators."""

    def __init__(self, world: World, http: httpx.AsyncClient, clock: Clock, *, kills: int) -> None:
        """Take the running world; ``kills`` is how often the gateway is killed while it redeems."""
        self._world = world
        self._http = http
        self._clock = clock
        self._kills = kills
        self._chance = random.Random(world.seed)  # noqa: S311
        self._crm = Caller(http, world.gateway_url, "crm")
        self._desk = Caller(http, world.gateway_url, "skyhub-desk")
        self._operator = Caller(http, world.gateway_url, "operator")
        self._member = Caller(http, world.gateway_url, "member-app")
        self._simulators = {name: Simulator(http, url) for name, url in world.simulators.items()}
        self._today = date.min
        self.story = Story()

    async def prepare(self, today: date) -> str:
        """Mr Liu joins, buys a car, becomes gold, links his airline account and consents."""
        self._today = today
        profile = {"given_name": "Wei", "family_name": "Liu", "email": "liu@example.com", "phone": "+8613900000001"}
        member = await self._crm.put(f"/v1/members/{MEMBER}", {"city": "Changchun", "profile": profile})
        self._member.member_id = member["id"]
        now = self._clock.now().isoformat().replace("+00:00", "Z")
        for number, (activity, amount) in enumerate(EARNINGS):
            reference = f"order-{number}"
            money = {"amount": amount, "currency": "CNY"}
            body = {"activity": activity, "amount": money, "occurred_at": now, "reference": reference}
            earned = await self._crm.post(f"/v1/members/{member['id']}/accruals", body, key=reference)
            self.story.points_in += earned["points"]
        for partner in (HOTEL, CARS, RIDES):
            await self._member.put(f"/v1/consents/{partner}/booking", {"granted": True})
        await self._member.put(f"/v1/consents/{AIRLINE}/mileage_credit", {"granted": True})
        await self._member.put(f"/v1/partner-links/{AIRLINE}", {"account_number": "8800123456"})
        me = await self._member.get("/v1/me")
        return f"{me['tier']} member with {me['wallet']['available']:,} points"

    async def book_trip(self) -> str:
        """Step 1: one itinerary, four partners, one confirmation.

        The gateway may be killed only once transfer and car are granted: an answer of theirs that is lost cannot be
        asked for again, and would be for people to decide.
        """
        arrival = self._today + timedelta(days=14)
        stay = {
            "kind": "stay",
            "city": "SHA",
            "check_in_date": arrival.isoformat(),
            "check_out_date": (arrival + timedelta(days=1)).isoformat(),
        }
        transfer = await self._quote("airport-transfer", _ride(arrival))
        car = await self._quote("rental-car", _rental(arrival))
        hotel = await self._quote("hotel-upgrade", stay)
        lounge = await self._quote("lounge-visit", self._visit())
        self.story.upgrade_minor_units = hotel["price"]["amount"] - hotel["base_price"]["amount"]
        legs = {"transfer": transfer, "car": car, "hotel": hotel, "lounge": lounge}
        body = {"quote_ids": [leg["id"] for leg in legs.values()], "policy": "all_or_nothing"}
        trip = await self._redeeming(self._member.post("/v1/itineraries", body, key="trip"), self._unaskable_granted)
        trip = await self._until(f"/v1/itineraries/{trip['id']}", {"processing", "undoing"})
        if trip["state"] != "confirmed":
            raise UnexpectedAnswerError(f"The trip is {trip['state']}.")
        for leg in trip["legs"]:
            self.story.redemptions[leg["id"]] = leg
        told = ", ".join(f"{name} ({leg['points']:,} points)" for name, leg in legs.items())
        return f"{told}: {trip['state']}"

    async def use_status(self) -> str:
        """Step 2: gold gives a better room at shared cost, and gold status at the hotel."""
        match = await self._member.post("/v1/tier-matches", {"partner": HOTEL}, key="match")
        self.story.status_granted = match["status"]["tier"]
        cost = self.story.upgrade_minor_units
        return f"upgrade worth {cost // 100}.{cost % 100:02d} CNY shared; {self.story.status_granted} at the hotel"

    async def visit_lounge(self) -> str:
        """Step 3: the desk verifies and consumes the voucher; a signed callback reports one guest."""
        leg = next(leg for leg in self.story.redemptions.values() if leg["partner"] == LOUNGE)
        code = leg["voucher"]["code"]
        verified = await self._desk.post("/v1/vouchers/verify", {"code": code})
        use = {"code": code, "location": "PVG T2", "guests": 1}
        consumed = await self._desk.post("/v1/vouchers/consume", use, key="desk-1")
        self.story.voucher_consumed = consumed["state"] == "consumed"
        visit = {"reference": leg["partner_reference"], "guests": 1}
        await self._simulators[LOUNGE].post("/_simulator/visits", visit)
        return f"voucher {verified['state']}, then {consumed['state']}; visit with one guest reported"

    async def convert(self) -> str:
        """Step 4: points become miles; the airline queues them and posts them overnight."""
        quote = await self._member.post("/v1/conversions/quotes", {"partner": AIRLINE, "points": CONVERTED_POINTS})
        body = {"quote_id": quote["id"]}
        conversion = await self._redeeming(self._member.post("/v1/conversions", body, key="miles"))
        queued = await self._until(f"/v1/conversions/{conversion['id']}", UNDECIDED - {"accepted"})
        await self._simulators[AIRLINE].post("/_simulator/night", {"business_date": self._today.isoformat()})
        credited = await self._until(f"/v1/conversions/{conversion['id']}", UNDECIDED)
        self.story.redemptions[credited["id"]] = credited
        return (
            f"{quote['points']:,} points: {queued['state']}; overnight {quote['receives']:,} miles {credited['state']}"
        )

    async def survive_time_out(self) -> str:
        """Step 5: the partner books and never answers; the gateway finds out and finishes once."""
        fault = {"operation": "reserve", "mode": "commit_then_hang", "times": 1, "seconds": 30}
        await self._simulators[LOUNGE].post("/_simulator/faults", fault)
        quote = await self._quote("lounge-visit", self._visit())
        body = {"quote_id": quote["id"]}
        first = await self._redeeming(self._member.post("/v1/redemptions", body, key="lost-answer"))
        last = await self._until(f"/v1/redemptions/{first['id']}", UNDECIDED)
        self.story.redemptions[last["id"]] = last
        return f"booked, answer lost; {first['state']}, found out, {last['state']}"

    async def close(self) -> None:
        """Wait until no callback waits to be worked off, then read the wallet for the closing table."""
        await self._worked_off(LOUNGE)
        await self._worked_off(AIRLINE)
        self.story.wallet = (await self._member.get("/v1/me"))["wallet"]

    async def partner_effects(self) -> dict[str, int]:
        """Count what each partner really granted, by its own book."""
        books = {name: await self._simulators[name].get("/_simulator/book") for name in TABLES}
        return {name: len(books[name].get(table, {})) for name, table in TABLES.items()}

    async def _worked_off(self, partner: str) -> None:
        begin = self._clock.monotonic()
        while (await self._operator.get(f"/v1/partners/{partner}"))["workload"]["callbacks_waiting"]:
            if self._clock.monotonic() - begin > WAIT_SECONDS:
                raise UnexpectedAnswerError(f"Callbacks of {partner} are not worked off.")
            await self._clock.sleep(0.2)

    def _visit(self) -> dict[str, Any]:
        return {"kind": "visit", "airport": "PVG", "lounge_id": "PVG-T2", "visit_date": self._today.isoformat()}

    async def _quote(self, benefit: str, service: dict[str, Any]) -> Any:
        return await self._member.post("/v1/quotes", {"benefit_id": benefit, "service": service, "pay_with": "points"})

    async def _unaskable_granted(self) -> None:
        """Wait until the legs at partners that cannot be asked again are captured."""
        begin = self._clock.monotonic()
        while self._clock.monotonic() - begin < WAIT_SECONDS:
            found = (await self._member.get("/v1/redemptions"))["items"]
            states = {one["partner"]: one["state"] for one in found}
            if all(states.get(partner) == "captured" for partner in UNASKABLE):
                return
            await self._clock.sleep(0.01)

    async def _redeeming(self, request: Any, ready: Callable[[], Awaitable[None]] | None = None) -> Any:
        """Make a request that moves value; while kills are left, the gateway dies at a random moment of it.

        ``ready`` says from when on it may die.
        """
        if self._world.kills >= self._kills:
            return await request
        task = asyncio.ensure_future(request)
        if ready is not None:
            await ready()
        await asyncio.sleep(self._chance.uniform(0.0, 0.4))
        await self._world.kill_gateway()
        return await task

    async def _until(self, path: str, states: set[str]) -> Any:
        """Read something until its state is none of these."""
        begin = self._clock.monotonic()
        while True:
            found = await self._member.get(path)
            if found["state"] not in states:
                return found
            if self._clock.monotonic() - begin > WAIT_SECONDS:
                raise UnexpectedAnswerError(f"{path} is still {found['state']} after {WAIT_SECONDS:.0f} s.")
            await self._clock.sleep(0.1)


def _ride(day: date) -> dict[str, Any]:
    """From the airport into town, at noon there."""
    at = f"{day.isoformat()}T04:00:00Z"
    return {"kind": "ride", "pick_up": "PVG", "drop_off": "Shanghai, the Bund", "pick_up_at": at}


def _rental(day: date) -> dict[str, Any]:
    """A car for the afternoon, from one airport to the other."""
    return {
        "kind": "rental",
        "pick_up_station": "SHA",
        "drop_off_station": "PVG",
        "pick_up_at": f"{day.isoformat()}T05:00:00Z",
        "drop_off_at": f"{day.isoformat()}T11:00:00Z",
        "driver_birth_date": "1988-01-12",
    }
