"""Remembered pages: the same question gives the same page, any other question another, and memory is bounded."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from gateway.canonical import Tagged
from gateway.services.benefit_pages import BenefitPages, Question
from gateway.services.benefits import Search

QUESTION = Question(
    facts="{}",
    catalogue="v1",
    today=date(2026, 11, 28),
    partners=("skyhub-lounge",),
    wanted=Search(),
    locale=None,
    caller="app mbr_1",
    limit=20,
    after="",
)


def page(text: str) -> Tagged:
    return Tagged(text.encode(), f'"{text}"')


def never() -> Tagged:
    raise AssertionError("it is remembered")


def test_the_same_question_is_answered_from_memory() -> None:
    pages = BenefitPages()
    made = pages.answer(QUESTION, lambda: page("a"))
    assert pages.answer(msgspec.structs.replace(QUESTION, wanted=Search()), never) is made


@pytest.mark.parametrize(
    "change",
    [
        {"facts": '{"id":"x"}'},
        {"catalogue": "v2"},
        {"today": date(2026, 11, 29)},
        {"partners": ()},
        {"wanted": Search(city="Changchun")},
        {"locale": "en"},
        {"caller": "app mbr_2"},
        {"limit": 21},
        {"after": "b"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_differs_makes_another_page(change: dict[str, Any]) -> None:
    pages = BenefitPages()
    pages.answer(QUESTION, lambda: page("a"))
    assert pages.answer(msgspec.structs.replace(QUESTION, **change), lambda: page("b")).body == b"b"
    assert set(change) <= set(Question.__struct_fields__)


def test_what_was_asked_for_longest_ago_is_forgotten() -> None:
    pages = BenefitPages(limit_bytes=3_500)
    asked = [msgspec.structs.replace(QUESTION, after=str(number)) for number in range(3)]
    for question in asked:
        pages.answer(question, lambda: page("x" * 10))
    pages.answer(asked[0], never)
    pages.answer(msgspec.structs.replace(QUESTION, after="3"), lambda: page("y"))
    pages.answer(asked[0], never)
    assert pages.answer(asked[1], lambda: page("again")).body == b"again"


def test_one_too_large_for_the_memory_is_answered_all_the_same() -> None:
    pages = BenefitPages(limit_bytes=100)
    assert pages.answer(QUESTION, lambda: page("large")).body == b"large"
    assert pages.answer(QUESTION, lambda: page("made anew")).body == b"made anew"
