"""From a fact to what is owed for it: a settlement line, its bearers' shares, and the postings that book it.

The line is priced by the terms in force on the service date. Amounts follow a statement's sign: positive is owed to the
partner, negative to us. Shares always sum to the line. Postings balance per commodity and go into the same entry as
the movement that the fact is about (``capture(..., also=...)``), or into an entry of their own.
"""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import get_args

import msgspec

from catalogue.values import Money
from settlement.accounts import (
    Account,
    Bearer,
    barter,
    bearer_expense,
    miles,
    partner_clearing,
    partner_credits,
    partner_payable,
    partner_receivable,
)
from settlement.amounts import round_half_even, split
from settlement.calendar import business_date_of
from settlement.contracts import (
    CommissionPrice,
    CreditPrice,
    FactKind,
    PartnerContract,
    RatePrice,
    Terms,
    UnitPrice,
    terms_for,
)
from settlement.errors import ObligationError
from settlement.journal import Posting

KINDS = frozenset(get_args(FactKind))


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened and that somebody owes for.

    ``line_key`` is the idempotency key of the line, ``reference`` our key at the partner. ``kind`` is one of `KINDS`.
    ``quantity`` counts what the contract prices: visitors, nights, miles. ``partner_price`` is for the whole fact; for
    a cancellation fee it is the fee, for a refund what the partner gives back. ``base_price`` is what the member's own
    room would have cost (joint benefits). With ``paid_at_partner`` the member pays the partner directly.
    """

    kind: str
    partner: str
    redemption_id: str | None
    line_key: str
    reference: str | None
    partner_reference: str | None
    benefit_id: str | None
    member_hash: str | None
    service_date: date
    occurred_at: datetime
    quantity: int
    partner_price: Money | None
    base_price: Money | None
    points: int
    paid_at_partner: bool = False


class SettlementLine(msgspec.Struct, frozen=True, kw_only=True):
    """Our side of what a partner will account for. ``gross = net + tax``; ``credits`` are barter, never cash."""

    line_key: str
    partner: str
    business_date: date
    kind: str
    way: str
    terms_id: str
    redemption_id: str | None
    reference: str | None
    partner_reference: str | None
    benefit_id: str | None
    member_hash: str | None
    service_date: date
    occurred_at: datetime
    quantity: int
    currency: str
    gross: int
    tax: int
    net: int
    credits: int
    points: int


class Share(msgspec.Struct, frozen=True):
    """What one bearer bears of a line, in its currency or in barter credits."""

    bearer: Bearer
    commodity: str
    amount: int


class Obligation(msgspec.Struct, frozen=True):
    """What follows from a fact. ``postings`` is empty when nobody owes anything."""

    line: SettlementLine
    shares: tuple[Share, ...]
    postings: tuple[Posting, ...]


def obligations(contract: PartnerContract, fact: Fact) -> Obligation:
    """Price a fact and say who owes what.

    Raises:
        ObligationError: no terms price this kind of fact for this benefit on its service date, the price is not in the
            terms' currency, or a price that the terms need was not given.
    """
    if fact.kind not in KINDS or fact.quantity <= 0:
        raise ObligationError(f"{fact.line_key}: {fact.kind} of {fact.quantity} is no fact that is settled.")
    terms = terms_for(contract, fact.kind, fact.benefit_id, fact.service_date)
    if terms is None:
        raise ObligationError(
            f"The contract of {fact.partner} has no terms for {fact.kind} of {fact.benefit_id} on {fact.service_date}.",
            partner=fact.partner,
        )
    price = _priced(terms, fact)
    exchanged = _credits(terms, fact)
    gross, tax = _taxed(terms, price)
    shares = (*_shares(terms, fact, gross), *_barter_shares(terms, fact.partner, exchanged))
    line = SettlementLine(
        line_key=fact.line_key,
        partner=fact.partner,
        business_date=business_date_of(contract.day, fact.occurred_at),
        kind=fact.kind,
        way=terms.way,
        terms_id=terms.id,
        redemption_id=fact.redemption_id,
        reference=fact.reference,
        partner_reference=fact.partner_reference,
        benefit_id=fact.benefit_id,
        member_hash=fact.member_hash,
        service_date=fact.service_date,
        occurred_at=fact.occurred_at,
        quantity=fact.quantity,
        currency=terms.currency,
        gross=gross,
        tax=tax,
        net=gross - tax,
        credits=exchanged,
        points=_sign(fact) * fact.points,
    )
    return Obligation(line, shares, _postings(terms, fact, line, shares))


def _sign(fact: Fact) -> int:
    return -1 if fact.kind == "refund" else 1


def _priced(terms: Terms, fact: Fact) -> int:
    """Price a fact in minor units, with the sign of a statement."""
    price = terms.price
    if isinstance(price, CreditPrice):
        return 0
    if isinstance(price, CommissionPrice):
        return -_sign(fact) * round_half_even(_partner_price(terms, fact) * price.share.fraction)
    if fact.paid_at_partner:
        return 0
    if isinstance(price, UnitPrice) and fact.kind != "cancel_fee":
        amount = price.minor_units * fact.quantity
    elif isinstance(price, RatePrice) and fact.kind != "cancel_fee":
        amount = round_half_even(fact.quantity * price.rate.fraction)
    else:
        amount = _partner_price(terms, fact)
    return _sign(fact) * max(amount, terms.minimum_minor_units)


def _partner_price(terms: Terms, fact: Fact) -> int:
    if fact.partner_price is None:
        raise ObligationError(f"{fact.line_key}: the terms {terms.id} need the partner's price.", partner=fact.partner)
    return _in_currency(terms, fact, fact.partner_price)


def _in_currency(terms: Terms, fact: Fact, money: Money) -> int:
    if money.currency != terms.currency:
        raise ObligationError(
            f"{fact.line_key}: a price in {money.currency} under terms in {terms.currency}.", partner=fact.partner
        )
    return money.amount


def _credits(terms: Terms, fact: Fact) -> int:
    """Count barter credits: positive for what we received and owe value for."""
    if not isinstance(terms.price, CreditPrice):
        return 0
    direction = 1 if terms.price.direction == "received" else -1
    return _sign(fact) * direction * terms.price.credits_per_unit * fact.quantity


def _taxed(terms: Terms, price: int) -> tuple[int, int]:
    """Answer gross and tax: rounded once, per line, half to even."""
    if terms.tax_rate is None:
        return price, 0
    rate: Fraction = terms.tax_rate.fraction
    if terms.tax_included:
        return price, price - round_half_even(Fraction(price, 1 + rate))
    tax = round_half_even(price * rate)
    return price + tax, tax


def _shares(terms: Terms, fact: Fact, gross: int) -> tuple[Share, ...]:
    if gross == 0:
        return ()
    base = _base(terms, fact, gross)
    parts = split(gross - base, terms.bearers)
    parts[terms.base_bearer] = parts.get(terms.base_bearer, 0) + base
    return tuple(Share(bearer, terms.currency, amount) for bearer, amount in parts.items() if amount)


def _base(terms: Terms, fact: Fact, gross: int) -> int:
    """Answer the part of a line that is not shared: the base price, never more than the line, with its sign."""
    if terms.shared == "all":
        return 0
    if fact.base_price is None:
        raise ObligationError(f"{fact.line_key}: the terms {terms.id} need the base price.", partner=fact.partner)
    base = min(_in_currency(terms, fact, fact.base_price), abs(gross))
    return base if gross > 0 else -base


def _barter_shares(terms: Terms, partner: str, exchanged: int) -> tuple[Share, ...]:
    if exchanged == 0:
        return ()
    parts = split(exchanged, terms.bearers)
    return tuple(Share(bearer, barter(partner), amount) for bearer, amount in parts.items() if amount)


def _postings(terms: Terms, fact: Fact, line: SettlementLine, shares: tuple[Share, ...]) -> tuple[Posting, ...]:
    legs = [Posting(bearer_expense(share.bearer, share.commodity), share.amount) for share in shares]
    if line.gross:
        legs.append(Posting(_owed_on(terms, line), -line.gross))
    if line.credits:
        legs.append(Posting(partner_credits(line.partner), -line.credits))
    if terms.way == "conversion":
        given = _sign(fact) * fact.quantity
        currency = miles(line.partner)
        legs.append(Posting(partner_clearing(line.partner, currency), -given))
        legs.append(Posting(partner_receivable(line.partner, currency), given))
    return tuple(legs)


def _owed_on(terms: Terms, line: SettlementLine) -> Account:
    """A commission or a prepaid pack is the partner's debt to us; everything else is ours to the partner."""
    if isinstance(terms.price, CommissionPrice) or terms.payment == "prepaid":
        return partner_receivable(line.partner, line.currency)
    return partner_payable(line.partner, line.currency)
