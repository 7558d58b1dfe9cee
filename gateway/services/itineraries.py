"""Book an itinerary: every hold first and together, then leg by leg in order of how hard each is to undo."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.manifest import Manifest
from config.errors import NotFoundError, RuleError
from gateway.idempotency import Answer, IdempotencyKeys, KeyedRequest
from gateway.redemption import reversal_store, store
from gateway.redemption.records import Quote, Redemption
from gateway.redemption.states import ReversalState, State
from gateway.redemption.tables import itineraries
from gateway.services.redeem import wait_for
from gateway.wiring import Gateway

Policy = Literal["all_or_nothing", "best_effort"]
MAX_LEGS = 10


class ItineraryState(StrEnum):
    """What the legs amount to; derived, never stored."""

    CONFIRMED = "confirmed"
    PARTLY_CONFIRMED = "partly_confirmed"
    PROCESSING = "processing"
    UNDOING = "undoing"
    UNDONE = "undone"


class Itinerary(msgspec.Struct, frozen=True, kw_only=True):
    """An itinerary and its legs in the order of submission."""

    id: str
    member_id: str
    policy: Policy
    legs: tuple[Redemption, ...]
    reversed_legs: frozenset[str]

    @property
    def state(self) -> ItineraryState:
        """Derive the state from the legs."""
        return derive_state(self.policy, [(leg.state, leg.id in self.reversed_legs) for leg in self.legs])


def derive_state(policy: Policy, legs: list[tuple[State, bool]]) -> ItineraryState:
    """Derive an itinerary's state.

    Args:
        policy: of the itinerary.
        legs: (state, whether it was reversed) of each leg.
    """
    standing = [state is State.CAPTURED and not reversed_ for state, reversed_ in legs]
    ended = [state is State.VOIDED or (state is State.CAPTURED and reversed_) for state, reversed_ in legs]
    if all(standing):
        return ItineraryState.CONFIRMED
    if all(ended):
        return ItineraryState.UNDONE
    if policy == "all_or_nothing" and any(ended):
        return ItineraryState.UNDOING
    settled = all(a or b for a, b in zip(standing, ended, strict=True))
    return ItineraryState.PARTLY_CONFIRMED if settled else ItineraryState.PROCESSING


def undo_difficulty(manifest: Manifest) -> int:
    """Rank how hard a captured leg is to undo: by our key, by the partner's reference, not at all."""
    if "fences" in manifest.capabilities:
        return 0
    return 1 if "cancels" in manifest.capabilities else 2


async def book(
    gateway: Gateway,
    keys: IdempotencyKeys,
    keyed: KeyedRequest,
    member_id: str,
    quote_ids: tuple[str, ...],
    policy: Policy,
) -> tuple[Itinerary, bool]:
    """Book several quotes as one trip.

    Stored in one transaction: idempotency key, itinerary, and for every leg its hold, redemption, history and outbox
    rows. If one hold fails, none is placed.

    Raises:
        RuleError: no quote, too many, or one twice.
        What `gateway.redemption.intake.Intake.take_in` and `gateway.idempotency` raise.
    """
    if not 1 <= len(quote_ids) <= MAX_LEGS or len(set(quote_ids)) != len(quote_ids):
        raise RuleError(f"An itinerary has 1 to {MAX_LEGS} different quotes.")
    answer = await keys.once(keyed, partial(_place, gateway, member_id, quote_ids, policy))
    assert answer.resource_id is not None
    if not answer.replayed:
        await wait_for(gateway, gateway.engine.start_itinerary(answer.resource_id))
    return await of_member(gateway, member_id, answer.resource_id), answer.replayed


def _place(
    gateway: Gateway, member_id: str, quote_ids: tuple[str, ...], policy: Policy, connection: Connection
) -> Answer:
    now = gateway.clock.now()
    itinerary_id = gateway.identifiers.new("itinerary")
    connection.execute(itineraries.insert().values(id=itinerary_id, member_id=member_id, policy=policy, created_at=now))
    quotes = [_quote(connection, quote_id, member_id) for quote_id in quote_ids]
    quotes.sort(key=lambda quote: undo_difficulty(gateway.partners.named(quote.partner).manifest))
    for place, quote in enumerate(quotes, start=1):
        gateway.intake.take_in(connection, quote_id=quote.id, member_id=member_id, itinerary=(itinerary_id, place))
    return Answer(202, resource_id=itinerary_id)


def _quote(connection: Connection, quote_id: str, member_id: str) -> Quote:
    quote = store.get_quote(connection, quote_id, member_id)
    if quote is None:
        raise NotFoundError(f"There is no quote {quote_id!r}.")
    return quote


async def of_member(gateway: Gateway, member_id: str, itinerary_id: str) -> Itinerary:
    """Read one of a member's itineraries.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    found = await gateway.database.read(partial(_read, itinerary_id))
    if found is None or found.member_id != member_id:
        raise NotFoundError(f"There is no itinerary {itinerary_id!r}.")
    return found


def _read(itinerary_id: str, connection: Connection) -> Itinerary | None:
    row = connection.execute(sa.select(itineraries).where(itineraries.c.id == itinerary_id)).one_or_none()
    if row is None:
        return None
    legs = store.legs(connection, itinerary_id)
    undone = {leg.id for leg in legs if _is_reversed(connection, leg)}
    return Itinerary(
        id=row.id, member_id=row.member_id, policy=row.policy, legs=tuple(legs), reversed_legs=frozenset(undone)
    )


def _is_reversed(connection: Connection, leg: Redemption) -> bool:
    reversal = reversal_store.get(connection, leg.id, reversal_store.WHOLE)
    return reversal is not None and reversal.state is ReversalState.APPLIED


async def cancel(
    gateway: Gateway, keys: IdempotencyKeys, keyed: KeyedRequest, member_id: str, itinerary_id: str
) -> Itinerary:
    """Ask that every leg be undone; each ends by its partner's answer.

    Stored in one transaction: idempotency key and the wish on every leg.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    await of_member(gateway, member_id, itinerary_id)

    def work(connection: Connection) -> Answer:
        now = gateway.clock.now()
        for leg in store.legs(connection, itinerary_id):
            if leg.state is State.CAPTURED:
                gateway.effects.ask_reversal(connection, leg, "member_cancelled", now)
            elif leg.state is not State.VOIDED:
                store.ask_withdrawal(connection, leg.id, now)
        return Answer(202, resource_id=itinerary_id)

    await keys.once(keyed, work)
    return await of_member(gateway, member_id, itinerary_id)
