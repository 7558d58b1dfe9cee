"""Properties of several contracts together: no round trip gains where the lint finds none, and routes are legal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from math import prod

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from catalogue.conversion import ConversionContract
from catalogue.conversion_arithmetic import convert, largest
from catalogue.conversion_quotes import Occasion, quote
from catalogue.conversion_round_trips import gains, gains_over_time
from catalogue.conversion_routes import routes
from catalogue.values import Rate
from tests.property.catalogue.conversion_strategies import days, networks
from tests.unit.catalogue.samples import plain_contract

START = "A"
Network = tuple[ConversionContract, ...]
quantities = st.integers(1, 200_000)
regions = st.sampled_from([None, "CN"])


def most_after(network: Network, quantity: int, walk_days: Iterable[date], region: str | None) -> int:
    """Walk every way a member can, day after day, each time with all there is; answer the most of the start."""
    have = {START: quantity}
    for day in walk_days:
        for _ in range(5):
            for contract in network:
                taken = largest(contract, have.get(contract.from_commodity, 0))
                if taken is not None and _usable(contract, network, day, region):
                    received = convert(contract, taken, day).total
                    have[contract.to_commodity] = max(have.get(contract.to_commodity, 0), received)
    return have[START]


def _usable(contract: ConversionContract, network: Network, day: date, region: str | None) -> bool:
    """Say whether a member of a region gets this contract, alone or among others of equal right."""

    def holds(one: ConversionContract) -> bool:
        first, last = one.effective_from_date or date.min, one.effective_to_date or date.max
        return first <= day <= last and one.region in (None, region)

    rivals = [one for one in network if one.pair == contract.pair and one.region is not None]
    return holds(contract) and (contract.region is not None or not any(holds(one) for one in rivals))


@given(networks(), quantities, days, regions)
def test_no_walk_gains_where_the_lint_finds_nothing(
    network: Network, quantity: int, on_date: date, region: str | None
) -> None:
    assume(not gains(network))
    assert most_after(network, quantity, [on_date], region) <= quantity


@given(networks(), quantities, st.lists(days, min_size=6, max_size=12).map(sorted), regions)
def test_no_walk_over_time_gains_where_neither_lint_finds_anything(
    network: Network, quantity: int, walk_days: list[date], region: str | None
) -> None:
    assume(not gains(network) and not gains_over_time(network))
    assert most_after(network, quantity, walk_days, region) <= quantity


@given(st.lists(st.builds(Rate, st.integers(7, 9), st.integers(7, 9)), min_size=2, max_size=8), st.data())
def test_a_round_trip_is_found_exactly_when_it_gains(rates: list[Rate], data: st.DataObject) -> None:
    """A circle of legs that follow each other in time, on one day or over many, in any order of the file."""
    starts = data.draw(st.lists(days, min_size=len(rates), max_size=len(rates)).map(sorted))
    one_day = data.draw(st.booleans())
    legs = [
        msgspec.structs.replace(
            plain_contract(f"leg-{number}", f"C{number}", f"C{(number + 1) % len(rates)}", rate),
            effective_from_date=None if one_day else start,
            effective_to_date=None if one_day else start,
        )
        for number, (rate, start) in enumerate(zip(rates, starts, strict=True))
    ]
    product = prod((rate.fraction for rate in rates), start=Fraction(1))
    network = tuple(data.draw(st.permutations(legs)))
    found = gains(network) if one_day else gains(network) or gains_over_time(network)
    assert {trip.gain for trip in found} == ({product} if product > 1 else set())


@given(networks(), st.integers(1, 100_000), days)
def test_a_route_is_made_of_legal_legs_and_no_single_leg_beats_the_best(
    network: Network, quantity: int, on_date: date
) -> None:
    found = routes(network, "A", "B", quantity, Occasion(on_date))
    pairs = {one.pair: [other for other in network if other.pair == one.pair] for one in network}
    for route in found.found:
        have = quantity
        for leg, ordered in zip(route.legs, route.ordered_dates, strict=True):
            assert leg == quote(pairs[leg.from_commodity, leg.to_commodity], leg.from_quantity, Occasion(ordered))
            assert leg.from_quantity <= have
            have = leg.to_quantity
        kept = {one.commodity: one.quantity for one in route.left}
        assert route.from_quantity + kept.get("A", 0) == quantity, "what is not converted stays"
        for leg, following in zip(route.legs, route.legs[1:], strict=False):
            assert leg.to_quantity == following.from_quantity + kept.get(following.from_commodity, 0)
    direct = [one for one in found.found if len(one.legs) == 1]
    assert not direct or (found.best is not None and found.best.to_quantity >= direct[0].to_quantity)
