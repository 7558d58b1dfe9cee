"""What goes back of what was redeemed, by the rule that the benefit was sold under."""

from __future__ import annotations

from datetime import datetime

from catalogue.benefits_cancellation import refund_of
from catalogue.model import Catalogue
from gateway.redemption.records import Quote
from gateway.redemption.services import airport_of, service_span

_PARTS = 1_000_000
"""Stands for the whole of something that cost nothing: what comes back of it says whether it can be undone."""


def by_rule(catalogue: Catalogue, quote: Quote, at: datetime) -> int | None:
    """Answer what comes back of a benefit that is cancelled at an instant.

    Returns:
        0: nothing, it cannot be cancelled any more. More than 0: points or uses; of a benefit that cost nothing here it
        only means that it can be. None: the benefit is not known (any more).
    """
    benefit = None
    if quote.benefit_id is not None and quote.benefit_version is not None:
        benefit = catalogue.benefit_version(quote.benefit_id, quote.benefit_version)
    span = service_span(quote.service, catalogue.zone_of(airport_of(quote.service)))
    if benefit is None or span is None:
        return None
    return refund_of(benefit.cancellation, quote.quantity or _PARTS, span[0], at, span[1])
