"""Accounts whose balance is not what their entries sum to: found, stopped, set right from the entries, let go again.

Entries are the truth: they are sealed and never changed, so a balance or a lot that differs from them was written by
something that is no movement. A frozen account takes no movement (the database refuses it) until it is released, and
the release computes its balance and its lots anew from the entries.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import insert_new
from config.errors import ConflictError
from settlement.audit_rules import LEDGER_RULES, total_of
from settlement.tables import accounts, frozen_accounts, journal_entries, lots, postings

_AVAILABLE = "/available"
_WITH_ACCOUNTS = ("balance_drifted", "lots_not_available")


class Drift(msgspec.Struct, frozen=True):
    """An account that differs from its entries: by which rule, and what was found."""

    code: str
    commodity: str
    rule: str
    found: str


class FrozenAccount(msgspec.Struct, frozen=True):
    """An account that is stopped, and who has proposed to release it."""

    id: str
    code: str
    commodity: str
    rule: str
    found: str
    frozen_at: datetime
    proposed_by: str | None
    proposed_at: datetime | None
    proposed_evidence: str | None


def drifts(connection: Connection) -> list[Drift]:
    """Find every account of the ledger that differs from its entries; in one snapshot, the whole ledger is read once.

    Those that are stopped already are left out.
    """
    open_ones = connection.execute(sa.select(_F.code, _F.commodity).where(_F.released_at.is_(None)))
    stopped = {(row.code, row.commodity) for row in open_ones}
    found: dict[tuple[str, str], Drift] = {}
    for rule in _WITH_ACCOUNTS:
        for row in connection.execute(LEDGER_RULES[rule]).mappings():
            told = ", ".join(f"{name[6:]} {int(figure)}" for name, figure in row.items() if name.startswith("found_"))
            found.setdefault((row["code"], row["commodity"]), Drift(row["code"], row["commodity"], rule, told))
    for row in connection.execute(LEDGER_RULES["lot_drifted"]).mappings().all():
        owner = connection.execute(sa.select(lots.c.member_id, lots.c.commodity).where(lots.c.id == row["id"])).one()
        code = f"member/{owner.member_id}{_AVAILABLE}"
        told = f"lot {row['id']}: remaining {row['found_remaining']}, replay {row['found_replay']}"
        found.setdefault((code, owner.commodity), Drift(code, owner.commodity, "lot_drifted", told))
    return [drift for key, drift in sorted(found.items()) if key not in stopped]


def freeze(connection: Connection, drift: Drift, identifier: str, at: datetime) -> bool:
    """Stop an account if it still differs from its entries; False when it does not, or is stopped already.

    The account's row is taken first, so that no movement is half way through it.
    """
    _lock(connection, drift.code, drift.commodity)
    if _difference(connection, drift.code, drift.commodity) is None:
        return False
    known = sa.select(_F.id).where(_is_open(drift.code, drift.commodity))
    if connection.execute(known).first() is not None:
        return False
    row = {**msgspec.structs.asdict(drift), "id": identifier, "frozen_at": at}
    return insert_new(connection, frozen_accounts, row, unique=["id"])


def frozen(connection: Connection, *, after: str = "", limit: int = 1000) -> list[FrozenAccount]:
    """List the accounts that are stopped, by id."""
    query = _SELECT.where(_F.released_at.is_(None), _F.id > after).order_by(_F.id).limit(limit)
    return [FrozenAccount(*row) for row in connection.execute(query)]


def get_frozen(connection: Connection, identifier: str) -> FrozenAccount | None:
    """Read an account that is stopped; the caller's transaction has it from here on. None when there is none."""
    query = _SELECT.where(_F.id == identifier, _F.released_at.is_(None)).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else FrozenAccount(*row)


def propose(connection: Connection, identifier: str, *, by: str, evidence: str, at: datetime) -> None:
    """Write down that one person wants an account released, and why; in place of what was proposed before."""
    values = {"proposed_by": by, "proposed_evidence": evidence, "proposed_at": at}
    connection.execute(frozen_accounts.update().where(_F.id == identifier).values(values))


def release(connection: Connection, stopped: FrozenAccount, *, by: str, evidence: str, at: datetime) -> int:
    """Let an account go, its balance and its lots computed anew from its entries; answer the balance.

    Raises:
        ConflictError: the entries sum to less than the account may have: they are not whole, and no release mends that.
    """
    _lock(connection, stopped.code, stopped.commodity)
    values = {"released_by": by, "released_evidence": evidence, "released_at": at}
    connection.execute(frozen_accounts.update().where(_F.id == stopped.id).values(values))
    balance = int(connection.execute(_replay(stopped.code, stopped.commodity)).scalar_one())
    mine = sa.and_(accounts.c.code == stopped.code, accounts.c.commodity == stopped.commodity)
    row = connection.execute(sa.select(accounts.c.may_go_negative).where(mine)).one()
    if balance < 0 and not row.may_go_negative:
        raise ConflictError(f"The entries of {stopped.code} sum to {balance} {stopped.commodity}: they are not whole.")
    connection.execute(accounts.update().where(mine).values(balance=balance))
    if stopped.code.endswith(_AVAILABLE):
        _set_lots_right(connection, stopped.code, stopped.commodity)
    still = _difference(connection, stopped.code, stopped.commodity)
    if still is not None:
        raise ConflictError(f"{stopped.code} still differs from its entries: {still}.")
    return balance


def _set_lots_right(connection: Connection, code: str, commodity: str) -> None:
    for lot_id, remaining, expired in connection.execute(_lots_by_entries(code, commodity)).all():
        values = {"remaining": remaining, "expired": expired}
        connection.execute(lots.update().where(lots.c.id == lot_id).values(values))


def _difference(connection: Connection, code: str, commodity: str) -> str | None:
    """Say how one account differs from its entries; None when it does not."""
    mine = sa.and_(accounts.c.code == code, accounts.c.commodity == commodity)
    balance = connection.execute(sa.select(accounts.c.balance).where(mine)).scalar_one_or_none()
    replay = int(connection.execute(_replay(code, commodity)).scalar_one())
    if (balance or 0) != replay:
        return f"balance {balance}, replay {replay}"
    if not code.endswith(_AVAILABLE):
        return None
    by_entries = {row[0]: (row[1], row[2]) for row in connection.execute(_lots_by_entries(code, commodity))}
    standing = sa.select(lots.c.id, lots.c.remaining, lots.c.expired).where(_lots_of(code, commodity))
    kept = {row.id: (row.remaining, row.expired) for row in connection.execute(standing)}
    wrong = sorted(lot for lot in kept if kept[lot] != by_entries.get(lot, (0, 0)))
    if wrong:
        return f"lot {wrong[0]}: remaining {kept[wrong[0]][0]}, replay {by_entries.get(wrong[0], (0, 0))[0]}"
    total = sum(remaining for remaining, _ in kept.values())
    return None if total == replay else f"balance {balance}, lots {total}"


_F = frozen_accounts.c
_SELECT: sa.Select[Any] = sa.select(*(frozen_accounts.c[name] for name in FrozenAccount.__struct_fields__))


def _is_open(code: str, commodity: str) -> sa.ColumnElement[bool]:
    return sa.and_(_F.code == code, _F.commodity == commodity, _F.released_at.is_(None))


def _lock(connection: Connection, code: str, commodity: str) -> None:
    mine = sa.and_(accounts.c.code == code, accounts.c.commodity == commodity)
    connection.execute(sa.select(accounts.c.balance).where(mine).with_for_update())


def _replay(code: str, commodity: str) -> sa.Select[Any]:
    return sa.select(total_of(postings.c.amount)).where(postings.c.account == code, postings.c.commodity == commodity)


def _lots_of(code: str, commodity: str) -> sa.ColumnElement[bool]:
    member_id = code.removeprefix("member/").removesuffix(_AVAILABLE)
    return sa.and_(lots.c.member_id == member_id, lots.c.commodity == commodity)


def _lots_by_entries(code: str, commodity: str) -> sa.Select[Any]:
    """What the entries say of each lot: what remains, and what of it has expired."""
    lapsed = total_of(sa.case((journal_entries.c.kind == "expiry", -postings.c.amount), else_=0))
    return (
        sa.select(lots.c.id, total_of(postings.c.amount), lapsed)
        .join(postings, sa.and_(postings.c.lot_id == lots.c.id, postings.c.account == code))
        .join(journal_entries, journal_entries.c.key == postings.c.entry_key)
        .where(_lots_of(code, commodity))
        .group_by(lots.c.id)
    )
