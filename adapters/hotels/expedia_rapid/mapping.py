"""Between Rapid's words and ours: pure functions, tables of facts in, records out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from adapters.hotels.expedia_rapid import wire
from adapters.hotels.expedia_rapid.options import RapidOptions
from adapters.hotels.expedia_rapid.phone import split_phone
from adapters.sdk.codec import minor_units
from adapters.sdk.errors import ProtocolError
from adapters.sdk.records import ReservationRequest
from catalogue.values import Money

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.\d{1,6})?(?:Z|([+-](?:0\d|1[0-4]):[0-5]\d))",
    re.ASCII,
)


class OfferToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be known to book an offer: the rate, its link and the price that was quoted with it.

    ``billable_*`` is what the partner charges, in its own currency; minor units.
    """

    property_id: str
    room_id: str
    rate_id: str
    occupancy: str
    href: str
    amount: int
    currency: str
    billable_amount: int | None = None
    billable_currency: str | None = None

    @property
    def price(self) -> Money:
        """The quoted price."""
        return Money(self.amount, self.currency)

    @property
    def prices(self) -> tuple[Money, Money | None]:
        """The quoted price, and what the partner charges for it."""
        return self.price, self.billable

    @property
    def billable(self) -> Money | None:
        """What the partner will charge for it, where it said so."""
        if self.billable_amount is None or self.billable_currency is None:
            return None
        return Money(self.billable_amount, self.billable_currency)


def write_token(token: OfferToken) -> str:
    """Write an offer's token as the text that an `Offer` carries."""
    return msgspec.json.encode(token).decode()


def read_token(text: str) -> OfferToken | None:
    """Read a token of our own; None when it is not one."""
    try:
        return msgspec.json.decode(text, type=OfferToken)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def read_instant(text: str) -> datetime:
    """Read an instant with its offset, written with a blank or a T.

    Raises:
        ProtocolError: it has no offset or is no instant.
    """
    match = _INSTANT.fullmatch(text)
    try:
        if match is None:
            raise ValueError
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or '+00:00'}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ProtocolError("An instant of the partner cannot be read.") from error


def read_amount(amount: wire.Amount) -> Money:
    """Read decimal text as money.

    Raises:
        ProtocolError: it is no amount in the currency's scale.
    """
    try:
        return Money(minor_units(amount.value, amount.currency), amount.currency)
    except ValueError as error:
        raise ProtocolError("An amount of the partner is in no currency.") from error


def read_refund(refund: wire.CancelRefund) -> Money | None:
    """Read what a cancellation gives back, whichever sign it is written with; None when it is not said.

    Raises:
        ProtocolError: it is no amount in the currency's scale.
    """
    if refund.amount is None or refund.currency is None:
        return None
    return read_amount(wire.Amount(value=f"{abs(refund.amount):f}", currency=refund.currency))


def inclusive_price(
    pricing: dict[str, wire.Pricing], occupancy: str, currency: str
) -> tuple[Money, Money | None] | None:
    """Find the total with taxes and fees as (in the currency asked for, as billed); None when none is given.

    Raises:
        ProtocolError: the total is in another currency than was asked for, or is no amount.
    """
    totals = pricing[occupancy].totals if occupancy in pricing else None
    charge = totals.inclusive if totals else None
    if charge is None or charge.request_currency is None:
        return None
    price = read_amount(charge.request_currency)
    if price.currency != currency:
        raise ProtocolError(f"The partner priced in {price.currency} what was asked in {currency}.")
    return price, read_amount(charge.billable_currency) if charge.billable_currency else None


def booking(request: ReservationRequest, options: RapidOptions) -> wire.CreateItinerary | None:
    """Write a booking of one room on the affiliate's account; None when a declared personal field is not there.

    The e-mail carried by an earlier step goes before the member's present one: look-ups ask with it.
    """
    traveller = request.traveller
    email = request.carried.get("email") or traveller.email
    phone = split_phone(traveller.phone) if traveller.phone else None
    if not (traveller.given_name and traveller.family_name and email and phone):
        return None
    return wire.CreateItinerary(
        affiliate_reference_id=request.key,
        email=email,
        phone=wire.Phone(country_code=phone[0], number=phone[1]),
        rooms=(wire.Guest(given_name=traveller.given_name, family_name=traveller.family_name),),
        payments=(
            wire.Payment(
                type="affiliate_collect",
                billing_contact=wire.BillingContact(
                    given_name=options.billing_given_name,
                    family_name=options.billing_family_name,
                    address=wire.BillingAddress(country_code=options.billing_country_code),
                ),
            ),
        ),
    )
