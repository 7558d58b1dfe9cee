"""Words in columns, some of which only a later version of the code may know. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

Words = TypeVar("Words", bound=StrEnum)


def known(words: type[Words], text: str) -> Words | None:
    """Read a stored word; None for one that a later version of the code wrote, whose business it stays."""
    try:
        return words(text)
    except ValueError:
        return None
