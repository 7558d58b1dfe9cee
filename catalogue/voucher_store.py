"""Vouchers in the database: issued once per redemption, consumed once at the partner's desk, inside their validity.

Idempotency: `issue_voucher` by redemption id, `void_voucher` by its effect. `consume_voucher` is one guarded update: of
any number at once exactly one changes the row. Every change leaves a row in ``voucher_events``, so that what was taken
back stays visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.errors import VoucherRefusedError
from catalogue.tables import voucher_events, vouchers
from catalogue.vouchers import VoucherState, check_code, hash_code, normalise_code, read_code, sources_of
from config.database import insert_surely_new
from config.prepared import Prepared, inserting
from config.words import known

_REMEMBER = Prepared(inserting(voucher_events))
_OF_REDEMPTION = Prepared(sa.select(vouchers).where(vouchers.c.redemption_id == sa.bindparam("wanted")))


class NewVoucher(msgspec.Struct, frozen=True, kw_only=True):
    """What a voucher is issued with. It may be consumed from ``valid_from_at`` on and before ``valid_to_at``.

    ``undo_minutes``: how long after it was consumed its desk can take that back; 0: never.
    """

    id: str
    redemption_id: str
    member_id: str
    partner: str
    benefit_id: str
    benefit_version: int
    code: str
    valid_from_at: datetime
    valid_to_at: datetime
    guests_allowed: int = 0
    undo_minutes: int = 0


class Voucher(NewVoucher, frozen=True, kw_only=True):
    """A voucher as it stands."""

    state: VoucherState
    version: int
    issued_at: datetime
    consumed_at: datetime | None = None
    consumed_location: str | None = None
    consumed_guests: int | None = None
    ended_at: datetime | None = None


class VoucherEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a voucher; ``number`` is its version after it."""

    number: int
    event: str
    happened_at: datetime
    location: str | None = None
    guests: int | None = None


def issue_voucher(connection: Connection, new: NewVoucher, at: datetime) -> Voucher:
    """Issue a voucher, or answer the one that this redemption already has, with its first code.

    Raises:
        ValueError: the code's check character is wrong: it was not made by `vouchers.make_code`.
        RefusedByDatabaseError: at the end of the operation, when another voucher has this very code; nothing was
            written, and the same redemption with other randomness will pass.
    """
    if not check_code(new.code):
        raise ValueError("not a voucher code")
    code = normalise_code(new.code)
    row = msgspec.structs.asdict(new) | {"code": code, "code_hash": hash_code(code)}
    row |= {"state": VoucherState.ISSUED.value, "version": 1, "issued_at": at}
    if not insert_surely_new(connection, vouchers, row, unique=["redemption_id"]):
        issued = voucher_of(connection, new.redemption_id)
        assert issued is not None
        return issued
    fields = msgspec.structs.asdict(new) | {"code": code}
    voucher = Voucher(**fields, state=VoucherState.ISSUED, version=1, issued_at=at)
    _remember(connection, voucher, "issued", at)
    return voucher


def voucher_of(connection: Connection, redemption_id: str) -> Voucher | None:
    """Find the voucher of a redemption."""
    rows = _OF_REDEMPTION.named(connection, wanted=redemption_id)
    return _voucher(rows[0]) if rows else None


def voucher_history(connection: Connection, voucher_id: str) -> tuple[VoucherEvent, ...]:
    """List what happened to a voucher, oldest first."""
    columns = [voucher_events.c[name] for name in VoucherEvent.__struct_fields__]
    query = sa.select(*columns).where(voucher_events.c.voucher_id == voucher_id).order_by(voucher_events.c.number)
    return tuple(VoucherEvent(**row._mapping) for row in connection.execute(query))


def member_vouchers(connection: Connection, member_id: str, limit: int = 100) -> tuple[Voucher, ...]:
    """List a member's vouchers, newest first."""
    query = sa.select(vouchers).where(vouchers.c.member_id == member_id).order_by(vouchers.c.id.desc()).limit(limit)
    return tuple(_voucher(row) for row in connection.execute(query).mappings())


def voucher_at_desk(connection: Connection, partner: str, code: str) -> Voucher:
    """Find the voucher of a code in whatever state, for the desk of its partner alone.

    Raises:
        VoucherRefusedError: ``reason`` is ``mistyped`` or ``unknown``.
    """
    voucher = _first(connection, vouchers.c.code_hash == hash_code(read_code(code)), vouchers.c.partner == partner)
    if voucher is None:
        _refuse("unknown")
    return voucher


def verify_voucher(connection: Connection, partner: str, code: str, at: datetime) -> Voucher:
    """Show a desk what a code is good for; nothing changes.

    Args:
        connection: open.
        partner: whose desk asks; a voucher of another partner's is unknown to it.
        code: as typed.
        at: now.

    Raises:
        VoucherRefusedError: ``reason`` is ``mistyped``, ``unknown``, ``not_yet_valid``, ``expired``, ``consumed``,
            ``void``, or ``not_now`` where only a later version of the code knows its state.
    """
    voucher = voucher_at_desk(connection, partner, code)
    reason = _reason(voucher, at)
    if reason is not None:
        _refuse(reason)
    return voucher


def consume_voucher(
    connection: Connection, partner: str, code: str, *, location: str, guests: int, at: datetime
) -> Voucher:
    """Consume a voucher, exactly once; the voucher is answered as it then stands.

    Args:
        connection: of a writing operation.
        partner: whose desk asks.
        code: as typed.
        location: where, in the partner's own words.
        guests: beside the member.
        at: now.

    Raises:
        VoucherRefusedError: as `verify_voucher`, and ``too_many_guests``; of two at once the later gets ``consumed``.
    """
    voucher = verify_voucher(connection, partner, code, at)
    if not 0 <= guests <= voucher.guests_allowed:
        _refuse("too_many_guests", allowed=voucher.guests_allowed)
    consumed = _move(
        connection,
        VoucherState.CONSUMED,
        vouchers.c.id == voucher.id,
        vouchers.c.version == voucher.version,
        consumed_at=at,
        consumed_location=location,
        consumed_guests=guests,
    )
    after = voucher_of(connection, voucher.redemption_id)
    assert after is not None
    if not consumed:
        _refuse(_reason(after, at) or "consumed")
    _remember(connection, after, "consumed", at, location=location, guests=guests)
    return after


def unconsume_voucher(connection: Connection, partner: str, code: str, at: datetime) -> Voucher:
    """Take a consumption back that the desk made by mistake, within the minutes that the voucher's terms allow.

    Args:
        connection: of a writing operation.
        partner: whose desk asks; a voucher of another partner's is unknown to it.
        code: as typed.
        at: now.

    Raises:
        VoucherRefusedError: ``reason`` is ``mistyped``, ``unknown``, ``not_now``, ``not_consumed`` or ``too_late``.
    """
    voucher = voucher_at_desk(connection, partner, code)
    if voucher.state is not VoucherState.CONSUMED or voucher.consumed_at is None:
        _refuse("not_now" if voucher.state is VoucherState.UNKNOWN else "not_consumed")
    if at >= voucher.consumed_at + timedelta(minutes=voucher.undo_minutes):
        _refuse("too_late", minutes=voucher.undo_minutes)
    taken_back = _move(
        connection,
        VoucherState.ISSUED,
        vouchers.c.id == voucher.id,
        vouchers.c.version == voucher.version,
        consumed_at=None,
        consumed_location=None,
        consumed_guests=None,
    )
    after = voucher_of(connection, voucher.redemption_id)
    assert after is not None
    if not taken_back:
        _refuse("not_consumed")
    _remember(connection, after, "unconsumed", at)
    return after


def void_voucher(connection: Connection, redemption_id: str, at: datetime) -> bool:
    """End the voucher of a redemption that was undone, so that no desk accepts it.

    Returns:
        Whether the voucher can no longer be used and never was: False when it was consumed, there is none, or only a
        later version of the code knows its state. An expired one stays expired.
    """
    voided = _move(connection, VoucherState.VOID, vouchers.c.redemption_id == redemption_id, ended_at=at)
    voucher = voucher_of(connection, redemption_id)
    if voucher is not None and voided:
        _remember(connection, voucher, "void", at)
    return voucher is not None and voucher.state in {VoucherState.VOID, VoucherState.EXPIRED}


def expire_vouchers(connection: Connection, at: datetime, limit: int = 500) -> int:
    """Mark what has ended unused; answers how many. A desk refuses an ended voucher whether or not this has run.

    Run it until it answers less than ``limit``; running it again changes nothing more.
    """
    issued = vouchers.c.state.in_([state.value for state in sources_of(VoucherState.EXPIRED)])
    ended = sa.select(vouchers).where(issued, vouchers.c.valid_to_at <= at).order_by(vouchers.c.valid_to_at)
    expired = 0
    for voucher in [_voucher(row) for row in connection.execute(ended.limit(limit)).mappings()]:
        same = (vouchers.c.id == voucher.id, vouchers.c.version == voucher.version)
        if _move(connection, VoucherState.EXPIRED, *same, ended_at=at):
            _remember(connection, msgspec.structs.replace(voucher, version=voucher.version + 1), "expired", at)
            expired += 1
    return expired


def _move(connection: Connection, target: VoucherState, *conditions: sa.ColumnElement[bool], **changes: object) -> int:
    allowed = [state.value for state in sources_of(target)]
    statement = (
        sa.update(vouchers)
        .where(vouchers.c.state.in_(allowed), *conditions)
        .values(state=target.value, version=vouchers.c.version + 1, **changes)
    )
    return connection.execute(statement).rowcount


_REASONS = {
    "unknown": "There is no such voucher.",
    "not_yet_valid": "The voucher is not valid yet.",
    "expired": "The voucher has expired.",
    "consumed": "The voucher has been used.",
    "void": "The voucher was cancelled.",
    "not_now": "The gateway is being brought up to date; try again in a few minutes.",
    "not_consumed": "The voucher has not been used.",
    "too_late": "It is too late to take this back.",
    "too_many_guests": "The voucher does not admit so many guests.",
}


def _refuse(reason: str, **facts: int) -> NoReturn:
    raise VoucherRefusedError(_REASONS[reason], reason=reason, **facts)


def _reason(voucher: Voucher, at: datetime) -> str | None:
    if voucher.state is VoucherState.UNKNOWN:
        return "not_now"
    if voucher.state is not VoucherState.ISSUED:
        return voucher.state.value
    if at < voucher.valid_from_at:
        return "not_yet_valid"
    return "expired" if at >= voucher.valid_to_at else None


def _remember(connection: Connection, voucher: Voucher, event: str, at: datetime, **facts: str | int) -> None:
    row = {"voucher_id": voucher.id, "number": voucher.version, "event": event, "happened_at": at, **facts}
    _REMEMBER.later(connection, **{"location": None, "guests": None} | row)


def _first(connection: Connection, *conditions: sa.ColumnElement[bool]) -> Voucher | None:
    row = connection.execute(sa.select(vouchers).where(*conditions)).one_or_none()
    return None if row is None else _voucher(row._mapping)


def _voucher(row: Mapping[str, Any] | sa.RowMapping) -> Voucher:
    fields = dict(row)
    del fields["code_hash"]
    return Voucher(**fields | {"state": known(VoucherState, fields["state"]) or VoucherState.UNKNOWN})
