"""Languages and what they fall back to."""

from __future__ import annotations

import pytest

from catalogue.texts import Text

BOTH = Text("你好", "Hello")
MORE = Text("你好", "Hello", {"zh-Hant": "您好", "ja": "こんにちは", "en-AU": "G'day"})


@pytest.mark.parametrize(
    ("locale", "both", "more"),
    [
        ("zh-CN", "你好", "你好"),
        ("zh", "你好", "你好"),
        ("zh-Hant", "你好", "您好"),
        ("zh-Hant-HK", "你好", "您好"),
        ("ZH_hant_hk", "你好", "您好"),
        ("zh-Hans-CN", "你好", "你好"),
        ("en", "Hello", "Hello"),
        ("en-GB", "Hello", "Hello"),
        ("en-au", "Hello", "G'day"),
        ("ja-JP", "Hello", "こんにちは"),
        ("fr", "Hello", "Hello"),
        ("", "Hello", "Hello"),
    ],
)
def test_a_language_is_looked_up_and_falls_back(locale: str, both: str, more: str) -> None:
    assert BOTH.choose(locale) == both
    assert MORE.choose(locale) == more


@pytest.mark.parametrize("parts", [(" ", "x"), ("x", ""), ("x", "y", {"ja": " "})])
def test_no_language_is_empty(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="language"):
        Text(*parts)  # type: ignore[arg-type]
