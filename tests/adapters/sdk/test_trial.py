"""One operation tried by hand: shown without secrets, recorded without data, and never against anything live."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.direct.conformance import CREDENTIALS
from adapters.direct.simulator import create_simulator
from adapters.sdk.registry import load_named
from adapters.sdk.testing.recording import placeholder
from adapters.sdk.testing.showing import shown_body, shown_text
from adapters.sdk.testing.simulator import SimulatorOptions, serve
from config.errors import ConfigurationError
from config.partner_files import PartnerEnvironment, PartnerFile, PartnerIdentity
from config.settings import Settings
from gateway.cli import adapter_try
from gateway.cli.adapter_try import Asked, sandbox_of
from gateway.cli.main import run

DIRECT = load_named("direct")


def tried(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(["adapter", "try", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_one_operation_shows_its_call_its_answer_and_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    found = tried(capsys, "direct", "reserve", "guests=3", "key=bykeyonehundred")
    (call,) = found["calls"]
    assert [each["operation"] for each in found["before"]] == ["quote_offers", "quote_offers"]
    assert call["request"] == "PUT /v1/reservations/bykeyonehundred"
    assert call["request_body"]["service"]["guests"] == 3
    assert (call["answer"], call["answer_body"]["status"]) == ("201", "reserved")
    assert (found["result"]["outcome"], found["result"]["code"]) == ("ok", "reserved")
    assert found["against"] == "simulator"
    assert CREDENTIALS["client_secret"] not in json.dumps(found)


@pytest.mark.parametrize(
    ("operation", "field", "wanted"),
    [
        ("quote", 0, "title"),
        ("look_up", "answer", "issued"),
        ("cancel", "outcome", "ok"),
        ("fence", "outcome", "ok"),
        ("validate", "outcome", "ok"),
        ("status", "tier", "gold"),
        ("voucher", "symbology", "qr"),
        ("grant", "code", "granted"),
        ("search", 0, "title"),
        ("debit", "code", "reserved"),
        ("reverse_credit", "code", "reversed"),
        ("reverse_debit", "code", "reversed"),
        ("statement", "partner", "skyhub-lounge"),
    ],
)
def test_every_operation_can_be_tried(
    capsys: pytest.CaptureFixture[str], operation: str, field: Any, wanted: str
) -> None:
    result = tried(capsys, "direct", operation)["result"]
    assert wanted in result[field]


def test_alone_makes_no_reservation_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert tried(capsys, "direct", "look_up", "alone=true")["result"]["answer"] == "not_found"


def test_a_traveller_is_sent_and_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    person = ("traveller.given_name=Mei", "traveller.email=mei.lin@example.cn")
    assert run(["adapter", "try", "hotels.expedia_rapid", "reserve", *person]) == 0
    shown = capsys.readouterr().out
    assert '"email": "[personal]"' in shown
    assert "Mei" not in shown
    assert "mei.lin" not in shown


REFUSED = {
    ("try", "direct", "reserve", "--against", "live"): "live is refused",
    ("try", "direct", "reserve", "--against", "sandbox"): "Whose sandbox? Give --partner",
    ("try", "direct", "reserve", "--against", "sandbox", "--partner", "skyhub-lounge"): "has no [environments.sandbox]",
    ("try", "direct", "reserve", "--partner", "skyhub-lounge"): "--against sandbox",
    ("try", "direct", "usage"): "has no operation 'usage'; it has quote, reserve,",
    ("try", "direct", "reserve", "colour=1"): "colour: no such field here; there are airport,",
    ("try", "direct", "reserve", "guests=many"): "guests: Expected `int`",
    ("try", "direct", "statement", "date=today"): "'today' is no date",
    ("try", "direct", "reserve", "guests"): "guests is not of the form FIELD=VALUE",
    ("try", "nobody", "reserve"): "There is no adapter 'nobody'",
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_wrong_use_is_one_line(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    assert run(["adapter", *words]) == 2
    assert REFUSED[words] in capsys.readouterr().err


def partner_file(**environments: PartnerEnvironment) -> dict[str, PartnerFile]:
    identity = PartnerIdentity(id="skyhub", name={"en": "SkyHub"}, segment="lounges", adapter="direct")
    return {"skyhub": PartnerFile(partner=identity, environments=environments, contract={})}


def environment(base_url: str, secret: str = "env:SANDBOX_SECRET") -> PartnerEnvironment:
    return PartnerEnvironment(base_url=base_url, credentials={"client_id": "env:SHARED_ID", "client_secret": secret})


@pytest.mark.parametrize(
    "live",
    [
        environment("https://sandbox.example/", "env:LIVE_SECRET"),
        environment("https://live.example", "env:SANDBOX_SECRET"),
    ],
    ids=["address", "secret"],
)
def test_a_sandbox_that_is_the_live_one_is_refused(live: PartnerEnvironment) -> None:
    files = partner_file(sandbox=environment("https://sandbox.example"), live=live)
    with pytest.raises(ConfigurationError, match="of an environment 'live'"):
        sandbox_of(files, DIRECT, "skyhub")
    apart = partner_file(
        sandbox=environment("https://sandbox.example"), live=environment("https://live.example", "env:LIVE_SECRET")
    )
    assert sandbox_of(apart, DIRECT, "skyhub")[1].base_url == "https://sandbox.example"


async def test_the_sandbox_of_the_partner_is_what_is_spoken_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_ID", "club")
    monkeypatch.setenv("SANDBOX_SECRET", "the-sandbox-secret")
    given = {"client_id": "club", "client_secret": "the-sandbox-secret"}
    simulator = create_simulator(SimulatorOptions(partner="skyhub", credentials=given))
    asked = Asked("direct", "look_up", {"key": "asked-by-hand"}, "sandbox", "skyhub", ())
    async with serve(simulator) as address:
        files = partner_file(sandbox=environment(address), live=environment("https://live.example", "env:LIVE_SECRET"))
        monkeypatch.setattr(adapter_try, "read_partner_files", lambda folder: files)
        trial, secrets = await adapter_try._try(Settings(), asked)
    assert [call.operation for call in simulator.calls] == ["token", "quote_offers", "look_up"]
    assert trial.result.answer == "not_found"
    assert secrets == ("the-sandbox-secret",)


def test_a_recorded_fixture_holds_the_allowed_values_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fixtures" / "reserve.json"
    words = ["adapter", "record", "direct", "reserve", "--redact-allow", "status, currency", "--to", str(file)]
    assert run(words) == 0
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["source"].startswith("recorded from the simulator of direct, reserve, read 20")
    assert (found["operation"], found["status"]) == ("reserve", 201)
    assert found["expect"] == {"outcome": "ok", "code": "reserved"}
    body = found["body"]
    assert (body["key"], body["status"], body["reference"]) == ("{key}", "reserved", "text")
    assert body["price"] == {"amount": "0.00", "currency": "CNY"}
    assert body["service"] == {
        "kind": "text", "airport": "XXX", "lounge_id": "text", "visit_date": "2000-01-01", "guests": 0,
    }  # fmt: skip
    assert run(words) == 2
    assert "not written over" in capsys.readouterr().err


@pytest.mark.parametrize("field", ["email", "givenName", "access_token", "phone_number"])
def test_what_is_personal_or_secret_cannot_be_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    words = ["adapter", "record", "direct", "reserve", "--redact-allow", field, "--to", str(tmp_path / "x.json")]
    assert run(words) == 2
    assert "never recorded" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_placeholder_is_of_the_type_and_shape_of_what_it_stands_for() -> None:
    shapes = {
        "2026-11-28T10:00:00+08:00": "2000-01-01T00:00:00Z",
        "2026-11-28T10:00": "2000-01-01T00:00:00",
        "2026-11-28": "2000-01-01",
        "-12.50": "0.00",
        "4711": "0",
        "CNY": "XXX",
        "https://live.example/x?y=z": "https://partner.example/",
        "/v1/orders/7": "/path",
        "liu@mail.cn": "person@mail.example",
        "Liu Wei": "text",
    }
    assert {value: placeholder(value) for value in shapes} == shapes
    assert [placeholder(value) for value in (True, 7, 1.5, None)] == [False, 0, 0.0, None]


def test_what_is_shown_is_masked_by_name_and_by_value() -> None:
    body = msgspec.json.encode(
        {"code": "sold_out", "access_token": "abc", "note": "call +8613900000001", "who": {"firstName": "Wei"}}
    )
    assert shown_body(body, ()) == {
        "code": "sold_out", "access_token": "[secret]", "note": "call [personal]", "who": {"firstName": "[personal]"},
    }  # fmt: skip
    assert shown_text("/v1/x?sig=topsecret1", ("topsecret1",)) == "/v1/x?sig=[secret]"
    assert shown_text("Basic abcdefgh", (), "Authorization") == "[secret]"
    assert shown_body(b"<p>no", ()) == ["<p>no"]
    assert shown_body(None, ()) is None
