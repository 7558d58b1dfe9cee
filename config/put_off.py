"""What an operation puts off because nothing it does afterwards depends on what it answers.

An operation that runs beside others (`config.side_by_side`) pays for each statement with a way over the socket. What it
puts off (`Part`) is sent when the operation ends, or before it looks at a table that is written so: of a lone operation
as one statement, which is a transaction of its own (`whole`), of several step by step (`steps`).

PostgreSQL runs the writes of such a statement over one moment: none sees what another writes, and foreign keys are
judged after all of them. What has to write something is run in the order in which it was put off, and with it takes its
locks in that order; what may write nothing comes last.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
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


class Merged(NamedTuple):
    """What one call of a function of the schema does for all operations that ask for it; null when it is done.

    ``sql`` is an expression of one value, which ``put`` makes of the ``part`` of each; ``tables``: it writes these.
    """

    sql: str
    part: Any
    put: Callable[[Sequence[Any]], Any]
    tables: frozenset[str]


class Check(NamedTuple):
    """A condition that is judged when everything is written that must be; a function of the schema looks then."""

    sql: str
    values: Sequence[Any]


Part = Write | Merged | Check


def writes_to(part: Part, tables: frozenset[str]) -> bool:
    """Say whether a part writes to one of these tables."""
    if isinstance(part, Write):
        return part.table in tables
    return isinstance(part, Merged) and not part.tables.isdisjoint(tables)


def steps(parts: Iterable[Part]) -> list[list[Part]]:
    """Divide parts into what is sent one after the other: writes up to what is merged, that, writes, then checks."""
    found: list[list[Part]] = [[]]
    checks: list[Part] = []
    for part in parts:
        if isinstance(part, Check):
            checks.append(part)
        elif isinstance(part, Merged):
            found += [[part], []]
        else:
            found[-1].append(part)
    return [step for step in (*found, checks) if step]


def together(parts: Sequence[Part]) -> tuple[str, list[Any]]:
    """Put parts into one statement, which answers whether each did what it must; give it with its values."""
    return _put_together(tuple(map(_form, parts))), _values(parts)


def whole(parts: Sequence[Part]) -> tuple[str, list[Any]]:
    """Put all parts of an operation into one statement, which the database refuses if one does not do what it must.

    Source: migration 0024, ``refuse_unwritten``.
    """
    ordered = [part for step in steps(parts) for part in step]
    return _put_together(tuple(map(_form, ordered)), refusing=True), _values(ordered)


class _Form(NamedTuple):
    """What of a part the statement depends on."""

    sql: str
    takes: int
    kind: type[Part]
    decides: bool


def _form(part: Part) -> _Form:
    if isinstance(part, Merged):
        return _Form(part.sql, 1, Merged, decides=True)
    decides = part.one_row if isinstance(part, Write) else True
    return _Form(part.sql, len(part.values), type(part), decides)


def _values(parts: Iterable[Part]) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        found += [part.put([part.part])] if isinstance(part, Merged) else part.values
    return found


@lru_cache(maxsize=256)
def _put_together(forms: tuple[_Form, ...], *, refusing: bool = False) -> str:
    before = accumulate((form.takes for form in forms), initial=0)
    numbered = [
        (form, f"w{number}", numbered_from(form.sql, first, form.takes))
        for number, (form, first) in enumerate(zip(forms, before, strict=False))
    ]
    written = ", ".join(f"{name} AS ({sql})" for form, name, sql in numbered if form.kind is Write)
    decides = " AND ".join(_condition(*each) for each in numbered if each[0].decides) or "true"
    answer = f"CASE WHEN {decides} THEN true ELSE refuse_unwritten() END" if refusing else decides
    return f"WITH {written} SELECT {answer}" if written else f"SELECT {answer}"


def _condition(form: _Form, name: str, sql: str) -> str:
    if form.kind is Write:
        return f"(SELECT count(*) FROM {name}) = 1"  # noqa: S608
    return f"{sql} IS NULL" if form.kind is Merged else f"({sql})"


def numbered_from(sql: str, first: int, count: int) -> str:
    """Number the values of a part of a statement from those of the parts before it on."""
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
