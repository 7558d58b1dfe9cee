"""Bulk files as stored: one row per client, kind and reference, with the answer to every row of the file."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.programme_files import BulkFile
from catalogue.programme_tables import bulk_files
from config.errors import ConflictError, NotFoundError
from gateway.schemas.programme import BulkFileView
from settlement.exports import csv_text

_COLUMNS = [bulk_files.c[name] for name in BulkFileView.__struct_fields__]
ANSWER_COLUMNS = (
    "row", "member", "reference", "outcome", "points", "qualifying_points", "tier", "code", "message",
)  # fmt: skip


class RowAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one row: credited with what it earned, or refused with a stable code and what to do."""

    row: int
    member: str | None = None
    reference: str | None = None
    points: int | None = None
    qualifying_points: int | None = None
    tier: str | None = None
    code: str | None = None
    message: str | None = None

    @property
    def refused(self) -> bool:
        """Whether nothing of the row was taken."""
        return self.code is not None


def open_file(
    connection: Connection, file: BulkFile, content_hash: str, *, new_id: str, client_id: str, at: datetime
) -> str:
    """Note that a file has arrived, and answer its id; the same content again is the same file.

    A file that was refused whole may be sent again, mended, under its reference.

    Raises:
        ConflictError: the reference is known with another content.
    """
    mine = sa.and_(
        bulk_files.c.kind == file.kind, bulk_files.c.client_id == client_id, bulk_files.c.reference == file.reference
    )
    found = connection.execute(sa.select(bulk_files).where(mine).with_for_update()).one_or_none()
    if found is not None and found.content_hash == content_hash:
        return str(found.id)
    if found is not None and found.state != "refused":
        raise ConflictError("The file's reference is known with another content.", bulk_file_id=found.id)
    if found is not None:
        connection.execute(sa.delete(bulk_files).where(mine))
    connection.execute(
        bulk_files.insert().values(
            id=new_id,
            kind=file.kind,
            client_id=client_id,
            reference=file.reference,
            content_hash=content_hash,
            state="working",
            rows=len(file.rows),
            taken=0,
            refused=0,
            totals=file.totals,
            received_at=at,
        )
    )
    return new_id


def finish_file(
    connection: Connection, file_id: str, answers: list[RowAnswer], *, refused_whole: bool, at: datetime
) -> None:
    """Store the answers of a file that was worked through."""
    refused = sum(answer.refused for answer in answers)
    connection.execute(
        sa.update(bulk_files)
        .where(bulk_files.c.id == file_id, bulk_files.c.state == "working")
        .values(
            state="refused" if refused_whole else "done",
            taken=0 if refused_whole else len(answers) - refused,
            refused=len(answers) if refused_whole else refused,
            answers=_answer_file(answers, refused_whole=refused_whole),
            finished_at=at,
        )
    )


def read_file(connection: Connection, file_id: str, client_id: str) -> BulkFileView:
    """Read a file of a client.

    Raises:
        NotFoundError: the client has no such file.
    """
    query = sa.select(*_COLUMNS).where(bulk_files.c.id == file_id, bulk_files.c.client_id == client_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError("There is no such file.")
    return BulkFileView(**row._mapping)


def read_answers(connection: Connection, file_id: str, client_id: str) -> bytes:
    """Read the answers to a file's rows, as CSV; see `read_file` for the error, also while it is worked on."""
    query = sa.select(bulk_files.c.answers).where(bulk_files.c.id == file_id, bulk_files.c.client_id == client_id)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFoundError("There are no answers to this file yet.")
    return bytes(found)


def _answer_file(answers: list[RowAnswer], *, refused_whole: bool) -> bytes:
    def outcome(answer: RowAnswer) -> str:
        if answer.refused:
            return "refused"
        return "not_taken" if refused_whole else "credited"

    rows = [
        [outcome(answer) if name == "outcome" else getattr(answer, name) for name in ANSWER_COLUMNS]
        for answer in answers
    ]
    return csv_text.document(ANSWER_COLUMNS, rows)
