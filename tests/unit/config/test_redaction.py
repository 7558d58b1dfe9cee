"""Nothing secret, personal or line-forging survives redaction (SE-01)."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.redaction import MAXIMUM_CHARACTERS, PERSONAL, mask_for_key, printable, redact, redact_text
from config.secrets import MASK, Secret, resolve_secret

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    "key",
    [
        "Authorization", "authorization", "proxy-authorization", "password", "db_password", "token", "access_token",
        "refreshToken", "clientSecret", "client_secret", "secret", "webhook_secrets", "api_key", "X-Api-Key", "apiKey",
        "partner_api_key", "signature", "X-Signature", "cookie", "Set-Cookie", "code", "voucher", "voucher_code",
        "code_verifier", "client_assertion", "private_key", "credentials", "webhook.secret",
    ],
)  # fmt: skip
def test_a_key_called_like_a_secret_hides_its_value(key: str) -> None:
    assert redact({key: CANARY}) == {key: MASK}


@pytest.mark.parametrize(
    "key",
    [
        "email",
        "e-mail",
        "phone",
        "mobile",
        "given_name",
        "givenName",
        "family_name",
        "name",
        "id_number",
        "vin",
        "passport",
    ],
)
def test_a_key_called_like_a_personal_field_hides_its_value(key: str) -> None:
    assert redact({key: CANARY}) == {key: PERSONAL}


@pytest.mark.parametrize(
    "key",
    [
        "error_code", "status_code", "token_type", "idempotency_key", "redemption_id", "partner", "points",
        "benefit_id", "key_id", "filename", "pinned", "hostname", "tokenised_rows",
    ],
)  # fmt: skip
def test_keys_that_operators_need_are_shown(key: str) -> None:
    assert mask_for_key(key) is None


class _Wire(msgspec.Struct):
    email: str
    points: int


@dataclasses.dataclass
class _Plain:
    password: str
    kind: str


class _Ill:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [{"b": {"token": CANARY}}]}, {"a": [{"b": {"token": MASK}}]}),
        ({"given_name": {"first": CANARY}}, {"given_name": PERSONAL}),
        ({"password": None}, {"password": None}),
        ({"pin": 1234}, {"pin": MASK}),
        (Secret(CANARY), MASK),
        ([Secret(CANARY)], [MASK]),
        (_Wire(email=CANARY, points=3), {"email": PERSONAL, "points": 3}),
        (_Plain(password=CANARY, kind="x"), {"password": MASK, "kind": "x"}),
        (b"canary", "[6 bytes]"),
        (ValueError(f"token={CANARY}"), f"ValueError: token={MASK}"),
        ((1, True, None, 2.5), [1, True, None, 2.5]),
        (_Ill(), "[_Ill without a repr: RuntimeError]"),
    ],
)
def test_every_kind_of_value(value: Any, shown: Any) -> None:
    assert redact(value) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent Authorization: Bearer abcdef123456 to", f"sent Authorization: Bearer {MASK} to"),
        ("basic dXNlcjpwYXNz", f"basic {MASK}"),
        ("got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl back", f"got {MASK} back"),
        ("postgresql://gateway:hunter22@db.internal/points", f"postgresql://{MASK}@db.internal/points"),
        ("GET /cb?state=1&access_token=abc&n=2", f"GET /cb?state=1&access_token={MASK}&n=2"),
        ("GET /cb?code=abc", f"GET /cb?code={MASK}"),
        ('{"client_secret": "abc", "n": 1}', f'{{"client_secret": "{MASK}", "n": 1}}'),
        ("{'password': 'abc'}", f"{{'password': '{MASK}'}}"),
        ("mail to liu.wei+club@example.com.cn now", f"mail to {PERSONAL} now"),
        ("call 13800138000 now", f"call {PERSONAL} now"),
        ("call +86 13800138000", f"call {PERSONAL}"),
        ("id 11010519491231002X", f"id {PERSONAL}"),
        ("error_code=rule status_code=422", "error_code=rule status_code=422"),
        ("moved 13800138000123 micros", "moved 13800138000123 micros"),
        ("01J9ZQ-red-4411", "01J9ZQ-red-4411"),
    ],
)
def test_shapes_inside_a_text(text: str, shown: str) -> None:
    assert redact_text(text) == shown


@given(st.from_regex(r"[a-z_][a-z0-9_]{0,47}", fullmatch=True))
def test_no_pattern_finds_anything_in_our_own_words(text: str) -> None:
    """Such a text is shown without asking the patterns; a longer one with it in front is put before them."""
    assert redact_text(text) == text
    long = text + " ," * 30
    assert redact_text(long) == long


@pytest.mark.parametrize("text", ["eyJhbGciOi.eyJzdWIi.c2ln", "13800138000", "110101199003071234", "a@example.org"])
def test_a_short_text_that_is_no_word_of_ours_is_put_before_the_patterns(text: str) -> None:
    assert redact_text(text) in {MASK, PERSONAL}


def test_a_word_of_ours_that_is_a_secret_is_masked() -> None:
    secret = resolve_secret("env:KEY", {"KEY": "tiddlywinks_secret"})
    assert redact_text(secret.reveal()) == MASK


def test_a_resolved_secret_is_masked_wherever_it_stands() -> None:
    secret = resolve_secret("env:PARTNER_KEY", {"PARTNER_KEY": "Zq8-plain-words-9"})
    assert redact_text(f"partner said: unknown key {secret.reveal()}!") == f"partner said: unknown key {MASK}!"


def test_a_long_text_is_cut_without_leaving_half_a_secret() -> None:
    text = "x" * (MAXIMUM_CHARACTERS - 10) + " liu.wei@example.com " + "y" * 2000
    shown = redact_text(text)
    assert "liu" not in shown
    assert shown.endswith(f"[of {len(text)} characters]")


def test_deep_nesting_ends() -> None:
    value: dict[str, Any] = {}
    for _ in range(200):
        value = {"a": value}
    assert "[too deep]" in repr(redact(value))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("nul\x00", "nul\\x00"),
        ("line\u2028sep", "line\\u2028sep"),
        ("right\u202eleft", "right\\u202eleft"),
        ("\x85", "\\x85"),
        ("half \ud800", "half \\ud800"),
        ("金卡会员", "金卡会员"),
    ],
)
def test_control_characters_become_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_keys_are_cleaned_too() -> None:
    assert redact({"a\nlevel": 1}) == {"a\\nlevel": 1}


@given(
    st.recursive(st.none() | st.integers() | st.text() | st.binary(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_whatever_comes_in_one_encodable_line_comes_out(value: Any) -> None:
    line = msgspec.json.encode(redact({"value": value})).decode()
    assert len(line.splitlines()) == 1
