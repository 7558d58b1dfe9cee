"""What conversions are drawn from: any contract that can be made, caps, earlier conversions."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
from hypothesis import strategies as st

from catalogue.conversion import BlockBonus, Cap, ConversionContract, Fee, PricePoint, Promotion
from catalogue.conversion_caps import Used
from catalogue.values import Rate

rates = st.builds(Rate, st.integers(1, 1_000), st.integers(1, 1_000))
days = st.integers(0, 200).map(lambda number: date(2026, 8, 1) + timedelta(days=number))
promotions = st.builds(
    lambda number, extra, first, length, minimum, most: Promotion(
        id=f"promotion-{number}",
        extra=extra,
        from_date=first,
        to_date=first + timedelta(days=length),
        minimum=minimum,
        most=most,
    ),
    st.integers(0, 10**9),
    rates,
    days,
    st.integers(0, 90),
    st.integers(1, 100_000),
    st.none() | st.integers(1, 10_000),
)
bonuses = st.builds(BlockBonus, st.integers(1, 100_000), st.integers(1, 10_000), st.sampled_from(["from", "to"]))
fees = st.builds(
    Fee,
    currency=st.just("USD"),
    per_unit=rates,
    fixed_minor_units=st.integers(0, 500),
    cap_minor_units=st.none() | st.integers(0, 9_900),
)


@st.composite
def contracts(draw: st.DrawFn) -> ConversionContract:
    """Any contract that can be made, by ratio or by price points."""
    plain = ConversionContract(
        id="any", version=1, partner="any", from_commodity="PTS", to_commodity="MILES", rate=Rate(1, 1)
    )
    extras = tuple(draw(st.lists(promotions, max_size=2, unique_by=lambda one: one.id)))
    plain = msgspec.structs.replace(plain, promotions=extras, fee=draw(st.none() | fees))
    if draw(st.booleans()) and draw(st.booleans()):
        asked = sorted(draw(st.sets(st.integers(1, 10_000), min_size=1, max_size=4)))
        given = sorted(draw(st.sets(st.integers(1, 10_000), min_size=len(asked), max_size=len(asked))))
        points = tuple(PricePoint(*pair) for pair in zip(asked, given, strict=True))
        return msgspec.structs.replace(plain, rate=None, price_points=points)
    limited = msgspec.structs.replace(
        plain,
        rate=draw(rates),
        minimum=draw(st.integers(1, 5_000)),
        increment=draw(st.integers(1, 1_000)),
        bonus=draw(st.none() | bonuses),
    )
    room = draw(st.none() | st.integers(0, 500_000))
    return limited if room is None else msgspec.structs.replace(limited, maximum=limited.smallest + room)


caps = st.builds(
    lambda most, counted, period: Cap(most, counted, period, days=30 if period == "rolling" else None),
    st.integers(1, 20_000),
    st.sampled_from(["from", "to", "conversions"]),
    st.sampled_from(["day", "month", "year", "rolling", "lifetime"]),
)
earlier = st.lists(
    st.builds(Used, days, st.just("PTS"), st.sampled_from(["MILES", "OTHER"]), *[st.integers(1, 9_000)] * 2), max_size=4
).map(tuple)


@st.composite
def networks(draw: st.DrawFn) -> tuple[ConversionContract, ...]:
    """A few contracts between three commodities, close to even, in pairs there and back, some dated or regional."""
    found = []
    for number in range(draw(st.integers(2, 6))):
        source, target = draw(st.sampled_from([("A", "B"), ("B", "A"), ("B", "C"), ("C", "B"), ("C", "A")]))
        first, last = draw(st.none() | days), draw(st.none() | days)
        if first is not None and last is not None:
            first, last = min(first, last), max(first, last)
        extra = draw(st.integers(1, 30))
        contract = ConversionContract(
            id=f"c{number}",
            version=1,
            partner="any",
            from_commodity=source,
            to_commodity=target,
            rate=Rate(10, draw(st.integers(7, 11))),
            increment=draw(st.integers(1, 1_000)),
            bonus=draw(st.none() | st.just(BlockBonus(20_000, 1_000, "from")) | st.just(BlockBonus(9_000, 900, "to"))),
            promotions=draw(st.lists(promotions, max_size=1).map(tuple)),
            effective_from_date=first,
            effective_to_date=last,
            region=draw(st.sampled_from([None, None, "CN"])),
        )
        small = tuple(msgspec.structs.replace(one, extra=Rate(100, extra)) for one in contract.promotions)
        found.append(msgspec.structs.replace(contract, promotions=small))
    return tuple(found)
