"""The rules of the audit as statements: each answers what breaks it, ``found_*`` columns say what was found."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, literal

from settlement.tables import accounts, journal_entries, lots, postings

_Statement = sa.Select[Any]


def total_of(column: ColumnElement[int]) -> ColumnElement[int]:
    """Sum a column; nothing sums to zero."""
    return sa.func.coalesce(sa.func.sum(column), 0)


def _unbalanced() -> _Statement:
    total = total_of(postings.c.amount)
    return (
        sa.select(postings.c.entry_key, postings.c.commodity, total.label("found_sum"))
        .group_by(postings.c.entry_key, postings.c.commodity)
        .having(total != 0)
    )


def _one_sided() -> _Statement:
    legs = sa.func.count(postings.c.number)
    return (
        sa.select(journal_entries.c.key, legs.label("found_postings"))
        .select_from(journal_entries.outerjoin(postings, postings.c.entry_key == journal_entries.c.key))
        .group_by(journal_entries.c.key)
        .having(legs < 2)
    )


def _unsealed() -> _Statement:
    joined = postings.outerjoin(journal_entries, journal_entries.c.key == postings.c.entry_key)
    return sa.select(postings.c.entry_key).distinct().select_from(joined).where(journal_entries.c.key.is_(None))


def _key_twice() -> _Statement:
    copies = sa.func.count()
    return (
        sa.select(journal_entries.c.key, copies.label("found_headers"))
        .group_by(journal_entries.c.key)
        .having(copies > 1)
    )


def _overdrawn() -> _Statement:
    member = accounts.c.kind == "member"
    return sa.select(accounts.c.code, accounts.c.commodity, accounts.c.balance.label("found_balance")).where(
        accounts.c.balance < 0, sa.or_(member, sa.not_(accounts.c.may_go_negative))
    )


def _member_marked() -> _Statement:
    member = sa.or_(accounts.c.kind == "member", accounts.c.code.startswith("member/"))
    return sa.select(accounts.c.code, accounts.c.commodity).where(member, accounts.c.may_go_negative)


def _drifted() -> _Statement:
    replay = (
        sa.select(postings.c.account, postings.c.commodity, total_of(postings.c.amount).label("total"))
        .group_by(postings.c.account, postings.c.commodity)
        .subquery()
    )
    joined = accounts.outerjoin(
        replay, sa.and_(replay.c.account == accounts.c.code, replay.c.commodity == accounts.c.commodity)
    )
    replayed = sa.func.coalesce(replay.c.total, 0)
    return (
        sa.select(
            accounts.c.code,
            accounts.c.commodity,
            accounts.c.balance.label("found_balance"),
            replayed.label("found_replay"),
        )
        .select_from(joined)
        .where(accounts.c.balance != replayed)
    )


def _without_account() -> _Statement:
    joined = postings.outerjoin(
        accounts, sa.and_(accounts.c.code == postings.c.account, accounts.c.commodity == postings.c.commodity)
    )
    return (
        sa.select(postings.c.account, postings.c.commodity)
        .distinct()
        .select_from(joined)
        .where(accounts.c.code.is_(None))
    )


def _lot_drifted() -> _Statement:
    """A lot's remainder is what the postings on the available account say of it; what expired left by expiries."""
    available = postings.c.account == literal("member/").concat(lots.c.member_id).concat("/available")
    moved = total_of(sa.case((available, postings.c.amount), else_=0))
    lapsed = total_of(sa.case((sa.and_(available, journal_entries.c.kind == "expiry"), -postings.c.amount), else_=0))
    joined = lots.outerjoin(postings, postings.c.lot_id == lots.c.id).outerjoin(
        journal_entries, journal_entries.c.key == postings.c.entry_key
    )
    return (
        sa.select(lots.c.id, lots.c.remaining.label("found_remaining"), moved.label("found_replay"))
        .select_from(joined)
        .group_by(lots.c.id, lots.c.remaining, lots.c.expired)
        .having(sa.or_(lots.c.remaining != moved, lots.c.expired != lapsed))
    )


def _lots_not_available() -> _Statement:
    remaining = (
        sa.select(
            literal("member/").concat(lots.c.member_id).concat("/available").label("code"),
            lots.c.commodity,
            total_of(lots.c.remaining).label("total"),
        )
        .group_by(lots.c.member_id, lots.c.commodity)
        .subquery()
    )
    joined = accounts.outerjoin(
        remaining, sa.and_(remaining.c.code == accounts.c.code, remaining.c.commodity == accounts.c.commodity)
    )
    in_lots = sa.func.coalesce(remaining.c.total, 0)
    return (
        sa.select(
            accounts.c.code,
            accounts.c.commodity,
            accounts.c.balance.label("found_balance"),
            in_lots.label("found_lots"),
        )
        .select_from(joined)
        .where(accounts.c.code.like("member/%/available"), accounts.c.balance != in_lots)
    )


def _ended_twice() -> _Statement:
    ends = sa.func.count()
    return (
        sa.select(journal_entries.c.ends_key, ends.label("found_ends"))
        .where(journal_entries.c.ends_key.is_not(None))
        .group_by(journal_entries.c.ends_key)
        .having(ends > 1)
    )


def _wrongly_ended() -> _Statement:
    """A capture or void ends a hold, a release a pending accrual, and each of them names what it ends."""
    ended = journal_entries.alias("ended")
    ends = journal_entries.c.kind.in_(("capture", "void"))
    releases = journal_entries.c.kind == "release"
    right = sa.or_(
        sa.and_(ends, sa.func.coalesce(ended.c.kind, "") == "hold"),
        sa.and_(releases, sa.func.coalesce(ended.c.kind, "") == "pending_accrual"),
    )
    return (
        sa.select(journal_entries.c.key, ended.c.key.label("found_ends"), ended.c.kind.label("found_kind"))
        .select_from(journal_entries.outerjoin(ended, ended.c.key == journal_entries.c.ends_key))
        .where(sa.or_(ends, releases, journal_entries.c.ends_key.is_not(None)), sa.not_(right))
    )


def _not_held() -> _Statement:
    """What is on a member's held account is the sum of that member's open holds; an ended hold leaves nothing there."""
    chain = sa.case(
        (journal_entries.c.kind == "hold", journal_entries.c.key),
        else_=sa.func.coalesce(journal_entries.c.ends_key, journal_entries.c.key),
    )
    end = journal_entries.alias("end")
    left = total_of(postings.c.amount)
    held = (
        sa.select(chain.label("hold_key"), left.label("total"))
        .select_from(postings.join(journal_entries, journal_entries.c.key == postings.c.entry_key))
        .where(postings.c.account.like("member/%/held"))
        .group_by(chain)
        .subquery()
    )
    joined = held.outerjoin(end, end.c.ends_key == held.c.hold_key)
    is_open = sa.and_(end.c.key.is_(None), held.c.total > 0)
    is_ended = sa.and_(end.c.key.is_not(None), held.c.total == 0)
    return (
        sa.select(held.c.hold_key, held.c.total.label("found_left_held"))
        .select_from(joined)
        .where(sa.not_(sa.or_(is_open, is_ended)))
    )


def _over_reversed() -> _Statement:
    """A capture took so much from held and freed the rest; reversals give back no more than it took."""
    capture = journal_entries.alias("capture")
    reversal = journal_entries.alias("reversal")
    of_capture, of_reversal = postings.alias("of_capture"), postings.alias("of_reversal")
    taken = (
        sa.select(
            capture.c.key,
            of_capture.c.commodity,
            (-total_of(of_capture.c.amount)).label("total"),
        )
        .select_from(capture.join(of_capture, of_capture.c.entry_key == capture.c.key))
        .where(capture.c.kind == "capture", of_capture.c.account.like("member/%"))
        .group_by(capture.c.key, of_capture.c.commodity)
        .subquery()
    )
    given = (
        sa.select(reversal.c.reverses_key, of_reversal.c.commodity, total_of(of_reversal.c.amount).label("total"))
        .select_from(reversal.join(of_reversal, of_reversal.c.entry_key == reversal.c.key))
        .where(reversal.c.reverses_key.is_not(None), of_reversal.c.account.like("member/%"))
        .group_by(reversal.c.reverses_key, of_reversal.c.commodity)
        .subquery()
    )
    joined = given.outerjoin(
        taken, sa.and_(taken.c.key == given.c.reverses_key, taken.c.commodity == given.c.commodity)
    )
    took = sa.func.coalesce(taken.c.total, 0)
    return (
        sa.select(given.c.reverses_key, took.label("found_captured"), given.c.total.label("found_reversed"))
        .select_from(joined)
        .where(given.c.total > took)
    )


def _not_zero() -> _Statement:
    total = total_of(accounts.c.balance)
    return sa.select(accounts.c.commodity, total.label("found_sum")).group_by(accounts.c.commodity).having(total != 0)


LEDGER_RULES: dict[str, _Statement] = {
    "entry_unbalanced": _unbalanced(),
    "entry_one_sided": _one_sided(),
    "posting_unsealed": _unsealed(),
    "posting_without_account": _without_account(),
    "key_twice": _key_twice(),
    "account_overdrawn": _overdrawn(),
    "member_may_go_negative": _member_marked(),
    "balance_drifted": _drifted(),
    "lot_drifted": _lot_drifted(),
    "lots_not_available": _lots_not_available(),
    "hold_ended_twice": _ended_twice(),
    "hold_wrongly_ended": _wrongly_ended(),
    "hold_not_cleared": _not_held(),
    "capture_over_reversed": _over_reversed(),
    "commodity_not_zero": _not_zero(),
}
"""Every rule of entries, balances, lots and holds, by name."""
