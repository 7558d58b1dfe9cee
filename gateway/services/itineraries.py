"""Book an itinerary: every hold first and together, then leg by leg in order of how hard each is to undo."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Literal

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.manifest import Manifest
from config.errors import ConflictError, NotFoundError, RuleError
from gateway.idempotency import Answer, IdempotencyKeys, KeyedRequest
from gateway.redemption import reversal_store, store
from gateway.redemption.records import Quote, Redemption, Reversal
from gateway.redemption.states import ReversalState, State
from gateway.redemption.tables import itineraries
from gateway.services import cancellations
from gateway.services.redeem import refuse_if_voided, wait_for
from gateway.wiring import Gateway

Policy = Literal["all_or_nothing", "best_effort"]
MAX_LEGS = 10
WITHDRAWN = "withdrawn"
"""The reason of a leg that was never sent, because another one was refused."""


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
    reversals: dict[str, Reversal]

    @property
    def state(self) -> ItineraryState:
        """Derive the state from the legs."""
        return derive_state(self.policy, [(leg.state, self._reversal_state(leg)) for leg in self.legs])

    def _reversal_state(self, leg: Redemption) -> ReversalState | None:
        reversal = self.reversals.get(leg.id)
        return None if reversal is None else reversal.state


def derive_state(policy: Policy, legs: list[tuple[State, ReversalState | None]]) -> ItineraryState:
    """Derive an itinerary's state.

    Args:
        policy: of the itinerary.
        legs: state of each leg and of its reversal, if one was asked for.
    """
    ended = [state is State.VOIDED or reversal is ReversalState.APPLIED for state, reversal in legs]
    standing = [state is State.CAPTURED and reversal in (None, ReversalState.REFUSED) for state, reversal in legs]
    if all(standing):
        return ItineraryState.CONFIRMED
    if all(ended):
        return ItineraryState.UNDONE
    if all(a or b for a, b in zip(standing, ended, strict=True)):
        return ItineraryState.PARTLY_CONFIRMED
    undoing = any(state is State.CAPTURED and reversal is not None for state, reversal in legs)
    if undoing or (policy == "all_or_nothing" and any(ended)):
        return ItineraryState.UNDOING
    return ItineraryState.PROCESSING


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
        PartnerRefusedError: nothing of it was granted; names the itinerary and the leg that was refused.
        What `gateway.redemption.intake.Intake.take_in` and `gateway.idempotency` raise.
    """
    if not 1 <= len(quote_ids) <= MAX_LEGS or len(set(quote_ids)) != len(quote_ids):
        raise RuleError(f"An itinerary has 1 to {MAX_LEGS} different quotes.")
    answer = await keys.once(keyed, partial(_place, gateway, member_id, quote_ids, policy))
    assert answer.resource_id is not None
    if not answer.replayed:
        await wait_for(gateway, gateway.engine.start_itinerary(answer.resource_id))
    itinerary = await of_member(gateway, member_id, answer.resource_id)
    _refuse_if_undone(itinerary, replayed=answer.replayed)
    return itinerary, answer.replayed


def _refuse_if_undone(itinerary: Itinerary, *, replayed: bool) -> None:
    """Tell a trip of which no leg was ever granted as the refusal it is, by the leg that the partner refused."""
    if any(leg.state is not State.VOIDED for leg in itinerary.legs):
        return
    refused = next((leg for leg in itinerary.legs if leg.reason != WITHDRAWN), itinerary.legs[0])
    refuse_if_voided(refused, replayed=replayed, itinerary_id=itinerary.id)


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
    found = ((leg.id, reversal_store.get(connection, leg.id, reversal_store.WHOLE)) for leg in legs)
    reversals = {leg_id: reversal for leg_id, reversal in found if reversal is not None}
    return Itinerary(id=row.id, member_id=row.member_id, policy=row.policy, legs=tuple(legs), reversals=reversals)


async def list_of_member(gateway: Gateway, member_id: str, before: str | None, limit: int) -> list[Itinerary]:
    """List a member's itineraries, newest first, those before an id."""
    query = sa.select(itineraries.c.id).where(itineraries.c.member_id == member_id)
    if before is not None:
        query = query.where(itineraries.c.id < before)
    query = query.order_by(itineraries.c.id.desc()).limit(limit)

    def read(connection: Connection) -> list[Itinerary]:
        found = (_read(one, connection) for one in list(connection.execute(query).scalars()))
        return [one for one in found if one is not None]

    return await gateway.database.read(read)


async def cancel(
    gateway: Gateway, keys: IdempotencyKeys, keyed: KeyedRequest, member_id: str, itinerary_id: str
) -> tuple[Itinerary, bool]:
    """Cancel a trip: every leg that its own benefit lets go; each ends by its partner's answer.

    Stored in one transaction: idempotency key and the wish on every such leg.

    Returns:
        The itinerary as it stands, and whether this was a replay.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
        ConflictError: no leg can be cancelled (any more).
    """
    await of_member(gateway, member_id, itinerary_id)

    def work(connection: Connection) -> Answer:
        obstacles = [cancellations.ask(gateway, connection, leg.id) for leg in store.legs(connection, itinerary_id)]
        if None not in obstacles:
            raise ConflictError(f"No part of the trip can be cancelled: {obstacles[0]}", itinerary_id=itinerary_id)
        return Answer(202, resource_id=itinerary_id)

    answer = await keys.once(keyed, work)
    return await of_member(gateway, member_id, itinerary_id), answer.replayed
