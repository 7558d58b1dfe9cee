"""Targets, links, personal fields, and what an unreadable answer becomes."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from adapters.sdk.answers import failed_cancel, failed_step, readable, retry_after_seconds
from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall, full_url, link_path, request_target
from adapters.sdk.errors import (
    AuthenticationError,
    OutcomeUnknownError,
    PartnerError,
    PartnerUnavailableError,
    ProtocolError,
)
from adapters.sdk.outcomes import Outcome
from adapters.sdk.personal import undeclared_field

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)
CALL = PartnerCall(operation="x", method="GET", path="/a")


def call(**changes: object) -> PartnerCall:
    return msgspec.structs.replace(CALL, **changes)


@pytest.mark.parametrize(
    ("base_url", "path", "query", "expected"),
    [
        ("https://p.example", "/a", (), "/a"),
        ("https://p.example/v3/", "/a", (), "/v3/a"),
        ("https://p.example/v3", "/a", (("q", "x y&z=1"),), "/v3/a?q=x%20y%26z%3D1"),
        ("https://p.example", "/a?token=t%2F1", (("b", "+"),), "/a?token=t%2F1&b=%2B"),
    ],
)
def test_targets(base_url: str, path: str, query: tuple[tuple[str, str], ...], expected: str) -> None:
    asked = call(path=path, query=query)
    assert request_target(base_url, asked) == expected
    assert full_url(base_url, asked) == "https://p.example" + expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://p.example/v3/things/1?token=t", "/things/1?token=t"),
        ("/v3/things/1", "/things/1"),
        ("/things/1", "/things/1"),
        ("/v30/things", "/v30/things"),
    ],
)
def test_links_become_paths(link: str, expected: str) -> None:
    assert link_path("https://p.example/v3", link) == expected


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v3/x",
        "http://p.example/v3/x",
        "https://p.example:444/x",
        "//evil.example/x",
        "x",
        "",
        "ftp:/x",
    ],
)
def test_links_that_lead_away_are_refused(link: str) -> None:
    with pytest.raises(ProtocolError):
        link_path("https://p.example/v3", link)


PERSONAL = {
    "json_key": (call(body=b'{"a":[{"GivenName":"Wei"}]}'), "given_name"),
    "spelling": (call(body=b'{"family-name":"Liu"}'), "family_name"),
    "email_in_any_value": (call(body=b'{"note":"ask wei@example.org"}'), "email"),
    "query": (call(query=(("email", "wei@example.org"),)), "email"),
    "query_of_a_link": (call(path="/a?lastName=Liu"), "family_name"),
    "path": (call(path="/members/wei@example.org"), "email"),
    "form": (call(body=b"phone=1", content_type="application/x-www-form-urlencoded"), "phone"),
    "not_json": (call(body=b"wei@example.org"), "email"),
    "number": (call(body=b'{"id_number":110101199003070000}'), "id_number"),
}


@pytest.mark.parametrize("kind", PERSONAL)
def test_undeclared_personal_fields_are_found(kind: str) -> None:
    asked, field = PERSONAL[kind]
    assert undeclared_field(asked, ()) == field
    assert undeclared_field(asked, (field,)) is None


@pytest.mark.parametrize("body", [b'{"name":"Lounge 1","guests":1}', b'{"email":null,"phone":""}', b"{}", None])
def test_what_is_not_personal_passes(body: bytes | None) -> None:
    assert undeclared_field(call(body=body), ()) is None


def answer(status: int, **headers: str) -> PartnerAnswer:
    return PartnerAnswer(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=b""
    )


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (CallFailure(Outcome.NOT_SENT, "connect"), PartnerUnavailableError),
        (CallFailure(Outcome.UNKNOWN, "deadline"), OutcomeUnknownError),
        (CallFailure(Outcome.NOT_SENT, "authentication:status_401"), AuthenticationError),
        (answer(401), AuthenticationError),
        (answer(403), AuthenticationError),
        (answer(429), PartnerUnavailableError),
        (answer(500), PartnerUnavailableError),
        (answer(503), PartnerUnavailableError),
    ],
)
def test_reading_calls_raise(result: PartnerAnswer | CallFailure, error: type[PartnerError]) -> None:
    with pytest.raises(error):
        readable(result)


@pytest.mark.parametrize("status", [200, 204, 302, 404, 409, 422])
def test_other_statuses_are_the_adapters_to_read(status: int) -> None:
    assert readable(answer(status)).status == status


def test_writes_turn_failures_into_outcomes() -> None:
    failure = CallFailure(Outcome.NOT_SENT, "bulkhead")
    assert (failed_step(failure).outcome, failed_step(failure).code) == (Outcome.NOT_SENT, "bulkhead")
    assert failed_cancel(failure).outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2", 2), ("0", 0), ("900", 900), ("86400", 900), ("-1", None), ("soon", None), ("١", None), ("9" * 5000, None)],
)
def test_nw_08_retry_after_is_capped_at_15_minutes(text: str, expected: int | None) -> None:
    assert retry_after_seconds(answer(429, retry_after=text), NOW) == expected


@pytest.mark.parametrize(
    ("until", "dated", "expected"),
    [
        ("Sun, 22 Nov 2026 02:00:30 GMT", None, 30),
        ("Fri, 31 Dec 2027 23:59:59 GMT", None, 900),
        ("Sun, 22 Nov 2026 01:00:00 GMT", None, 0),
        ("Sun, 22 Nov 2026 02:00:30 GMT", "Sun, 22 Nov 2026 02:00:20 GMT", 10),
        ("Fri, 31 Dec 2027 23:59:59 GMT", "no date", 900),
        ("Sun, 32 Nov 2026 02:00:30 GMT", None, None),
        ("Sun, 22 Nov 20260000 02:00:30 GMT", None, None),
    ],
)
def test_nw_08_a_date_is_honoured_by_the_partner_s_own_clock(
    until: str, dated: str | None, expected: int | None
) -> None:
    headers = {"retry_after": until} | ({} if dated is None else {"date": dated})
    assert retry_after_seconds(answer(503, **headers), NOW) == expected


def test_nw_08_nothing_gives_no_pause() -> None:
    assert retry_after_seconds(answer(503), NOW) is None
    assert retry_after_seconds(answer(503, retry_after="Sun, 22 Nov 2026 02:00:30 GMT")) is None, "by no clock"
