"""Redeem a quote: take it in once, let the engine speak, answer within the interactive wait."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from catalogue import voucher_store
from catalogue.voucher_store import Voucher
from config.errors import NotFoundError
from config.side_by_side import About
from gateway.errors import PartnerRefusedError, ReplayedRefusalError
from gateway.idempotency import Answer, IdempotencyKeys, KeyedRequest
from gateway.redemption import reversal_store, store
from gateway.redemption.orders import Begun, Concluded
from gateway.redemption.records import QuoteKind, Redemption, Reversal
from gateway.redemption.states import State
from gateway.wiring import Gateway

T = TypeVar("T")
Annexes = tuple[Voucher | None, Reversal | None]
"""The voucher of a redemption and the reversal to tell of."""


async def redeem(
    gateway: Gateway,
    keys: IdempotencyKeys,
    keyed: KeyedRequest,
    member_id: str,
    quote_id: str,
    kind: QuoteKind = "benefit",
) -> tuple[Redemption, Annexes, bool]:
    """Redeem a quote and wait a little for the partner.

    Stored in one transaction: idempotency key, hold (``<id>:hold``), redemption, history and outbox rows, and the
    attempt that is about to be made.

    Returns:
        The redemption as it stands when the partner answered or the interactive wait ended, what hangs on it, and
        whether this was a replay.

    Raises:
        PartnerRefusedError: the partner said a definite no; the hold was given back.
        What `gateway.redemption.intake.Intake.take_in` and `gateway.idempotency` raise.
    """
    begun: Begun | None = None

    def work(connection: Connection) -> Answer:
        nonlocal begun
        taken, begun = gateway.intake.take_in_and_order(
            connection, gateway.engine.order, quote_id=quote_id, member_id=member_id, kind=kind
        )
        return Answer(202, resource_id=taken.id)

    async def take_in() -> tuple[Answer, asyncio.Task[Concluded | None] | None]:
        answer = await keys.once(keyed, About(member_id, work), short=True)
        if begun is None or answer.replayed:
            return answer, None
        return answer, gateway.engine.go_on(begun)

    answer, calling = await gateway.engine.to_its_end(take_in())
    assert answer.resource_id is not None
    concluded = None if calling is None else await wait_for(gateway, calling)
    annexes: Annexes
    if concluded is not None and concluded.redemption.withdrawal_asked_at is None:
        redemption, annexes = concluded.redemption, (concluded.voucher, None)
    else:
        redemption, annexes = await gateway.database.read(partial(_as_it_stands, redemption_id=answer.resource_id))
    refuse_if_voided(redemption, replayed=answer.replayed)
    return redemption, annexes, answer.replayed


def _as_it_stands(connection: Connection, redemption_id: str) -> tuple[Redemption, Annexes]:
    return store.must_get(connection, redemption_id), annexes_of(connection, redemption_id)


def annexes_of(connection: Connection, redemption_id: str) -> Annexes:
    """Read what hangs on a redemption."""
    voucher = voucher_store.voucher_of(connection, redemption_id)
    return voucher, reversal_store.latest(connection, redemption_id)


async def wait_for(gateway: Gateway, task: asyncio.Task[T]) -> T | None:
    """Wait for work under way, at most the interactive wait; the work goes on after it.

    Answers what the work gives, None when it has not ended.
    """
    done, _ = await asyncio.wait({task}, timeout=gateway.settings.redemption.interactive_wait_seconds)
    return task.result() if done and not task.cancelled() else None


def refuse_if_voided(redemption: Redemption, *, replayed: bool = False, **facts: str) -> None:
    """Tell a voided redemption as the refusal it is; ``facts`` are told with it.

    Raises:
        PartnerRefusedError: names the redemption and the partner's reason; of a replay it is a `ReplayedRefusalError`.
    """
    if redemption.state is not State.VOIDED:
        return
    message = f"{redemption.partner!r} did not grant it ({redemption.reason}); what was held has been given back."
    told = {"redemption_id": redemption.id, "reason": redemption.reason, **facts}
    if replayed:
        raise ReplayedRefusalError(PartnerRefusedError.code, message, **told)
    raise PartnerRefusedError(message, **told)


async def of_member(gateway: Gateway, member_id: str, redemption_id: str, kind: QuoteKind | None = None) -> Redemption:
    """Read one of a member's redemptions, of any kind or of one.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    found = await gateway.database.read(partial(store.get, redemption_id=redemption_id))
    if found is None or found.member_id != member_id or kind not in (None, found.quote.kind):
        raise NotFoundError(f"There is no {kind or 'redemption'} {redemption_id!r}.")
    return found
