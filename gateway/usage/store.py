"""What is kept of uses: who is asked for next, what was told, what of it waits for people.

Functions of a connection, idempotent: the same uses told again change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.records import Usage, Visit
from catalogue import voucher_store
from catalogue.tables import consents, partner_accounts
from catalogue.vouchers import VoucherState
from config.database import insert_new
from config.errors import ConflictError, NotFoundError
from gateway.redemption import reversal_store, store
from gateway.redemption.effects import member_hash
from gateway.redemption.states import State
from gateway.redemption.tables import redemptions
from gateway.usage.matching import Candidate, Told, UseKey, match
from gateway.usage.tables import reported_uses, usage_polls

KEPT_DAYS = 92
"""So long a use is kept that nobody has to look at: one quarter's disputes."""
OPEN = ("unmatched", "differs")
"""What waits for people."""


class Asked(msgspec.Struct, frozen=True):
    """An account that is due. ``told_to_date``: its uses up to this day are known; None: it was never asked for."""

    member_id: str
    account: str
    account_hash: str
    told_to_date: date | None
    failures: int


class KeptUse(msgspec.Struct, frozen=True):
    """A use as it is kept; ``charge`` in minor units of ``currency`` is what the member paid himself."""

    id: str
    partner: str
    member_id: str
    place: str
    service_date: date
    visitors: int
    guests: int
    charge: int | None
    currency: str | None
    state: str
    redemption_id: str | None
    found_at: datetime
    closed_by: str | None
    note: str | None


def due(connection: Connection, partner: str, purpose: str, now: datetime, limit: int) -> list[Asked]:
    """List linked accounts that are to be asked for, longest due first; only those of members who consent to it."""
    own, poll = partner_accounts.c, usage_polls.c
    agreed = sa.select(sa.literal(1)).where(
        consents.c.member_id == own.member_id,
        consents.c.partner == partner,
        consents.c.purpose == purpose,
        consents.c.withdrawn_at.is_(None),
    )
    same = sa.and_(poll.partner == own.partner, poll.member_id == own.member_id)
    query = (
        sa.select(own.member_id, own.account_number, poll.account_hash, poll.told_to_date, poll.failures)
        .join_from(partner_accounts, usage_polls, same, isouter=True)
        .where(own.partner == partner, agreed.exists())
        .where(sa.or_(poll.next_poll_at.is_(None), poll.next_poll_at <= now))
        .order_by(poll.next_poll_at.is_not(None), poll.next_poll_at, own.member_id)
        .limit(limit)
    )
    return [_asked(partner, row) for row in connection.execute(query)]


def _asked(partner: str, row: Any) -> Asked:
    """An account that was linked since the last time is asked for from the beginning."""
    name = member_hash(partner, row.account_number)
    known = row.account_hash == name
    return Asked(
        member_id=row.member_id,
        account=row.account_number,
        account_hash=name,
        told_to_date=row.told_to_date if known else None,
        failures=row.failures or 0,
    )


def keep_told(
    connection: Connection, partner: str, asked: Asked, uses: Sequence[Usage], span: tuple[date, date], at: datetime
) -> list[KeptUse]:
    """Match what an account's uses of a span of days are, keep it, and answer what is new to people."""
    mine = sa.and_(reported_uses.c.partner == partner, reported_uses.c.account_hash == asked.account_hash)
    rows = {
        (row.place, row.service_date, row.ordinal): row
        for row in connection.execute(sa.select(reported_uses).where(mine)).all()
    }
    known: dict[UseKey, str] = {key: row.redemption_id for key, row in rows.items() if row.redemption_id is not None}
    candidates = _candidates(connection, partner, asked.member_id, span)
    news = []
    for told in match(uses, candidates, known, _taken(connection, candidates)):
        row = rows.get(told.key)
        values = _values(told)
        if row is None:
            values |= {"id": _use_id(partner, asked, told.key), "partner": partner, "found_at": at}
            values |= {"account_hash": asked.account_hash, "member_id": asked.member_id}
            insert_new(connection, reported_uses, values, unique=["id"])
        elif row.state == "explained":
            continue
        else:
            connection.execute(sa.update(reported_uses).where(reported_uses.c.id == row.id).values(values))
        if told.redemption_id is not None and (row is None or row.redemption_id is None):
            _consume(connection, partner, told, at)
        if told.state in OPEN and (row is None or row.state != told.state):
            news.append(_use_id(partner, asked, told.key))
    return [_kept(connection, name) for name in news]


def told_until(connection: Connection, partner: str, asked: Asked, to_date: date, next_poll_at: datetime) -> None:
    """Remember up to which day an account's uses are known."""
    _put(connection, partner, asked, told_to_date=to_date, next_poll_at=next_poll_at, failures=0)


def put_off(connection: Connection, partner: str, asked: Asked, next_poll_at: datetime) -> None:
    """Remember that the partner did not tell an account's uses, and ask again later."""
    told = asked.told_to_date
    _put(connection, partner, asked, told_to_date=told, next_poll_at=next_poll_at, failures=asked.failures + 1)


def list_uses(
    connection: Connection, *, states: Sequence[str] = OPEN, partner: str | None = None, limit: int = 1000
) -> list[KeptUse]:
    """List uses, oldest first; by default those that wait for people."""
    columns = [reported_uses.c[name] for name in KeptUse.__struct_fields__]
    query = sa.select(*columns).where(reported_uses.c.state.in_(states))
    query = query.order_by(reported_uses.c.service_date, reported_uses.c.id).limit(limit)
    if partner is not None:
        query = query.where(reported_uses.c.partner == partner)
    return [KeptUse(*row) for row in connection.execute(query)]


def explain(connection: Connection, use_id: str, by: str, note: str, at: datetime) -> KeptUse:
    """Close what waits for people with an explanation; the same again changes nothing.

    Raises:
        NotFoundError: no such use.
        ConflictError: it does not wait for anybody.
    """
    row = connection.execute(sa.select(reported_uses).where(reported_uses.c.id == use_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"There is no reported use {use_id!r}.")
    if row.state == "explained" and (row.closed_by, row.note) == (by, note):
        return _kept(connection, use_id)
    if row.state not in OPEN:
        raise ConflictError(f"{use_id} is {row.state}; only what is unmatched or differs is explained.")
    values = {"state": "explained", "closed_by": by, "closed_at": at, "note": note}
    connection.execute(sa.update(reported_uses).where(reported_uses.c.id == use_id).values(values))
    return _kept(connection, use_id)


def forget(connection: Connection, today: date) -> int:
    """Delete uses that nobody has to look at any more: they say where a member was. Answers how many."""
    old = sa.and_(reported_uses.c.state.not_in(OPEN), reported_uses.c.service_date < today - timedelta(days=KEPT_DAYS))
    return connection.execute(sa.delete(reported_uses).where(old)).rowcount


def _put(connection: Connection, partner: str, asked: Asked, **changes: object) -> None:
    changes |= {"account_hash": asked.account_hash}
    row = {"partner": partner, "member_id": asked.member_id} | changes
    if insert_new(connection, usage_polls, row, unique=["partner", "member_id"]):
        return
    mine = sa.and_(usage_polls.c.partner == partner, usage_polls.c.member_id == asked.member_id)
    connection.execute(sa.update(usage_polls).where(mine).values(changes))


def _consume(connection: Connection, partner: str, told: Told, at: datetime) -> None:
    """Say on the voucher of a visit that it was used, while it is valid; one that has ended or is undone stays so."""
    assert told.redemption_id is not None
    store.lock(connection, told.redemption_id)
    voucher = voucher_store.voucher_of(connection, told.redemption_id)
    undone = reversal_store.standing(connection, told.redemption_id) is not None
    if voucher is None or undone or voucher.state is not VoucherState.ISSUED:
        return
    if voucher.valid_from_at <= at < voucher.valid_to_at:
        guests = min(told.use.guests, voucher.guests_allowed)
        voucher_store.consume_voucher(connection, partner, voucher.code, location=told.use.place, guests=guests, at=at)


def _candidates(connection: Connection, partner: str, member_id: str, span: tuple[date, date]) -> list[Candidate]:
    """The member's visits of the days asked for and those beside them; what was voided is none of them."""
    query = sa.select(redemptions.c.id).where(
        redemptions.c.member_id == member_id,
        redemptions.c.partner == partner,
        redemptions.c.state != State.VOIDED.value,
    )
    found = []
    for name in connection.execute(query).scalars().all():
        service = store.must_get(connection, name).quote.service
        near = timedelta(days=1)
        if isinstance(service, Visit) and span[0] - near <= service.visit_date <= span[1] + near:
            found.append(Candidate(name, service.lounge_id, service.visit_date, service.guests))
    return found


def _taken(connection: Connection, candidates: Sequence[Candidate]) -> frozenset[str]:
    column = reported_uses.c.redemption_id
    names = [one.redemption_id for one in candidates]
    return frozenset(connection.execute(sa.select(column).where(column.in_(names))).scalars())


def _values(told: Told) -> dict[str, object]:
    place, day, ordinal = told.key
    charge = told.use.charge
    return {
        "place": place,
        "service_date": day,
        "ordinal": ordinal,
        "visitors": told.use.visitors,
        "guests": told.use.guests,
        "charge": charge.amount if charge is not None else None,
        "currency": charge.currency if charge is not None else None,
        "state": told.state,
        "redemption_id": told.redemption_id,
    }


def _use_id(partner: str, asked: Asked, key: UseKey) -> str:
    """Derive the identifier of a use: told again, in any process, it is the same."""
    text = "\n".join((partner, asked.account_hash, key[0], key[1].isoformat(), str(key[2])))
    return f"use_{sha256(text.encode()).hexdigest()[:26]}"


def _kept(connection: Connection, use_id: str) -> KeptUse:
    columns = [reported_uses.c[name] for name in KeptUse.__struct_fields__]
    return KeptUse(*connection.execute(sa.select(*columns).where(reported_uses.c.id == use_id)).one())
