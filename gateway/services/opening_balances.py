"""Opening balances from an older programme: lots, qualifying points and tiers, once per member, whole files only.

A file is posted in one transaction or not at all: one row that cannot be taken refuses it, every fault is in the
answers, and the mended file may be sent again under its reference. Keys:
``opening:<reference>:<member>:lot:<last day>`` and ``opening:<reference>:<member>:qualifying:<day>``.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import date, datetime

import msgspec
from sqlalchemy import Connection

from catalogue import members, programme_standing, statuses
from catalogue.calendar import end_of, start_of
from catalogue.eligibility import ACTIVE
from catalogue.errors import BulkFileError
from catalogue.programme import Programme
from catalogue.programme_files import BulkFile, BulkRow, Format, OpeningRow, RowFault, members_of, read_opening
from catalogue.tier_match import HeldStatus, Provenance
from config.errors import NotFoundError
from gateway.idempotency import IdempotencyKeys, KeyedRequest
from gateway.schemas.programme import BulkFileView
from gateway.services import bulk_files, standing
from gateway.services.accrual_files import note_file
from gateway.services.bulk_files import RowAnswer
from gateway.services.members import member_of_path
from gateway.wiring import Gateway
from settlement import member_moves
from settlement.member_points import count_entries

ROW_LIMIT = 20_000
"""Rows of one file: it is one transaction, and on SQLite nobody else writes meanwhile."""

Known = dict[str, str | RowFault]
"""Our id by the name a file uses, or why the member cannot be opened."""


async def take_in(
    gateway: Gateway, keys: IdempotencyKeys, request: KeyedRequest, client_id: str, content: bytes, format_: Format
) -> BulkFileView:
    """Take a file of opening balances in, whole or not at all; the same file again answers what became of it.

    Raises:
        BulkFileError: a structural fault, or too many rows.
        ConflictError: the file's reference is known with another content.
    """
    file = await asyncio.to_thread(read_opening, content, format_)
    if len(file.rows) > ROW_LIMIT:
        raise BulkFileError(f"The file has {len(file.rows)} rows; {ROW_LIMIT} are the most, send several files.")
    file_id = await note_file(gateway, keys, request, client_id, content, file)
    programme = gateway.catalogue.programme

    def work(connection: Connection) -> BulkFileView:
        if bulk_files.read_file(connection, file_id, client_id).state == "working":
            now = gateway.clock.now()
            answers = _answers(connection, programme, file, now)
            refused = any(answer.refused for answer in answers)
            if not refused:
                _post(connection, programme, file, now)
            bulk_files.finish_file(connection, file_id, answers, refused_whole=refused, at=now)
        return bulk_files.read_file(connection, file_id, client_id)

    return await gateway.database.write(work)


def _answers(connection: Connection, programme: Programme, file: BulkFile, now: datetime) -> list[RowAnswer]:
    known = {named: _member(connection, named, file.reference) for named in members_of(file.rows)}
    today = programme.today(now)
    return [_answer(programme, row, known, today) for row in file.rows]


def _member(connection: Connection, named: str, reference: str) -> str | RowFault:
    try:
        member_id = member_of_path(connection, named)
    except NotFoundError:
        return RowFault("not_found", "There is no such member; send the members first.")
    if members.get_member(connection, member_id).state != ACTIVE:
        return RowFault("member_closed", "The membership has ended.")
    if count_entries(connection, member_id, "opening", not_reference=reference):
        return RowFault("opened_before", "The member has opening balances from another file.")
    return member_id


def _answer(programme: Programme, row: BulkRow, known: Known, today: date) -> RowAnswer:
    content = row.content
    if isinstance(content, RowFault):
        return RowAnswer(row=row.number, code=content.code, message=content.message)
    assert isinstance(content, OpeningRow)
    fault = _fault(programme, content, known[content.member], today)
    answer = RowAnswer(row=row.number, member=content.member)
    if fault is not None:
        return msgspec.structs.replace(answer, code=fault.code, message=fault.message)
    return msgspec.structs.replace(
        answer,
        points=content.quantity if content.kind == "lot" else None,
        qualifying_points=content.quantity if content.kind == "qualifying" else None,
        tier=content.tier,
    )


def _fault(programme: Programme, row: OpeningRow, member: str | RowFault, today: date) -> RowFault | None:
    if isinstance(member, RowFault):
        return member
    if row.kind == "lot" and row.on_date is not None and row.on_date < today:
        return RowFault("expired", "The points have expired already; leave them out.")
    if row.kind == "qualifying" and row.on_date is not None and row.on_date > today:
        return RowFault("future", "Qualifying points cannot be earned in the future.")
    if row.kind == "tier" and row.tier not in programme.tier_ids:
        return RowFault("unknown_tier", f"The programme has no such tier; it has {', '.join(programme.tier_ids)}.")
    if row.kind == "tier" and row.until_date is not None and row.until_date < today:
        return RowFault("expired", "The tier has ended already; leave it out.")
    return None


def _post(connection: Connection, programme: Programme, file: BulkFile, now: datetime) -> None:
    totals: defaultdict[tuple[str, str, date | None], int] = defaultdict(int)
    opened: dict[str, None] = {}
    for row in file.rows:
        assert isinstance(row.content, OpeningRow)
        member_id = member_of_path(connection, row.content.member)
        opened[member_id] = None
        if row.content.kind == "tier":
            _grant(connection, programme, member_id, row.content, file.reference, now)
        else:
            totals[member_id, row.content.kind, row.content.on_date] += row.content.quantity
    for (member_id, kind, day), quantity in totals.items():
        _open(connection, programme, file.reference, member_id, kind, day, quantity, now)
    for member_id in opened:
        history = standing.history_of(connection, programme, member_id)
        programme_standing.settle(connection, programme, member_id, history, now)


def _open(
    connection: Connection,
    programme: Programme,
    reference: str,
    member_id: str,
    kind: str,
    day: date | None,
    quantity: int,
    now: datetime,
) -> None:
    key = f"opening:{reference}:{member_id}:{kind}:{day or 'never'}"
    if kind == "qualifying":
        assert day is not None
        member_moves.open_qualifying_balance(
            connection,
            key=key,
            member_id=member_id,
            points=quantity,
            effective_at=start_of(day, programme.time_zone),
            at=now,
            reference=reference,
        )
        return
    member_moves.open_lot_balance(
        connection,
        key=key,
        member_id=member_id,
        points=quantity,
        expires_at=end_of(day, programme.time_zone) if day is not None else None,
        at=now,
        reference=reference,
    )


def _grant(
    connection: Connection, programme: Programme, member_id: str, row: OpeningRow, reference: str, now: datetime
) -> None:
    assert row.tier is not None
    assert row.on_date is not None
    status = HeldStatus(
        programme=programme.id,
        tier=row.tier,
        provenance=Provenance.EARNED,
        valid_from_date=row.on_date,
        valid_to_date=row.until_date,
    )
    statuses.grant_status(connection, member_id, status, {"opening": reference}, now)
