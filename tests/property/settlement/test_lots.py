"""Choosing from lots: first-expiring-first, exact, and divisible without loss."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from settlement.lots import Part, choose, split_parts

LOTS = st.lists(st.integers(1, 1000), max_size=8).map(lambda sizes: [(str(n), size) for n, size in enumerate(sizes)])


@given(available=LOTS, quantity=st.integers(1, 8000))
def test_choice_takes_whole_lots_in_order_and_part_of_the_last(available: list[tuple[str, int]], quantity: int) -> None:
    parts = choose(available, quantity)
    if parts is None:
        assert sum(size for _, size in available) < quantity
        return
    assert sum(part.quantity for part in parts) == quantity
    assert [(part.lot_id, part.quantity) for part in parts[:-1]] == available[: len(parts) - 1]
    last_id, last_size = available[len(parts) - 1]
    assert parts[-1].lot_id == last_id
    assert 0 < parts[-1].quantity <= last_size


@given(available=LOTS, quantity=st.integers(0, 8000))
def test_dividing_parts_loses_nothing(available: list[tuple[str, int]], quantity: int) -> None:
    parts = [Part(*lot) for lot in available]
    first, rest = split_parts(parts, quantity)
    whole = sum(part.quantity for part in parts)
    assert sum(part.quantity for part in first) == min(quantity, whole)
    assert sum(part.quantity for part in (*first, *rest)) == whole
    assert all(part.quantity > 0 for part in (*first, *rest))
    order = [part.lot_id for part in (*first, *rest)]
    assert order == sorted(order, key=int)
