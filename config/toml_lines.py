"""Where each key of a TOML text stands, so that a refusal can name the line. Pure.

The standard library's parser gives values without places, and the libraries that keep a file's style keep no line
numbers either. So the text is read twice: ``tomllib`` decides whether it is TOML and what it says, and this scanner,
which is only ever given text that ``tomllib`` accepted and therefore need not judge anything, notes the lines. A
property test holds the two together: every key of one is a key of the other.

Source: the grammar of TOML 1.0 (toml.io, read 2026-11-22).
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

Place = tuple[str | int, ...]
"""A path of keys and list indexes; the empty one is the document."""

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})' r"|'''.*?'''(?:'{0,2})" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9:.]+(?:Z|[+-][0-9:]+)?|[^\s,\]}#]+")


def key_lines(text: str) -> dict[Place, int]:
    """Note the line, from 1 on, of every table, key and list item of a text that is known to be TOML."""
    return _Scanner(text.replace("\r\n", "\n")).scan()


def line_of(lines: Mapping[Place, int], place: Place) -> int:
    """Give the line of a place, or of the nearest thing around it that is written down; 1 when nothing is."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._breaks = [found.start() for found in re.finditer("\n", text)]
        self._sizes: dict[Place, int] = {}
        self._lines: dict[Place, int] = {}

    def scan(self) -> dict[Place, int]:
        table: Place = ()
        self._take(_BLANK)
        while self._at < len(self._text):
            if self._sees("[["):
                table = self._array_header()
            elif self._sees("["):
                table = self._header()
            else:
                self._pair(table)
            self._take(_BLANK)
        return self._lines

    def _sees(self, mark: str) -> bool:
        return self._text.startswith(mark, self._at)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None, "the text is not what the parser accepted"
        self._at = found.end()
        return found[0]

    def _skip(self, mark: str) -> None:
        assert self._sees(mark), mark
        self._at += len(mark)

    def _note(self, place: Place, at: int) -> None:
        """Note a place, and what is around it unless that was written down before."""
        line = bisect_right(self._breaks, at - 1) + 1
        for length in range(1, len(place) + 1):
            self._lines.setdefault(place[:length], line)

    def _header(self) -> Place:
        at = self._at
        self._skip("[")
        place = self._entered(self._key())
        self._skip("]")
        self._note(place, at)
        return place

    def _array_header(self) -> Place:
        at = self._at
        self._skip("[[")
        *parents, last = self._key()
        self._skip("]]")
        array = (*self._entered(parents), last)
        number = self._sizes.get(array, 0)
        self._sizes[array] = number + 1
        self._note((*array, number), at)
        return (*array, number)

    def _entered(self, key: list[str]) -> Place:
        """Follow a header's key; inside an array of tables it means the latest of them."""
        place: Place = ()
        for part in key:
            place = (*place, part)
            if place in self._sizes:
                place = (*place, self._sizes[place] - 1)
        return place

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._take(_SPACE)
            quoted = self._text[self._at] in "\"'"
            token = self._take(_STRING if quoted else _BARE_KEY)
            parts.append(tomllib.loads(f"key = {token}")["key"] if quoted else token)
            self._take(_SPACE)
            if not self._sees("."):
                return parts
            self._skip(".")

    def _pair(self, table: Place) -> None:
        at = self._at
        place = (*table, *self._key())
        self._note(place, at)
        self._skip("=")
        self._take(_SPACE)
        self._value(place)

    def _value(self, place: Place) -> None:
        if self._sees("["):
            self._list(place)
        elif self._sees("{"):
            self._inline_table(place)
        else:
            self._take(_STRING if self._text[self._at] in "\"'" else _SCALAR)

    def _list(self, place: Place) -> None:
        self._skip("[")
        self._take(_BLANK)
        number = 0
        while not self._sees("]"):
            self._note((*place, number), self._at)
            self._value((*place, number))
            self._separator()
            number += 1
        self._skip("]")

    def _inline_table(self, place: Place) -> None:
        self._skip("{")
        self._take(_BLANK)
        while not self._sees("}"):
            self._pair(place)
            self._separator()
        self._skip("}")

    def _separator(self) -> None:
        self._take(_BLANK)
        if self._sees(","):
            self._skip(",")
            self._take(_BLANK)
