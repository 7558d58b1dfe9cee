"""What redemptions take of benefits, in the database: uses that quotas count, pieces that a stock counts.

Idempotency: `take` by redemption id, `settle` and `release` by their effect. The stock is one guarded update, so that
of any number at once no more get a piece than there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.benefits import Benefit, PayWith
from catalogue.eligibility import Taken
from catalogue.entitlements_windows import Use
from catalogue.errors import NotEligibleError
from catalogue.tables import benefit_stock, benefit_uses
from config.database import insert_new, insert_surely_new
from config.prepared import Prepared, among


class UseState(StrEnum):
    """A use is pending while its redemption is under way; a released one counts no more."""

    PENDING = "pending"
    USED = "used"
    RELEASED = "released"


class RecordedUse(Use, frozen=True, kw_only=True):
    """One use that stands, with the benefit it is of and how it was paid for.

    ``pay_with`` and ``state`` are the words as they are kept: a later version of the code may know more of them than
    `PayWith` and `UseState`, and such a use stands as well.
    """

    redemption_id: str
    benefit_id: str
    pay_with: str
    state: str


_LIVE = benefit_uses.c.state != UseState.RELEASED.value
_COLUMNS = [benefit_uses.c[name] for name in RecordedUse.__struct_fields__]


def live_uses(connection: Connection, member_id: str, benefit_id: str | None = None) -> tuple[RecordedUse, ...]:
    """List a member's uses that stand, of one benefit or of all, by day."""
    query = sa.select(*_COLUMNS).where(benefit_uses.c.member_id == member_id, _LIVE)
    if benefit_id is not None:
        query = query.where(benefit_uses.c.benefit_id == benefit_id)
    rows = connection.execute(query.order_by(benefit_uses.c.service_date, benefit_uses.c.redemption_id))
    return tuple(RecordedUse(**row._mapping) for row in rows)


def taken_of(connection: Connection, member_id: str, benefits: Iterable[Benefit]) -> dict[str, Taken]:
    """Gather what stands of benefits, for `catalogue.eligibility`: one query for the member, one for the stock.

    A benefit without quotas, floating right and stock is left out: nothing of it is judged.
    """
    asked = [one for one in benefits if _is_counted(one)]
    if not asked:
        return {}
    uses = live_uses(connection, member_id, asked[0].id if len(asked) == 1 else None)
    return taken_among(asked, uses, _pieces(connection) if any(one.stock != "live" for one in asked) else {})


def taken_among(
    benefits: Iterable[Benefit], live: Iterable[RecordedUse], pieces: Mapping[tuple[str, int], int]
) -> dict[str, Taken]:
    """Sort a member's uses that stand, and the pieces taken of each version, by the benefits that are judged."""
    uses: dict[str, list[RecordedUse]] = {}
    for use in live:
        uses.setdefault(use.benefit_id, []).append(use)
    asked = (one for one in benefits if _is_counted(one))
    return {one.id: _taken(uses.get(one.id, []), pieces.get((one.id, one.version), 0)) for one in asked}


def take(
    connection: Connection,
    benefit: Benefit,
    use: Use,
    *,
    redemption_id: str,
    member_id: str,
    pay_with: PayWith,
    at: datetime,
) -> bool:
    """Record a use and take its piece of the stock; False when this redemption has done so before.

    Call it in the transaction that holds the price, after quotas were judged under the member's lock.

    Raises:
        NotEligibleError: no piece is left (``reasons`` is ``sold_out``); nothing was written.
    """
    counted = benefit.stock != "live"
    row = {
        "redemption_id": redemption_id,
        "member_id": member_id,
        "benefit_id": benefit.id,
        "benefit_version": benefit.version,
        "pay_with": pay_with.value,
        "pieces": 1 if counted else 0,
        "state": UseState.PENDING.value,
        "taken_at": at,
        **msgspec.structs.asdict(use),
    }
    if not insert_surely_new(connection, benefit_uses, row, unique=["redemption_id"]):
        return False
    if benefit.stock != "live" and not _take_piece(connection, benefit.id, benefit.version, benefit.stock):
        raise NotEligibleError("Nothing is left of this benefit.", reasons="sold_out")
    return True


def settle(connection: Connection, redemption_id: str, at: datetime) -> None:
    """Mark a pending use as used; one that is not pending stays as it is."""
    _moving((UseState.PENDING,)).later(connection, wanted=redemption_id, state=UseState.USED.value, ended_at=at)


def release(connection: Connection, redemption_id: str, at: datetime) -> bool:
    """Give a use back, with its piece of the stock; False when there is none or it was given back before."""
    moving = _moving((UseState.PENDING, UseState.USED))
    if moving.change(connection, wanted=redemption_id, state=UseState.RELEASED.value, ended_at=at) == 0:
        return False
    columns = (benefit_uses.c.benefit_id, benefit_uses.c.benefit_version, benefit_uses.c.pieces)
    use = connection.execute(sa.select(*columns).where(benefit_uses.c.redemption_id == redemption_id)).one()
    if use.pieces:
        stock = _of_version(use.benefit_id, use.benefit_version)
        values = {"taken": benefit_stock.c.taken - use.pieces}
        connection.execute(sa.update(benefit_stock).where(stock).values(values))
    return True


def _is_counted(benefit: Benefit) -> bool:
    return bool(benefit.stock != "live" or benefit.quotas or benefit.payment.entitlement is not None)


def _taken(uses: list[RecordedUse], pieces: int) -> Taken:
    by_right = tuple(use for use in uses if use.pay_with == PayWith.ENTITLEMENT)
    return Taken(pieces=pieces, uses=tuple(uses), entitlement_uses=by_right)


def _pieces(connection: Connection) -> Mapping[tuple[str, int], int]:
    rows = connection.execute(sa.select(benefit_stock))
    return {(row.benefit_id, row.benefit_version): row.taken for row in rows}


def _of_version(benefit_id: str, version: int) -> sa.ColumnElement[bool]:
    return sa.and_(benefit_stock.c.benefit_id == benefit_id, benefit_stock.c.benefit_version == version)


def _take_piece(connection: Connection, benefit_id: str, version: int, stock: int) -> bool:
    row = {"benefit_id": benefit_id, "benefit_version": version, "taken": 0}
    insert_new(connection, benefit_stock, row, unique=["benefit_id", "benefit_version"])
    guarded = sa.update(benefit_stock).where(_of_version(benefit_id, version), benefit_stock.c.taken < stock)
    return connection.execute(guarded.values(taken=benefit_stock.c.taken + 1)).rowcount == 1


@cache
def _moving(sources: tuple[UseState, ...]) -> Prepared:
    before = among(benefit_uses.c.state, [source.value for source in sources])
    return Prepared(
        sa.update(benefit_uses)
        .where(benefit_uses.c.redemption_id == sa.bindparam("wanted"), before)
        .values(state=sa.bindparam("state"), ended_at=sa.bindparam("ended_at"))
    )
