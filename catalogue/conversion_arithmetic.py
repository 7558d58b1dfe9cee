"""What a quantity becomes under one contract, exactly, with every step written out.

The order is the one partners publish: convert at the ratio and round down, add the bonus of every whole block, add the
extra of a promotion, charge the fee up to its cap. More source units never give fewer target units; everything that
searches here relies on it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction

import msgspec

from catalogue.calendar import within
from catalogue.conversion import ConversionContract, Promotion
from catalogue.values import Money, whole


class Conversion(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a result; ``steps`` is the arithmetic in words, for redoing it by hand."""

    quantity: int
    converted: int
    block_bonus: int
    promotion_bonus: int
    promotion_id: str | None
    fee: Money | None
    steps: tuple[str, ...]

    @property
    def total(self) -> int:
        """Target units credited, bonuses included."""
        return self.converted + self.block_bonus + self.promotion_bonus


def convert(contract: ConversionContract, quantity: int, on_date: date) -> Conversion:
    """Convert a quantity without asking whether the limits allow it.

    Args:
        quantity: source units; with price points, the largest point that it pays for is taken.
        on_date: decides which promotions hold.
    """
    steps: list[str] = []
    converted = _converted(contract, whole(quantity), steps)
    block_bonus = _block_bonus(contract, quantity, converted, steps)
    promotion, extra = _promotion(contract, quantity, converted, on_date)
    if promotion is not None:
        cap = "" if promotion.most is None else f", at most {promotion.most}"
        steps.append(f"promotion {promotion.id}: {converted} at {promotion.extra}{cap} = {extra}")
    steps.append(f"credited: {converted + block_bonus + extra} {contract.to_commodity}")
    fee = contract.fee.charge(quantity) if contract.fee else None
    if fee is not None:
        steps.append(f"fee: {fee.amount} minor units {fee.currency}")
    return Conversion(
        quantity=quantity,
        converted=converted,
        block_bonus=block_bonus,
        promotion_bonus=extra,
        promotion_id=promotion.id if promotion else None,
        fee=fee,
        steps=tuple(steps),
    )


def quantities(contract: ConversionContract, at_most: int) -> Sequence[int]:
    """Give every quantity that the contract's limits allow up to a bound, rising, without listing them."""
    if contract.rate is None:
        return tuple(one.from_quantity for one in contract.price_points if one.from_quantity <= at_most)
    top = at_most if contract.maximum is None else min(at_most, contract.maximum)
    return range(contract.smallest, top + 1, contract.increment)


def largest(
    contract: ConversionContract, at_most: int, fits: Callable[[int], bool] = lambda quantity: True
) -> int | None:
    """Find the largest allowed quantity up to a bound that fits; None when none does.

    Args:
        fits: a rule that, once a quantity breaks it, every larger one breaks.
    """
    allowed = quantities(contract, at_most)
    count = bisect_left(allowed, 1, key=lambda quantity: 0 if fits(quantity) else 1)
    return allowed[count - 1] if count else None


def smallest_for(contract: ConversionContract, wanted: int, on_date: date) -> int | None:
    """Find the smallest allowed quantity that credits at least ``wanted``; None when the largest gives less."""
    bound = (
        contract.price_points[-1].from_quantity
        if contract.rate is None
        else max(contract.smallest, contract.rate.from_units * (wanted + contract.increment))
    )
    allowed = quantities(contract, bound)
    found = bisect_left(allowed, wanted, key=lambda quantity: convert(contract, quantity, on_date).total)
    return allowed[found] if found < len(allowed) else None


def best_ratio(contract: ConversionContract, on_date: date) -> Fraction:
    """Give a bound on the target units per source unit that any allowed quantity gets on a day, bonuses included.

    No quantity gets more; a bonus that no allowed quantity reaches is left out. A block bonus whose unit is not stated
    counts by the reading that gives more.
    """
    extra = max(
        (one.extra.fraction for one in contract.promotions if _reachable(contract, one, on_date)), default=Fraction(0)
    )
    if contract.rate is None:
        points = contract.price_points
        return max(Fraction(one.to_quantity, one.from_quantity) for one in points) * (1 + extra)
    ratio = contract.rate.fraction
    return ratio * (1 + extra) + _bonus_ratio(contract, ratio)


def bonus_reachable(contract: ConversionContract) -> bool:
    """Say whether any allowed quantity fills a block of the bonus, by either reading when the unit is not stated."""
    bonus = contract.bonus
    if bonus is None or contract.rate is None or contract.maximum is None:
        return bonus is not None
    top = quantities(contract, contract.maximum)[-1]
    filled = {"from": top, "to": contract.rate.floor(top)}
    return max(count for side, count in filled.items() if bonus.counted_in in (None, side)) >= bonus.block


def _bonus_ratio(contract: ConversionContract, ratio: Fraction) -> Fraction:
    bonus = contract.bonus
    if bonus is None or not bonus_reachable(contract):
        return Fraction(0)
    readings = {"from": Fraction(1), "to": ratio}
    return Fraction(bonus.bonus, bonus.block) * max(
        per_unit for side, per_unit in readings.items() if bonus.counted_in in (None, side)
    )


def _reachable(contract: ConversionContract, promotion: Promotion, on_date: date) -> bool:
    return within(on_date, promotion.from_date, promotion.to_date) and promotion_reachable(contract, promotion)


def promotion_reachable(contract: ConversionContract, promotion: Promotion) -> bool:
    """Say whether any allowed quantity reaches a promotion's minimum."""
    if contract.rate is None:
        return contract.price_points[-1].from_quantity >= promotion.minimum
    return contract.maximum is None or quantities(contract, contract.maximum)[-1] >= promotion.minimum


def _converted(contract: ConversionContract, quantity: int, steps: list[str]) -> int:
    if contract.rate is None:
        points = contract.price_points
        index = bisect_right(points, quantity, key=lambda one: one.from_quantity)
        converted = points[index - 1].to_quantity if index else 0
        paid = points[index - 1].from_quantity if index else 0
        steps.append(f"{paid} {contract.from_commodity} is a price point = {converted}")
        return converted
    rate = contract.rate
    converted = rate.floor(quantity)
    formula = f"floor({quantity} x {rate.to_units} / {rate.from_units})"
    steps.append(f"{quantity} {contract.from_commodity} at {rate} = {formula} = {converted}")
    return converted


def _block_bonus(contract: ConversionContract, quantity: int, converted: int, steps: list[str]) -> int:
    bonus = contract.bonus
    if bonus is None:
        return 0
    if bonus.counted_in is None:
        raise ValueError(f"{contract.name} does not say what its bonus blocks are counted in")
    counted = quantity if bonus.counted_in == "from" else converted
    unit = contract.from_commodity if bonus.counted_in == "from" else contract.to_commodity
    blocks = counted // bonus.block
    steps.append(f"bonus: {blocks} whole blocks of {bonus.block} {unit} x {bonus.bonus} = {blocks * bonus.bonus}")
    return blocks * bonus.bonus


def _promotion(
    contract: ConversionContract, quantity: int, converted: int, on_date: date
) -> tuple[Promotion | None, int]:
    found: Promotion | None = None
    most = 0
    for promotion in contract.promotions:
        if quantity >= promotion.minimum and within(on_date, promotion.from_date, promotion.to_date):
            extra = promotion.extra.floor(converted)
            extra = extra if promotion.most is None else min(extra, promotion.most)
            if found is None or extra > most:
                found, most = promotion, extra
    return found, most
