"""Round trips that give back more than was put in, over any number of hops.

What is compared is a bound: the most target units per source unit that any allowed quantity gets on a day, bonuses
included, fees left out. A set of contracts without a finding therefore cannot be gamed by any quantity; a finding may
need quantities that its message does not name.

A member has one region. Contracts for it stand before those for everywhere; enrolments are taken as had or not, as
suits the member. Days are taken in stretches within which no contract and no promotion begins or ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction

import msgspec

from catalogue.calendar import within
from catalogue.conversion import ConversionContract
from catalogue.conversion_arithmetic import best_ratio
from catalogue.conversion_quotes import uncorrected


class RoundTrip(msgspec.Struct, frozen=True):
    """A closed walk over contracts and what it makes of one unit at most."""

    legs: tuple[ConversionContract, ...]
    gain: Fraction

    @property
    def path(self) -> str:
        """The commodities in words."""
        return " to ".join([*(leg.from_commodity for leg in self.legs), self.legs[-1].to_commodity])


class _Edge(msgspec.Struct, frozen=True):
    """A contract with what it makes of one unit on some day."""

    contract: ConversionContract
    ratio: Fraction


_Walks = dict[str, RoundTrip]
"""By commodity reached: the best walk there."""


def gains(contracts: Sequence[ConversionContract]) -> tuple[RoundTrip, ...]:
    """Find round trips that gain within one day.

    The shortest gainful trip of each start, day stretch and region is given, each set of contracts once, so that an
    empty answer means that there is none of any length.
    """
    order = {(one.id, one.version): number for number, one in enumerate(contracts)}
    found: dict[frozenset[tuple[str, int]], RoundTrip] = {}
    for region in _regions(contracts):
        for day in days_of_change(contracts):
            edges = _edges(contracts, region, day)
            for start in sorted({edge.contract.from_commodity for edge in edges}):
                trip = _shortest_gain(edges, start)
                if trip is not None:
                    names = frozenset((leg.id, leg.version) for leg in trip.legs)
                    found.setdefault(names, _from_first(trip, order))
    return tuple(found.values())


def gains_over_time(contracts: Sequence[ConversionContract]) -> tuple[RoundTrip, ...]:
    """Find trips that gain when a member waits between legs for terms to change; give only when `gains` finds none."""
    found: dict[frozenset[tuple[str, int]], RoundTrip] = {}
    for region in _regions(contracts):
        stretches = [_edges(contracts, region, day) for day in days_of_change(contracts)]
        for start in sorted({contract.from_commodity for contract in contracts}):
            walks: _Walks = {start: RoundTrip((), Fraction(1))}
            for edges in stretches:
                walks = _settle(edges, walks)
                if walks[start].gain > 1:
                    trip = walks[start]
                    found.setdefault(frozenset((leg.id, leg.version) for leg in trip.legs), trip)
                    break
    return tuple(found.values())


def days_of_change(contracts: Sequence[ConversionContract]) -> list[date]:
    """Give the first day of every stretch within which no contract and no promotion begins or ends, rising."""
    return sorted({date.min, *(day for contract in contracts for day in _changes(contract))})


def _shortest_gain(edges: Sequence[_Edge], start: str) -> RoundTrip | None:
    """Walk hop by hop with the best product per commodity; the first return above one is the shortest."""
    walks: _Walks = {start: RoundTrip((), Fraction(1))}
    for _ in range(len({edge.contract.from_commodity for edge in edges})):
        walks = _hop(edges, walks)
        if start in walks and walks[start].gain > 1:
            trip = walks[start]
            return trip if len({leg.from_commodity for leg in trip.legs}) == len(trip.legs) else None
    return None


def _settle(edges: Sequence[_Edge], walks: _Walks) -> _Walks:
    """Improve walks by any number of hops of one stretch; without a gain in it, as many as it has commodities do."""
    for _ in range(len({edge.contract.from_commodity for edge in edges})):
        for name, walk in _hop(edges, walks).items():
            if name not in walks or walk.gain > walks[name].gain:
                walks = {**walks, name: walk}
    return walks


def _hop(edges: Sequence[_Edge], walks: _Walks) -> _Walks:
    reached: _Walks = {}
    for edge in edges:
        before = walks.get(edge.contract.from_commodity)
        if before is None:
            continue
        after = RoundTrip((*before.legs, edge.contract), before.gain * edge.ratio)
        best = reached.get(edge.contract.to_commodity)
        if best is None or after.gain > best.gain:
            reached[edge.contract.to_commodity] = after
    return reached


def _from_first(trip: RoundTrip, order: dict[tuple[str, int], int]) -> RoundTrip:
    """Turn a trip so that it starts at the contract that comes first in the files."""
    places = [order[leg.id, leg.version] for leg in trip.legs]
    turn = places.index(min(places))
    return RoundTrip((*trip.legs[turn:], *trip.legs[:turn]), trip.gain)


def _regions(contracts: Sequence[ConversionContract]) -> list[str | None]:
    return [None, *sorted({one.region for one in contracts if one.region is not None})]


def _changes(contract: ConversionContract) -> Iterator[date]:
    spans = [(contract.effective_from_date, contract.effective_to_date)]
    spans += [(one.from_date, one.to_date) for one in contract.promotions]
    for first, last in spans:
        if first is not None:
            yield first
        if last is not None and last < date.max:
            yield last + timedelta(days=1)


def _edges(contracts: Sequence[ConversionContract], region: str | None, day: date) -> list[_Edge]:
    """Give what a member of a region can use on a day; contradicting contracts all count."""
    usable = [
        one
        for one in contracts
        if one.region in (None, region)
        and not one.superseded
        and within(day, one.effective_from_date, one.effective_to_date)
    ]
    regional = {one.pair for one in usable if one.region is not None and one.linked is None}
    return [
        _Edge(one, best_ratio(one, day))
        for one in uncorrected(usable)
        if one.region is not None or one.pair not in regional
    ]
