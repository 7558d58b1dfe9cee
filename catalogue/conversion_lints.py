"""Faults of conversion contracts that no single contract shows, and terms that hold but cannot be meant.

Each check answers faults with the contract at which an operator begins to mend. Round trips are in
`catalogue.conversion_round_trips`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Literal

import msgspec

from catalogue.calendar import within
from catalogue.conversion import BlockBonus, ConversionContract
from catalogue.conversion_arithmetic import bonus_reachable, convert, promotion_reachable, quantities
from catalogue.conversion_quotes import uncorrected
from catalogue.conversion_round_trips import days_of_change, gains, gains_over_time


class ContractFault(msgspec.Struct, frozen=True):
    """One fault: the contract, the key in it, what is wrong, what to do."""

    contract: ConversionContract
    key: str
    message: str
    fix: str
    severity: Literal["error", "warning"] = "error"


def contract_faults(
    contracts: Sequence[ConversionContract], partners: Collection[str] | None = None
) -> Iterator[ContractFault]:
    """Check contracts together, in a stable order.

    Args:
        partners: ids that a contract may name; None: not checked.
    """
    for contract in contracts:
        if partners is not None and contract.partner not in partners:
            message = f"there is no partner {contract.partner!r}"
            yield ContractFault(contract, "partner", message, "name a file of partners/")
        yield from _sources(contract)
        yield from _bonus_unit(contract)
        yield from _unreachable(contract)
        yield from _caps(contract)
        yield from _promotions(contract)
        yield from _corrections(contract, contracts)
    yield from _dates(contracts)
    yield from _round_trips(contracts)


def _sources(contract: ConversionContract) -> Iterator[ContractFault]:
    if not contract.source:
        message = f"{contract.name} does not say where its terms are published"
        yield ContractFault(contract, "source", message, "name the contract or page", "warning")
    if contract.superseded:
        message = f"{contract.name} is superseded, and since when is not stated"
        yield ContractFault(contract, "effective_to_date", message, "find the last day on which it held", "warning")


def _bonus_unit(contract: ConversionContract) -> Iterator[ContractFault]:
    bonus = contract.bonus
    if bonus is None or bonus.counted_in is not None:
        return
    quantity = (contract.maximum or bonus.block) // contract.increment * contract.increment
    quantity = max(quantity, contract.smallest)
    readings = {
        side: convert(msgspec.structs.replace(contract, bonus=reading), quantity, date.min).total
        for side, reading in (("from", _counted(bonus, "from")), ("to", _counted(bonus, "to")))
    }
    yield ContractFault(
        contract,
        "bonus.counted_in",
        f"{contract.name} does not say what a bonus block of {bonus.block} counts: {quantity} "
        f"{contract.from_commodity} give {readings['from']} if source units, {readings['to']} if target units",
        'ask the partner and set counted_in = "from" or "to"',
    )


def _counted(bonus: BlockBonus, side: Literal["from", "to"]) -> BlockBonus:
    return msgspec.structs.replace(bonus, counted_in=side)


def _unreachable(contract: ConversionContract) -> Iterator[ContractFault]:
    """Find limits that no member can use as they stand."""
    if contract.rate is None:
        return
    name = contract.name
    if contract.minimum > 1 and contract.minimum != contract.smallest:
        message = (
            f"{name}: the minimum of {contract.minimum} cannot be converted; {contract.smallest} is the first "
            f"quantity on the increment of {contract.increment} that makes a target unit"
        )
        yield ContractFault(contract, "minimum", message, f"set minimum = {contract.smallest}", "warning")
    if contract.maximum is not None:
        top = quantities(contract, contract.maximum)[-1]
        if top != contract.maximum:
            message = f"{name}: the maximum of {contract.maximum} is off the increment of {contract.increment}"
            yield ContractFault(contract, "maximum", message, f"set maximum = {top}", "warning")
    if contract.bonus is not None and not bonus_reachable(contract):
        message = f"{name}: no quantity up to the maximum fills a bonus block of {contract.bonus.block}"
        yield ContractFault(contract, "bonus.block", message, "raise maximum or remove the bonus", "warning")


def _caps(contract: ConversionContract) -> Iterator[ContractFault]:
    """Find caps below the smallest conversion."""
    converted = contract.rate.floor(contract.smallest) if contract.rate else contract.price_points[0].to_quantity
    least = {"from": contract.smallest, "to": converted, "conversions": 1}
    for number, cap in enumerate(contract.caps):
        if cap.most < least[cap.counted_in]:
            message = f"{contract.name}: a cap of {cap.most} is below what the smallest conversion counts"
            yield ContractFault(contract, f"caps[{number}].most", message, "raise the cap or end the contract")


def _promotions(contract: ConversionContract) -> Iterator[ContractFault]:
    first, last = contract.effective_from_date or date.min, contract.effective_to_date or date.max
    for promotion in contract.promotions:
        name = f"{contract.name}: promotion {promotion.id!r}"
        if promotion.from_date < first or promotion.to_date > last:
            message = f"{name} reaches beyond the days of the contract"
            yield ContractFault(contract, "promotions", message, "keep it within the effective dates", "warning")
        if not promotion_reachable(contract, promotion):
            message = f"{name} begins at {promotion.minimum}, more than can be converted"
            yield ContractFault(contract, "promotions.minimum", message, "lower its minimum", "warning")


def _corrections(contract: ConversionContract, contracts: Sequence[ConversionContract]) -> Iterator[ContractFault]:
    if contract.correction is None:
        return
    wrong = next(
        (one for one in contracts if (one.id, one.version) == (contract.id, contract.correction.version)), None
    )
    key = "correction.version"
    if wrong is None:
        message = f"there is no version {contract.correction.version} to correct"
        yield ContractFault(contract, key, message, "name a version of the same contract that is in the file")
        return
    currencies = {one.fee.currency for one in (wrong, contract) if one.fee is not None}
    if wrong.pair != contract.pair or len(currencies) > 1:
        message = f"{contract.name} cannot correct version {wrong.version}: other commodities or fee currency"
        yield ContractFault(contract, key, message, "correct a version with the same commodities and currency")


def _dates(contracts: Sequence[ConversionContract]) -> Iterator[ContractFault]:
    """Find days with two contracts of equal right, and days without any between two."""

    def scope(contract: ConversionContract) -> tuple[str, str, str, str]:
        return *contract.pair, contract.region or "", contract.linked or ""

    dated = [one for one in contracts if not one.superseded]
    for _, group in groupby(sorted(dated, key=scope), scope):
        yield from _of_one_scope(list(group))


def _of_one_scope(contracts: list[ConversionContract]) -> Iterator[ContractFault]:
    told: set[tuple[str, ...]] = set()
    before: ConversionContract | None = None
    gap = False
    for day in days_of_change(contracts):
        holding = uncorrected(one for one in contracts if within(day, one.effective_from_date, one.effective_to_date))
        holding.sort(key=lambda one: (one.effective_from_date or date.min, one.id, one.version))
        names = tuple(one.name for one in holding)
        if len(holding) > 1 and names not in told:
            told.add(names)
            message = f"{' and '.join(names)} are in force on the same day"
            fix = f"end {names[0]} before {names[-1]}, or mark one as a correction"
            yield ContractFault(holding[0], "effective_to_date", message, fix)
        if before is not None and holding and gap:
            message = f"nothing is in force between {before.name} and {names[0]}"
            fix = "close the gap, or leave it on purpose"
            yield ContractFault(before, "effective_to_date", message, fix, "warning")
        gap = not holding
        before = holding[-1] if holding else before


def _round_trips(contracts: Sequence[ConversionContract]) -> Iterator[ContractFault]:
    found = gains(contracts)
    for trip in found:
        yield ContractFault(
            trip.legs[0],
            "rate",
            f"a round trip gains: {trip.path} turns 1 into up to {trip.gain}",
            "lower one of the rates or bonuses, or end one contract before the other begins",
        )
    for trip in () if found else gains_over_time(contracts):
        yield ContractFault(
            trip.legs[0],
            "rate",
            f"a round trip over a change of terms gains: {trip.path} turns 1 into up to {trip.gain}; "
            f"legs: {', '.join(leg.name for leg in trip.legs)}",
            "close one direction before the change, or accept it on purpose",
            "warning",
        )
