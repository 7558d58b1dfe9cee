"""Writes that an operation puts off because nothing it does afterwards depends on what they answer.

An operation that runs beside others (`config.side_by_side`) pays for each statement with a way over the socket. What
it puts off is sent as one statement: when the operation ends, or before it looks at a table that is written so.
PostgreSQL runs the parts of such a statement over one moment, in no order: none sees what another writes. Foreign keys
are judged after all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlalchemy.sql.visitors import ExternallyTraversible

_VALUE = re.compile(r"\$(\d+)")


class Write(NamedTuple):
    """One statement that inserts or updates rows of a table, and answers a row for each.

    ``one_row``: exactly one must be written; otherwise any number may.
    """

    sql: str
    values: Sequence[Any]
    table: str | None
    one_row: bool


def together(writes: Sequence[Write]) -> tuple[str, list[Any]]:
    """Put writes into one statement, which answers whether each wrote what it must; give it with its values."""
    sql = _put_together(tuple((each.sql, len(each.values), each.one_row) for each in writes))
    return sql, [value for each in writes for value in each.values]


@lru_cache(maxsize=256)
def _put_together(parts: tuple[tuple[str, int, bool], ...]) -> str:
    before = accumulate((count for _, count, _ in parts), initial=0)
    written = (
        f"w{number} AS ({_numbered_from(sql, first, count)})"
        for number, ((sql, count, _), first) in enumerate(zip(parts, before, strict=False))
    )
    counted = [f"(SELECT count(*) FROM w{number}) = 1" for number, part in enumerate(parts) if part[2]]  # noqa: S608
    return f"WITH {', '.join(written)} SELECT {' AND '.join(counted) or 'true'}"


def _numbered_from(sql: str, first: int, count: int) -> str:
    """Number the values of a part from those of the parts before it on."""
    assert {int(number) for number in _VALUE.findall(sql)} == set(range(1, count + 1)), "$ stands for a value only"
    return _VALUE.sub(lambda found: f"${first + int(found[1])}", sql)


def looked_at(statement: sa.ClauseElement) -> frozenset[str]:
    """Name the tables that a statement reads or writes."""
    found = set()
    for each in visitors.iterate(statement):
        table = each.table if isinstance(each, sa.Column) else each
        if isinstance(table, sa.Table):
            found.add(table.name)
    return frozenset(found)


def referred_to(statement: sa.ClauseElement) -> frozenset[str]:
    """Name the tables that a row which a statement, or a part of it, writes must refer to."""
    written = (_written(each) for each in visitors.iterate(statement))
    return frozenset(key.column.table.name for table in written if table is not None for key in table.foreign_keys)


def written_by(statement: sa.ClauseElement) -> str | None:
    """Name the table that a statement writes, if it writes."""
    table = _written(statement)
    return None if table is None else table.name


def _written(statement: ExternallyTraversible) -> sa.Table | None:
    table = statement.table if isinstance(statement, sa.UpdateBase) else None
    return table if isinstance(table, sa.Table) else None
