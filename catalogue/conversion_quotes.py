"""Which contract holds for a conversion, what it gives, and what is refused: with the nearest quantity that is not.

Nothing is guessed. Where two contracts contradict each other, or a source says that terms ended and not when, the
answer is a refusal that names them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import msgspec

from catalogue.calendar import within
from catalogue.conversion import ConversionContract
from catalogue.conversion_arithmetic import convert, largest
from catalogue.conversion_caps import Reached, Used, reached
from catalogue.conversion_transfers import due_date
from catalogue.errors import ConversionRefusedError
from catalogue.values import Money, whole


class Occasion(msgspec.Struct, frozen=True):
    """When, where and by whom something is converted.

    Attributes:
        on_date: day on which the conversion is ordered.
        region: the member's; a contract for it goes before one for everywhere.
        linked: enrolments that the member has.
        used: the member's earlier conversions, for the caps.
        known_on_date: leave out corrections that were published later; None: all that is known.
    """

    on_date: date
    region: str | None = None
    linked: frozenset[str] = frozenset()
    used: tuple[Used, ...] = ()
    known_on_date: date | None = None


class ConversionQuote(msgspec.Struct, frozen=True, kw_only=True):
    """What a quantity becomes.

    Attributes:
        to_quantity: all that is credited, bonuses included.
        bonus_quantity: of whole blocks; `promotion_quantity` comes from the promotion named.
        due_date: last day on which it arrives in time; None when the contract states no time.
        steps: the arithmetic in words.
    """

    contract_id: str
    version: int
    partner: str
    from_commodity: str
    to_commodity: str
    from_quantity: int
    to_quantity: int
    bonus_quantity: int
    promotion_quantity: int
    promotion_id: str | None
    fee: Money | None
    transfer_days: int | None
    due_date: date | None
    source: str
    steps: tuple[str, ...]


def quote(contracts: Iterable[ConversionContract], quantity: int, occasion: Occasion) -> ConversionQuote:
    """Quote a conversion by the contract in force.

    Args:
        contracts: every version for one pair of commodities.
        quantity: source units.
        occasion: day, region, enrolments and earlier conversions.

    Raises:
        ConversionRefusedError: its facts hold ``reason`` (those of `in_force`; ``below_minimum``, ``above_maximum``,
            ``off_increment``, ``no_price_point``, ``yields_nothing``, ``above_cap``) and, when a contract holds,
            ``nearest``: the nearest quantity that is allowed, downwards where there is one, None when the caps leave
            none; and ``nearest_to``, what it becomes. A cap adds ``left`` and ``again_date``.
    """
    contract = in_force(contracts, occasion)
    refuse_unless_allowed(contract, whole(quantity), occasion)
    return priced(contract, quantity, occasion.on_date)


def priced(contract: ConversionContract, quantity: int, on_date: date) -> ConversionQuote:
    """Say what a quantity becomes by one contract on a day, without asking its limits and caps."""
    result = convert(contract, quantity, on_date)
    return ConversionQuote(
        contract_id=contract.id,
        version=contract.version,
        partner=contract.partner,
        from_commodity=contract.from_commodity,
        to_commodity=contract.to_commodity,
        from_quantity=quantity,
        to_quantity=result.total,
        bonus_quantity=result.block_bonus,
        promotion_quantity=result.promotion_bonus,
        promotion_id=result.promotion_id,
        fee=result.fee,
        transfer_days=contract.transfer_days,
        due_date=due_date(contract, on_date),
        source=contract.source,
        steps=result.steps,
    )


def in_force(contracts: Iterable[ConversionContract], occasion: Occasion) -> ConversionContract:
    """Find the one contract that holds: a correction before what it corrects, the region and the link before everyone.

    Raises:
        ConversionRefusedError: ``reason`` is ``no_contract``, ``conflicting_contracts`` (several hold with equal
            right), ``superseded`` or ``undated_change`` (a source says that terms changed, and not before which day),
            or ``ambiguous_bonus`` (the unit of the bonus blocks is not stated).
    """
    fitting = _most_particular(uncorrected(_fitting(contracts, occasion)))
    live = [one for one in fitting if not one.superseded]
    if not fitting:
        raise ConversionRefusedError(f"No conversion contract is in force on {occasion.on_date}.", reason="no_contract")
    if len(live) > 1:
        names = ", ".join(sorted(one.name for one in live))
        raise ConversionRefusedError(
            f"Contracts contradict each other on {occasion.on_date}: {names}.",
            reason="conflicting_contracts",
            contracts=names,
        )
    if len(live) < len(fitting):
        _require_dated(fitting, live, occasion.on_date)
    if live[0].bonus is not None and live[0].bonus.counted_in is None:
        raise ConversionRefusedError(
            f"{live[0].name} does not say whether its bonus blocks count source or target units.",
            reason="ambiguous_bonus",
            contract=live[0].id,
            version=live[0].version,
        )
    return live[0]


def refuse_unless_allowed(contract: ConversionContract, quantity: int, occasion: Occasion) -> None:
    """Raise `ConversionRefusedError`, as `quote` says, unless limits and caps allow a quantity."""
    problem = _limit_broken(contract, quantity)
    cap = None if problem else _cap(contract, quantity, occasion)
    facts: dict[str, str | int | None] = {}
    if cap is not None:
        problem = "above_cap", _cap_words(contract, cap, quantity)
        facts = {"left": cap.left, "again_date": str(cap.again_date) if cap.again_date else None}
    if problem is None:
        return
    reason, why = problem
    nearest = _nearest(contract, quantity, occasion)
    nearest_to = None if nearest is None else convert(contract, nearest, occasion.on_date).total
    advice = (
        "no quantity is possible now"
        if nearest is None
        else f"the nearest quantity is {nearest}, which becomes {nearest_to}"
    )
    raise ConversionRefusedError(
        f"{why}; {advice}.",
        reason=reason,
        nearest=nearest,
        nearest_to=nearest_to,
        contract=contract.id,
        version=contract.version,
        **facts,
    )


def uncorrected(contracts: Iterable[ConversionContract]) -> list[ConversionContract]:
    """Leave out, of contracts that hold on one day, those that another of them corrects."""
    holding = list(contracts)
    corrected = {(one.id, one.correction.version) for one in holding if one.correction}
    return [one for one in holding if (one.id, one.version) not in corrected]


def _fitting(contracts: Iterable[ConversionContract], occasion: Occasion) -> list[ConversionContract]:
    return [
        one
        for one in contracts
        if one.region in (None, occasion.region)
        and (one.linked is None or one.linked in occasion.linked)
        and within(occasion.on_date, one.effective_from_date, one.effective_to_date)
        and not (one.correction and occasion.known_on_date and one.correction.published_date > occasion.known_on_date)
    ]


def _most_particular(contracts: list[ConversionContract]) -> list[ConversionContract]:
    def particular(contract: ConversionContract) -> tuple[bool, bool]:
        return contract.region is not None, contract.linked is not None

    top = max((particular(one) for one in contracts), default=None)
    return [one for one in contracts if particular(one) == top]


def _require_dated(fitting: list[ConversionContract], live: list[ConversionContract], on_date: date) -> None:
    """Refuse a day on which terms that ended at an unknown time may still have held."""
    names = ", ".join(sorted(one.name for one in fitting if one.superseded))
    if not live:
        raise ConversionRefusedError(
            f"Only superseded terms are known for {on_date}, without the day of their end: {names}.",
            reason="superseded",
            contracts=names,
        )
    since = live[0].effective_from_date or live[0].source_date
    if since is None or on_date < since:
        raise ConversionRefusedError(
            f"{live[0].name} took the place of {names} on a day that no source states; on {on_date} either may hold.",
            reason="undated_change",
            contracts=names,
        )


def _limit_broken(contract: ConversionContract, quantity: int) -> tuple[str, str] | None:
    if contract.rate is None:
        points = [one.from_quantity for one in contract.price_points]
        return None if quantity in points else ("no_price_point", f"{quantity} is not a price point")
    if quantity < contract.minimum:
        return "below_minimum", f"{quantity} is below the minimum of {contract.minimum}"
    if contract.maximum is not None and quantity > contract.maximum:
        return "above_maximum", f"{quantity} is above the maximum of {contract.maximum}"
    if quantity % contract.increment:
        return "off_increment", f"{quantity} is not a multiple of {contract.increment}"
    if quantity < contract.smallest:
        return "yields_nothing", f"{quantity} {contract.from_commodity} do not make one {contract.to_commodity}"
    return None


def _cap(contract: ConversionContract, quantity: int, occasion: Occasion) -> Reached | None:
    total = convert(contract, quantity, occasion.on_date).total
    return reached(contract, occasion.used, occasion.on_date, quantity, total)


def _nearest(contract: ConversionContract, quantity: int, occasion: Occasion) -> int | None:
    bound = max(quantity, contract.smallest)
    return largest(contract, bound, lambda candidate: _cap(contract, candidate, occasion) is None)


def _cap_words(contract: ConversionContract, found: Reached, quantity: int) -> str:
    cap = found.cap
    units = {"from": contract.from_commodity, "to": contract.to_commodity, "conversions": "conversions"}
    period = {"rolling": f"in {cap.days} days", "lifetime": "ever"}.get(cap.period, f"per {cap.period}")
    since = "" if found.again_date is None else f", and more from {found.again_date} on"
    return (
        f"{quantity} exceeds the cap of {cap.most} {units[cap.counted_in]} {period}, which leaves {found.left}{since}"
    )
