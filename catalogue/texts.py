"""What a member reads, in Chinese and in English; both are always there.

Locales are chosen by the primary subtag of a BCP 47 tag (RFC 5646): ``zh`` and everything below it is Chinese, anything
else English.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


def is_chinese(locale: str) -> bool:
    """Say whether a BCP 47 tag asks for Chinese."""
    return locale.replace("_", "-").partition("-")[0].lower() == "zh"


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text in both languages; in files the keys are ``zh-CN`` and ``en``."""

    zh_cn: str = msgspec.field(name="zh-CN")
    en: str

    def __post_init__(self) -> None:
        """Refuse a missing language."""
        if not self.zh_cn.strip() or not self.en.strip():
            raise ValueError("a text has both languages")

    def choose(self, locale: str) -> str:
        """Give the text in the language of a locale."""
        return self.zh_cn if is_chinese(locale) else self.en

    def fill(self, locale: str, facts: Mapping[str, str | int]) -> str:
        """Give the text with its ``{places}`` filled."""
        return self.choose(locale).format_map(facts)
