"""Vouchers in the database: issued once per redemption, consumed once at the partner's desk, inside their validity.

Idempotency: `issue_voucher` by redemption id, `void_voucher` by its effect. `consume_voucher` is one guarded update: of
any number at once exactly one changes the row.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.errors import VoucherRefusedError
from catalogue.tables import vouchers
from catalogue.vouchers import VoucherState, check_code, hash_code, normalise_code, read_code, sources_of
from config.database import insert_new


class NewVoucher(msgspec.Struct, frozen=True, kw_only=True):
    """What a voucher is issued with. It may be consumed from ``valid_from_at`` on and before ``valid_to_at``."""

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


class Voucher(NewVoucher, frozen=True, kw_only=True):
    """A voucher as it stands."""

    state: VoucherState
    version: int
    issued_at: datetime
    consumed_at: datetime | None = None
    consumed_location: str | None = None
    consumed_guests: int | None = None
    ended_at: datetime | None = None


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
    insert_new(connection, vouchers, row, unique=["redemption_id"])
    voucher = voucher_of(connection, new.redemption_id)
    assert voucher is not None
    return voucher


def voucher_of(connection: Connection, redemption_id: str) -> Voucher | None:
    """Find the voucher of a redemption."""
    return _first(connection, vouchers.c.redemption_id == redemption_id)


def member_vouchers(connection: Connection, member_id: str, limit: int = 100) -> tuple[Voucher, ...]:
    """List a member's vouchers, newest first."""
    query = sa.select(vouchers).where(vouchers.c.member_id == member_id).order_by(vouchers.c.id.desc()).limit(limit)
    return tuple(_voucher(row) for row in connection.execute(query))


def verify_voucher(connection: Connection, partner: str, code: str, at: datetime) -> Voucher:
    """Show a desk what a code is good for; nothing changes.

    Args:
        connection: open.
        partner: whose desk asks; a voucher of another partner's is unknown to it.
        code: as typed.
        at: now.

    Raises:
        VoucherRefusedError: ``reason`` is ``mistyped``, ``unknown``, ``not_yet_valid``, ``expired``, ``consumed``
            or ``void``.
    """
    voucher = _first(connection, vouchers.c.code_hash == hash_code(read_code(code)), vouchers.c.partner == partner)
    if voucher is None:
        _refuse("unknown")
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
    return after


def void_voucher(connection: Connection, redemption_id: str, at: datetime) -> bool:
    """End the voucher of a redemption that was undone, so that no desk accepts it.

    Returns:
        Whether the voucher can no longer be used and never was: False when it was consumed, or there is none. An
        expired one stays expired.
    """
    _move(connection, VoucherState.VOID, vouchers.c.redemption_id == redemption_id, ended_at=at)
    voucher = voucher_of(connection, redemption_id)
    return voucher is not None and voucher.state is not VoucherState.CONSUMED


def expire_vouchers(connection: Connection, at: datetime) -> int:
    """Mark what has ended unused; answers how many. A desk refuses an ended voucher whether or not this has run."""
    return _move(connection, VoucherState.EXPIRED, vouchers.c.valid_to_at <= at, ended_at=at)


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
    "too_many_guests": "The voucher does not admit so many guests.",
}


def _refuse(reason: str, **facts: int) -> NoReturn:
    raise VoucherRefusedError(_REASONS[reason], reason=reason, **facts)


def _reason(voucher: Voucher, at: datetime) -> str | None:
    if voucher.state is not VoucherState.ISSUED:
        return voucher.state.value
    if at < voucher.valid_from_at:
        return "not_yet_valid"
    return "expired" if at >= voucher.valid_to_at else None


def _first(connection: Connection, *conditions: sa.ColumnElement[bool]) -> Voucher | None:
    row = connection.execute(sa.select(vouchers).where(*conditions)).one_or_none()
    return None if row is None else _voucher(row)


def _voucher(row: sa.Row[tuple[object, ...]]) -> Voucher:
    fields = dict(row._mapping)
    del fields["code_hash"]
    return Voucher(**fields | {"state": VoucherState(fields["state"])})
