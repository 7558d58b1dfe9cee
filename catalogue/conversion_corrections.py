"""What follows when a contract turns out to have been wrong after members converted by it.

A correction is a new version that names the one it corrects. The member never pays for it: what the corrected terms
would have given more is credited, what they would have charged less is returned, and what they would have given less
stays the member's and is reported. Corrections of corrections build on each other, each under a key of its own, so
that working it out again adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

import msgspec

from catalogue.calendar import within
from catalogue.conversion import ConversionContract
from catalogue.conversion_arithmetic import convert, smallest_for
from catalogue.conversion_quotes import ConversionQuote
from catalogue.errors import ConversionRefusedError
from catalogue.values import Money


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A conversion that was made: under which version and day, with what result."""

    conversion_id: str
    quote: ConversionQuote
    on_date: date


class Leg(msgspec.Struct, frozen=True):
    """One side of a refund entry; what a party receives is positive. Money is in minor units of its currency."""

    party: Literal["member", "partner"]
    commodity: str
    amount: int


class RefundEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a correction does to one conversion.

    Attributes:
        key: ``<conversion id>:correct:<version>``, the entry's idempotency key.
        given_back: source units that return to the member.
        credited: target units that the member gets beside those of the conversion.
        fee_returned: what the fee was too high; None when it was not.
        legs: all three of these; sum to zero per commodity; none when nothing is refunded.
        kept: target units that the corrected terms would not have given and the member keeps.
        fee_waived: minor units that the corrected terms would have charged more and nobody asks for.
    """

    key: str
    conversion_id: str
    contract_id: str
    version: int
    reason: str
    given_back: int
    credited: int
    fee_returned: Money | None
    legs: tuple[Leg, ...]
    kept: int
    fee_waived: int


class _Standing(msgspec.Struct, frozen=True):
    """What the member has given and got so far, refunds included."""

    given: int
    got: int
    fee: Money | None


def refund_entries(contracts: Iterable[ConversionContract], made: Iterable[Made]) -> tuple[RefundEntry, ...]:
    """Work out the refunds that the corrections among some contracts call for; limits do not apply backwards.

    Args:
        contracts: every version of the contracts that the conversions were made by.
        made: conversions that stand; what was undone is left out by the caller.

    Raises:
        ConversionRefusedError: ``reason`` is ``not_comparable``: a correction is between other commodities, charges in
            another currency, or leaves the unit of its bonus open.
    """
    corrections = sorted((one for one in contracts if one.correction), key=lambda one: (one.id, one.version))
    return tuple(entry for one in made for entry in _entries(corrections, one))


def _entries(corrections: list[ConversionContract], made: Made) -> Iterable[RefundEntry]:
    original = made.quote
    standing = _Standing(original.from_quantity, original.to_quantity, original.fee)
    versions = {original.version}
    for contract in corrections:
        assert contract.correction is not None
        if contract.id != original.contract_id or contract.correction.version not in versions:
            continue
        if not within(made.on_date, contract.effective_from_date, contract.effective_to_date):
            continue
        _require_comparable(contract, made)
        versions.add(contract.version)
        entry, standing = _entry(contract, made, standing)
        if entry.legs or entry.kept or entry.fee_waived:
            yield entry


def _entry(contract: ConversionContract, made: Made, before: _Standing) -> tuple[RefundEntry, _Standing]:
    assert contract.correction is not None
    given = _given(contract, made, before)
    result = convert(contract, given, made.on_date)
    fee_before, fee_now = _amount(before.fee), _amount(result.fee)
    credited = max(result.total - before.got, 0)
    returned = Money(fee_before - fee_now, before.fee.currency) if before.fee and fee_before > fee_now else None
    legs = [
        *_legs(contract.from_commodity, before.given - given),
        *_legs(contract.to_commodity, credited),
        *(_legs(returned.currency, returned.amount) if returned else ()),
    ]
    entry = RefundEntry(
        key=f"{made.conversion_id}:correct:{contract.version}",
        conversion_id=made.conversion_id,
        contract_id=contract.id,
        version=contract.version,
        reason=contract.correction.reason,
        given_back=before.given - given,
        credited=credited,
        fee_returned=returned,
        legs=tuple(legs),
        kept=max(before.got - result.total, 0),
        fee_waived=max(fee_now - fee_before, 0),
    )
    charged = before.fee if fee_now >= fee_before else result.fee
    return entry, _Standing(given, max(before.got, result.total), charged)


def _given(contract: ConversionContract, made: Made, before: _Standing) -> int:
    """Give what the corrected terms would have taken: a price point may ask less for as much, never more."""
    total = convert(contract, before.given, made.on_date).total
    spared = smallest_for(contract, total, made.on_date) if contract.rate is None and total >= before.got else None
    # Between two points a promotion may give on what was given beyond the lower one: the next point then asks more.
    return before.given if spared is None else min(spared, before.given)


def _require_comparable(contract: ConversionContract, made: Made) -> None:
    old = made.quote
    currencies = {fee.currency for fee in (old.fee, contract.fee) if fee is not None}
    ambiguous = contract.bonus is not None and contract.bonus.counted_in is None
    if contract.pair != (old.from_commodity, old.to_commodity) or len(currencies) > 1 or ambiguous:
        raise ConversionRefusedError(
            f"{contract.name} cannot correct {made.conversion_id}: other commodities, another currency of the fee, "
            "or a bonus whose unit is open.",
            reason="not_comparable",
            contract=contract.id,
            version=contract.version,
        )


def _amount(fee: Money | None) -> int:
    return 0 if fee is None else fee.amount


def _legs(commodity: str, amount: int) -> tuple[Leg, ...]:
    return (Leg("member", commodity, amount), Leg("partner", commodity, -amount)) if amount else ()
