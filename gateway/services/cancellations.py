"""Cancel what was redeemed: by the terms it was sold under, once, and never after the desk has let the member in."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import Connection

from adapters.sdk.capabilities import CreditsPoints
from catalogue import voucher_store
from catalogue.errors import VoucherRefusedError
from catalogue.vouchers import VoucherState
from config.errors import ConflictError
from gateway.idempotency import Answer, IdempotencyKeys, KeyedRequest
from gateway.redemption import refunds, reversal_store, store
from gateway.redemption.plan import HEAD_START
from gateway.redemption.records import Redemption, Reversal
from gateway.redemption.states import ReversalState, State
from gateway.services.redeem import of_member, wait_for
from gateway.wiring import Gateway

UNDER_WAY = frozenset({ReversalState.REQUESTED, ReversalState.SUBMITTING, ReversalState.UNKNOWN, ReversalState.MANUAL})
"""A reversal that may still take the benefit back."""

GRANTED = "It was granted before it could be withdrawn, and by its cancellation rule nothing comes back: it stands."
NOTHING_BACK = "By the benefit's cancellation rule nothing comes back any more."
NOT_HERE = "It cannot be cancelled while the gateway is being brought up to date; try again in a few minutes."
"""Only a later version of the code knows what it is, so what its rule gives back."""


class Terms(msgspec.Struct, frozen=True):
    """What a cancellation would do now: ``back`` of what was held returns; ``obstacle`` says why none is possible.

    Of an undecided redemption ``back`` is what returns if it turns out to be granted; if not, all of it does.
    """

    back: int
    obstacle: str | None = None


async def terms(gateway: Gateway, redemption: Redemption) -> Terms:
    """Work out what a cancellation would do now; nothing changes."""
    return await gateway.database.read(partial(_terms, gateway, redemption))


def _terms(gateway: Gateway, redemption: Redemption, connection: Connection) -> Terms:
    if redemption.state is State.VOIDED:
        return Terms(0, "The redemption has ended without effect; there is nothing to cancel.")
    if redemption.state is not State.CAPTURED:
        return Terms(_of_undecided(gateway, connection, redemption))
    if reversal_store.standing(connection, redemption.id) is not None:
        return Terms(0, "A cancellation was asked for before.")
    voucher = voucher_store.voucher_of(connection, redemption.id)
    if redemption.newer or (voucher is not None and voucher.state is VoucherState.UNKNOWN):
        return Terms(0, NOT_HERE)
    if voucher is not None and voucher.state is VoucherState.CONSUMED:
        return Terms(0, "The voucher has been used; the visit cannot be cancelled any more.")
    found = _by_rule(gateway, redemption, gateway.clock.now())
    return msgspec.structs.replace(found, back=min(found.back, reversal_store.left(connection, redemption)))


def _of_undecided(gateway: Gateway, connection: Connection, redemption: Redemption) -> int:
    """Answer what returns for certain: all of what was never sent, else what the rule gives of what was granted."""
    if redemption.state is State.HELD:
        return redemption.quote.quantity
    return gateway.effects.back_if_granted(connection, redemption, gateway.clock.now()) or 0


def _by_rule(gateway: Gateway, redemption: Redemption, now: datetime) -> Terms:
    """Apply the benefit's rule, or a conversion's time limit."""
    if redemption.quote.kind == "conversion":
        return _of_conversion(gateway, redemption, now)
    found = refunds.by_rule(gateway.catalogue, redemption, now)
    if found is None:
        return Terms(0, "What was redeemed is no longer known; ask the club.")
    return Terms(found.quantity, NOTHING_BACK if found.nothing else None)


def _of_conversion(gateway: Gateway, redemption: Redemption, now: datetime) -> Terms:
    """Apply the contract's time limit; the partner has to be one that takes back what it credited."""
    quote = redemption.quote
    contract = gateway.catalogue.conversion_version(quote.contract_id or "", quote.contract_version or 0)
    connected = gateway.partners.get(redemption.partner)
    reverses = connected is not None and isinstance(connected.adapter, CreditsPoints)
    if contract is None or not contract.reversible_hours or not reverses:
        return Terms(0, "A conversion cannot be taken back once it is credited.")
    if now >= redemption.requested_at + timedelta(hours=contract.reversible_hours):
        return Terms(0, f"A conversion can be taken back within {contract.reversible_hours} hours only.")
    return Terms(quote.quantity)


def ask(gateway: Gateway, connection: Connection, redemption_id: str) -> str | None:
    """Write down the wish to cancel: a withdrawal of what is undecided, a reversal of what was captured.

    Returns:
        None, or why it is not possible: then nothing was written.
    """
    store.lock(connection, redemption_id)
    redemption = store.must_get(connection, redemption_id)
    found = _terms(gateway, redemption, connection)
    now = gateway.clock.now()
    if found.obstacle is not None:
        return found.obstacle
    if redemption.state is not State.CAPTURED:
        store.ask_withdrawal(connection, redemption_id, now)
    else:
        reversal_store.ask(
            connection, redemption, quantity=found.back, reason="member_cancelled", at=now, head_start=HEAD_START
        )
    return None


async def cancel(
    gateway: Gateway, keys: IdempotencyKeys, keyed: KeyedRequest, member_id: str, redemption_id: str
) -> tuple[Redemption, bool]:
    """Cancel a redemption: withdraw an undecided one, ask the partner to undo a captured one.

    Stored in one transaction: idempotency key and the wish (``withdrawal_asked_at``, or the reversal's row). Points
    move only when the partner's answer or a look-up proves it. A withdrawn one that is granted all the same gives back
    what the rule gives at the instant of the wish; where that is nothing, it stands.

    Returns:
        The redemption as it stands when the partner answered or the interactive wait ended, and whether this was a
        replay.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
        ConflictError: it has ended without effect, was used, was cancelled before, nothing comes back by the rule, or
            only a later version of the code knows what it is.
    """
    redemption = await of_member(gateway, member_id, redemption_id)

    def work(connection: Connection) -> Answer:
        obstacle = ask(gateway, connection, redemption_id)
        if obstacle is not None:
            raise ConflictError(obstacle, redemption_id=redemption_id)
        return Answer(202, resource_id=redemption_id)

    answer = await keys.once(keyed, work)
    if not answer.replayed:
        captured = redemption.state is State.CAPTURED
        coming = (
            gateway.reversals.advance_standing(redemption_id) if captured else gateway.engine.advance(redemption_id)
        )
        await wait_for(gateway, asyncio.create_task(coming))
    return await of_member(gateway, member_id, redemption_id), answer.replayed


async def outcome(gateway: Gateway, redemption: Redemption) -> tuple[Reversal | None, Terms]:
    """Read how far the cancellation of a redemption has come, and what returns by it."""
    return await gateway.database.read(partial(_outcome, gateway, redemption))


def _outcome(gateway: Gateway, redemption: Redemption, connection: Connection) -> tuple[Reversal | None, Terms]:
    reversal = reversal_store.latest(connection, redemption.id)
    if reversal is not None:
        return reversal, Terms(reversal.quantity)
    if redemption.state is State.VOIDED:
        return None, Terms(redemption.quote.quantity)
    if redemption.state is State.CAPTURED:
        return None, Terms(0, GRANTED)
    return None, Terms(_of_undecided(gateway, connection, redemption))


def refuse_while_cancelling(connection: Connection, redemption_id: str, *, locking: bool = True) -> None:
    """Keep a voucher from use while its redemption may be undone.

    With ``locking`` the redemption's row is taken for this transaction: of a use and a cancellation at once one wins.

    Raises:
        VoucherRefusedError: ``reason`` is ``cancelling``.
    """
    if locking:
        store.lock(connection, redemption_id)
    reversal = reversal_store.standing(connection, redemption_id)
    if reversal is not None and reversal.state in UNDER_WAY:
        raise VoucherRefusedError("The member is cancelling this visit.", reason="cancelling")
