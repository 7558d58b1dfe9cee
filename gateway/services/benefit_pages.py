"""Pages of benefits that were made before and are still right.

What a member sees follows from the catalogue, the day, his facts (one text, read anew for every request), the partners
that are there and the question: nothing else. All of it is the key, so that a remembered page cannot be out of date.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import date

import msgspec

from catalogue import member_facts
from catalogue.model import Catalogue
from config.database import Database
from gateway.canonical import Tagged
from gateway.services.benefits import Search

LIMIT_BYTES = 16 * 1024 * 1024


READINGS = 1024
RawAsked = tuple[bytes, bytes | None]
"""A query and an ``Accept-Language`` as they were sent."""


class Asked(msgspec.Struct, frozen=True):
    """What is asked for: all that the framework reads of a request for a page."""

    wanted: Search
    locale: str | None
    limit: int
    cursor: str | None


class Question(msgspec.Struct, frozen=True):
    """What is asked for, by whom, and what it is answered from."""

    facts: str | None
    catalogue: str
    today: date
    partners: tuple[str, ...]
    asked: Asked
    caller: str


class BenefitPages:
    """The pages of one process, those that were asked for last."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        """Begin with none."""
        self._pages: OrderedDict[Question, Tagged] = OrderedDict()
        self._readings: OrderedDict[RawAsked, Asked] = OrderedDict()
        self._limit = limit_bytes
        self._bytes = 0
        self._stocked: tuple[str, str] = ("", "")

    async def facts(self, database: Database, catalogue: Catalogue, member_id: str) -> str | None:
        """Read what is known of a member and of the stock of every benefit that has one."""
        version, stocked = self._stocked
        if version != catalogue.version:
            stocked = member_facts.stocked(catalogue)
            self._stocked = (catalogue.version, stocked)
        text: str | None = await database.look(member_facts.LOOK, member_id, stocked)
        return text

    def read_before(self, raw: RawAsked) -> Asked | None:
        """Say what a query and a language asked for the last time that they were read."""
        return self._readings.get(raw)

    def remember_reading(self, raw: RawAsked, asked: Asked) -> None:
        """Keep what a query and a language ask for; it has to follow from nothing else."""
        self._readings[raw] = asked
        if len(self._readings) > READINGS:
            self._readings.popitem(last=False)

    def answer(self, question: Question, make: Callable[[], Tagged]) -> Tagged:
        """Give the page of a question, making it when it is not remembered."""
        known = self._pages.get(question)
        if known is not None:
            self._pages.move_to_end(question)
            return known
        made = make()
        self._pages[question] = made
        self._bytes += _size(question, made)
        while self._bytes > self._limit:
            self._bytes -= _size(*self._pages.popitem(last=False))
        return made


def _size(question: Question, page: Tagged) -> int:
    """Count what a page keeps in memory, roughly."""
    return len(page.body) + len(question.facts or "") + 1024
