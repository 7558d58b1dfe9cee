"""``python -m tests.campaign.partners``: the partners of a campaign, one of each profile, in one process.

Each keeps the promises of its profile and no other: a repeat is granted again where that is declared, a late request is
refused only where the window is enforced, a fence holds for ever. So whatever goes wrong is the gateway's fault. Only H
breaks its word: a repeat is booked once more, which the gateway has to find out. F speaks TLS (`tests.campaign.veil`).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import date, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import click
import msgspec
from litestar import Request, Response, get, post

from adapters.direct import wire
from adapters.direct.simulator import around
from adapters.direct.simulator_book import DirectBook, Held
from adapters.direct.simulator_desk import Desk, refuse
from adapters.sdk.records import StatementLine
from adapters.sdk.testing.book import LYING
from adapters.sdk.testing.control import answer, read
from adapters.sdk.testing.simulator import Simulator, SimulatorOptions, make_sender
from tests.campaign.doors import door
from tests.campaign.shapes import COPIES, SHAPES, STALENESS_SECONDS, VALIDITY_SECONDS, Shape
from tests.campaign.storm import Storm, Weather
from tests.campaign.veil import veil

SOLD_OUT = 0.05
SECRET = "whsec_2DipUdf/cBcAhl8+1wpzElssI9x93V/Y"
SKEW = timedelta(seconds=60)
SAFELY = 0.5
"""A look-up is asked a little before it is answered: what it may not show yet has to be younger than promised."""
HIDDEN_SECONDS = 5.0
"""How far behind a look-up may be at the partner that breaks its word."""
VEILED = "F"
"""The profile that is spoken to by TLS."""


class Grants(msgspec.Struct):
    """What the partner did under each key, for the judge: how often it granted, and what it only pretended."""

    granted: Counter[str] = msgspec.field(default_factory=Counter)
    lied: set[str] = msgspec.field(default_factory=set)


class Mood(msgspec.Struct, frozen=True):
    """How often a partner is sold out, and how long a request of ours is good where it judges that."""

    sold_out: float = SOLD_OUT
    validity_seconds: int = VALIDITY_SECONDS


USUAL = Mood()


class ShapedDesk(Desk):
    """Reserves by the facts of one profile."""

    book: RoomyBook

    def __init__(self, options: SimulatorOptions, book: RoomyBook, shape: Shape, mood: Mood) -> None:
        """Take the facts."""
        super().__init__(options, book, make_sender(options))
        self.shape = shape
        self.mood = mood
        self.grants = Grants()
        self.storm = Storm(f"{options.seed} {options.partner}")
        self._dice = Random(f"{options.seed} {options.partner} desk")
        self._granted_at: dict[str, float] = {}

    def reserve(self, key: str, body: wire.ReserveBody) -> tuple[int, object]:
        """Reserve, as far as the profile promises."""
        refused = None if self._judged_first(key) else self._not_now(key, body)
        if refused is not None:
            return refused
        held = self.book.held(key)
        if held is not None and held.reservation.status is wire.Status.RESERVED:
            if self.shape.on_repeat == "refuse":
                return 409, refuse("duplicate", key)
            if self.shape.on_repeat == "again":
                self._count(key)
                return 200, held.reservation
            if self.shape.doubles:
                self._count(key)
                self.book.copies[key] += 1
                self.storm.meet("booked_twice")
                return 200, held.reservation
        status, told = super().reserve(key, body)
        if status == 201:
            self._count(key)
        return status, told

    def shown(self, key: str) -> Held | None:
        """Show what holds; now and then an old copy, in which what was granted a moment ago is not there yet."""
        behind = HIDDEN_SECONDS if self.shape.doubles else STALENESS_SECONDS - SAFELY
        young = monotonic() - self._granted_at.get(key, -behind) < behind
        if young and self.storm.is_behind():
            self.storm.meet("stale_look_up")
            return None
        held = super().shown(key)
        copies = self.book.copies[key]
        if held is None or not copies or held.reservation.reference is None:
            return held
        counted = f"{held.reservation.reference}{COPIES}{1 + copies}"
        return msgspec.structs.replace(held, reservation=msgspec.structs.replace(held.reservation, reference=counted))

    def _judged_first(self, key: str) -> bool:
        return self.shape.checks_key_first and self.book.held(key) is not None

    def _not_now(self, key: str, body: wire.ReserveBody) -> tuple[int, object] | None:
        window = timedelta(seconds=self.mood.validity_seconds) + SKEW
        if self.shape.validity_enforced and self.now() > body.requested_at + window:
            return 409, refuse("offer_expired", key)
        return (409, refuse("sold_out", key)) if self._dice.random() < self.mood.sold_out else None

    def _count(self, key: str) -> None:
        self._granted_at[key] = monotonic()
        if LYING.get():
            self.grants.lied.add(key)
        else:
            self.grants.granted[key] += 1

    def _refusal(self, body: wire.ReserveBody) -> tuple[int, str] | None:
        """Refuse what was never offered; there is room enough, whatever the day."""
        found = super()._refusal(body)
        return None if found == (409, "offer_expired") else found


class RoomyBook(DirectBook):
    """Has room for everybody, without counting them. ``copies``: how often a key was booked beside the first time."""

    def __init__(self, time_zone: str) -> None:
        """Begin with none."""
        super().__init__(time_zone)
        self.copies: Counter[str] = Counter()

    def taken(self, service: Any) -> int:
        """Answer 0."""
        return 0

    def _lines(self, held: Held, day: date) -> Iterator[StatementLine]:
        for line in super()._lines(held, day):
            yield line
            for number in range(self.copies[held.reservation.key]):
                yield msgspec.structs.replace(line, partner_reference=f"{line.partner_reference}-{number + 2}")


def create(profile: str, seed: int, webhook_url: str | None = None, mood: Mood = USUAL) -> Simulator:
    """Make the partner of a profile."""
    options = SimulatorOptions(
        partner=partner_id(profile), seed=seed, webhook_url=webhook_url, webhook_secret=webhook_url and SECRET
    )
    desk = ShapedDesk(options, RoomyBook("Asia/Shanghai"), SHAPES[profile], mood)
    simulator = around(desk, _control(desk))
    simulator.faults = desk.storm
    return simulator


def partner_id(profile: str) -> str:
    """Name the partner of a profile."""
    return f"campaign-{profile.lower()}"


def _control(desk: ShapedDesk) -> list[Any]:
    @post("/weather")
    async def weather(request: Request[Any, Any, Any]) -> Response[bytes]:
        storm = request.app.state.simulator.faults
        storm.weather = await read(request, Weather)
        return answer({})

    @get("/grants")
    async def grants(request: Request[Any, Any, Any]) -> Response[bytes]:
        frame = request.app.state.simulator
        standing = [
            held.reservation.key
            for held in desk.book.all_held()
            if held.reservation.status in (wire.Status.RESERVED, wire.Status.USED)
        ]
        told = {
            "granted": dict(desk.grants.granted),
            "lied": sorted(desk.grants.lied),
            "standing": standing,
            "met": frame.faults.met,
            "counts": dict(frame.counts),
        }
        return answer(told)

    return [weather, grants]


@click.command()
@click.option("--seed", type=int, required=True)
@click.option("--webhook-url", required=True, help="Where the partner of profile A calls back.")
@click.option("--willing", is_flag=True, help="Never be sold out.")
@click.option("--validity-seconds", default=VALIDITY_SECONDS, help="How long a request of ours is good.")
@click.option("--certificates", type=click.Path(path_type=Path), required=True, help="The folder they are made in.")
def main(seed: int, webhook_url: str, willing: bool, validity_seconds: int, certificates: Path) -> None:
    """Serve until standard input ends; print by profile the addresses of control and partner, on one line."""
    mood = Mood(sold_out=0.0 if willing else SOLD_OUT, validity_seconds=validity_seconds)
    asyncio.run(_serve(seed, webhook_url, mood, certificates))


async def _serve(seed: int, webhook_url: str, mood: Mood, certificates: Path) -> None:
    over = asyncio.Event()
    async with AsyncExitStack() as closing:
        addresses = {}
        for profile in SHAPES:
            simulator = create(profile, seed, webhook_url if profile == "A" else None, mood)
            control = address = await closing.enter_async_context(door(simulator, f"{seed} {profile}"))
            if profile == VEILED:
                assert isinstance(simulator.faults, Storm)
                veiled = veil(address, simulator.faults, f"{seed} {profile}", certificates)
                address = await closing.enter_async_context(veiled)
            addresses[profile] = (control, address)
        click.echo(json.dumps(addresses))
        sys.stdout.flush()

        def listen() -> None:
            if not os.read(0, 1024):
                over.set()

        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), listen)
        await over.wait()


if __name__ == "__main__":
    main()
