"""Every key of every shipped file, made wrong in three ways: refused with file, line and key, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest

from catalogue.errors import CatalogueFileError
from catalogue.loader import check_catalogue, read_texts
from config.files import HINTS, PACKAGED_FOLDER
from config.partner_files import read_partner_files

TEXTS = read_texts(PACKAGED_FOLDER)
KEY = re.compile(r"([A-Za-z_-]+) = (.*[^\[{(\"]|\".*\"|\[.*\])$")


@cache
def partners() -> tuple[str, ...]:
    return tuple(read_partner_files(PACKAGED_FOLDER))


def keys(path: str) -> Iterator[tuple[int, str]]:
    """List the keys of a file that stand on a line of their own, each once per table, with the line's index."""
    seen, table = set(), ""
    for number, line in enumerate(TEXTS[path].split("\n")):
        table = line if line.startswith("[") else table
        found = KEY.match(line)
        if found is not None and (table, found[1]) not in seen:
            seen.add((table, found[1]))
            yield number, found[1]


PATHS = [path for path in TEXTS if any(keys(path))]
"""Those with keys on lines of their own; a list of inline tables has none."""


def refused(path: str, number: int, new: str) -> CatalogueFileError:
    lines = TEXTS[path].split("\n")
    lines[number] = new
    with pytest.raises(CatalogueFileError) as found:
        check_catalogue({**TEXTS, path: "\n".join(lines)}, partners())
    return found.value


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_value_is_refused_with_file_line_key_and_what_to_do(path: str) -> None:
    for number, key in keys(path):
        error = refused(path, number, f"{key} = {{ nonsense = 1.5 }}")
        first = error.message.split("\n")[0]
        assert error.facts["file"] == path, first
        assert first.startswith(f"{path}, line {number + 1}: "), first
        assert key in first
        assert any(hint in first for _, hint in HINTS) or ";" in first, first


@pytest.mark.parametrize("path", PATHS)
def test_a_misspelt_key_and_broken_toml_are_refused_with_their_place(path: str) -> None:
    number, key = next(keys(path))
    line = TEXTS[path].split("\n")[number]
    unknown = refused(path, number, f"{line}\n{key}_x = 1").message
    assert f"line {number + 2}" in unknown
    assert f"{key}_x" in unknown
    broken = refused(path, number, f"{key} =").message
    assert broken.startswith(path)
    assert f"at line {number + 1}, column" in broken


def test_hardly_a_file_is_left_out() -> None:
    assert set(TEXTS) - set(PATHS) == {"lounge_access/airports.toml", "lounge_access/lounges.toml"}
