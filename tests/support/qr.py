"""Reads a QR picture of version 1 as a scanner would, to prove that what is drawn is what was meant.

Source: ISO/IEC 18004: placement of modules, format information and its mask 101010000010010, the alphanumeric mode.
No error is corrected: a picture of ours has none.
"""

from __future__ import annotations

import struct
import zlib

SIZE = 21
BORDER = 4
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_FORMAT_MASK = 0b101010000010010
_MASKS = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, column: row % 2 == 0,
    lambda row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)


def modules_of_png(png: bytes) -> list[list[bool]]:
    """Sample the middle of each module of a black and white picture; True is dark."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    position, data, width, depth = 8, b"", 0, 0
    while position < len(png):
        length, kind = struct.unpack(">I4s", png[position : position + 8])
        body = png[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            width, height, depth = struct.unpack(">IIB", body[:9])
            assert width == height
        data += body if kind == b"IDAT" else b""
        position += 12 + length
    assert depth == 1
    rows = _unfiltered(zlib.decompress(data), 1 + (width + 7) // 8)
    scale = width // (SIZE + 2 * BORDER)

    def dark(row: int, column: int) -> bool:
        y, x = ((part + BORDER) * scale + scale // 2 for part in (row, column))
        return not rows[y][x // 8] >> (7 - x % 8) & 1

    return [[dark(row, column) for column in range(SIZE)] for row in range(SIZE)]


def _unfiltered(raw: bytes, stride: int) -> list[bytes]:
    """Undo the filters "none" and "up" of a PNG's rows."""
    rows: list[bytes] = []
    for start in range(0, len(raw), stride):
        kind, row = raw[start], raw[start + 1 : start + stride]
        assert kind in {0, 2}
        rows.append(bytes((a + b) % 256 for a, b in zip(row, rows[-1], strict=True)) if kind else row)
    return rows


def read(modules: list[list[bool]]) -> str:
    """Read the text of a version 1 symbol in alphanumeric mode."""
    mask = _MASKS[_format(modules) >> 10 & 0b111]
    bits = "".join(
        str(int(modules[row][column] ^ mask(row, column)))  # type: ignore[no-untyped-call]
        for row, column in _path()
    )
    assert bits[:4] == "0010", "alphanumeric mode"
    count, position, text = int(bits[4:13], 2), 13, ""
    while len(text) + 1 < count:
        pair = int(bits[position : position + 11], 2)
        text += ALPHANUMERIC[pair // 45] + ALPHANUMERIC[pair % 45]
        position += 11
    return text + (ALPHANUMERIC[int(bits[position : position + 6], 2)] if len(text) < count else "")


def error_level(modules: list[list[bool]]) -> str:
    """Name the level of error correction."""
    return {0b01: "L", 0b00: "M", 0b11: "Q", 0b10: "H"}[_format(modules) >> 13]


def _format(modules: list[list[bool]]) -> int:
    places = [(8, column) for column in (0, 1, 2, 3, 4, 5, 7, 8)] + [(row, 8) for row in (7, 5, 4, 3, 2, 1, 0)]
    return int("".join(str(int(modules[row][column])) for row, column in places), 2) ^ _FORMAT_MASK


def _path() -> list[tuple[int, int]]:
    """Give the data modules in reading order: pairs of columns from the right, up and down in turn."""
    found, upwards = [], True
    for right in (20, 18, 16, 14, 12, 10, 8, 5, 3, 1):
        for row in range(SIZE - 1, -1, -1) if upwards else range(SIZE):
            found += [(row, column) for column in (right, right - 1) if not _is_function(row, column)]
        upwards = not upwards
    return found


def _is_function(row: int, column: int) -> bool:
    corner = (row < 9 and column < 9) or (row < 9 and column > 12) or (row > 12 and column < 9)
    return corner or row == 6 or column == 6
