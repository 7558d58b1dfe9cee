"""What a migration may do to tables that are in use, judged by the statements that PostgreSQL would be given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from alembic.migration import MigrationContext
from alembic.operations import Operations

MOST_LOCKED = 2
"""Each lock is waited for up to 0.3 s, while those that were had before are held: with two nobody waits a second."""

_MADE = re.compile(r"^CREATE TABLE (\w+)")
_INDEXED = re.compile(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)\w+ ON (\w+)")
_ALTERED = re.compile(r"ALTER TABLE (\w+) (.*)", re.DOTALL)
_WRITTEN = re.compile(r"(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)")
_TAKEN = re.compile(r"DROP (?:TABLE|FUNCTION|VIEW) ")
_TRIGGER = r"CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER \w+ [^$]*? ON (\w+)"
_LOCKED = re.compile(r"ALTER TABLE (\w+)|REFERENCES (\w+)|" + _TRIGGER)
_BESIDE = re.compile(r"COMMIT|BEGIN|SET lock_timeout|(?:CREATE|DROP) (?:UNIQUE )?INDEX CONCURRENTLY")
_RAISED = "UPDATE schema_compatibility"


def statements(upgrade: Callable[[], object]) -> list[str]:
    """Record what a migration of a database in use says to PostgreSQL."""
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "in_use": True})
    said: list[str] = []
    setattr(context.impl, "static_output", said.append)  # noqa: B010  # what it would print
    with Operations.context(context):
        upgrade()
    return [" ".join(each.split()).rstrip(";") for each in said]


def wrongs(said: list[str]) -> list[str]:
    """List what makes others wait, or takes away what the version before still uses."""
    made = {table for each in said for table in _MADE.findall(each)}
    found = [wrong for each in said for wrong in _wrong(each, made)]
    if any(each.startswith(_RAISED) for each in said):
        found = [wrong for wrong in found if not wrong.startswith("takes away")]
    beside = [number for number, each in enumerate(said) if "CONCURRENTLY" in each]
    if beside and not all(_BESIDE.match(each) for each in said[: beside[-1]]):
        found.append("an index of a large table comes first: what is before it would stay when it is interrupted")
    locked = {name for each in said for match in _LOCKED.findall(each) for name in match if name} - made
    if len(locked) > MOST_LOCKED:
        found.append(f"locks {', '.join(sorted(locked))} at once: divide it into several revisions")
    return found


def _wrong(said: str, made: set[str]) -> Iterator[str]:
    if (indexed := _INDEXED.match(said)) and indexed[1] not in made:
        yield f"indexes {indexed[1]} while nobody can write: use config.migration_steps.index"
    if (written := _WRITTEN.match(said)) and written[1] not in {*made, "schema_compatibility"}:
        yield f"changes rows of {written[1]} in one transaction: let a job do it in small ones"
    if _TAKEN.match(said):
        yield f"takes away: {said}"
    if (altered := _ALTERED.match(said)) and altered[1] not in made:
        yield from _altered_wrongly(altered[1], altered[2])


def _altered_wrongly(table: str, how: str) -> Iterator[str]:
    if how.startswith("ADD COLUMN"):
        if "NOT NULL" in how and "DEFAULT" not in how:
            yield f"a new column of {table} is nullable or has a constant default: {how}"
        if "(" in how.partition("DEFAULT")[2] or "REFERENCES" in how or "UNIQUE" in how:
            yield f"rewrites or reads all of {table}: {how}"
    elif how.startswith("ADD CONSTRAINT"):
        if not how.endswith("NOT VALID"):
            yield f"reads all of {table} with its lock: add it NOT VALID and validate it in a later revision: {how}"
    elif how.startswith(("DROP COLUMN", "RENAME")):
        yield f"takes away: {table} {how}"
    elif how.startswith("ALTER COLUMN"):
        yield f"rewrites or reads all of {table}: {how}"
