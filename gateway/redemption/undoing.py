"""Which call of a partner takes back what it granted: a fence by our key, a reversal of points, or a cancellation."""

from __future__ import annotations

from adapters.sdk.account_records import PointsReversal
from adapters.sdk.capabilities import Cancels, CreditsPoints, DebitsPoints, Fences
from adapters.sdk.records import CancelResult, Mileage
from gateway.partners import ConnectedPartner
from gateway.redemption.keys import partner_key
from gateway.redemption.records import Redemption, Reversal


def can_undo(adapter: object, redemption: Redemption) -> bool:
    """Say whether a partner can be asked to take a captured redemption back."""
    if isinstance(adapter, Fences):
        return True
    return redemption.partner_reference is not None and (isinstance(adapter, Cancels) or _reverses(adapter, redemption))


async def undo(
    connected: ConnectedPartner, redemption: Redemption, reversal: Reversal, *, repeated: bool
) -> CancelResult:
    """Ask for it, once. What was moved of the partner's own currency is reversed whole, under the reversal's own key.

    `can_undo` said that it can be asked. ``repeated``: it was asked before, and that may have arrived (rule R12).
    """
    adapter, request = connected.adapter, redemption.request()
    if isinstance(adapter, Fences):
        return await adapter.fence(request)
    assert redemption.partner_reference is not None
    service = redemption.quote.service
    if not _reverses(adapter, redemption):
        assert isinstance(adapter, Cancels)
        return await adapter.cancel(request, redemption.partner_reference)
    assert isinstance(service, Mileage)
    asked = PointsReversal(
        key=partner_key(f"{redemption.id}r{reversal.number}", connected.manifest.facts.key),
        original=request,
        partner_reference=redemption.partner_reference,
        quantity=service.quantity,
        repeated=repeated,
    )
    if service.direction == "credit":
        assert isinstance(adapter, CreditsPoints)
        return await adapter.reverse_credit(asked)
    assert isinstance(adapter, DebitsPoints)
    return await adapter.reverse_debit(asked)


def _reverses(adapter: object, redemption: Redemption) -> bool:
    service = redemption.quote.service
    if not isinstance(service, Mileage):
        return False
    return isinstance(adapter, CreditsPoints if service.direction == "credit" else DebitsPoints)
