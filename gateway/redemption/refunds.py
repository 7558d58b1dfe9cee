"""What goes back to the member, and what the partner keeps: by the benefit's rule, as of the instant that counts."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from catalogue.benefits_cancellation import refund_of
from catalogue.model import Catalogue
from catalogue.values import Money
from gateway.redemption import store
from gateway.redemption.records import Redemption
from gateway.redemption.services import airport_of, service_span
from gateway.redemption.states import Event, State

_PARTS = 1_000_000
_BY_WISH = frozenset({Event.WITHDRAWN.value, Event.FENCED.value})
"""How a redemption ends because it was no longer wanted; every other end without effect would have come anyway."""


class Back(msgspec.Struct, frozen=True):
    """What a rule gives back. ``nothing``: it gives no share at all, whether or not anything was held."""

    quantity: int
    nothing: bool = False


def by_rule(catalogue: Catalogue, redemption: Redemption, at: datetime) -> Back | None:
    """Apply the rule of the benefit as it was sold; None when there is none to judge by.

    Where nothing was held, what the rule says of a whole decides whether the benefit can be cancelled.

    Args:
        catalogue: that knows the version.
        redemption: of a benefit; a conversion has no such rule.
        at: when it was cancelled, or when that was wished.
    """
    quote = redemption.quote
    if quote.benefit_id is None or quote.benefit_version is None:
        return None
    benefit = catalogue.benefit_version(quote.benefit_id, quote.benefit_version)
    span = service_span(quote.service, catalogue.zone_of(airport_of(quote.service)))
    if benefit is None or span is None:
        return None
    back = refund_of(benefit.cancellation, quote.quantity or _PARTS, span[0], at, span[1])
    return Back(back if quote.quantity else 0, nothing=not back)


def kept(redemption: Redemption, refund: Money | None) -> Money | None:
    """Work out what the partner keeps of its price; None when that is nothing, or it does not say."""
    price = redemption.quote.price
    if refund is None or price is None or refund.currency != price.currency or refund.amount >= price.amount:
        return None
    return Money(price.amount - refund.amount, price.currency)


def after_partner_cancelled(
    catalogue: Catalogue, redemption: Redemption, refund: Money | None, cancelled_at: datetime
) -> int:
    """Answer what goes back when the partner says that it was cancelled, and we did not ask for that (rule R13).

    What the partner keeps tells whose doing it was. One that keeps nothing took back its own promise, and the member
    gets everything. One that keeps a part was told at its own desk that nobody would come: then the benefit's rule
    holds as of that instant, as if the member had told us.
    """
    found = by_rule(catalogue, redemption, cancelled_at) if kept(redemption, refund) is not None else None
    return redemption.quote.quantity if found is None else found.quantity


def fell_through(connection: Connection, legs: list[Redemption]) -> bool:
    """Say whether an all_or_nothing trip is undone by the programme: a leg ended without effect and nobody's wish."""
    return any(leg.state is State.VOIDED and not _ended_by_wish(connection, leg) for leg in legs)


def _ended_by_wish(connection: Connection, leg: Redemption) -> bool:
    return leg.withdrawal_asked_at is not None and store.history(connection, leg.id)[-1]["event"] in _BY_WISH
