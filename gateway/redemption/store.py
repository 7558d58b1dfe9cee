"""What the room writes down: functions of a connection, composed into one transaction by `engine` and the services.

Every change of state goes through `move`: guarded by identifier, version and state (rule R8), with its history row and
its outbox row in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.records import ReservationRequest, Traveller
from config.database import database_now
from gateway.errors import TransitionError
from gateway.redemption.records import Quote, Redemption, quote_from
from gateway.redemption.states import TERMINAL, Event, State, target
from gateway.redemption.tables import attempts, outbox, quotes, redemption_history, redemptions


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
    connection.execute(quotes.insert().values(**row))


def get_quote(connection: Connection, quote_id: str, member_id: str) -> Quote | None:
    """Read a member's quote; somebody else's is None."""
    row = (
        connection.execute(sa.select(quotes).where(quotes.c.id == quote_id, quotes.c.member_id == member_id))
        .mappings()
        .one_or_none()
    )
    return None if row is None else quote_from(dict(row))


def add_redemption(connection: Connection, redemption: Redemption) -> bool:
    """Store a new redemption with its first history and outbox rows; False when its quote already has one."""
    taken = connection.execute(sa.select(redemptions.c.id).where(redemptions.c.quote_id == redemption.quote.id)).first()
    if taken is not None:
        return False
    row = msgspec.structs.asdict(redemption)
    row.update(
        quote_id=redemption.quote.id,
        state=redemption.state.value,
        traveller=msgspec.to_builtins(redemption.traveller),
    )
    del row["quote"]
    connection.execute(redemptions.insert().values(**row))
    _tell(connection, redemption.id, redemption.version, "created", redemption.state, None, redemption.requested_at)
    return True


_JOINED = [*redemptions.c, *(c.label(f"quote__{c.name}") for c in quotes.c)]


def _select() -> sa.Select[Any]:
    return sa.select(*_JOINED).join(quotes, quotes.c.id == redemptions.c.quote_id)


def _from_row(row: sa.RowMapping) -> Redemption:
    own = {str(key): value for key, value in row.items() if not str(key).startswith("quote__")}
    quote = {str(key).removeprefix("quote__"): value for key, value in row.items() if str(key).startswith("quote__")}
    del own["quote_id"]
    own["state"] = State(own["state"])
    own["traveller"] = msgspec.convert(own["traveller"], Traveller)
    return Redemption(quote=quote_from(quote), **own)


def get(connection: Connection, redemption_id: str) -> Redemption | None:
    """Read a redemption."""
    row = connection.execute(_select().where(redemptions.c.id == redemption_id)).mappings().one_or_none()
    return None if row is None else _from_row(row)


def must_get(connection: Connection, redemption_id: str) -> Redemption:
    """Read a redemption that is known to be there."""
    found = get(connection, redemption_id)
    assert found is not None, redemption_id
    return found


def lock(connection: Connection, redemption_id: str) -> None:
    """Take the row for this transaction; SQLite's write transaction has taken everything already."""
    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(redemptions.c.id).where(redemptions.c.id == redemption_id).with_for_update())


def find_by_partner_key(connection: Connection, partner: str, key: str) -> Redemption | None:
    """Find the redemption that a partner knows by this key."""
    row = (
        connection.execute(_select().where(redemptions.c.partner == partner, redemptions.c.partner_key == key))
        .mappings()
        .one_or_none()
    )
    return None if row is None else _from_row(row)


def of_member(connection: Connection, member_id: str, before: str | None, limit: int) -> list[Redemption]:
    """List a member's redemptions, newest first, those before an id."""
    query = _select().where(redemptions.c.member_id == member_id).order_by(redemptions.c.id.desc()).limit(limit)
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


def points_at_risk(connection: Connection, partner: str, commodity: str) -> int:
    """Sum what undecided redemptions at a partner hold of a commodity."""
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(quotes.c.quantity), 0))
        .join(redemptions, redemptions.c.quote_id == quotes.c.id)
        .where(
            redemptions.c.partner == partner,
            quotes.c.commodity == commodity,
            redemptions.c.state.not_in([state.value for state in TERMINAL]),
        )
    )
    return int(connection.execute(query).scalar_one())


def due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """List redemptions whose time has come and that nobody is working on, oldest first."""
    query = (
        sa.select(redemptions.c.id)
        .where(redemptions.c.next_action_at <= now, _not_leased(connection))
        .order_by(redemptions.c.next_action_at, redemptions.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def _not_leased(connection: Connection) -> sa.ColumnElement[bool]:
    return sa.or_(redemptions.c.lease_until.is_(None), redemptions.c.lease_until <= database_now(connection))


def take_lease(connection: Connection, redemption: Redemption, owner: str, duration: timedelta) -> bool:
    """Make this call the only one that works on a redemption; False when another holds a live lease.

    Judged by the database's clock (several processes agree on it), guarded by the version. The owner is new for each
    run of the engine over a redemption, so that a paused worker does not mistake a later lease for its own.
    """
    changed = connection.execute(
        redemptions.update()
        .where(
            redemptions.c.id == redemption.id,
            redemptions.c.version == redemption.version,
            sa.or_(_not_leased(connection), redemptions.c.lease_owner == owner),
        )
        .values(lease_owner=owner, lease_until=database_now(connection) + duration)
    )
    return changed.rowcount == 1


def release(connection: Connection, redemption_id: str, owner: str, next_action_at: datetime | None) -> None:
    """Give a lease back without a change of state, and say when to look again."""
    connection.execute(
        redemptions.update()
        .where(redemptions.c.id == redemption_id, redemptions.c.lease_owner == owner)
        .values(lease_owner=None, lease_until=None, next_action_at=next_action_at)
    )


def move(
    connection: Connection,
    redemption: Redemption,
    event: Event,
    *,
    at: datetime,
    next_action_at: datetime | None,
    detail: str | None = None,
    keep_lease: bool = False,
    **changes: Any,
) -> Redemption:
    """Make one guarded transition and tell of it.

    Args:
        redemption: as it was read in this or an earlier transaction; its version and state are the guard.
        next_action_at: when the sweeper looks again; None for a terminal state or one that waits for people.
        keep_lease: the same worker goes on with it; otherwise the lease ends here.
        changes: further columns.

    Raises:
        TransitionError: the table has no such transition, or the row has moved on: drop the result (rule R8).
    """
    state = target(redemption.state, event)
    values = changes if keep_lease else {"lease_owner": None, "lease_until": None, **changes}
    changed = connection.execute(
        redemptions.update()
        .where(
            redemptions.c.id == redemption.id,
            redemptions.c.version == redemption.version,
            redemptions.c.state == redemption.state.value,
        )
        .values(
            state=state.value,
            version=redemption.version + 1,
            next_action_at=next_action_at,
            updated_at=at,
            **values,
        )
    )
    if changed.rowcount != 1:
        raise TransitionError(f"The redemption {redemption.id} has moved on.", redemption_id=redemption.id)
    _tell(connection, redemption.id, redemption.version + 1, event.value, state, detail, at)
    return must_get(connection, redemption.id)


def _tell(
    connection: Connection, redemption_id: str, version: int, event: str, state: State, detail: str | None, at: datetime
) -> None:
    connection.execute(
        redemption_history.insert().values(
            redemption_id=redemption_id, version=version, event=event, state=state.value, detail=detail, happened_at=at
        )
    )
    connection.execute(
        outbox.insert().values(
            id=f"evt_{redemption_id.partition('_')[2]}_{version}",
            aggregate_id=redemption_id,
            seq=version,
            type=f"redemption.{state.value}",
            payload={"redemption_id": redemption_id, "state": state.value},
            created_at=at,
        )
    )


def progress(
    connection: Connection, redemption: Redemption, *, step: int, carried: dict[str, str], look_ups: int | None = None
) -> Redemption:
    """Write down what a finished call left for the next one, without a change of state.

    Raises:
        TransitionError: the row has moved on: drop the result.
    """
    changed = connection.execute(
        redemptions.update()
        .where(redemptions.c.id == redemption.id, redemptions.c.version == redemption.version)
        .values(step=step, carried=carried, look_ups=redemption.look_ups if look_ups is None else look_ups)
    )
    if changed.rowcount != 1:
        raise TransitionError(f"The redemption {redemption.id} has moved on.", redemption_id=redemption.id)
    return must_get(connection, redemption.id)


def ask_withdrawal(connection: Connection, redemption_id: str, at: datetime) -> None:
    """Remember that an undecided redemption is no longer wanted, and wake the sweeper."""
    connection.execute(
        redemptions.update()
        .where(redemptions.c.id == redemption_id, redemptions.c.withdrawal_asked_at.is_(None))
        .values(withdrawal_asked_at=at, next_action_at=at)
    )


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


def start_attempt(
    connection: Connection,
    redemption: Redemption,
    *,
    operation: str,
    is_commit: bool,
    request: ReservationRequest,
    deadline: timedelta,
    at: datetime,
) -> int:
    """Write down that a call is about to be made and answer its number (rule R2)."""
    last = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(attempts.c.number), 0)).where(attempts.c.redemption_id == redemption.id)
    ).scalar_one()
    connection.execute(
        attempts.insert().values(
            redemption_id=redemption.id,
            number=last + 1,
            operation=operation,
            is_commit=is_commit,
            partner_key=redemption.partner_key,
            request_hash=_request_hash(request),
            validity_ends_at=redemption.window_ends_at,
            deadline_at=at + deadline,
            started_at=at,
        )
    )
    return int(last) + 1


def _request_hash(request: ReservationRequest) -> str:
    return sha256(msgspec.json.encode(request, order="deterministic")).hexdigest()


def finish_attempt(
    connection: Connection,
    redemption_id: str,
    number: int,
    *,
    outcome: str,
    code: str | None,
    message: str | None,
    at: datetime,
) -> None:
    """Write down what a call proved; a late result of a lost lease is kept as evidence too."""
    connection.execute(
        attempts.update()
        .where(attempts.c.redemption_id == redemption_id, attempts.c.number == number)
        .values(outcome=outcome, code=code, message=message, finished_at=at)
    )


def commit_outcomes(connection: Connection, redemption_id: str, *, before: int | None = None) -> list[str | None]:
    """List the outcomes of the commit attempts so far; None where a call was started and nobody knows its end."""
    query = sa.select(attempts.c.outcome).where(attempts.c.redemption_id == redemption_id, attempts.c.is_commit)
    if before is not None:
        query = query.where(attempts.c.number < before)
    return list(connection.execute(query.order_by(attempts.c.number)).scalars())


def of_attempts(connection: Connection, redemption_id: str) -> Sequence[sa.RowMapping]:
    """List the attempts of a redemption, oldest first."""
    query = sa.select(attempts).where(attempts.c.redemption_id == redemption_id).order_by(attempts.c.number)
    return connection.execute(query).mappings().all()
