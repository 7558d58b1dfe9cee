"""What a member reads, in Chinese and in English; both are always there, further languages may be.

A language is looked up as RFC 4647, section 3.4, does: the whole tag first, then ever shorter ones. Where there
is no text the primary subtag decides (RFC 5646): ``zh`` and everything below it reads Chinese, anything else English.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


def is_chinese(locale: str) -> bool:
    """Say whether a BCP 47 tag asks for Chinese."""
    return locale.replace("_", "-").partition("-")[0].lower() == "zh"


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text in both languages; in files the keys are ``zh-CN`` and ``en``, with further ones by tag in ``more``."""

    zh_cn: str = msgspec.field(name="zh-CN")
    en: str
    more: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse a missing language."""
        if not self.zh_cn.strip() or not self.en.strip():
            raise ValueError("a text has both languages")
        if any(not text.strip() for text in self.more.values()):
            raise ValueError("a further language has no text")

    def choose(self, locale: str) -> str:
        """Give the text in the language of a locale, or the one that it falls back to."""
        if self.more:
            found = self._look_up(locale)
            if found is not None:
                return found
        return self.zh_cn if is_chinese(locale) else self.en

    def fill(self, locale: str, facts: Mapping[str, str | int]) -> str:
        """Give the text with its ``{places}`` filled."""
        return self.choose(locale).format_map(facts)

    def _look_up(self, locale: str) -> str | None:
        texts = {"zh-cn": self.zh_cn, "en": self.en} | {tag.lower(): text for tag, text in self.more.items()}
        parts = locale.replace("_", "-").lower().split("-")
        for length in range(len(parts), 0, -1):
            found = texts.get("-".join(parts[:length]))
            if found is not None:
                return found
        return None
