"""Wire structures of quotes, redemptions, itineraries and conversions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec

from adapters.sdk.records import Service
from catalogue.benefits import PayWith
from catalogue.conversion import BlockBonus, Cap, ConversionContract, Fee, PricePoint, Promotion
from catalogue.conversion_quotes import ConversionQuote
from catalogue.conversion_transfers import Transfer
from catalogue.lounge_access import Journey
from catalogue.values import Money
from catalogue.voucher_store import Voucher
from catalogue.vouchers import VoucherState
from gateway.redemption.records import POINTS, Quote, Redemption, Reversal
from gateway.redemption.states import ReversalState, State
from gateway.schemas.common import UnavailablePartner
from gateway.services.itineraries import Itinerary, ItineraryState, Policy

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
    pay_with: PayWith
    points: int
    uses: int
    price: Money | None
    base_price: Money | None
    service: Service
    expires_at: datetime

    @classmethod
    def of(cls, quote: Quote) -> QuoteView:
        """Show a quote that was just made; the partner's offer token stays inside."""
        assert quote.pay_with is not None
        assert quote.service is not None
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
    state: VoucherState
    valid_from_at: datetime
    valid_to_at: datetime
    guests_allowed: int


class PartnerVoucherView(msgspec.Struct, frozen=True):
    """The partner's own voucher: what its desk reads, drawn as ``symbology`` says. Show it, and keep no copy."""

    code: str
    symbology: str
    valid_from_at: datetime | None
    valid_to_at: datetime | None


class TransitionView(msgspec.Struct, frozen=True):
    """One step of a redemption's life."""

    state: State
    event: str
    happened_at: datetime


class CancellationState(msgspec.Struct, frozen=True):
    """A cancellation of a captured redemption: what comes back once its state is ``applied``.

    ``refused``: the partner did not undo it, the member keeps the benefit. ``manual``: people find out.
    """

    state: ReversalState
    points_back: int
    uses_back: int
    requested_at: datetime

    @classmethod
    def of(cls, redemption: Redemption, reversal: Reversal | None) -> CancellationState | None:
        """Show a reversal; None when there is none."""
        if reversal is None:
            return None
        points, uses = given_back(redemption.quote, reversal.quantity)
        return cls(reversal.state, points, uses, reversal.requested_at)


class Annexes(msgspec.Struct, frozen=True):
    """What belongs to a redemption and is kept elsewhere."""

    voucher: Voucher | None = None
    reversal: Reversal | None = None
    history: tuple[TransitionView, ...] = ()


class RedemptionView(msgspec.Struct, frozen=True):
    """A redemption as it stands. ``next_check_at`` is set while the outcome is not known.

    A captured redemption stays ``captured`` when it is cancelled: ``cancellation`` tells what came back.
    ``pay_with`` is null while only a later version of the gateway, which is being introduced, knows it.
    """

    id: str
    quote_id: str
    benefit_id: str | None
    benefit_version: int | None
    partner: str
    state: State
    pay_with: PayWith | None
    points: int
    uses: int
    partner_reference: str | None
    itinerary_id: str | None
    voucher: VoucherView | None
    cancellation: CancellationState | None
    next_check_at: datetime | None
    requested_at: datetime
    updated_at: datetime
    history: tuple[TransitionView, ...] = ()
    partner_voucher: PartnerVoucherView | None = None
    unavailable_partners: tuple[UnavailablePartner, ...] = ()

    @classmethod
    def of(cls, redemption: Redemption, annexes: Annexes) -> RedemptionView:
        """Show a redemption; keys, leases and personal fields stay inside."""
        points, uses = given_back(redemption.quote, redemption.quote.quantity)
        voucher = annexes.voucher
        return cls(
            id=redemption.id,
            quote_id=redemption.quote.id,
            benefit_id=redemption.quote.benefit_id,
            benefit_version=redemption.quote.benefit_version,
            partner=redemption.partner,
            state=redemption.state,
            pay_with=redemption.quote.pay_with,
            points=points,
            uses=uses,
            partner_reference=redemption.partner_reference,
            itinerary_id=redemption.itinerary_id,
            voucher=None if voucher is None else voucher_view(voucher),
            cancellation=CancellationState.of(redemption, annexes.reversal),
            next_check_at=redemption.next_action_at,
            requested_at=redemption.requested_at,
            updated_at=redemption.updated_at,
            history=annexes.history,
        )


def given_back(quote: Quote, quantity: int) -> tuple[int, int]:
    """Tell a quantity of what a quote holds as (points, uses)."""
    return (quantity, 0) if quote.commodity == POINTS else (0, quantity)


def voucher_view(voucher: Voucher) -> VoucherView:
    """Show a voucher to its member."""
    return VoucherView(
        code=voucher.code,
        state=voucher.state,
        valid_from_at=voucher.valid_from_at,
        valid_to_at=voucher.valid_to_at,
        guests_allowed=voucher.guests_allowed,
    )


class RedemptionPage(msgspec.Struct, frozen=True):
    """One page of redemptions, newest first."""

    items: tuple[RedemptionView, ...]
    next_cursor: str | None


class CancellationView(msgspec.Struct, frozen=True):
    """What a cancellation gives back, or would give back, and how far it has come.

    ``cancellation`` is the state of taking a captured benefit back (``applied``: done; ``refused``: the member keeps
    it); None while the redemption itself is undecided and is being withdrawn, and on a dry run. Of an undecided one
    ``points_back`` and ``uses_back`` come back if the partner has granted it or still does, by the rule as of the
    instant at which it was first cancelled; if not, everything does. ``obstacle`` says on a dry run why it could not be
    cancelled, and after a withdrawal why what was granted stands.
    """

    redemption_id: str
    state: State
    points_back: int
    uses_back: int
    cancellation: ReversalState | None
    obstacle: str | None
    dry_run: bool


class ItineraryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Book several quotes as one trip."""

    quote_ids: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=10)]
    policy: Policy = "all_or_nothing"


class ItineraryView(msgspec.Struct, frozen=True):
    """A trip and its legs in the order in which they are submitted."""

    id: str
    state: ItineraryState
    policy: Policy
    legs: tuple[RedemptionView, ...]

    @classmethod
    def of(cls, itinerary: Itinerary, vouchers: dict[str, Voucher]) -> ItineraryView:
        """Show an itinerary."""
        reversals = itinerary.reversals
        annexes = {leg.id: Annexes(vouchers.get(leg.id), reversals.get(leg.id)) for leg in itinerary.legs}
        legs = tuple(RedemptionView.of(leg, annexes[leg.id]) for leg in itinerary.legs)
        return cls(id=itinerary.id, state=itinerary.state, policy=itinerary.policy, legs=legs)


class ItineraryPage(msgspec.Struct, frozen=True):
    """One page of itineraries, newest first."""

    items: tuple[ItineraryView, ...]
    next_cursor: str | None


class ConversionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask what a number of points becomes at a partner; ``to_commodity`` only where the partner has several."""

    partner: Identifier
    points: Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
    to_commodity: Identifier | None = None


class ConversionRateView(msgspec.Struct, frozen=True):
    """A contract in force: ``to_units`` for ``from_units``, from the minimum, in whole increments.

    Where ``price_points`` are listed there is no ratio, and they are the only quantities there are.
    """

    contract_id: str
    version: int
    partner: str
    to_commodity: str
    from_units: int | None
    to_units: int | None
    price_points: tuple[PricePoint, ...]
    minimum: int
    maximum: int | None
    increment: int
    bonus: BlockBonus | None
    promotions: tuple[Promotion, ...]
    caps: tuple[Cap, ...]
    fee: Fee | None
    region: str | None
    transfer_days: int | None
    source: str

    @classmethod
    def of(cls, contract: ConversionContract) -> ConversionRateView:
        """Show a contract; promotions that lie ahead are shown too."""
        return cls(
            contract_id=contract.id,
            version=contract.version,
            partner=contract.partner,
            to_commodity=contract.to_commodity,
            from_units=contract.rate.from_units if contract.rate else None,
            to_units=contract.rate.to_units if contract.rate else None,
            price_points=contract.price_points,
            minimum=contract.smallest,
            maximum=contract.maximum,
            increment=contract.increment,
            bonus=contract.bonus,
            promotions=contract.promotions,
            caps=contract.caps,
            fee=contract.fee,
            region=contract.region,
            transfer_days=contract.transfer_days,
            source=contract.source,
        )


class ConversionRates(msgspec.Struct, frozen=True):
    """The contracts in force."""

    items: tuple[ConversionRateView, ...]


class ConversionQuoteView(msgspec.Struct, frozen=True):
    """A locked conversion with its arithmetic in words; it is posted by ``due_date`` (None: not stated)."""

    id: str
    partner: str
    points: int
    receives: int
    to_commodity: str
    contract_id: str
    contract_version: int
    fee: Money | None
    transfer_days: int | None
    due_date: date | None
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
            due_date=terms.due_date,
            steps=terms.steps,
            expires_at=quote.expires_at,
        )


class ConversionView(RedemptionView, frozen=True, kw_only=True):
    """A conversion as it stands, by the contract version it was quoted under.

    ``transfer`` tells by when the partner must have posted it and whether it is overdue; null when it was not granted.
    """

    contract_id: str | None
    contract_version: int | None
    transfer: Transfer | None

    @classmethod
    def with_transfer(cls, view: RedemptionView, redemption: Redemption, transfer: Transfer | None) -> ConversionView:
        """Show a conversion: what is shown of every redemption, the contract version, and the transfer."""
        return cls(
            **msgspec.structs.asdict(view),
            contract_id=redemption.quote.contract_id,
            contract_version=redemption.quote.contract_version,
            transfer=transfer,
        )
