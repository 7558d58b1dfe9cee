"""Activities in bulk: each row is an accrual of its own, once per client and reference, refused by itself.

The file is noted first, in the transaction that takes the Idempotency-Key; then rows are credited in batches, each
batch one transaction and each row a savepoint; then the answers are stored. After a crash the same file sent again goes
on: rows that were credited answer what they earned.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime
from functools import partial

import msgspec
from sqlalchemy import Connection

from catalogue.programme import Programme
from catalogue.programme_files import AccrualRow, BulkFile, BulkRow, Format, RowFault, read_accruals
from config.errors import GatewayError
from gateway.idempotency import Answer, IdempotencyKeys, KeyedRequest
from gateway.problems import kind_of
from gateway.schemas.common import Amount
from gateway.schemas.members import AccrualBody
from gateway.schemas.programme import BulkFileView
from gateway.services import accruals, bulk_files
from gateway.services.bulk_files import RowAnswer
from gateway.wiring import Gateway

BATCH = 100
_OF_THE_ROW = {404, 409, 422}
"""Statuses of errors that one row causes; any other stops the file, which can be sent again."""


async def take_in(
    gateway: Gateway, keys: IdempotencyKeys, request: KeyedRequest, client_id: str, content: bytes, format_: Format
) -> BulkFileView:
    """Take a file of activities in, row by row; the same file again answers what became of it.

    Raises:
        BulkFileError: a structural fault; nothing was taken.
        ConflictError: the file's reference is known with another content.
    """
    file = await asyncio.to_thread(read_accruals, content, format_)
    file_id = await note_file(gateway, keys, request, client_id, content, file)
    found = await gateway.database.read(partial(bulk_files.read_file, file_id=file_id, client_id=client_id))
    if found.state == "working":
        answers = [answer for rows in _batches(file) for answer in await _credit(gateway, client_id, rows)]
        operation = partial(
            bulk_files.finish_file, file_id=file_id, answers=answers, refused_whole=False, at=gateway.clock.now()
        )
        await gateway.database.write(operation)
    return await gateway.database.read(partial(bulk_files.read_file, file_id=file_id, client_id=client_id))


async def note_file(
    gateway: Gateway, keys: IdempotencyKeys, request: KeyedRequest, client_id: str, content: bytes, file: BulkFile
) -> str:
    """Note a file under the request's key, and answer its id; see `gateway.services.bulk_files.open_file`."""
    new_id = gateway.identifiers.new("bulk_file")
    digest = hashlib.sha256(content).hexdigest()

    def work(connection: Connection) -> Answer:
        now = gateway.clock.now()
        file_id = bulk_files.open_file(connection, file, digest, new_id=new_id, client_id=client_id, at=now)
        return Answer(201, resource_id=file_id)

    answer = await keys.once(request, work)
    assert answer.resource_id is not None
    return answer.resource_id


def _batches(file: BulkFile) -> list[tuple[BulkRow, ...]]:
    return [file.rows[start : start + BATCH] for start in range(0, len(file.rows), BATCH)]


async def _credit(gateway: Gateway, client_id: str, rows: tuple[BulkRow, ...]) -> list[RowAnswer]:
    programme = gateway.catalogue.programme

    def work(connection: Connection) -> list[RowAnswer]:
        now = gateway.clock.now()
        return [_credit_row(connection, programme, client_id, row, now) for row in rows]

    return await gateway.database.write(work)


def _credit_row(connection: Connection, programme: Programme, client_id: str, row: BulkRow, now: datetime) -> RowAnswer:
    content = row.content
    if isinstance(content, RowFault):
        return RowAnswer(row=row.number, code=content.code, message=content.message)
    assert isinstance(content, AccrualRow)
    named = RowAnswer(row=row.number, member=content.member, reference=content.reference)
    body = AccrualBody(
        activity=content.activity,
        amount=Amount(content.amount.amount, content.amount.currency),
        occurred_at=content.occurred_at,
        reference=content.reference,
        dealer=content.dealer,
    )
    savepoint = connection.begin_nested()
    try:
        earned = accruals.accrue(connection, programme, client_id=client_id, member=content.member, body=body, now=now)
    except GatewayError as error:
        savepoint.rollback()
        if kind_of(error.code).status not in _OF_THE_ROW:
            raise
        return msgspec.structs.replace(named, code=error.code, message=error.message)
    savepoint.commit()
    return msgspec.structs.replace(
        named, points=earned.points, qualifying_points=earned.qualifying_points, tier=earned.tier
    )
