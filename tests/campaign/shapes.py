"""One adapter of each profile, over our own contract: what a profile lacks is neither declared nor implemented.

And one more, whose partner does not keep to what it declares.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from adapters.direct import create as create_direct
from adapters.direct.adapter import DirectAdapter
from adapters.sdk.capabilities import Step
from adapters.sdk.context import AdapterContext
from adapters.sdk.records import (
    CancelResult,
    LookUpResult,
    Offer,
    OfferRequest,
    PartnerEvent,
    ReservationRequest,
    StatementFile,
    StepResult,
)

VALIDITY_SECONDS = 5
"""The window of a campaign, short so that its end is met; outages are measured with one that is longer than they."""
STALENESS_SECONDS = 2
"""How far behind a look-up may be, at a partner that can be asked."""
BASE = ("quotes_offers", "reserves", "reports_statements")


@dataclass(frozen=True)
class Shape:
    """What a partner of one profile declares beside the base.

    ``doubles``: it breaks its word. A repeat is granted once more under the same key, and a look-up may be further
    behind than it says (NW-24).
    """

    capabilities: tuple[str, ...]
    on_repeat: str
    checks_key_first: bool = False
    validity_enforced: bool = False
    doubles: bool = False

    @property
    def all_capabilities(self) -> tuple[str, ...]:
        """Everything that its manifest names."""
        return (*BASE, *self.capabilities)


SHAPES = {
    "A": Shape(("looks_up", "cancels", "fences", "receives_webhooks"), "replay", checks_key_first=True),
    "B": Shape(("looks_up", "cancels"), "replay", validity_enforced=True),
    "C": Shape(("looks_up", "cancels"), "refuse"),
    "D": Shape(("looks_up", "fences"), "again"),
    "E": Shape(("looks_up", "cancels"), "again"),
    "F": Shape(("fences",), "replay"),
    "G": Shape((), "again"),
    "H": Shape(("looks_up", "fences"), "replay", doubles=True),
}
"""By profile; H is no profile of the design: it declares what D would with a promise that repeats are harmless."""
COPIES = "+"
"""Stands in a reference that H shows between the booking and the number of its copies."""

MANIFEST = """
name = "profile_{letter}"
title = "A partner of profile {profile}, for the fault campaign"
segment = "any"
api_version = 1
capabilities = {capabilities}
auth = "oauth2_client_credentials"
auth_settings = {{ token_path = "/oauth/token", scope = "benefits" }}
webhook_scheme = "{scheme}"
sources = ["docs/direct-contract.md, as far as profile {profile} goes"]

[credentials]
client_id = "text"
client_secret = "secret"

[facts]
on_repeat = "{shape.on_repeat}"
checks_key_first = {first}
validity_enforced = {validity}
look_up_staleness_seconds = {staleness}

[facts.key]
field = "key"
min_length = 8
max_length = 64

[limits]
deadline_seconds = 1.0
concurrency = 16
queue = 256
validity_seconds = {seconds}
processing_seconds = 1
cancel_deadline_seconds = 12

[statement]
format = "contractual-v1"
cut_off = "00:00"
time_zone = "Asia/Shanghai"
"""


def write_shapes(folder: Path, validity_seconds: int = VALIDITY_SECONDS) -> None:
    """Write an adapter package of each profile, to be named in ``folders.adapters``."""
    for profile, shape in SHAPES.items():
        package = folder / f"profile_{profile.lower()}"
        package.mkdir(parents=True)
        manifest = MANIFEST.format(
            letter=profile.lower(),
            profile=profile,
            shape=shape,
            scheme="standard_webhooks" if "receives_webhooks" in shape.capabilities else "",
            capabilities=json.dumps(shape.all_capabilities),
            first=str(shape.checks_key_first).lower(),
            validity=str(shape.validity_enforced).lower(),
            seconds=validity_seconds,
            staleness=STALENESS_SECONDS if "looks_up" in shape.capabilities else 0,
        )
        (package / "manifest.toml").write_text(manifest, encoding="utf-8")
        text = f"from tests.campaign.shapes import creator\n\ncreate = creator({profile!r})\n"
        (package / "__init__.py").write_text(text, encoding="utf-8")


class Base:
    """Prices, reserves and accounts (G)."""

    steps: tuple[Step, ...] = DirectAdapter.steps

    def __init__(self, direct: DirectAdapter) -> None:
        """Speak through the adapter of the whole contract."""
        self.direct = direct

    async def quote_offers(self, request: OfferRequest) -> tuple[Offer, ...]:
        """Ask for offers."""
        return await self.direct.quote_offers(request)

    async def run_step(self, step: str, request: ReservationRequest) -> StepResult:
        """Reserve."""
        return await self.direct.run_step(step, request)

    def parse_statement(self, name: str, content: bytes) -> StatementFile:
        """Read a file."""
        return self.direct.parse_statement(name, content)

    async def fetch_statement(self, business_date: date) -> tuple[str, bytes] | None:
        """Fetch a file."""
        return await self.direct.fetch_statement(business_date)


class LooksUp(Base):
    """Looks up by our key."""

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        """Look up."""
        return await self.direct.look_up(request)


class LooksUpAndCancels(LooksUp):
    """Looks up, and cancels by the partner's reference (B, C, E)."""

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Cancel."""
        return await self.direct.cancel(request, partner_reference)


class Fences(Base):
    """Fences by our key (F)."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        """Fence."""
        return await self.direct.fence(request)


class LooksUpAndFences(LooksUp):
    """Looks up and fences (D)."""

    async def fence(self, request: ReservationRequest) -> CancelResult:
        """Fence."""
        return await self.direct.fence(request)


class Whole(LooksUpAndFences):
    """Does everything that a reservation may need, and calls back (A)."""

    async def cancel(self, request: ReservationRequest, partner_reference: str) -> CancelResult:
        """Cancel."""
        return await self.direct.cancel(request, partner_reference)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...], now: int) -> str:
        """Verify a callback."""
        return self.direct.verify_webhook(headers, body, secrets, now)

    def read_webhook(self, message_id: str, body: bytes) -> PartnerEvent | None:
        """Read a callback."""
        return self.direct.read_webhook(message_id, body)


FRAMES: dict[tuple[str, ...], type[Base]] = {
    (): Base,
    ("looks_up", "cancels", "fences", "receives_webhooks"): Whole,
    ("looks_up", "cancels"): LooksUpAndCancels,
    ("fences",): Fences,
    ("looks_up", "fences"): LooksUpAndFences,
}


class Counts(LooksUpAndFences):
    """Sees how many bookings stand under one key (H)."""

    async def look_up(self, request: ReservationRequest) -> LookUpResult:
        """Look up, and count."""
        found = await self.direct.look_up(request)
        reference, _, copies = (found.partner_reference or "").partition(COPIES)
        return msgspec.structs.replace(found, partner_reference=reference or None, copies=int(copies or 1))


def creator(profile: str) -> Callable[[AdapterContext], object]:
    """Answer what makes the adapter of a profile."""
    shape = SHAPES[profile]
    frame = Counts if shape.doubles else FRAMES[shape.capabilities]
    return lambda context: frame(create_direct(context))
