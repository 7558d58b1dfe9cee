"""The best way over several conversions: what it takes, gives and leaves, and why other ways are refused."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.conversion import Cap, ConversionContract, PricePoint
from catalogue.conversion_caps import Used
from catalogue.conversion_quotes import Occasion
from catalogue.conversion_routes import Left, routes
from catalogue.values import Rate
from tests.unit.catalogue.published import TODAYS
from tests.unit.catalogue.samples import TODAY, plain_contract

NOW = Occasion(TODAY)
A_B = plain_contract("a-b", "A", "B", Rate(1, 1))
B_C = plain_contract("b-c", "B", "C", Rate(1, 1))
A_C = plain_contract("a-c", "A", "C", Rate(2, 1))
replace = msgspec.structs.replace


def test_the_way_that_gives_most_is_best_and_the_others_follow() -> None:
    found = routes([A_C, B_C, A_B], "A", "C", 100, NOW)
    assert [[leg.contract_id for leg in route.legs] for route in found.found] == [["a-b", "b-c"], ["a-c"]]
    assert found.best is found.found[0]
    assert (found.best.from_quantity, found.best.to_quantity, found.best.left) == (100, 100, ())


def test_of_equal_results_fewer_legs_then_less_given_is_best() -> None:
    direct = replace(A_C, rate=Rate(1, 1))
    assert routes([direct, A_B, B_C], "A", "C", 100, NOW).found[0].legs[0].contract_id == "a-c"
    through = plain_contract("a-d", "A", "D", Rate(100, 50)), plain_contract("d-c", "D", "C", Rate(50, 10))
    cheaper = plain_contract("a-e", "A", "E", Rate(9, 5)), plain_contract("e-c", "E", "C", Rate(5, 1))
    ways = routes([*through, replace(cheaper[0], maximum=90), cheaper[1]], "A", "C", 100, NOW).found
    assert [(route.legs[0].contract_id, route.from_quantity, route.to_quantity) for route in ways] == [
        ("a-e", 90, 10),
        ("a-d", 100, 10),
    ]


def test_no_leg_takes_more_than_the_result_needs() -> None:
    first = replace(A_B, rate=Rate(5, 3))
    second = replace(B_C, rate=Rate(2, 1), minimum=100, increment=100)
    best = routes([first, second], "A", "C", 1_001, NOW).best
    assert best is not None
    assert [(leg.from_quantity, leg.to_quantity) for leg in best.legs] == [(1_000, 600), (600, 300)]
    assert best.left == (Left("A", 1),)
    short = routes([first, second], "A", "C", 1_100, NOW).best
    assert short is not None
    assert ([leg.from_quantity for leg in short.legs], short.left) == ([1_000, 600], (Left("A", 100),))
    points = replace(A_B, rate=None, price_points=(PricePoint(1_000, 650),))
    stuck = routes([points, second], "A", "C", 1_100, NOW).best
    assert stuck is not None
    assert stuck.left == (Left("A", 100), Left("B", 50))


def test_three_hops_are_the_most_and_none_is_passed_twice() -> None:
    chain = [plain_contract(f"{a}{b}", a, b, Rate(1, 1)) for a, b in ("AB", "BC", "CD", "DE", "BA", "CB", "DA")]
    assert [len(route.legs) for route in routes(chain, "A", "D", 9, NOW).found] == [3]
    nothing = routes(chain, "A", "E", 9, NOW)
    assert (nothing.found, nothing.best) == ((), None)
    assert routes(chain, "A", "D", 9, NOW, hops=2).found == ()
    assert routes(chain, "A", "A", 9, NOW).found == ()


def test_a_leg_is_ordered_when_the_one_before_has_arrived_by_the_terms_of_that_day() -> None:
    slow = replace(A_B, transfer_days=3, transfer_days_are="calendar")
    arrived = date(2026, 11, 25)
    old = replace(B_C, effective_to_date=date(2026, 11, 24), transfer_days=1, transfer_days_are="calendar")
    new = replace(B_C, version=2, rate=Rate(2, 1), effective_from_date=arrived, transfer_days=0)
    best = routes([slow, old, new], "A", "C", 100, NOW).best
    assert best is not None
    assert (best.to_quantity, best.legs[1].version, best.due_date) == (50, 2, arrived)
    assert best.ordered_dates == (TODAY, arrived)
    unstated = routes([replace(slow, transfer_days=None), old, new], "A", "C", 100, NOW).best
    assert unstated is not None
    assert (unstated.legs[1].version, unstated.due_date) == (1, None)


def test_refused_ways_say_why_once() -> None:
    contracts = [
        replace(A_B, minimum=500),
        B_C,
        plain_contract("b-d", "B", "D", Rate(1, 1)),
        plain_contract("d-c", "D", "C", Rate(1, 1)),
        replace(A_C, effective_to_date=date(2020, 1, 1)),
        plain_contract("a-e", "A", "E", Rate(1, 1)),
        plain_contract("e-c", "E", "C", Rate(1_000, 1)),
    ]
    found = routes(contracts, "A", "C", 100, NOW)
    assert found.best is None
    assert [(one.path, one.reason) for one in found.blocked] == [
        (("A", "B"), "below_minimum"),
        (("A", "C"), "no_contract"),
        (("A", "E", "C"), "yields_nothing"),
    ]
    assert "the nearest quantity is 500" in found.blocked[0].message


@pytest.mark.parametrize(("already", "given"), [(0, 60), (35, 20), (60, None)])
def test_caps_bind_on_the_way(already: int, given: int | None) -> None:
    capped = replace(B_C, increment=20, caps=(Cap(60, "from", "year"),))
    used = (Used(TODAY, "B", "C", already, already), Used(TODAY, "A", "B", 1_000, 1_000))
    found = routes([A_B, capped], "A", "C", 100, Occasion(TODAY, used=used))
    assert (found.best.to_quantity if found.best else None) == given
    if given is None:
        assert found.blocked[0].reason == "above_cap"


def test_published_ways_into_one_programme() -> None:
    """From 9,000 points in DACH into Avios of Qatar: 3 to 2 directly; over hotel points it is far less."""
    found = routes(TODAYS, "AMEX-MR", "QATAR", 9_000, Occasion(date(2026, 1, 15), "DACH"))
    assert found.best is not None
    assert [(leg.from_quantity, leg.to_quantity) for leg in found.best.legs] == [(9_000, 6_000)]


def test_of_ways_alike_the_one_that_arrives_first_is_best_and_then_the_first_by_name() -> None:
    def way(through: str, days: int | None) -> list[ConversionContract]:
        there = plain_contract(f"a-{through}", "A", through, Rate(1, 1), transfer_days=days)
        return [there, plain_contract(f"{through}-c", through, "C", Rate(1, 1), transfer_days=days)]

    found = routes([*way("U", None), *way("S", 9), *way("R", 1), *way("Q", 1)], "A", "C", 100, NOW).found
    assert [route.legs[0].contract_id for route in found] == ["a-Q", "a-R", "a-S", "a-U"]


def test_a_cap_on_what_is_received_bounds_every_leg() -> None:
    capped = replace(A_B, rate=Rate(2, 1), caps=(Cap(30, "to", "year"),))
    best = routes([capped, B_C], "A", "C", 100, NOW).best
    assert best is not None
    assert [(leg.from_quantity, leg.to_quantity) for leg in best.legs] == [(60, 30), (30, 30)]
