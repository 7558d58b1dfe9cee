"""Between our records and the partner's messages. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from adapters.lounges.mastercard_airport import wire
from adapters.lounges.mastercard_airport.options import AirportOptions
from adapters.sdk.currencies import EXPONENTS
from adapters.sdk.errors import ProtocolError, RejectedError
from adapters.sdk.records import Offer, PartnerVoucher, Service, Usage, Visit
from catalogue.values import Money

CATEGORY = "VISIT"
"""The entitlement that opens lounges."""

_ACCOUNT = re.compile(r"([A-Za-z0-9\-]{1,35})-([0-9]{4})", re.ASCII)


class Holder(msgspec.Struct, frozen=True):
    """Whom the partner knows: its user's id and the last four digits of the card that is registered."""

    user_id: str
    last_four: str


def holder(account: str | None) -> Holder | None:
    """Read a linked account, ``<user id>-<last four digits>``; None when it is not one."""
    found = _ACCOUNT.fullmatch(account or "")
    return Holder(user_id=found[1], last_four=found[2]) if found else None


def visit_of(service: Service) -> Visit:
    """Give the visit that is asked for.

    Raises:
        RejectedError: it is none.
    """
    if not isinstance(service, Visit):
        raise RejectedError("This partner opens lounges only.")
    return service


def is_at(airports: tuple[wire.Airport, ...], visit: Visit) -> bool:
    """Say whether a search found the lounge at its airport."""
    codes = {lounge.lounge_code for airport in airports if airport.code == visit.airport for lounge in airport.lounges}
    return visit.lounge_id in codes


def offers(visit: Visit, detail: wire.LoungeDetail, options: AirportOptions, now: datetime) -> tuple[Offer, ...]:
    """Offer a visit where the lounge is open to the card and, with guests, to them. The contract prices it.

    Raises:
        ProtocolError: another lounge was answered.
    """
    if detail.lounge_code != visit.lounge_id:
        raise ProtocolError("The partner answered for another lounge than was asked for.")
    if not (detail.active and detail.dmc_accepted) or (visit.guests and not detail.is_guest_allowed):
        return ()
    expires_at = now + timedelta(seconds=options.offer_seconds)
    offer = Offer(token="", service=visit, title=detail.lounge_name, price=None, expires_at=expires_at)
    return (offer,)


def lounges_at(airports: tuple[wire.Airport, ...], airport: str) -> tuple[str, ...]:
    """List the codes of an airport's lounges, each once, in the partner's order."""
    found = (lounge.lounge_code for one in airports if one.code == airport for lounge in one.lounges)
    return tuple(dict.fromkeys(found))


def fault_of_card(card: wire.Card, day: date) -> str | None:
    """Name why a card does not open a lounge on a day: ``no_card``, ``card_expired``; None when it does.

    Raises:
        ProtocolError: its last day is no date.
    """
    if not card.is_available or not card.lounge_access_number:
        return "no_card"
    try:
        return "card_expired" if date.fromisoformat(card.expiration) < day else None
    except ValueError as error:
        raise ProtocolError("A card's last day is not a date.") from error


def covers(entitlements: tuple[wire.Entitlement, ...], guests: int) -> bool:
    """Say whether an account's entitlements cover a visit with so many guests; what is not told is not covered."""
    return any(_covers(one, guests) for one in entitlements if one.category.upper() == CATEGORY)


def usages(account: str, visits: tuple[wire.Visit, ...]) -> tuple[Usage, ...]:
    """Read visits.

    A fee is what was taken from the member: none when he declined it. Its unit is not documented; an integer with a
    currency is read as minor units, and what we owe is in the statement, never here.

    Raises:
        ProtocolError: a day, a number or a currency cannot be read.
    """
    return tuple(_usage(account, one) for one in visits)


def was_used(found: tuple[Usage, ...], visit: Visit) -> bool:
    """Say whether the lounge was visited on the day."""
    return any((one.place, one.used_at.date()) == (visit.lounge_id, visit.visit_date) for one in found)


def _covers(entitlement: wire.Entitlement, guests: int) -> bool:
    member, others = _left(entitlement.member_entitlements), _left(entitlement.guest_entitlements)
    beyond = max(0, guests - entitlement.free_guests_per_experience)
    if entitlement.shared_member_guest_allowance:
        return member >= 1 + beyond
    return member >= 1 and others >= beyond


def _left(allowance: wire.Allowance | None) -> int:
    return allowance.remaining or 0 if allowance else 0


def _usage(account: str, visit: wire.Visit) -> Usage:
    try:
        used_at = datetime.fromisoformat(visit.visit_date)
    except ValueError as error:
        raise ProtocolError("The day of a visit cannot be read.") from error
    if used_at.tzinfo is None or not 0 <= visit.total_guests < visit.total_visitors or visit.member_charge_fee < 0:
        raise ProtocolError("A visit contradicts itself.")
    charge = None
    if visit.member_charge_fee and not visit.member_charge_declined:
        if visit.member_charge_currency not in EXPONENTS:
            raise ProtocolError("A visit is charged in no currency.")
        charge = Money(visit.member_charge_fee, visit.member_charge_currency)
    return Usage(
        account=account,
        place=visit.lounge_code,
        used_at=used_at.astimezone(UTC),
        visitors=visit.total_visitors,
        guests=visit.total_guests,
        charge=charge,
    )


def voucher(card: wire.Card, number: str) -> PartnerVoucher | None:
    """Show a card as a voucher; it holds to the end of its last day, of which the partner does not say the zone (UTC).

    Raises:
        ProtocolError: another card than the one with the number, or a last day that is none.
    """
    if not card.is_available or not card.code:
        return None
    if card.lounge_access_number != number:
        raise ProtocolError("The member has another card than the one that was looked at.")
    try:
        last = date.fromisoformat(card.expiration)
    except ValueError as error:
        raise ProtocolError("The card's last day is no date.") from error
    ends = datetime.combine(last + timedelta(days=1), time(), UTC)
    return PartnerVoucher(code=card.code, symbology="qr", valid_to_at=ends)
