"""What is wrong with a mapping, gathered with the line of each. Pure."""

from __future__ import annotations

from adapters.sdk.declarative.paths import is_path
from adapters.sdk.errors import ManifestError
from config.files import key_text
from config.toml_lines import Place, key_lines, line_of


class Problems:
    """The mistakes of one file, in the order of its lines."""

    def __init__(self, path: str, text: str) -> None:
        """Take the file's name and its text, which is known to be TOML."""
        self._path = path
        self._lines = key_lines(text)
        self.found: list[tuple[int, str, str]] = []

    def add(self, place: Place, what: str) -> None:
        """Note a mistake; ``what`` says what is wrong and what to do."""
        self.found.append((line_of(self._lines, place), key_text(place), what))

    def path(self, place: Place, path: str) -> None:
        """Note a path into an answer that is none; an empty one is a path left out."""
        if path and not is_path(path):
            self.add(place, f"{path!r} is no path into an answer; write one such as price.amount or offers[0].id")

    def settle(self) -> None:
        """Go on if there is none.

        Raises:
            ManifestError: tells them all.
        """
        if not self.found:
            return
        told = [
            f"{self._path}, line {line}: {f'{key}: ' if key else ''}{what}." for line, key, what in sorted(self.found)
        ]
        line, key, _ = min(self.found)
        raise ManifestError("\n".join(told), file=self._path, line=line, key=key)
