"""Every condition of the contract that the fixtures tell, and what must be made of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters import direct
from adapters.direct import mapping, members, responses
from adapters.sdk.account_records import AccountRequest, StatusGrant
from adapters.sdk.calls import PartnerAnswer
from adapters.sdk.errors import ProtocolError
from adapters.sdk.records import ReservationRequest, Traveller, Visit
from catalogue.values import Money
from config.secrets import Secret

FOLDER = Path(direct.__file__).parent / "fixtures"
KEY = "rdm_01jd5v0w4ze6r8t2y4u6i8o0pa"
MEMBER = AccountRequest(account="8800123457", factors={"pin": Secret("246813")})
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
GRANT = StatusGrant(
    key=KEY, account=MEMBER.account, programme="club", tier="gold", provenance="matched",
    valid_from_date=date(2026, 11, 22), valid_until_date=date(2027, 11, 22),
)  # fmt: skip
REQUEST = ReservationRequest(
    key=KEY,
    service=Visit(airport="PVG", lounge_id="skyhub-pvg-t2", visit_date=date(2026, 11, 22), guests=1),
    offer_token="ofr.77",
    price=Money(24_000, "CNY"),
    traveller=Traveller(),
    requested_at=NOW,
)


class Fixture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One condition: what the partner answers, and what must be made of it."""

    source: str
    operation: str
    status: int
    expect: dict[str, str | bool | None]
    body: Any

    def answer(self) -> PartnerAnswer:
        body = msgspec.json.encode(self.body).replace(b"{key}", KEY.encode())
        body = body.replace(b"{account}", MEMBER.account.encode())
        return PartnerAnswer(status=self.status, headers={}, body=body)


def judged(fixture: Fixture) -> Any:
    match fixture.operation:
        case "reserve":
            return mapping.read_step(REQUEST, fixture.answer(), responses.RESERVE, NOW)
        case "look_up":
            return mapping.read_look_up(REQUEST, fixture.answer(), NOW)
        case "fence":
            return mapping.read_cancel(KEY, fixture.answer(), responses.FENCE, NOW)
        case "validate_member":
            return members.read_check(MEMBER, fixture.answer(), NOW)
        case "grant_status":
            return members.read_grant(GRANT, fixture.answer(), NOW)
        case "fetch_voucher":
            return mapping.read_voucher(KEY, "R-1", fixture.answer())
        case "report_status":
            return members.read_status(MEMBER, fixture.answer())
        case _:
            return mapping.read_cancel(KEY, fixture.answer(), responses.CANCEL, NOW)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_each_condition_is_judged_as_its_source_says(path: Path) -> None:
    fixture = msgspec.json.decode(path.read_bytes(), type=Fixture)
    found = judged(fixture)
    assert {name: getattr(found, name) for name in fixture.expect} == fixture.expect


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"key": "other", "reference": "R-1", "code": "V", "symbology": "qr"}'),
        (200, b'{"key": "%s", "reference": "R-2", "code": "V", "symbology": "qr"}' % KEY.encode()),
        (200, b'{"key": "%s", "reference": "R-1", "code": "", "symbology": "qr"}' % KEY.encode()),
        (200, b'{"key": "%s", "reference": "R-1", "code": "V", "symbology": "runes"}' % KEY.encode()),
        (404, b'{"error": {"code": "gone"}}'),
        (501, b'{"error": {"code": "not_found"}}'),
        (418, b"{}"),
    ],
)
def test_what_is_no_voucher_of_the_reservation_is_refused(status: int, body: bytes) -> None:
    with pytest.raises(ProtocolError):
        mapping.read_voucher(KEY, "R-1", PartnerAnswer(status=status, headers={}, body=body))


def test_a_partner_may_have_no_voucher() -> None:
    for status, code in ((404, b"not_found"), (501, b"not_offered")):
        answer = PartnerAnswer(status=status, headers={}, body=b'{"error": {"code": "%s"}}' % code)
        assert mapping.read_voucher(KEY, "R-1", answer) is None
