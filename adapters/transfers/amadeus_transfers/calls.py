"""The calls that this adapter makes. Source: amadeus4dev/amadeus-open-api-specification, read 2026-11-28. Pure."""

from __future__ import annotations

from urllib.parse import quote as escaped

from adapters.sdk.calls import PartnerCall
from adapters.sdk.codec import encode
from adapters.transfers.amadeus_transfers import wire


def search(params: wire.Search, deadline_seconds: float) -> PartnerCall:
    """``POST /shopping/transfer-offers``."""
    return PartnerCall(
        operation="search",
        method="POST",
        path="/v1/shopping/transfer-offers",
        body=encode(params),
        deadline_seconds=deadline_seconds,
    )


def book(offer_id: str, params: wire.OrderParams) -> PartnerCall:
    """``POST /ordering/transfer-orders``; has no idempotency key."""
    return PartnerCall(
        operation="book",
        method="POST",
        path="/v1/ordering/transfer-orders",
        query=(("offerId", offer_id),),
        body=encode(wire.Envelope(params)),
    )


def cancel(order_id: str, confirmation: str) -> PartnerCall:
    """``POST /ordering/transfer-orders/{orderId}/transfers/cancellation``; without a body, as documented."""
    return PartnerCall(
        operation="cancel",
        method="POST",
        path=f"/v1/ordering/transfer-orders/{escaped(order_id, safe='')}/transfers/cancellation",
        query=(("confirmNbr", confirmation),),
    )
