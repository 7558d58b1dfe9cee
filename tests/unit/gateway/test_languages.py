"""Which language is chosen by ``Accept-Language``."""

from __future__ import annotations

import pytest

from gateway.languages import chosen_locale


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, None),
        ("", None),
        ("fr, de;q=0.9", None),
        ("en", "en"),
        ("en-GB", "en"),
        ("zh-Hant-HK, en;q=0.5", "zh-CN"),
        ("en;q=0.5, zh;q=0.8", "zh-CN"),
        ("fr, en;q=0.001", "en"),
        ("zh;q=0", None),
        ("zh;q=0.0, en", "en"),
        ("en;q=２", None),
        ("en;q=0.２", None),
        ("en;q=1.0000", None),
        ("en;x=1", None),
        (";;;,,,=", None),
        ("*", None),
    ],
)
def test_the_heavier_of_the_two_languages_wins(header: str | None, locale: str | None) -> None:
    assert chosen_locale(header) == locale
