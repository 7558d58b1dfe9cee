"""What the room writes down: functions of a connection, composed into one transaction by `engine` and the services.

Every change of state goes through `move`: guarded by identifier, version and state (rule R8), with its history row and
its outbox row in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from adapters.sdk.records import Traveller
from config.database import clock_of, lasting
from config.hot_statements import check_put_off
from config.prepared import Prepared, inserting
from config.types import Instant
from config.words import known
from gateway.errors import TransitionError
from gateway.operations.tables import partner_switches
from gateway.redemption.orders import Order
from gateway.redemption.records import Quote, QuoteKind, Redemption, known_part, newer_quote_from, quote_from
from gateway.redemption.states import Event, State, target
from gateway.redemption.tables import UNDECIDED, quotes, redemption_history, redemptions
from gateway.redemption.telling import tell

Row = TypeVar("Row")


def add_quote(connection: Connection, quote: Quote) -> None:
    """Store a new quote."""
    row = msgspec.structs.asdict(quote)
    price, base_price = quote.price, quote.base_price
    row.update(
        service=msgspec.to_builtins(quote.service),
        price=None if price is None else price.amount,
        base_price=None if base_price is None else base_price.amount,
        currency=None if price is None else price.currency,
    )
    _ADD_QUOTE.change(connection, **row)


def get_quote(connection: Connection, quote_id: str, member_id: str) -> Quote | None:
    """Read a member's quote; somebody else's is None, and one that only a later version of the code understands."""
    quote, _ = get_quote_and_switch(connection, quote_id, member_id)
    return quote


def get_quote_and_switch(connection: Connection, quote_id: str, member_id: str) -> tuple[Quote | None, bool]:
    """Read a quote as `get_quote`, and with it whether operators have switched its partner off."""
    rows = _QUOTE.named(connection, wanted=quote_id, member=member_id)
    if not rows:
        return None, False
    is_off = bool(rows[0].pop(_IS_OFF))
    try:
        return quote_from(rows[0]), is_off
    except msgspec.ValidationError:
        return None, is_off  # a later version asked for more than this one could ask the partner for


def add_redemption(connection: Connection, redemption: Redemption, opening: Order | None = None) -> bool:
    """Store a new redemption and tell of it; False when its quote already has one.

    Args:
        connection: of the transaction that takes it in.
        redemption: as it is created.
        opening: its first call, which is made by whoever takes it in: it is stored as it stands with that.
    """
    stands = redemption if opening is None else opening.redemption
    row = {name: getattr(stands, name) for name in _STORED} | {"quote_id": redemption.quote.id}
    row |= {"state": stands.state.value, "traveller": msgspec.to_builtins(stands.traveller)}
    if opening is None:
        added = _ADD.surely(connection, **row)
    else:
        added = _ADD_LEASED.surely(connection, duration=lasting(connection, opening.lease), **row)
    if added:
        tell(connection, redemption, "created", None, redemption.requested_at)
    if added and stands.version > redemption.version:
        tell(connection, stands, Event.SUBMIT.value, None, stands.updated_at)
    return added


def _adding(dialect: str, *, leased: bool) -> sa.Executable:
    """Insert a redemption unless its quote has one; a lease begins by the database's own clock."""
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    values: dict[str, Any] = {column.key: sa.bindparam(column.key) for column in redemptions.c}
    if leased:
        values["lease_until"] = clock_of(dialect)[1]
    return insert(redemptions).values(values).inline().on_conflict_do_nothing(index_elements=["quote_id"])


_STORED = [column.key for column in redemptions.c if column.key != "quote_id"]
_ADD = Prepared(partial(_adding, leased=False))
_ADD_LEASED = Prepared(partial(_adding, leased=True))
_JOINED = [*redemptions.c, *(c.label(f"quote__{c.name}") for c in quotes.c)]


def _select() -> sa.Select[Any]:
    return sa.select(*_JOINED).join(quotes, quotes.c.id == redemptions.c.quote_id)


_GET = Prepared(_select().where(redemptions.c.id == sa.bindparam("wanted")))
_LOCKED = Prepared(_select().where(redemptions.c.id == sa.bindparam("wanted")).with_for_update(of=redemptions))
_ADD_QUOTE = Prepared(inserting(quotes))
_IS_OFF = "is_off"
_QUOTE = Prepared(
    sa.select(quotes, partner_switches.c.disabled.label(_IS_OFF))
    .outerjoin(partner_switches, partner_switches.c.partner == quotes.c.partner)
    .where(quotes.c.id == sa.bindparam("wanted"), quotes.c.member_id == sa.bindparam("member"))
)


def _from_row(row: Mapping[str, Any] | sa.RowMapping) -> Redemption:
    own = {str(key): value for key, value in row.items() if not str(key).startswith("quote__")}
    quote = {str(key).removeprefix("quote__"): value for key, value in row.items() if str(key).startswith("quote__")}
    del own["quote_id"]
    state = known(State, own["state"])
    own["state"] = state or State.UNKNOWN
    try:
        traveller = msgspec.convert(own["traveller"], Traveller)
        return Redemption(quote=quote_from(quote), **own | {"traveller": traveller}, newer=state is None)
    except msgspec.ValidationError:
        own["traveller"] = known_part(own["traveller"], Traveller) or Traveller()
        return Redemption(quote=newer_quote_from(quote), **own, newer=True)


def get(connection: Connection, redemption_id: str) -> Redemption | None:
    """Read a redemption."""
    rows = _GET.named(connection, wanted=redemption_id)
    return _from_row(rows[0]) if rows else None


def must_get(connection: Connection, redemption_id: str) -> Redemption:
    """Read a redemption that is known to be there."""
    found = get(connection, redemption_id)
    assert found is not None, redemption_id
    return found


def lock(connection: Connection, redemption_id: str) -> None:
    """Take a redemption and the other legs of its trip for this transaction, always in the order of their ids.

    What ends one leg decides what the others may do, so nobody may read them in between. SQLite's write transaction
    has taken everything already.
    """
    if connection.dialect.name == "sqlite":
        return
    trip = sa.select(redemptions.c.itinerary_id).where(redemptions.c.id == redemption_id).scalar_subquery()
    mine = sa.or_(redemptions.c.id == redemption_id, redemptions.c.itinerary_id == trip)
    connection.execute(sa.select(redemptions.c.id).where(mine).order_by(redemptions.c.id).with_for_update())


def locked(connection: Connection, known: Redemption) -> Redemption:
    """Lock a redemption, with the legs of its trip, and read it as it stands now."""
    if known.itinerary_id is not None:
        lock(connection, known.id)
        return must_get(connection, known.id)
    return _from_row(_LOCKED.named(connection, wanted=known.id)[0])


def find_by_partner_key(connection: Connection, partner: str, key: str) -> Redemption | None:
    """Find the redemption that a partner knows by this key."""
    row = (
        connection.execute(_select().where(redemptions.c.partner == partner, redemptions.c.partner_key == key))
        .mappings()
        .one_or_none()
    )
    return None if row is None else _from_row(row)


def of_member(
    connection: Connection, member_id: str, before: str | None, limit: int, kind: QuoteKind
) -> list[Redemption]:
    """List a member's redemptions of quotes of a kind, newest first, those before an id."""
    mine = (redemptions.c.member_id == member_id, quotes.c.kind == kind)
    query = _select().where(*mine).order_by(redemptions.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(redemptions.c.id < before)
    return [_from_row(row) for row in connection.execute(query).mappings()]


def legs(connection: Connection, itinerary_id: str) -> list[Redemption]:
    """List the redemptions of an itinerary in the order they are submitted."""
    query = _select().where(redemptions.c.itinerary_id == itinerary_id).order_by(redemptions.c.leg)
    return [_from_row(row) for row in connection.execute(query).mappings()]


def history(connection: Connection, redemption_id: str) -> Sequence[sa.RowMapping]:
    """List the transitions of a redemption, oldest first."""
    query = sa.select(redemption_history).where(redemption_history.c.redemption_id == redemption_id)
    return connection.execute(query.order_by(redemption_history.c.version)).mappings().all()


_AT_RISK = Prepared(
    sa.select(sa.func.coalesce(sa.func.sum(quotes.c.quantity), 0))
    .join(redemptions, redemptions.c.quote_id == quotes.c.id)
    .where(
        redemptions.c.partner == sa.bindparam("partner"),
        quotes.c.commodity == sa.bindparam("commodity"),
        UNDECIDED,
    )
)


def points_at_risk(connection: Connection, partner: str, commodity: str) -> int:
    """Sum what undecided redemptions at a partner hold of a commodity."""
    return int(_AT_RISK.scalar(connection, partner=partner, commodity=commodity))


def is_within_risk(connection: Connection, partner: str, commodity: str, cap: int) -> bool:
    """Say whether undecided redemptions at a partner hold no more of a commodity than this.

    Beside others it is judged when what they take in is written, too (migration 0024, ``points_at_risk``).
    """
    if check_put_off("points_at_risk($1, $2) <= $3", (partner, commodity, cap)):
        return True
    return points_at_risk(connection, partner, commodity) <= cap


def move(
    connection: Connection,
    redemption: Redemption,
    event: Event,
    *,
    at: datetime,
    next_action_at: datetime | None,
    detail: str | None = None,
    keep_lease: bool = False,
    as_read: bool = False,
    **changes: Any,
) -> Redemption:
    """Make one guarded transition and tell of it.

    Args:
        redemption: as it was read in this or an earlier transaction; its version and state are the guard.
        next_action_at: when the sweeper looks again; None for a terminal state or one that waits for people.
        keep_lease: the same worker goes on with it; otherwise the lease ends here.
        as_read: as good as certainly nothing else of it has changed either, so that this, too, is the guard, and beside
            others it need not be awaited (`config.prepared.Prepared.surely`).
        changes: further columns.

    Raises:
        TransitionError: the table has no such transition, or the row has moved on: drop the result (rule R8).
    """
    state = target(redemption.state, event)
    values = changes if keep_lease else {"lease_owner": None, "lease_until": None, **changes}
    values |= {"state": state.value, "next_action_at": next_action_at, "updated_at": at}
    values["version"] = redemption.version + 1
    moved = (_changed_as_read if as_read else _changed)(connection, redemption, values)
    tell(connection, moved, event.value, detail, at)
    return moved


def _changed(connection: Connection, redemption: Redemption, values: dict[str, Any]) -> Redemption:
    """Change a row that is as it was read; answer how it stands.

    Raises:
        TransitionError: the row has moved on, or only a later version of the code understands it.
    """
    redemption.require_understood()
    rows = _moving(tuple(values)).named(connection, **_guard(redemption), **values)
    beside = _still_there(redemption, rows[0] if rows else None)
    values["state"] = State(values.get("state", redemption.state))
    return msgspec.structs.replace(redemption, **values, **beside)


def _changed_as_read(connection: Connection, redemption: Redemption, values: dict[str, Any]) -> Redemption:
    """Do as `_changed` where all that is not changed must be as it was read."""
    guard = _guard(redemption) | {f"read_{name}": getattr(redemption, name) for name in _READ}
    if not _moving_as_read(tuple(values)).surely(connection, **guard, **values):
        raise _moved_on(redemption)
    values["state"] = State(values["state"])
    return msgspec.structs.replace(redemption, **values)


def _guard(redemption: Redemption) -> dict[str, Any]:
    return {"wanted": redemption.id, "before": redemption.version, "source": redemption.state.value}


def _still_there(redemption: Redemption, row: Row | None) -> Row:
    if row is None:
        raise _moved_on(redemption)
    return row


def _moved_on(redemption: Redemption) -> TransitionError:
    return TransitionError(f"The redemption {redemption.id} has moved on.", redemption_id=redemption.id)


_GUARDED = (
    redemptions.c.id == sa.bindparam("wanted"),
    redemptions.c.version == sa.bindparam("before"),
    redemptions.c.state == sa.bindparam("source"),
)
_UNGUARDED = [
    redemptions.c[name]
    for name in (
        "step", "carried", "look_ups", "withdrawal_asked_at", "next_action_at", "lease_owner", "lease_until",
    )
]  # fmt: skip
"""What of a redemption changes without another version: everything else is as it was read, where the guard holds."""


@lru_cache(maxsize=64)
def _moving(names: tuple[str, ...]) -> Prepared:
    """Update these columns; it answers those beside them that may be other than they were read."""
    update = redemptions.update().where(*_GUARDED).values({name: sa.bindparam(name) for name in names})
    return Prepared(update.returning(*(column for column in _UNGUARDED if column.key not in names)))


_READ = ("step", "look_ups", "withdrawal_asked_at")
"""What of `_UNGUARDED` a move may leave as it is, and what follows from it: the others it writes."""


@lru_cache(maxsize=64)
def _moving_as_read(names: tuple[str, ...]) -> Prepared:
    """Update these columns of a row that is as it was read."""
    assert {column.key for column in _UNGUARDED} <= {*names, *_READ}
    read = (redemptions.c[name].is_not_distinct_from(sa.bindparam(f"read_{name}")) for name in _READ)
    return Prepared(redemptions.update().where(*_GUARDED, *read).values({name: sa.bindparam(name) for name in names}))


def progress(
    connection: Connection, redemption: Redemption, *, step: int, carried: dict[str, str], look_ups: int | None = None
) -> Redemption:
    """Write down what a finished call left for the next one, without a change of state.

    Raises:
        TransitionError: the row has moved on: drop the result.
    """
    seen = redemption.look_ups if look_ups is None else look_ups
    return _changed(connection, redemption, {"step": step, "carried": carried, "look_ups": seen})


def ask_withdrawal(connection: Connection, redemption_id: str, at: datetime) -> bool:
    """Remember that an undecided redemption is no longer wanted, and wake the sweeper.

    A redemption that waits for people or the file is not woken: the wish is honoured when it ends.

    Returns:
        False when it has ended meanwhile: then a captured one needs a reversal instead.
    """
    redemption = redemptions.c
    rests = redemption.state == State.MANUAL.value
    changed = connection.execute(
        redemptions.update()
        .where(redemption.id == redemption_id, UNDECIDED)
        .values(
            withdrawal_asked_at=sa.func.coalesce(redemption.withdrawal_asked_at, sa.literal(at, Instant())),
            next_action_at=sa.case((rests, redemption.next_action_at), else_=sa.literal(at, Instant())),
        )
    )
    return changed.rowcount == 1


def wake(connection: Connection, redemption_id: str, at: datetime) -> None:
    """Make the sweeper look at an undecided redemption now: what a hint may do, and no more (rule R9)."""
    connection.execute(
        redemptions.update()
        .where(
            redemptions.c.id == redemption_id,
            redemptions.c.state.in_([s.value for s in (State.UNKNOWN, State.ACCEPTED, State.HELD, State.CANCELLING)]),
        )
        .values(next_action_at=at)
    )
