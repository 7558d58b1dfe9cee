"""Uses of a declared partner: asked for by account and days, read strictly, and what is written wrongly is told."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sdk.capabilities import ReportsUsage, Reserves
from adapters.sdk.declarative.compiling import compile_mapping
from adapters.sdk.errors import ManifestError, PartnerError, PartnerUnavailableError, ProtocolError, RejectedError
from adapters.sdk.manifest import read_manifest
from adapters.sdk.records import Usage
from catalogue.values import Money
from tests.adapters.sdk.declarative.test_shapes import MANIFEST, Inn

CAPABILITIES = re.compile(r"capabilities = .*")
MAPPING = """
service = "visit"
source = "Club API, read 2026-11-28"
time_zone = "Asia/Shanghai"
local_times = true
options = { chain = "INN" }
code = "result"
error_code = "fault"
busy = [{ status = 503, outcome = "busy" }]

[usage]
method = "GET"
path = "/{option.chain}/visits"
query = { card = "{partner_account}", from = "{from_date}", to = "{to_date|compact}" }
answers = [{ status = 200, outcome = "ok" }, { status = 404, codes = ["NOBODY"], outcome = "no" }]
uses = "visits"
place = "lounge.code"
used_at = "at"
visitors = "people"
charge = { minor_units = "fee.cents", currency = "fee.currency" }
"""
DAYS = (date(2026, 12, 1), date(2026, 12, 3))


def manifest_of(folder: Path) -> None:
    text = CAPABILITIES.sub('capabilities = ["reports_usage"]', MANIFEST)
    text = re.sub(r"(?m)^(webhook_scheme|personal_fields|purpose) = .*$", "", text)
    text += 'personal_fields = ["partner_account"]\npurpose = "lounge_access"\n'
    facts = 'facts = { on_repeat = "again" }\n'
    text = re.sub(r"(?m)^facts = .*$", facts, text)
    (folder / "manifest.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def club(tmp_path: Path) -> Inn:
    made = Inn(tmp_path)
    made.write(MAPPING)
    manifest_of(made.folder)
    return made


def visit(**changes: Any) -> dict[str, Any]:
    return {"lounge": {"code": "PVG1"}, "at": "2026-12-01T09:00", "people": 2, "fee": None} | changes


async def test_uses_are_asked_for_and_read(club: Inn) -> None:
    paid = visit(people="1", fee={"cents": 4500, "currency": "CNY"})
    club.answer = 200, {"visits": [visit(), paid]}
    adapter = club.adapter()
    assert isinstance(adapter, ReportsUsage)
    assert not isinstance(adapter, Reserves)
    first, second = await adapter.fetch_usage("liu/4321", *DAYS)
    at = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
    assert first == Usage(account="liu/4321", place="PVG1", used_at=at, visitors=2, guests=1)
    assert (second.visitors, second.guests, second.charge) == (1, 0, Money(4500, "CNY"))
    (asked,) = club.asked
    assert asked.url.path == "/api/INN/visits"
    assert dict(asked.url.params) == {"card": "liu/4321", "from": "2026-12-01", "to": "20261203"}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"fault": "NOBODY"}, RejectedError),
        (404, {"fault": "GONE"}, PartnerError),
        (503, {}, PartnerUnavailableError),
        (200, {"visits": {}}, ProtocolError),
        (200, {}, ProtocolError),
        (200, {"visits": [visit(people=0)]}, ProtocolError),
        (200, {"visits": [visit(at="yesterday")]}, ProtocolError),
        (200, {"visits": [visit(fee={"cents": 4500, "currency": "XXQ"})]}, ProtocolError),
        (200, {"visits": [visit(lounge={})]}, ProtocolError),
    ],
)
async def test_nothing_is_read_out_of_what_is_not_documented(
    club: Inn, status: int, body: Any, error: type[PartnerError]
) -> None:
    club.answer = status, body
    with pytest.raises(error):
        await club.adapter().fetch_usage("liu", *DAYS)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('visitors = "people"\n', "", "write visitors or guests"),
        ("{partner_account}", "{partner}", "sends no {partner_account}"),
        ("{from_date}", "{key}", "{key} is not a field here"),
        ('uses = "visits"', 'uses = "vi sits"', "is no path into an answer"),
        ('{ minor_units = "fee.cents", ', "{ ", "either amount or minor_units"),
        ('[{ status = 200, outcome = "ok" }, ', "[", "no answer is ok"),
    ],
)
def test_mistakes_are_told(club: Inn, before: str, after: str, told: str) -> None:
    assert before in MAPPING
    with pytest.raises(ManifestError, match=re.escape(told)):
        compile_mapping("m.toml", MAPPING.replace(before, after), read_manifest(club.folder / "manifest.toml"))


def test_the_account_is_a_personal_field_that_is_declared(club: Inn) -> None:
    path = club.folder / "manifest.toml"
    path.write_text(path.read_text("utf-8").replace('["partner_account"]', '["email"]'), encoding="utf-8")
    with pytest.raises(ManifestError, match="add 'partner_account' to the manifest"):
        compile_mapping("m.toml", MAPPING, read_manifest(path))
