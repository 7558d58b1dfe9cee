"""The catalogue in the database: every version that was ever applied, whole, with who applied it, when and why.

A version is the texts of its files. They are kept as they were, comments and all, so that any can be shown again and
parsed by a later version of the code; two texts that say the same are one version. Rows are never changed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.errors import CatalogueRefusedError
from catalogue.loader import check_catalogue, finding_line, located
from catalogue.model import Catalogue
from catalogue.plan import Plan, make_plan
from catalogue.tables import catalogue_files, catalogue_versions
from catalogue.things import Texts, documents, things_of


class AppliedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version as it was applied; ``number`` counts from 1."""

    number: int
    content_hash: str
    applied_at: datetime
    applied_by: str
    reason: str | None
    overridden: tuple[str, ...]


class Application(msgspec.Struct, frozen=True):
    """What applying did: the version that holds now, and whether it is new."""

    number: int
    is_new: bool
    plan: Plan


def head(connection: Connection) -> int | None:
    """Give the number of the version that holds; None before the first. Cheap: asked for every second."""
    number: int | None = connection.execute(sa.select(sa.func.max(catalogue_versions.c.number))).scalar_one()
    return number


def texts_of(connection: Connection, number: int) -> dict[str, str]:
    """Read the files of a version, text by path; none when there is no such version."""
    query = sa.select(catalogue_files.c.path, catalogue_files.c.text).where(catalogue_files.c.version_number == number)
    return {row.path: row.text for row in connection.execute(query.order_by(catalogue_files.c.path))}


def history(connection: Connection, limit: int = 20) -> tuple[AppliedVersion, ...]:
    """List versions, newest first."""
    rows = connection.execute(
        sa.select(catalogue_versions).order_by(catalogue_versions.c.number.desc()).limit(limit)
    ).mappings()
    return tuple(AppliedVersion(**{**row, "overridden": tuple(row["overridden"])}) for row in rows)


def plan(
    connection: Connection, texts: Texts, *, partners: Collection[str], at: datetime, overridden: Collection[str] = ()
) -> Plan:
    """Compare files with the version that holds.

    Args:
        texts: the files, see `catalogue.loader.read_texts`.
        partners: ids of the partners that may be named.
        at: now; the programme's day of it is the day on which the change would be applied.
        overridden: things whose objections are set aside.

    Raises:
        CatalogueFileError: the files are no catalogue; names file, line and key.
    """
    catalogue = check_catalogue(texts, partners)
    return _plan(connection, texts, catalogue, head(connection), at, overridden)


def plan_of_nothing(texts: Texts, *, partners: Collection[str], at: datetime, overridden: Collection[str] = ()) -> Plan:
    """Show what a first version would hold; see `plan`."""
    catalogue = check_catalogue(texts, partners)
    return make_plan(None, things_of(documents(texts)), catalogue.notice, catalogue.programme.today(at), overridden)


def apply(
    connection: Connection,
    texts: Texts,
    *,
    partners: Collection[str],
    at: datetime,
    by: str,
    reason: str | None = None,
    overridden: Collection[str] = (),
    only_first: bool = False,
    expected: str | None = None,
) -> Application:
    """Make files the version that holds; nothing happens when they say what holds already.

    Stored in one transaction, the caller's: the version and its files. Two that apply at once do it one by one.

    Args:
        texts: the files.
        partners: ids of the partners that may be named.
        at: now.
        by: who applies it.
        reason: why; needed when something is overridden.
        overridden: names of things whose objections are set aside.
        expected: the content hash that was reviewed; any other is refused.
        only_first: apply only to an empty database; what holds otherwise stays.

    Raises:
        CatalogueFileError: the files are no catalogue; names file, line and key.
        CatalogueRefusedError: terms in force would change, or with too short a notice, and that is not overridden.
    """
    catalogue = check_catalogue(texts, partners)
    if expected not in {None, catalogue.version}:
        raise CatalogueRefusedError(f"The files say {catalogue.version} and {expected} was expected; plan again.")
    _lock(connection)
    holding = head(connection)
    made = _plan(connection, texts, catalogue, holding, at, overridden)
    if holding is not None and (made.is_empty or only_first):
        return Application(holding, is_new=False, plan=made)
    _refuse(made, reason)
    number = (holding or 0) + 1
    row = AppliedVersion(
        number=number,
        content_hash=made.target,
        applied_at=at,
        applied_by=by,
        reason=reason,
        overridden=made.overridden,
    )
    connection.execute(catalogue_versions.insert().values(**msgspec.structs.asdict(row)))
    files = [{"version_number": number, "path": document.path, "text": document.text} for document in documents(texts)]
    connection.execute(catalogue_files.insert(), files)
    return Application(number, is_new=True, plan=made)


def _plan(
    connection: Connection,
    texts: Texts,
    catalogue: Catalogue,
    holding: int | None,
    at: datetime,
    overridden: Collection[str],
) -> Plan:
    wanted = things_of(documents(texts))
    applied = None
    rules = catalogue.notice
    if holding is not None:
        read = documents(texts_of(connection, holding))
        applied = things_of(read)
        rules = next((document.value for document in read if isinstance(document.value, type(rules))), type(rules)())
    made = make_plan(applied, wanted, rules, catalogue.programme.today(at), overridden)
    unknown = set(made.overridden) - {finding.thing for finding in made.findings}
    if unknown:
        raise CatalogueRefusedError(f"Nothing is to be overridden for {', '.join(sorted(unknown))}.")
    return msgspec.structs.replace(made, findings=tuple(located(made.findings, texts)))


def _refuse(made: Plan, reason: str | None) -> None:
    if made.errors:
        lines = "\n".join(finding_line(error) for error in made.errors)
        raise CatalogueRefusedError(lines, things=", ".join(sorted({error.thing for error in made.errors})))
    if made.overridden and not (reason or "").strip():
        raise CatalogueRefusedError("An override needs a reason; it is kept with the version.")


def _lock(connection: Connection) -> None:
    """Let one apply at a time; SQLite's write transaction has taken everything already."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.text("LOCK TABLE catalogue_versions IN SHARE ROW EXCLUSIVE MODE"))
