"""Partners of other shapes: forms, local times, integers of minor units, holds before the commit, 200 with an error."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from adapters.sdk.context import AdapterContext, open_context
from adapters.sdk.errors import ManifestError, PartnerUnavailableError, ProtocolError, RejectedError, WebhookError
from adapters.sdk.outcomes import LookUpAnswer, Outcome
from adapters.sdk.records import OfferRequest, ReservationRequest, Stay, Traveller
from adapters.sdk.registry import discover
from adapters.sdk.webhook_schemes import sign_timestamped
from catalogue.values import Money
from config.secrets import Secret
from tests.support.clocks import ManualClock

MANIFEST = """
name = "inn"
title = "An inn"
segment = "hotels"
api_version = 1
capabilities = ["quotes_offers", "reserves", "looks_up", "cancels", "receives_webhooks", "reports_statements"]
auth = "api_key"
credentials = { api_key = "secret" }
personal_fields = ["given_name", "family_name"]
purpose = "The name at the desk"
webhook_scheme = "timestamped:X-Inn-Signature"
facts = { on_repeat = "again", key = { field = "ref", min_length = 8, max_length = 40 } }
"""
MAPPING = """
service = "stay"
source = "Inn API, read 2026-11-28"
time_zone = "Asia/Shanghai"
local_times = true
options = { chain = "INN" }
code = "result.code"
error_code = "fault"
busy = [{ status = 503, outcome = "busy" }]

[quote]
method = "GET"
path = "/{option.chain}/rooms"
query = { from = "{service.check_in_date|compact}", nights = "{service.nights}", city = "{service.city?}" }
headers = { X-Tier = "{partner_tier?}" }
answers = [{ status = 200, codes = ["0"], outcome = "ok" }, { status = 200, codes = ["17"], outcome = "no" }]
offers = "result.rooms"
token = "rate[0].id"
title = "name"
untitled = "A room"
price = { minor_units = "rate[0].cents", currency = "rate[0].currency" }
expires_at = "until"
service = { property_id = "hotel" }

[[steps]]
name = "hold"
method = "POST"
path = "/holds"
encoding = "form"
body = { rate = "{offer_token}", at = "{requested_at|local}" }
answers = [{ status = 201, outcome = "ok" }]
carry = { hold = "id" }

[[steps]]
name = "book"
commit = true
method = "POST"
path = "/holds/{carried.hold}/book"
body.ref = "{key}"
body.guest = { first = "{traveller.given_name}", last = "{traveller.family_name|upper}" }
body.cents = "{price.minor_units}"
body.flag = true
body.list = ["{service.adults}", "{service.property_id?}"]
answers = [
    { status = 200, codes = ["0"], outcome = "ok" },
    { status = 200, codes = ["44"], outcome = "no" },
    { status = 202, outcome = "pending" },
]
echo = { key = "ref", price.minor_units = "cents", service = { check_in_date = "from" } }
reference = "number"

[look_up]
method = "GET"
path = "/bookings"
query = { ref = "{key}" }
answers = [{ status = 200, codes = ["0"], means = "issued" }, { status = 404, means = "not_found" }]
echo = { key = "ref" }

[cancel]
method = "DELETE"
path = "/bookings/{partner_reference}"
answers = [{ status = 204, outcome = "ok" }, { status = 409, codes = ["LATE"], outcome = "no" }]

[webhook]
kind = "event"
kinds = { guest_left = "stay.completed" }
id = "id"
reference = "ref"
occurred_at = "at"

[statement]
"""
STAY = Stay(check_in_date=date(2026, 12, 1), check_out_date=date(2026, 12, 3), city="Chang chun/北", adults=2)
REQUEST = ReservationRequest(
    key="key-00000001",
    service=STAY,
    offer_token="r 1",
    price=Money(45000, "CNY"),
    traveller=Traveller(given_name='We"i', family_name="Liu"),
    requested_at=datetime(2026, 11, 28, 4, 0, tzinfo=UTC),
)
CARRIED = ReservationRequest(**{name: getattr(REQUEST, name) for name in REQUEST.__struct_fields__} | {
    "carried": {"hold": "../h?1"},
})  # fmt: skip
BOOKED = {"result": {"code": 0}, "ref": "key-00000001", "cents": 45000, "from": "2026-12-01", "number": 77}


class Body(httpx.AsyncByteStream):
    """A body that is read once, as from the wire."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


class Inn:
    """An inn that answers what a test says, and remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "inn"
        self.folder.mkdir()
        self.asked: list[httpx.Request] = []
        self.answer: tuple[int, Any] = (200, {})
        self.write()

    def write(self, mapping: str = MAPPING, hooks: str | None = None) -> None:
        (self.folder / "manifest.toml").write_text(MANIFEST, encoding="utf-8")
        (self.folder / "mapping.toml").write_text(mapping, encoding="utf-8")
        if hooks is not None:
            (self.folder / "hooks.py").write_text(hooks, encoding="utf-8")

    def adapter(self, **options: object) -> Any:
        found = discover([self.folder.parent])
        assert found.problems == {}
        return found.packages["inn"].create(self.context(options))

    def context(self, options: dict[str, object]) -> AdapterContext:
        return open_context(
            partner="inn",
            manifest=discover([self.folder.parent]).packages["inn"].manifest,
            base_url="https://inn.example/api",
            credentials={"api_key": Secret("key")},
            options=options,
            clock=ManualClock(),
            http=httpx.AsyncClient(transport=httpx.MockTransport(self._reply)),
        )

    def _reply(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        status, body = self.answer
        return httpx.Response(
            status, headers={"Retry-After": "7"}, stream=Body(b"" if body is None else json.dumps(body).encode())
        )


@pytest.fixture
def inn(tmp_path: Path) -> Inn:
    return Inn(tmp_path)


def room(**changes: Any) -> dict[str, Any]:
    rate = [{"id": 12, "cents": 45000, "currency": "CNY"}]
    return {"rate": rate, "name": None, "until": "2026-11-28T13:00", "hotel": "H9"} | changes


def rooms(found: Any) -> dict[str, Any]:
    return {"result": {"code": "0", "rooms": found}}


async def test_offers_are_read_with_local_times_and_the_hotels_own_id(inn: Inn) -> None:
    inn.answer = 200, {"result": {"code": "0", "rooms": [room()]}}
    (offer,) = await inn.adapter(chain="BIG/INN").quote_offers(OfferRequest(service=STAY, currency="CNY"))
    assert (offer.token, offer.title, offer.price) == ("12", "A room", Money(45000, "CNY"))
    assert offer.expires_at == datetime(2026, 11, 28, 5, 0, tzinfo=UTC)
    assert offer.service == Stay(
        check_in_date=STAY.check_in_date, check_out_date=STAY.check_out_date, city=STAY.city, adults=2, property_id="H9"
    )
    (asked,) = inn.asked
    assert asked.url.raw_path.split(b"?")[0] == b"/api/BIG%2FINN/rooms"
    assert dict(asked.url.params) == {"from": "20261201", "nights": "2", "city": "Chang chun/北"}
    assert "x-tier" not in asked.headers


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"result": {"code": "17"}}, RejectedError),
        (200, {"result": {"code": "18"}}, ProtocolError),
        (503, {}, PartnerUnavailableError),
        (200, rooms({"a": 1}), ProtocolError),
        (200, rooms([room(rate=[{"id": 1, "cents": 4.5, "currency": "CNY"}])]), ProtocolError),
        (200, rooms([room(rate=[{"id": 1, "cents": 4, "currency": "EUR"}])]), ProtocolError),
        (200, rooms([room(rate=[{"id": 1, "cents": True, "currency": "CNY"}])]), ProtocolError),
        (200, rooms([room(until="soon")]), ProtocolError),
        (200, rooms([room()] * 201), ProtocolError),
    ],
)  # fmt: skip
async def test_what_is_no_offer_is_none(inn: Inn, status: int, body: Any, error: type[Exception]) -> None:
    inn.answer = status, body
    with pytest.raises(error):
        await inn.adapter().quote_offers(OfferRequest(service=STAY, currency="CNY"))


async def test_a_hold_is_carried_into_the_commit_and_every_value_is_escaped(inn: Inn) -> None:
    adapter = inn.adapter()
    assert [(step.name, step.commit) for step in adapter.steps] == [("hold", False), ("book", True)]
    inn.answer = 201, {"id": "../h?1"}
    hold = await adapter.run_step("hold", REQUEST)
    assert (hold.outcome, hold.carried) == (Outcome.OK, {"hold": "../h?1"})
    assert dict(parse_qsl(inn.asked[0].content.decode())) == {"rate": "r 1", "at": "2026-11-28T12:00:00"}
    inn.answer = 200, BOOKED
    booked = await adapter.run_step("book", CARRIED)
    assert (booked.outcome, booked.partner_reference) == (Outcome.OK, "77")
    assert inn.asked[1].url.raw_path == b"/api/holds/..%2Fh%3F1/book"
    assert json.loads(inn.asked[1].content) == {
        "ref": "key-00000001", "guest": {"first": 'We"i', "last": "LIU"}, "cents": 45000, "flag": True, "list": [2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, BOOKED | {"ref": "key-00000002"}, Outcome.UNKNOWN),
        (200, BOOKED | {"cents": 45001}, Outcome.UNKNOWN),
        (200, BOOKED | {"cents": True}, Outcome.UNKNOWN),
        (200, BOOKED | {"from": None}, Outcome.UNKNOWN),
        (200, BOOKED | {"number": None}, Outcome.UNKNOWN),
        (200, BOOKED | {"number": "n" * 2000}, Outcome.UNKNOWN),
        (200, BOOKED | {"result": {"code": 45}}, Outcome.UNKNOWN),
        (200, {"result": {"code": 44}}, Outcome.NO),
        (202, BOOKED | {"number": None}, Outcome.PENDING),
        (202, {}, Outcome.UNKNOWN),
        (400, {"fault": "44"}, Outcome.UNKNOWN),
        (503, {"fault": "any"}, Outcome.BUSY),
        (200, None, Outcome.UNKNOWN),
    ],
)
async def test_a_grant_is_believed_only_with_its_echo(inn: Inn, status: int, body: Any, outcome: Outcome) -> None:
    inn.answer = status, body
    assert (await inn.adapter().run_step("book", CARRIED)).outcome is outcome


@pytest.mark.parametrize(("key", "echo"), [("None", None), ("True", True), ("[]", []), ("{}", {})])
async def test_what_only_looks_like_an_echo_is_none(inn: Inn, key: str, echo: Any) -> None:
    inn.answer = 200, BOOKED | {"ref": echo}
    changed = {name: getattr(CARRIED, name) for name in CARRIED.__struct_fields__} | {"key": key}
    assert (await inn.adapter().run_step("book", ReservationRequest(**changed))).outcome is Outcome.UNKNOWN


async def test_what_cannot_be_sent_is_not_sent(inn: Inn) -> None:
    adapter = inn.adapter()
    result = await adapter.run_step("book", REQUEST)
    assert (result.outcome, result.code) == (Outcome.NOT_SENT, "missing:carried.hold")
    dots = ReservationRequest(**{name: getattr(CARRIED, name) for name in CARRIED.__struct_fields__} | {
        "carried": {"hold": ".."},
    })  # fmt: skip
    result = await adapter.run_step("book", dots)
    assert (result.outcome, result.code) == (Outcome.NOT_SENT, "path:carried.hold")
    with pytest.raises(PartnerUnavailableError):
        await adapter.quote_offers(OfferRequest(service=STAY, currency="CNY", partner_tier="gold\r\nX-Evil: 1"))
    assert inn.asked == []


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, {"result": {"code": 0}, "ref": "key-00000001"}, LookUpAnswer.ISSUED),
        (200, {"result": {"code": 0}, "ref": "other"}, LookUpAnswer.UNKNOWN),
        (200, {"result": {"code": 1}, "ref": "key-00000001"}, LookUpAnswer.UNKNOWN),
        (404, None, LookUpAnswer.NOT_FOUND),
        (500, None, LookUpAnswer.UNKNOWN),
    ],
)
async def test_a_look_up_says_what_is_listed(inn: Inn, status: int, body: Any, answer: LookUpAnswer) -> None:
    inn.answer = status, body
    assert (await inn.adapter().look_up(REQUEST)).answer is answer


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (204, None, Outcome.OK),
        (409, {"fault": "LATE"}, Outcome.NO),
        (409, {}, Outcome.UNKNOWN),
        (202, {}, Outcome.UNKNOWN),
    ],
)
async def test_a_cancel_without_a_body_is_a_cancel(inn: Inn, status: int, body: Any, outcome: Outcome) -> None:
    inn.answer = status, body
    assert (await inn.adapter().cancel(REQUEST, "77")).outcome is outcome


async def test_what_decides_nothing_says_how_long_to_wait(inn: Inn) -> None:
    adapter = inn.adapter()
    inn.answer = 503, {}
    for result in (await adapter.run_step("book", CARRIED), await adapter.look_up(REQUEST)):
        assert result.retry_after_seconds == 7
    assert (await adapter.cancel(REQUEST, "77")).retry_after_seconds == 7
    inn.answer = 404, None
    assert (await adapter.look_up(REQUEST)).retry_after_seconds is None


def test_a_callback_is_verified_and_read(inn: Inn) -> None:
    adapter, secret = inn.adapter(), "a-shared-secret"
    body = json.dumps({"id": "e1", "event": "guest_left", "ref": "key-00000001", "at": "2026-11-28T13:00:00"}).encode()
    headers = {"x-inn-signature": sign_timestamped(secret, 1_000, body)}
    assert adapter.verify_webhook(headers, body, (secret,), 1_000) == "e1"
    event = adapter.read_webhook("e1", body)
    assert (event.kind, event.reference, event.occurred_at.hour) == ("stay.completed", "key-00000001", 5)
    assert adapter.read_webhook("e1", body.replace(b"guest_left", b"guest_left2")) is None
    for spoilt in (body + b" ", body.replace(b"e1", b"e2")):
        with pytest.raises(WebhookError):
            adapter.verify_webhook(headers, spoilt, (secret,), 1_000)
    with pytest.raises(WebhookError):
        adapter.read_webhook("e1", b"[]")


async def test_a_statement_that_comes_another_way_is_not_fetched(inn: Inn) -> None:
    assert await inn.adapter().fetch_statement(date(2026, 11, 28)) is None
    assert inn.asked == []


def test_an_option_that_is_none_is_refused(inn: Inn) -> None:
    with pytest.raises(ManifestError, match="colour is not an option of inn; there is chain"):
        inn.adapter(colour="red")
    with pytest.raises(ManifestError, match="chain is not a text"):
        inn.adapter(chain=1)


HOOKS = """
import msgspec

def prepare(call, request):
    return msgspec.structs.replace(call, headers={**call.headers, "X-Signed": request.key})

def judge(request, answer, result):
    return msgspec.structs.replace(result, code="judged")

def boom(*_):
    raise RuntimeError("boom")

def nothing(*_):
    return None
"""


def hooked(**names: str) -> str:
    lines = "".join(f'{name} = "{function}"\n' for name, function in names.items())
    return MAPPING.replace('name = "book"\n', f'name = "book"\n{lines}')


async def test_a_function_prepares_the_call_and_has_the_last_word(inn: Inn) -> None:
    inn.write(hooked(prepare="prepare", judge="judge"), HOOKS)
    inn.answer = 200, BOOKED
    result = await inn.adapter().run_step("book", CARRIED)
    assert (result.outcome, result.code) == (Outcome.OK, "judged")
    assert inn.asked[0].headers["x-signed"] == "key-00000001"


@pytest.mark.parametrize(
    ("names", "outcome", "sent"),
    [
        ({"prepare": "boom"}, Outcome.NOT_SENT, 0),
        ({"prepare": "nothing"}, Outcome.NOT_SENT, 0),
        ({"judge": "boom"}, Outcome.UNKNOWN, 1),
        ({"judge": "nothing"}, Outcome.UNKNOWN, 1),
    ],
)
async def test_a_function_that_fails_misleads_nobody(
    inn: Inn, names: dict[str, str], outcome: Outcome, sent: int
) -> None:
    inn.write(hooked(**names), HOOKS)
    inn.answer = 200, BOOKED
    assert (await inn.adapter().run_step("book", CARRIED)).outcome is outcome
    assert len(inn.asked) == sent
