"""Conversion contracts: what one programme's units become in another's, as published data, worked out exactly.

The order of the arithmetic is the one partners publish: check the quantity, convert at the ratio and round down, add
the bonus of every whole block, charge the fee up to its cap. Every step is written out, so that a member (or finance)
can redo it by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Literal

import msgspec

from catalogue.calendar import within
from catalogue.errors import ConversionRefusedError
from catalogue.values import AtLeastOne, Money, NotNegative, Rate, whole


class BlockBonus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``bonus`` target units for every whole ``block``, counted in source units or in converted target units."""

    block: AtLeastOne
    bonus: AtLeastOne
    counted_in: Literal["from", "to"]


class Fee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Minor units of a currency per source unit, rounded down to a whole minor unit, never above the cap."""

    per_unit: Rate
    currency: str
    cap_minor_units: NotNegative | None = None

    def charge(self, quantity: int) -> Money:
        """Work out the fee for a quantity of source units."""
        fee = self.per_unit.floor(quantity)
        return Money(fee if self.cap_minor_units is None else min(fee, self.cap_minor_units), self.currency)


class ConversionContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One version of a contract between two commodities.

    Attributes:
        minimum: smallest quantity of source units; `maximum` the largest in one conversion, None for no limit.
        increment: only multiples of it are accepted, counted from zero.
        region: where the contract holds; None: wherever no more particular one does.
        transfer_days: working days until the partner has posted it; 0 is at once.
        source: where the terms are published.
    """

    id: str
    version: AtLeastOne
    partner: str
    from_commodity: str
    to_commodity: str
    rate: Rate
    minimum: AtLeastOne = 1
    maximum: AtLeastOne | None = None
    increment: AtLeastOne = 1
    bonus: BlockBonus | None = None
    fee: Fee | None = None
    effective_from_date: date | None = None
    effective_to_date: date | None = None
    region: str | None = None
    transfer_days: NotNegative = 0
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse limits that no quantity can meet."""
        if self.maximum is not None and self.maximum < self.smallest:
            raise ValueError("maximum is below the smallest quantity that minimum and increment allow")

    @property
    def smallest(self) -> int:
        """The smallest quantity that is accepted: the first multiple of the increment from the minimum on."""
        return -(-self.minimum // self.increment) * self.increment

    @property
    def best_ratio(self) -> Fraction:
        """The most target units per source unit that any quantity can get, bonus included."""
        ratio = self.rate.fraction
        if self.bonus is None:
            return ratio
        per_block = Fraction(self.bonus.bonus, self.bonus.block)
        return ratio + (per_block if self.bonus.counted_in == "from" else ratio * per_block)


class ConversionQuote(msgspec.Struct, frozen=True, kw_only=True):
    """What a quantity becomes. ``to_quantity`` holds the bonus; ``steps`` is the arithmetic in words."""

    contract_id: str
    version: int
    partner: str
    from_commodity: str
    to_commodity: str
    from_quantity: int
    to_quantity: int
    bonus_quantity: int
    fee: Money | None
    transfer_days: int
    steps: tuple[str, ...]


def quote(
    contracts: Iterable[ConversionContract], quantity: int, on_date: date, region: str | None = None
) -> ConversionQuote:
    """Quote a conversion by the contract in force.

    Args:
        contracts: every version for one pair of commodities.
        quantity: source units.
        on_date: the day on which the conversion is ordered.
        region: the member's region; a contract for it goes before one for everywhere.

    Raises:
        ConversionRefusedError: its facts hold ``reason`` (``no_contract``, ``below_minimum``, ``above_maximum``,
            ``off_increment``) and, unless there is no contract, ``nearest``: the nearest quantity that is allowed,
            downwards where there is one, and ``nearest_to``, what it becomes.
    """
    contract = in_force(contracts, on_date, region)
    _check_quantity(contract, whole(quantity))
    return _convert(contract, quantity)


def in_force(contracts: Iterable[ConversionContract], on_date: date, region: str | None = None) -> ConversionContract:
    """Find the contract of a day and region, the particular region before the general, the latest start first.

    Raises:
        ConversionRefusedError: there is none (``reason`` is ``no_contract``).
    """
    fitting = [
        contract
        for contract in contracts
        if contract.region in (None, region)
        and within(on_date, contract.effective_from_date, contract.effective_to_date)
    ]
    if not fitting:
        raise ConversionRefusedError(f"No conversion contract is in force on {on_date}.", reason="no_contract")
    return max(fitting, key=lambda contract: (contract.region is not None, contract.effective_from_date or date.min))


def _check_quantity(contract: ConversionContract, quantity: int) -> None:
    if quantity < contract.minimum:
        _refuse(contract, contract.smallest, "below_minimum", f"{quantity} is below the minimum of {contract.minimum}")
    if contract.maximum is not None and quantity > contract.maximum:
        largest = contract.maximum - contract.maximum % contract.increment
        _refuse(contract, largest, "above_maximum", f"{quantity} is above the maximum of {contract.maximum}")
    if quantity % contract.increment:
        nearest = max(quantity - quantity % contract.increment, contract.smallest)
        _refuse(contract, nearest, "off_increment", f"{quantity} is not a multiple of {contract.increment}")


def _refuse(contract: ConversionContract, nearest: int, reason: str, why: str) -> None:
    nearest_to = _convert(contract, nearest).to_quantity
    raise ConversionRefusedError(
        f"{why}; the nearest quantity is {nearest}, which becomes {nearest_to}.",
        reason=reason,
        nearest=nearest,
        nearest_to=nearest_to,
        contract=contract.id,
        version=contract.version,
    )


def _convert(contract: ConversionContract, quantity: int) -> ConversionQuote:
    converted = contract.rate.floor(quantity)
    rate = contract.rate
    formula = f"floor({quantity} x {rate.to_units} / {rate.from_units})"
    steps = [f"{quantity} {contract.from_commodity} at {rate} = {formula} = {converted}"]
    bonus = 0
    if contract.bonus is not None:
        counted = quantity if contract.bonus.counted_in == "from" else converted
        blocks = counted // contract.bonus.block
        bonus = blocks * contract.bonus.bonus
        unit = contract.from_commodity if contract.bonus.counted_in == "from" else contract.to_commodity
        steps.append(
            f"bonus: {blocks} whole blocks of {contract.bonus.block} {unit} x {contract.bonus.bonus} = {bonus}"
        )
    total = converted + bonus
    steps.append(f"credited: {total} {contract.to_commodity}")
    fee = contract.fee.charge(quantity) if contract.fee else None
    if fee is not None:
        steps.append(f"fee: {fee.amount} minor units {fee.currency}")
    return ConversionQuote(
        contract_id=contract.id,
        version=contract.version,
        partner=contract.partner,
        from_commodity=contract.from_commodity,
        to_commodity=contract.to_commodity,
        from_quantity=quantity,
        to_quantity=total,
        bonus_quantity=bonus,
        fee=fee,
        transfer_days=contract.transfer_days,
        steps=tuple(steps),
    )
