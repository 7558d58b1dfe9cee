"""Wire structures of quotes, redemptions, itineraries and conversions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from adapters.sdk.records import Service
from catalogue.benefits import PayWith
from catalogue.conversion import ConversionQuote
from catalogue.lounge_access import Journey
from catalogue.values import Money
from catalogue.voucher_store import Voucher
from gateway.redemption.records import Quote, Redemption
from gateway.services.itineraries import Itinerary, Policy

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=80, examples=["qte_01m80ahqyx60rk4csm6mv3ee1s"])]


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask what a benefit costs this member, for a service of the benefit's vertical.

    ``journey``: the flights of a lounge's visitor, where the benefit goes by an airline's published lounge rules or by
    the hour; it is judged and not kept.
    """

    benefit_id: Identifier
    service: Service
    pay_with: PayWith = PayWith.POINTS
    journey: Journey | None = None


class QuoteView(msgspec.Struct, frozen=True):
    """A locked price. ``points`` is what the member gives, ``price`` what the partner asks.

    ``benefit_version`` names the terms that it is sold under; they stay, whatever takes effect later.
    """

    id: str
    benefit_id: str | None
    benefit_version: int | None
    partner: str
    title: str
    pay_with: str
    points: int
    uses: int
    price: Money | None
    base_price: Money | None
    service: Service
    expires_at: datetime

    @classmethod
    def of(cls, quote: Quote) -> QuoteView:
        """Show a quote; the partner's offer token stays inside."""
        return cls(
            id=quote.id,
            benefit_id=quote.benefit_id,
            benefit_version=quote.benefit_version,
            partner=quote.partner,
            title=quote.title,
            pay_with=quote.pay_with,
            points=quote.points,
            uses=0 if quote.points else quote.quantity,
            price=quote.price,
            base_price=quote.base_price,
            service=quote.service,
            expires_at=quote.expires_at,
        )


class QuoteUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Use a quote."""

    quote_id: Identifier


class VoucherView(msgspec.Struct, frozen=True):
    """The voucher that the member shows at the desk."""

    code: str
    state: str
    valid_from_at: datetime
    valid_to_at: datetime
    guests_allowed: int


class TransitionView(msgspec.Struct, frozen=True):
    """One step of a redemption's life."""

    state: str
    event: str
    happened_at: datetime


class RedemptionView(msgspec.Struct, frozen=True):
    """A redemption as it stands. ``next_check_at`` is set while the outcome is not known."""

    id: str
    quote_id: str
    benefit_id: str | None
    benefit_version: int | None
    partner: str
    state: str
    points: int
    partner_reference: str | None
    itinerary_id: str | None
    voucher: VoucherView | None
    next_check_at: datetime | None
    requested_at: datetime
    updated_at: datetime
    history: tuple[TransitionView, ...] = ()

    @classmethod
    def of(
        cls, redemption: Redemption, voucher: Voucher | None, history: tuple[TransitionView, ...] = ()
    ) -> RedemptionView:
        """Show a redemption; keys, leases and personal fields stay inside."""
        return cls(
            id=redemption.id,
            quote_id=redemption.quote.id,
            benefit_id=redemption.quote.benefit_id,
            benefit_version=redemption.quote.benefit_version,
            partner=redemption.partner,
            state=redemption.state.value,
            points=redemption.quote.points,
            partner_reference=redemption.partner_reference,
            itinerary_id=redemption.itinerary_id,
            voucher=None if voucher is None else voucher_view(voucher),
            next_check_at=redemption.next_action_at,
            requested_at=redemption.requested_at,
            updated_at=redemption.updated_at,
            history=history,
        )


def voucher_view(voucher: Voucher) -> VoucherView:
    """Show a voucher to its member."""
    return VoucherView(
        code=voucher.code,
        state=voucher.state.value,
        valid_from_at=voucher.valid_from_at,
        valid_to_at=voucher.valid_to_at,
        guests_allowed=voucher.guests_allowed,
    )


class RedemptionPage(msgspec.Struct, frozen=True):
    """One page of redemptions, newest first."""

    items: tuple[RedemptionView, ...]
    next_cursor: str | None


class CancellationView(msgspec.Struct, frozen=True):
    """What a cancellation gives back, or would give back."""

    redemption_id: str
    state: str
    points_back: int
    dry_run: bool


class ItineraryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Book several quotes as one trip."""

    quote_ids: Annotated[tuple[Identifier, ...], msgspec.Meta(min_length=1, max_length=10)]
    policy: Policy = "all_or_nothing"


class ItineraryView(msgspec.Struct, frozen=True):
    """A trip and its legs in the order in which they are submitted."""

    id: str
    state: str
    policy: Policy
    legs: tuple[RedemptionView, ...]

    @classmethod
    def of(cls, itinerary: Itinerary, vouchers: dict[str, Voucher]) -> ItineraryView:
        """Show an itinerary."""
        legs = tuple(RedemptionView.of(leg, vouchers.get(leg.id)) for leg in itinerary.legs)
        return cls(id=itinerary.id, state=itinerary.state.value, policy=itinerary.policy, legs=legs)


class ConversionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask what a number of points becomes at a partner."""

    partner: Identifier
    points: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]


class ConversionRateView(msgspec.Struct, frozen=True):
    """A contract in force: ``to_units`` for ``from_units``, from the minimum, in whole increments."""

    contract_id: str
    version: int
    partner: str
    to_commodity: str
    from_units: int
    to_units: int
    minimum: int
    maximum: int | None
    increment: int
    transfer_days: int
    source: str


class ConversionRates(msgspec.Struct, frozen=True):
    """The contracts in force."""

    items: tuple[ConversionRateView, ...]


class ConversionQuoteView(msgspec.Struct, frozen=True):
    """A locked conversion with its arithmetic in words."""

    id: str
    partner: str
    points: int
    receives: int
    to_commodity: str
    contract_id: str
    contract_version: int
    fee: Money | None
    transfer_days: int
    steps: tuple[str, ...]
    expires_at: datetime

    @classmethod
    def of(cls, quote: Quote, terms: ConversionQuote) -> ConversionQuoteView:
        """Show a conversion quote."""
        return cls(
            id=quote.id,
            partner=quote.partner,
            points=terms.from_quantity,
            receives=terms.to_quantity,
            to_commodity=terms.to_commodity,
            contract_id=terms.contract_id,
            contract_version=terms.version,
            fee=terms.fee,
            transfer_days=terms.transfer_days,
            steps=terms.steps,
            expires_at=quote.expires_at,
        )
