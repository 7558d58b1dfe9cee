"""A real gateway dies by SIGKILL between two steps of a redemption and is started again: one benefit, one payment.

The member's app keeps asking with its own key, as an app does; the partner is a simulator over real HTTP.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.crash_points import POINTS, CrashPoints
from config.errors import ConfigurationError
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from gateway.demo.api import Caller, Simulator
from gateway.demo.world import World

LOUNGE = "skyhub-lounge"
SETTING = "GATEWAY__FAULTS__CRASH_POINT"
DEATHS = {
    "cr_01": "key_claimed",
    "cr_02": "taken_in",
    "cr_03": "attempt_written",
    "cr_05": "answer_read",
    "cr_06": "answer_recorded",
}
"""Where the process dies, by the fault's id."""


@dataclass
class Club:
    """A gateway and one lounge as processes, and a member with points."""

    world: World
    app: Caller
    desk: Caller
    lounge: Simulator
    earned: int

    async def quote(self) -> str:
        """Ask for a visit's price."""
        day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        service = {"kind": "visit", "airport": "PVG", "lounge_id": "PVG-T2", "visit_date": day}
        body = {"benefit_id": "lounge-visit", "service": service, "pay_with": "points"}
        return str((await self.app.post("/v1/quotes", body))["id"])

    async def arm(self, point: str) -> None:
        """Start the gateway again, so that it will die at a place."""
        await self.world._stop_gateway()
        await self.world.start_gateway(**{SETTING: point})

    async def died_and_back(self) -> None:
        """See the gateway dead by the kill, and start it again."""
        assert await self.world.until_gateway_ends() == -signal.SIGKILL
        await self.world.start_gateway()

    async def captured(self, redemption_id: str) -> dict[str, Any]:
        """Wait until a redemption is captured."""
        async with asyncio.timeout(30):
            while (found := await self.app.get(f"/v1/redemptions/{redemption_id}"))["state"] != "captured":
                assert found["state"] != "voided", found
                await asyncio.sleep(0.1)
        answer: dict[str, Any] = found
        return answer

    async def reservations(self) -> dict[str, Any]:
        """Read what the lounge has granted."""
        found: dict[str, Any] = (await self.lounge.get("/_simulator/book")).get("reservations", {})
        return found

    async def callbacks_waiting(self) -> int:
        """Count the lounge's callbacks that were not worked off yet."""
        operator = Caller(self.app.http, self.world.gateway_url, "operator")
        waiting: int = (await operator.get(f"/v1/partners/{LOUNGE}"))["workload"]["callbacks_waiting"]
        return waiting

    async def require_one_effect(self, redemption: dict[str, Any]) -> None:
        """Compare the three books: the member's wallet, the partner's, the ledger."""
        wallet = (await self.app.get("/v1/me"))["wallet"]
        assert (wallet["available"], wallet["held"]) == (self.earned - redemption["points"], 0)
        assert len(await self.reservations()) == 1
        code, output = await self.world.run("audit", "--json")
        report = json.loads(output)
        assert (code, report["findings"], report["open_holds"]) == (0, [], [])


@asynccontextmanager
async def club(folder: Path, database_url: str) -> AsyncIterator[Club]:
    files = {LOUNGE: read_partner_files(PACKAGED_FOLDER)[LOUNGE]}
    async with World(folder / "world", files, 7, database_url) as world, httpx.AsyncClient() as http:
        crm = Caller(http, world.gateway_url, "crm")
        member = (await crm.put("/v1/members/liu", {"city": "Changchun"}))["id"]
        earning = {
            "activity": "new_car",
            "amount": {"amount": 25_000_000, "currency": "CNY"},
            "occurred_at": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "reference": "order-1",
        }
        earned = (await crm.post(f"/v1/members/{member}/accruals", earning, key="order-1"))["points"]
        app = Caller(http, world.gateway_url, "member-app", member)
        desk = Caller(http, world.gateway_url, "skyhub-desk")
        yield Club(world, app, desk, Simulator(http, world.simulators[LOUNGE]), earned)


@pytest.mark.parametrize("fault", DEATHS)
async def test_a_redemption_survives_its_process(tmp_path: Path, database_url: str, fault: str) -> None:
    assert fault in DEATHS
    async with club(tmp_path, database_url) as here:
        await here.arm(DEATHS[fault])
        quote = await here.quote()
        asking = asyncio.create_task(here.app.post("/v1/redemptions", {"quote_id": quote}, key="visit-1"))
        await here.died_and_back()
        redemption = await here.captured((await asking)["id"])
        again = await here.app.post("/v1/redemptions", {"quote_id": quote}, key="visit-1")
        assert (again["id"], again["state"]) == (redemption["id"], "captured")
        await here.require_one_effect(redemption)


async def test_cr_04_killed_while_the_partner_works(tmp_path: Path, database_url: str) -> None:
    async with club(tmp_path, database_url) as here:
        fault = {"operation": "reserve", "mode": "commit_then_hang", "times": 1}
        await here.lounge.post("/_simulator/faults", fault)
        asking = asyncio.create_task(here.app.post("/v1/redemptions", {"quote_id": await here.quote()}, key="visit-1"))
        async with asyncio.timeout(30):
            while not await here.reservations():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await here.world.kill_gateway()
        await here.require_one_effect(await here.captured((await asking)["id"]))


async def test_a_callback_that_was_stored_is_applied_once_though_its_sender_hears_nothing(
    tmp_path: Path, database_url: str
) -> None:
    """WH-18."""
    async with club(tmp_path, database_url) as here:
        redemption = await here.app.post("/v1/redemptions", {"quote_id": await here.quote()}, key="visit-1")
        await here.captured(redemption["id"])
        await here.arm("callback_stored")
        visit = {"reference": (await here.captured(redemption["id"]))["partner_reference"], "guests": 0}
        await here.lounge.post("/_simulator/visits", visit)
        await here.died_and_back()
        async with asyncio.timeout(30):
            while await here.callbacks_waiting():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await here.require_one_effect(await here.captured(redemption["id"]))


def test_every_place_is_died_at_by_a_test() -> None:
    assert {*DEATHS.values(), "callback_stored"} == set(POINTS)


@pytest.mark.parametrize("armed", ["nowhere", "taken_in:", "taken_in:x", "taken_in:0", ":1"])
def test_a_place_that_is_none_stops_the_start(armed: str) -> None:
    with pytest.raises(ConfigurationError, match=r"faults\.crash_point"):
        CrashPoints(armed)
