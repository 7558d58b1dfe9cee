"""Standard Webhooks: the published figures, and every way to be refused.

Source of the figures: the tests of the reference libraries (github.com/standard-webhooks/standard-webhooks, commit
b2fa7b8: Python, Go and Rust), read 2026-11-21.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from adapters.sdk.errors import WebhookError
from adapters.sdk.webhooks import sign, verify, webhook_key
from config.errors import ConfigurationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
MESSAGE_ID, TIMESTAMP, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {"webhook-id": MESSAGE_ID, "webhook-timestamp": str(TIMESTAMP), "webhook-signature": SIGNATURE}
WRONG = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="


def accepted(
    headers: dict[str, str], *, body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,), now: int = TIMESTAMP
) -> bool:
    try:
        return verify(headers, body, secrets, now) == MESSAGE_ID
    except WebhookError:
        return False


def test_wh_01_published_signatures() -> None:
    assert sign(SECRET, MESSAGE_ID, TIMESTAMP, BODY) == HEADERS
    body = b'{"email":"test@example.com","username":"test_user"}'
    signed = sign(OTHER, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1649367553, body)
    assert signed["webhook-signature"] == "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="


CASES: dict[str, tuple[dict[str, str], bool]] = {
    "as_signed": ({}, True),
    "another_scheme_and_wrong_ones_beside": (
        {"webhook-signature": f"{WRONG} v2,{WRONG[3:]} {SIGNATURE} {WRONG}"},
        True,
    ),
    "only_wrong_ones": ({"webhook-signature": f"{WRONG} {WRONG}"}, False),
    "only_another_scheme": ({"webhook-signature": "v2," + SIGNATURE[3:]}, False),
    "no_id": ({"webhook-id": ""}, False),
    "no_timestamp": ({"webhook-timestamp": ""}, False),
    "no_signature": ({"webhook-signature": ""}, False),
    "timestamp_is_a_word": ({"webhook-timestamp": "hello"}, False),
    "timestamp_with_sign": ({"webhook-timestamp": "+1614265330"}, False),
    "timestamp_in_other_digits": ({"webhook-timestamp": "١٦١٤٢٦٥٣٣٠"}, False),
    "timestamp_with_fraction": ({"webhook-timestamp": "1614265330.0"}, False),
    "last_digit_changed": ({"webhook-signature": SIGNATURE[:-2] + "A="}, False),
    "not_base64": ({"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLawdd"}, False),
    "empty_signature": ({"webhook-signature": "v1,"}, False),
    "cut_signature": ({"webhook-signature": SIGNATURE[:8]}, False),
    "not_ascii": ({"webhook-signature": "v1,é"}, False),
}


@pytest.mark.parametrize("kind", CASES)
def test_wh_01_headers(kind: str) -> None:
    changes, expected = CASES[kind]
    assert accepted(HEADERS | changes) is expected


@pytest.mark.parametrize(("offset", "expected"), [(0, True), (300, True), (-300, True), (301, False), (-301, False)])
def test_wh_05_the_window_is_300_seconds_on_both_sides(offset: int, expected: bool) -> None:
    assert accepted(HEADERS, now=TIMESTAMP + offset) is expected


def test_wh_05_an_old_signature_under_a_fresh_timestamp_is_refused() -> None:
    fresh = HEADERS | {"webhook-timestamp": str(TIMESTAMP + 301)}
    assert not accepted(fresh, now=TIMESTAMP + 301)


@pytest.mark.parametrize("body", [b'{"test":2432232314}', b'{"test": 2432232314} ', b'{"t\\u0065st": 2432232314}', b""])
def test_wh_03_a_rewritten_body_is_refused(body: bytes) -> None:
    assert not accepted(HEADERS, body=body)


@pytest.mark.parametrize("position", range(0, len(BODY) * 8, 13))
def test_one_changed_bit_is_refused(position: int) -> None:
    body = bytearray(BODY)
    body[position // 8] ^= 1 << position % 8
    assert not accepted(HEADERS, body=bytes(body))


@pytest.mark.parametrize("secret", ["", "whsec_", "null", "whsec_null", "default", "whsec_!!!", "whsec_AAAA"])
def test_wh_12_no_message_is_accepted_under_a_secret_that_is_none(secret: str) -> None:
    with pytest.raises(ConfigurationError):
        webhook_key(secret)
    assert not accepted(HEADERS, secrets=(secret,))
    assert not accepted(HEADERS, secrets=(secret, SECRET))


def test_wh_12_without_a_secret_nothing_is_accepted() -> None:
    assert not accepted(HEADERS, secrets=())


def test_wh_13_both_secrets_are_good_in_the_overlap_and_the_old_one_is_not_after() -> None:
    old, new = HEADERS, sign(OTHER, MESSAGE_ID, TIMESTAMP, BODY)
    assert accepted(old, secrets=(OTHER, SECRET))
    assert accepted(new, secrets=(OTHER, SECRET))
    assert accepted(new, secrets=(OTHER,))
    assert not accepted(old, secrets=(OTHER,))


def test_the_prefix_of_a_secret_is_optional() -> None:
    assert accepted(HEADERS, secrets=(SECRET.removeprefix("whsec_"),))


def test_wh_14_more_than_8_candidates_are_refused_unread() -> None:
    assert accepted(HEADERS | {"webhook-signature": " ".join([WRONG] * 7 + [SIGNATURE])})
    assert not accepted(HEADERS | {"webhook-signature": " ".join([SIGNATURE] + [WRONG] * 8)})
    assert not accepted(HEADERS | {"webhook-signature": " ".join([SIGNATURE] * 10_000)})


@pytest.mark.parametrize("message_id", ["a.1.b", "a\nb", "a b", "", "x" * 129, "é", "a\0b", "a\r"])
def test_wh_17_an_id_that_can_be_read_in_two_ways_is_refused(message_id: str) -> None:
    with pytest.raises(WebhookError):
        sign(SECRET, message_id, TIMESTAMP, BODY)
    with pytest.raises(WebhookError):
        verify(HEADERS | {"webhook-id": message_id}, BODY, (SECRET,), TIMESTAMP)


def test_an_id_of_128_characters_is_accepted() -> None:
    message_id = "x" * 128
    assert verify(sign(SECRET, message_id, TIMESTAMP, BODY), BODY, (SECRET,), TIMESTAMP) == message_id


def vectors() -> dict[str, Any]:
    folder = os.environ.get("GATEWAY_TEST_VECTORS")
    path = Path(folder or "absent") / "standard_webhooks.json"
    if not path.is_file():
        pytest.skip(f"NO VECTORS: GATEWAY_TEST_VECTORS={folder!r} holds no standard_webhooks.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["vectors"]
    return loaded


def test_the_vector_file_signs_as_we_do() -> None:
    for vector in vectors()["sign"]:
        signed = sign(vector["secret"], vector["msg_id"], vector["timestamp"], vector["payload"].encode())
        assert signed["webhook-signature"] == vector["signature"], vector["id"]


def test_the_vector_file_verifies_as_we_do() -> None:
    for vector in vectors()["verify"]:
        change = vector["mutate"]
        if not isinstance(change, dict) or "secret" in change:
            continue
        headers = HEADERS | {name: value.replace("<valid>", SIGNATURE) for name, value in change.items()}
        assert accepted(headers) is (vector["expect"] == "accept"), vector["id"]


def test_a_key_of_24_bytes_is_the_shortest() -> None:
    assert webhook_key(base64.b64encode(b"k" * 24).decode()) == b"k" * 24
    with pytest.raises(ConfigurationError):
        webhook_key(base64.b64encode(b"k" * 23).decode())
