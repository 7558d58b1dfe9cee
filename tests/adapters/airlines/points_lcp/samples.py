"""Requests of our own, and the recorded conditions under ``fixtures``: each file names its source."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from adapters.airlines import points_lcp
from adapters.airlines.points_lcp.mapping import PointsLcpOptions
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.records import Mileage, ReservationRequest, Traveller

FOLDER = Path(points_lcp.__file__).parent / "fixtures"
PROGRAMME = "4f1c2a70-programme"
BASE = "https://sandbox.lcp.example/v1"
KEY = "rdm_01jd8x7c9v5q2w3e4r5t6y7u8i"
VALIDATION = f"{BASE}/lps/{PROGRAMME}/mvs/mv-1001"
ORDER = f"{BASE}/orders/or-2001"
CREDIT = f"{BASE}/lps/{PROGRAMME}/credits/cr-3001"
OPTIONS = PointsLcpOptions(loyalty_programme=PROGRAMME)
MANIFEST = Path(points_lcp.__file__).parent / "manifest.toml"
BOTH = {"member_validation": VALIDATION, "order": ORDER}


class Fixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One recorded condition."""

    source: str
    status: int | None
    body: dict[str, Any]

    @property
    def content(self) -> bytes:
        return json.dumps(self.body).encode()

    @property
    def answer(self) -> PartnerAnswer:
        assert self.status is not None
        return PartnerAnswer(status=self.status, headers={"content-type": "application/json"}, body=self.content)


def fixture(name: str) -> Fixture:
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=Fixture)


def request(carried: dict[str, str] | None = None, quantity: int = 2000, **changes: Any) -> ReservationRequest:
    made = ReservationRequest(
        key=KEY,
        service=Mileage(account="80012345", quantity=quantity),
        offer_token="",
        price=None,
        traveller=Traveller(),
        requested_at=datetime(2026, 11, 20, 8, 15, tzinfo=UTC),
        carried=BOTH if carried is None else carried,
    )
    return msgspec.structs.replace(made, **changes)
