"""Redeem a quote: take it in once, let the engine speak, answer within the interactive wait."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from catalogue.benefits_cancellation import refund_of
from config.errors import ConflictError, NotFoundError
from gateway.errors import PartnerRefusedError
from gateway.idempotency import Answer, IdempotencyKeys, KeyedRequest
from gateway.redemption import reversal_store, store
from gateway.redemption.records import QuoteKind, Redemption
from gateway.redemption.services import airport_of, service_span
from gateway.redemption.states import State
from gateway.wiring import Gateway


async def redeem(
    gateway: Gateway,
    keys: IdempotencyKeys,
    keyed: KeyedRequest,
    member_id: str,
    quote_id: str,
    kind: QuoteKind = "benefit",
) -> tuple[Redemption, bool]:
    """Redeem a quote and wait a little for the partner.

    Stored in one transaction: idempotency key, hold (``<id>:hold``), redemption, history and outbox rows.

    Returns:
        The redemption as it stands when the partner answered or the interactive wait ended, and whether this was a
        replay.

    Raises:
        PartnerRefusedError: the partner said a definite no; the hold was given back.
        What `gateway.redemption.intake.Intake.take_in` and `gateway.idempotency` raise.
    """

    def work(connection: Connection) -> Answer:
        taken = gateway.intake.take_in(connection, quote_id=quote_id, member_id=member_id, kind=kind)
        return Answer(202, resource_id=taken.id)

    answer = await keys.once(keyed, work)
    assert answer.resource_id is not None
    if not answer.replayed:
        await wait_for(gateway, gateway.engine.start(answer.resource_id))
    redemption = await gateway.database.read(partial(store.must_get, redemption_id=answer.resource_id))
    refuse_if_voided(redemption)
    return redemption, answer.replayed


async def wait_for(gateway: Gateway, task: asyncio.Task[None]) -> None:
    """Wait for work under way, at most the interactive wait; the work goes on after it."""
    await asyncio.wait({task}, timeout=gateway.settings.redemption.interactive_wait_seconds)


def refuse_if_voided(redemption: Redemption) -> None:
    """Tell a voided redemption as the refusal it is.

    Raises:
        PartnerRefusedError: names the redemption and the partner's reason.
    """
    if redemption.state is State.VOIDED:
        raise PartnerRefusedError(
            f"{redemption.partner!r} did not grant it ({redemption.reason}); what was held has been given back.",
            redemption_id=redemption.id,
            reason=redemption.reason,
        )


async def of_member(gateway: Gateway, member_id: str, redemption_id: str) -> Redemption:
    """Read one of a member's redemptions.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    found = await gateway.database.read(partial(store.get, redemption_id=redemption_id))
    if found is None or found.member_id != member_id:
        raise NotFoundError(f"There is no redemption {redemption_id!r}.")
    return found


def refund(gateway: Gateway, redemption: Redemption, now: datetime) -> int:
    """Work out what comes back if a redemption is cancelled now, by the terms it was sold under."""
    quote = redemption.quote
    if redemption.state is not State.CAPTURED:
        return quote.quantity
    if quote.benefit_id is None or quote.benefit_version is None:
        return 0
    benefit = gateway.catalogue.benefit_version(quote.benefit_id, quote.benefit_version)
    span = service_span(quote.service, gateway.catalogue.zone_of(airport_of(quote.service)))
    if benefit is None or span is None:
        return 0
    return refund_of(benefit.cancellation, quote.quantity, span[0], now, span[1])


async def cancel(
    gateway: Gateway, keys: IdempotencyKeys, keyed: KeyedRequest, member_id: str, redemption_id: str
) -> Redemption:
    """Cancel a redemption: withdraw an undecided one, ask the partner to undo a captured one.

    Stored in one transaction: idempotency key and the wish (``withdrawal_asked_at``, or the reversal's row). Points
    move only when the partner's answer or a look-up proves it.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
        ConflictError: it has ended without effect, or nothing comes back by the benefit's rule.
    """
    redemption = await of_member(gateway, member_id, redemption_id)

    def work(connection: Connection) -> Answer:
        store.lock(connection, redemption_id)
        now = gateway.clock.now()
        current = store.must_get(connection, redemption_id)
        if current.state is State.VOIDED:
            raise ConflictError("The redemption has ended without effect; there is nothing to cancel.")
        if current.state is not State.CAPTURED:
            store.ask_withdrawal(connection, redemption_id, now)
            return Answer(202, resource_id=redemption_id)
        back = refund(gateway, current, now)
        if not back:
            raise ConflictError("By the benefit's cancellation rule nothing comes back any more.", refund=0)
        if not reversal_store.ask(connection, current, quantity=back, reason="member_cancelled", at=now):
            raise ConflictError("A cancellation was asked for before.", redemption_id=redemption_id)
        return Answer(202, resource_id=redemption_id)

    answer = await keys.once(keyed, work)
    if not answer.replayed:
        coming = gateway.reversals.advance(redemption_id, reversal_store.WHOLE)
        if redemption.state is not State.CAPTURED:
            coming = gateway.engine.advance(redemption_id)
        await wait_for(gateway, asyncio.create_task(coming))
    return await of_member(gateway, member_id, redemption_id)
