"""Remembered pages and readings: the same gives the same, anything else something else, and memory is bounded."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from gateway.canonical import Tagged
from gateway.services.benefit_pages import READINGS, Asked, BenefitPages, Question
from gateway.services.benefits import Search

QUESTION = Question(
    facts="{}",
    catalogue="v1",
    today=date(2026, 11, 28),
    partners=("skyhub-lounge",),
    asked=Asked(wanted=Search(), locale=None, limit=20, cursor=None),
    caller="app mbr_1",
)


def page(text: str) -> Tagged:
    return Tagged(text.encode(), f'"{text}"')


def never() -> Tagged:
    raise AssertionError("it is remembered")


def asking(**change: Any) -> Question:
    """Make a question that asks for something else."""
    return msgspec.structs.replace(QUESTION, asked=msgspec.structs.replace(QUESTION.asked, **change))


def test_the_same_question_is_answered_from_memory() -> None:
    pages = BenefitPages()
    made = pages.answer(QUESTION, lambda: page("a"))
    assert pages.answer(asking(wanted=Search()), never) is made


@pytest.mark.parametrize(
    "change",
    [
        {"facts": '{"id":"x"}'},
        {"catalogue": "v2"},
        {"today": date(2026, 11, 29)},
        {"partners": ()},
        {"caller": "app mbr_2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_differs_makes_another_page(change: dict[str, Any]) -> None:
    pages = BenefitPages()
    pages.answer(QUESTION, lambda: page("a"))
    assert pages.answer(msgspec.structs.replace(QUESTION, **change), lambda: page("b")).body == b"b"


@pytest.mark.parametrize(
    "change",
    [{"wanted": Search(city="Changchun")}, {"locale": "en"}, {"limit": 21}, {"cursor": "b"}],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_asked_for_otherwise_makes_another_page(change: dict[str, Any]) -> None:
    pages = BenefitPages()
    pages.answer(QUESTION, lambda: page("a"))
    assert pages.answer(asking(**change), lambda: page("b")).body == b"b"


def test_a_reading_is_remembered_by_query_and_language_until_there_are_too_many() -> None:
    pages = BenefitPages()
    pages.remember_reading((b"limit=20", None), QUESTION.asked)
    assert pages.read_before((b"limit=20", None)) is QUESTION.asked
    assert pages.read_before((b"limit=21", None)) is None
    assert pages.read_before((b"limit=20", b"en")) is None
    for number in range(READINGS):
        pages.remember_reading((b"q=%d" % number, None), QUESTION.asked)
    assert pages.read_before((b"limit=20", None)) is None


def test_what_was_asked_for_longest_ago_is_forgotten() -> None:
    pages = BenefitPages(limit_bytes=3_500)
    asked = [asking(cursor=str(number)) for number in range(3)]
    for question in asked:
        pages.answer(question, lambda: page("x" * 10))
    pages.answer(asked[0], never)
    pages.answer(asking(cursor="3"), lambda: page("y"))
    pages.answer(asked[0], never)
    assert pages.answer(asked[1], lambda: page("again")).body == b"again"


def test_one_too_large_for_the_memory_is_answered_all_the_same() -> None:
    pages = BenefitPages(limit_bytes=100)
    assert pages.answer(QUESTION, lambda: page("large")).body == b"large"
    assert pages.answer(QUESTION, lambda: page("made anew")).body == b"made anew"
