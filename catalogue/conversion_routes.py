"""The best legal way from one commodity to another over several conversions, with every leg's arithmetic.

Each leg takes the largest quantity that its contract allows of what the leg before has given, and is ordered on the day
on which that has arrived, by the contract in force then. No leg converts more than the result needs: what a leg would
lose to rounding or leave on an increment stays where it is. A leg is one conversion: what is above its maximum or the
member's caps is not converted a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise

import msgspec

from catalogue.conversion import ConversionContract
from catalogue.conversion_arithmetic import convert, largest, smallest_for
from catalogue.conversion_caps import reached
from catalogue.conversion_quotes import ConversionQuote, Occasion, in_force, quote
from catalogue.errors import ConversionRefusedError
from catalogue.values import whole

MOST_HOPS = 3
"""Conversions in a row that a member is asked to make at most."""


class Left(msgspec.Struct, frozen=True):
    """What stays unconverted of a commodity on the way."""

    commodity: str
    quantity: int


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One way: its legs in order, what it takes, gives and leaves, and when all of it has arrived (None: not stated).

    The legs are ordered one after the other, each on the ``ordered_dates`` at its place.
    """

    legs: tuple[ConversionQuote, ...]
    ordered_dates: tuple[date, ...]
    from_quantity: int
    to_quantity: int
    left: tuple[Left, ...]
    due_date: date | None


class Blocked(msgspec.Struct, frozen=True):
    """A way that ends before the target: the commodities up to the leg that is refused, and why."""

    path: tuple[str, ...]
    reason: str
    message: str


class Routes(msgspec.Struct, frozen=True):
    """Every way there is, the best first, and those that are refused."""

    found: tuple[Route, ...]
    blocked: tuple[Blocked, ...]

    @property
    def best(self) -> Route | None:
        """The way that gives most; of equals the one with fewest legs, then the one that takes least."""
        return self.found[0] if self.found else None


class _Step(msgspec.Struct, frozen=True):
    """A leg while a way is looked for: ``most`` is the largest quantity that it allows of what is there."""

    contract: ConversionContract
    on_date: date
    most: int


def routes(
    contracts: Iterable[ConversionContract],
    from_commodity: str,
    to_commodity: str,
    quantity: int,
    occasion: Occasion,
    hops: int = MOST_HOPS,
) -> Routes:
    """Find every way between two commodities that passes none twice.

    Args:
        contracts: all there are.
        quantity: source units that may be converted; a way may take less.
        occasion: of the first leg; ``used`` holds the earlier conversions of all pairs.
        hops: conversions in a row at most.
    """
    pairs: dict[tuple[str, str], list[ConversionContract]] = {}
    for contract in contracts:
        pairs.setdefault(contract.pair, []).append(contract)
    found: list[Route] = []
    blocked: dict[tuple[str, ...], Blocked] = {}
    for path in _paths(pairs, from_commodity, to_commodity, hops):
        legs = [pairs[pair] for pair in pairwise(path)]
        steps = _forwards(legs, path, whole(quantity), occasion)
        if isinstance(steps, Blocked):
            blocked[steps.path] = steps
        else:
            found.append(_route(legs, steps, quantity, occasion))
    return Routes(tuple(sorted(found, key=_rank)), tuple(blocked[path] for path in sorted(blocked)))


def _paths(
    pairs: Iterable[tuple[str, str]], from_commodity: str, to_commodity: str, hops: int
) -> Iterator[tuple[str, ...]]:
    following: dict[str, list[str]] = {}
    for source, target in sorted(pairs):
        following.setdefault(source, []).append(target)
    open_paths: list[tuple[str, ...]] = [(from_commodity,)]
    while open_paths:
        path = open_paths.pop()
        if len(path) > 1 and path[-1] == to_commodity:
            yield path
        elif len(path) <= hops:
            open_paths.extend((*path, target) for target in following.get(path[-1], ()) if target not in path)


def _forwards(
    legs: list[list[ConversionContract]], path: tuple[str, ...], quantity: int, occasion: Occasion
) -> list[_Step] | Blocked:
    """Walk a way with all there is; the first leg that refuses blocks it."""
    steps: list[_Step] = []
    available = quantity
    for number, contracts in enumerate(legs, 1):
        try:
            contract = in_force(contracts, occasion)
            most = _most(contract, available, occasion)
            if most is None:
                quote(contracts, available, occasion)
        except ConversionRefusedError as refused:
            return Blocked(path[: number + 1], str(refused.facts["reason"]), refused.message)
        assert most is not None
        steps.append(_Step(contract, occasion.on_date, most))
        arrived = quote(contracts, most, occasion)
        available = arrived.to_quantity
        occasion = msgspec.structs.replace(occasion, on_date=arrived.due_date or occasion.on_date)
    return steps


def _most(contract: ConversionContract, available: int, occasion: Occasion) -> int | None:
    def fits(quantity: int) -> bool:
        total = convert(contract, quantity, occasion.on_date).total
        return reached(contract, occasion.used, occasion.on_date, quantity, total) is None

    return largest(contract, available, fits)


def _route(legs: list[list[ConversionContract]], steps: list[_Step], quantity: int, occasion: Occasion) -> Route:
    """Walk back from the result, taking at each leg no more than it needs, and quote what remains."""
    wanted = convert(steps[-1].contract, steps[-1].most, steps[-1].on_date).total
    taken: list[int] = []
    for step in reversed(steps):
        least = smallest_for(step.contract, wanted, step.on_date)
        assert least is not None, "the walk there has shown a quantity that gives as much"
        taken.append(least)
        wanted = least
    quotes = [
        quote(contracts, needed, msgspec.structs.replace(occasion, on_date=step.on_date))
        for contracts, step, needed in zip(legs, steps, reversed(taken), strict=True)
    ]
    there = [quantity, *(one.to_quantity for one in quotes)]
    left = [Left(one.from_commodity, have - one.from_quantity) for one, have in zip(quotes, there, strict=False)]
    stated = all(one.due_date is not None for one in quotes)
    return Route(
        legs=tuple(quotes),
        ordered_dates=tuple(step.on_date for step in steps),
        from_quantity=quotes[0].from_quantity,
        to_quantity=quotes[-1].to_quantity,
        left=tuple(one for one in left if one.quantity),
        due_date=quotes[-1].due_date if stated else None,
    )


def _rank(route: Route) -> tuple[int, int, int, date, tuple[str, ...]]:
    names = tuple(one.contract_id for one in route.legs)
    return -route.to_quantity, len(route.legs), route.from_quantity, route.due_date or date.max, names
