"""A partner's contract: dated terms that price every fact. The ``[contract]`` table of ``partners/<partner>.toml``.

A term is in force on a service date from its ``from_date`` up to its ``until_date`` (not included), so a change takes
effect on the date it was agreed for and what happened before keeps its price. Amounts are minor units of the term's
currency; ratios are exact.
"""

from __future__ import annotations

from datetime import date, time
from itertools import combinations
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from catalogue.values import Rate
from config.partner_files import PartnerFile
from settlement.accounts import Bearer
from settlement.calendar import CutOff
from settlement.errors import ContractError

Way = Literal["purchase", "resource_exchange", "joint", "conversion"]
"""How we work with the partner on a benefit; each has its own money flow."""

FactKind = Literal[
    "purchase", "joint", "resource_exchange", "conversion", "guest_visit", "refund", "cancel_fee", "no_show"
]
"""What can happen that somebody owes for."""


class UnitPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="unit", tag_field="kind"):
    """So many minor units for each visitor, day or piece."""

    minor_units: int


class RatePrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="rate", tag_field="kind"):
    """An exact price below one minor unit: ``to_units`` minor units for ``from_units`` pieces, rounded per line."""

    rate: Rate


class PartnerPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="partner_price", tag_field="kind"):
    """What the partner quoted and we accepted, for the whole fact."""


class CommissionPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="commission", tag_field="kind"):
    """The member pays the partner, who owes us this share of the price (``to_units`` of ``from_units``)."""

    share: Rate


class CreditPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="credit", tag_field="kind"):
    """Value for value, no cash: so many barter credits a piece, for what we received or for what we gave."""

    credits_per_unit: int
    direction: Literal["received", "given"] = "received"


Price = UnitPrice | RatePrice | PartnerPrice | CommissionPrice | CreditPrice


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was agreed for some benefits (none named: all of this way) and kinds of fact (none named: all).

    ``bearers`` are whole-number weights. With ``shared = "difference"`` they divide what the partner's price is above
    the base price, and ``base_bearer`` bears the base; otherwise they divide all of it. ``minimum_minor_units`` is the
    least a line with a price costs. ``tax_rate`` is contained in the price (``to_units`` on ``from_units`` net) unless
    ``tax_included`` is false. ``prepaid`` draws from a pack that was paid before; below
    ``prepaid_alert_minor_units`` of it somebody buys the next.
    """

    id: str
    from_date: date
    way: Way
    price: Price
    currency: str
    bearers: dict[Bearer, int]
    until_date: date | None = None
    benefits: tuple[str, ...] = ()
    kinds: tuple[FactKind, ...] = ()
    shared: Literal["all", "difference"] = "all"
    base_bearer: Bearer = "maker"
    minimum_minor_units: int = 0
    tax_rate: Rate | None = None
    tax_included: bool = True
    payment: Literal["prepaid", "postpaid"] = "postpaid"
    prepaid_alert_minor_units: int | None = None
    source: str = ""


class PartnerContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole contract: how days end, how statements are compared and netted, and the terms.

    ``break_limit_minor_units``: how large a difference, of whatever currency, one person may close; above it two.
    """

    partner: str
    cut_off: time
    time_zone: str
    terms: tuple[Terms, ...]
    cut_off_falls_on: Literal["same_day", "next_day"] = "next_day"
    statement_format: str = "contractual-v1"
    tolerance_minor_units: int = 0
    break_limit_minor_units: int = 0
    late_window_days: int = 3
    netting: Literal["monthly", "daily"] = "monthly"

    @property
    def day(self) -> CutOff:
        """When the partner's business day ends."""
        return CutOff(self.cut_off, self.time_zone, self.cut_off_falls_on)


def read_contract(path: Path, file: PartnerFile) -> PartnerContract:
    """Give a partner file's ``[contract]`` its type and check what types cannot say.

    Args:
        path: of the file, for the message.
        file: as read.

    Raises:
        ContractError: names the file, the key or the terms, and what is wrong.
    """
    try:
        contract = msgspec.convert({**file.contract, "partner": file.partner.id}, PartnerContract)
    except msgspec.ValidationError as error:
        raise ContractError(f"{path}, [contract]: {error}.") from error
    for problem in _problems(contract):
        raise ContractError(f"{path}, [contract]: {problem}.")
    return contract


def contracts_in_force(contract: PartnerContract, on_date: date) -> tuple[Terms, ...]:
    """List the terms in force on a service date."""
    return tuple(
        terms
        for terms in contract.terms
        if terms.from_date <= on_date and (terms.until_date is None or on_date < terms.until_date)
    )


def terms_for(contract: PartnerContract, kind: str, benefit_id: str | None, on_date: date) -> Terms | None:
    """Find the terms that price a fact: those that name its kind before those for all kinds; None when none does.

    A kind that is itself a way (a purchase, a conversion) needs terms of that way; a refund, a fee, a no-show or a
    guest is priced by the benefit's terms, whichever way they are.
    """
    fitting = [
        terms
        for terms in contracts_in_force(contract, on_date)
        if _fits_benefit(terms, benefit_id) and _fits_kind(terms, kind)
    ]
    return min(fitting, key=lambda terms: (not terms.kinds, not terms.benefits), default=None)


def _fits_benefit(terms: Terms, benefit_id: str | None) -> bool:
    if benefit_id is None:
        return terms.way == "conversion"
    return benefit_id in terms.benefits if terms.benefits else terms.way != "conversion"


def _fits_kind(terms: Terms, kind: str) -> bool:
    if kind in {"purchase", "joint", "resource_exchange", "conversion"} and kind != terms.way:
        return False
    return kind in terms.kinds if terms.kinds else True


def _problems(contract: PartnerContract) -> list[str]:
    problems = [f"{terms.id}: {problem}" for terms in contract.terms for problem in _problems_of(terms)]
    try:
        ZoneInfo(contract.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(f"time_zone {contract.time_zone!r} is no IANA zone")
    if contract.cut_off.tzinfo is not None:
        problems.append("cut_off is a wall-clock time; its zone is time_zone")
    if min(contract.tolerance_minor_units, contract.break_limit_minor_units, contract.late_window_days) < 0:
        problems.append("a tolerance, limit or window is negative")
    if len({terms.id for terms in contract.terms}) != len(contract.terms):
        problems.append("two terms have one id")
    problems += [
        f"{first.id} and {second.id} price the same facts on the same dates"
        for first, second in combinations(contract.terms, 2)
        if _overlap(first, second)
    ]
    return problems


def _problems_of(terms: Terms) -> list[str]:
    problems = []
    if terms.until_date is not None and terms.until_date <= terms.from_date:
        problems.append("until_date is not after from_date")
    if not (len(terms.currency) == 3 and terms.currency.isascii() and terms.currency.isupper()):
        problems.append(f"currency {terms.currency!r} is no ISO 4217 code")
    if not terms.bearers or min(terms.bearers.values()) < 0 or sum(terms.bearers.values()) == 0:
        problems.append("bearers need weights, none negative and one positive")
    if terms.shared == "difference" and not isinstance(terms.price, PartnerPrice):
        problems.append('shared = "difference" needs price.kind = "partner_price"')
    if (terms.way == "resource_exchange") != isinstance(terms.price, CreditPrice):
        problems.append('price.kind = "credit" belongs to way = "resource_exchange" and to no other')
    if terms.minimum_minor_units < 0 or _amount(terms.price) < 0:
        problems.append("a price or minimum is negative")
    return problems


def _amount(price: Price) -> int:
    if isinstance(price, UnitPrice):
        return price.minor_units
    return price.credits_per_unit if isinstance(price, CreditPrice) else 0


def _overlap(first: Terms, second: Terms) -> bool:
    if first.way != second.way or bool(first.kinds) != bool(second.kinds):
        return False
    if bool(first.benefits) != bool(second.benefits):
        return False
    dates = (second.until_date is None or first.from_date < second.until_date) and (
        first.until_date is None or second.from_date < first.until_date
    )
    benefits = not first.benefits or bool(set(first.benefits) & set(second.benefits))
    kinds = not first.kinds or bool(set(first.kinds) & set(second.kinds))
    return dates and benefits and kinds
