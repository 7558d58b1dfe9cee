"""Netting: one payable per partner, period, currency and bearer out of many lines. Pure, integers only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec

Standing = Literal["agreed", "disputed", "unreconciled"]
"""What reconciliation says of a line: matched; has an open break; not looked at yet."""


class NettingLine(msgspec.Struct, frozen=True):
    """A share of one line, or a sum of such shares. ``amount`` in minor units, positive: owed to the partner."""

    partner: str
    period: str
    currency: str
    bearer: str
    standing: Standing
    amount: int
    lines: int = 1


class NetPosition(msgspec.Struct, frozen=True, order=True):
    """What one bearer owes one partner (negative: is owed) for a period, in minor units of one currency.

    ``agreed`` may be paid; ``disputed`` waits for its breaks; ``unreconciled`` waits for the partner's file. The three
    sum to ``total``.
    """

    partner: str
    period: str
    currency: str
    bearer: str
    agreed: int
    disputed: int
    unreconciled: int
    lines: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.agreed + self.disputed + self.unreconciled


class Payout(msgspec.Struct, frozen=True):
    """A rounded payment and what rounding left over, in units of the finer scale (exact minus paid)."""

    amount: int
    residual: int


def net(lines: Iterable[NettingLine]) -> tuple[NetPosition, ...]:
    """Net lines into positions, ordered by partner, period, currency and bearer; the order of lines does not matter."""
    sums: dict[tuple[str, str, str, str], Counter[str]] = {}
    for line in lines:
        position = sums.setdefault((line.partner, line.period, line.currency, line.bearer), Counter())
        position[line.standing] += line.amount
        position["lines"] += line.lines
    return tuple(
        NetPosition(*key, found["agreed"], found["disputed"], found["unreconciled"], found["lines"])
        for key, found in sorted(sums.items())
    )


def round_payout(amounts: Iterable[int], scale: int, payout_scale: int) -> Payout:
    """Sum amounts of a finer scale exactly and round once, half to even, to the scale that is paid in.

    The residual is the difference that belongs to the rounding account; rounding each line would create or lose money.

    Args:
        amounts: in units of ``10 ** -scale``.
        scale: decimals of the lines.
        payout_scale: decimals of the payment, at most ``scale``.
    """
    if not 0 <= payout_scale <= scale:
        raise ValueError("a payout is not finer than its lines")
    unit = 10 ** (scale - payout_scale)
    exact = sum(amounts)
    amount, rest = divmod(exact, unit)
    if rest * 2 > unit or (rest * 2 == unit and amount % 2 == 1):
        amount += 1
    return Payout(amount=amount, residual=exact - amount * unit)
