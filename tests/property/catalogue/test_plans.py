"""Plans over catalogues put together at random: what was applied has no difference, and files may be divided anyhow."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.loader import parse_catalogue
from catalogue.notice import NoticeRules
from catalogue.plan import make_plan
from catalogue.things import Thing, content_hash, documents, things_of
from tests.support.catalogue_texts import PARTNERS, budget, contract, texts, version

TODAY = date(2026, 11, 22)

VERSIONS = st.integers(1, 3).flatmap(
    lambda count: st.tuples(
        *(
            st.builds(version, st.just(number), starts=st.just(date(2026 + number, 1, 1)), price=st.integers(1, 900))
            for number in range(1, count + 1)
        )
    ).map("".join)
)
CONTRACTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["5:4", "1:1", "3:2"]), max_size=3).map(
    lambda rates: [contract(name=name, rate=rate) for name, rate in rates.items()]
)
BUDGETS = st.dictionaries(st.sampled_from(["x", "y", "z"]), st.integers(1, 9), max_size=3).map(
    lambda caps: [budget(name, cap=cap) for name, cap in caps.items()]
)
CATALOGUES = st.tuples(VERSIONS, CONTRACTS, BUDGETS)


def divided(items: list[str], seed: int, kind: str) -> dict[str, str]:
    """Put items into up to two files in an order that depends on the seed."""
    turned = items[seed % (len(items) or 1) :] + items[: seed % (len(items) or 1)]
    first, second = turned[: seed % 3], turned[seed % 3 :]
    return {
        f"{kind}_{name}": f"# file {seed}\n" + "".join(part) for name, part in (("p", first), ("q", second)) if part
    }


def files(drawn: tuple[str, list[str], list[str]], seed: int = 0) -> dict[str, str]:
    benefit, contracts, budgets = drawn
    return texts(
        benefits_visit=benefit,
        conversions_miles="",
        budgets_all="",
        **divided(contracts, seed, "conversions"),
        **divided(budgets, seed, "budgets"),
    )


def apart(drawn: tuple[str, list[str], list[str]], seed: int = 0) -> dict[str, Thing]:
    return things_of(documents(files(drawn, seed)))


@settings(deadline=None)
@given(CATALOGUES, CATALOGUES)
def test_a_plan_is_empty_exactly_when_nothing_differs(
    old: tuple[str, list[str], list[str]], new: tuple[str, list[str], list[str]]
) -> None:
    made = make_plan(apart(old), apart(new), NoticeRules(), TODAY)
    assert made.is_empty == (not made.changes)
    assert not made.is_empty or made.findings == ()
    backwards = make_plan(apart(new), apart(old), NoticeRules(), TODAY)
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {(one.thing, opposite[one.action]) for one in made.changes} == {
        (one.thing, one.action) for one in backwards.changes
    }
    assert (backwards.base, backwards.target) == (made.target, made.base)


@settings(deadline=None)
@given(CATALOGUES)
def test_a_plan_after_its_apply_is_empty(drawn: tuple[str, list[str], list[str]]) -> None:
    assert make_plan(apart(drawn), apart(drawn), NoticeRules(), TODAY).is_empty


@settings(deadline=None)
@given(CATALOGUES, st.integers(0, 8))
def test_the_division_into_files_and_their_order_change_nothing(
    drawn: tuple[str, list[str], list[str]], seed: int
) -> None:
    assert make_plan(apart(drawn), apart(drawn, seed), NoticeRules(), TODAY).is_empty
    plain, other = (parse_catalogue(files(drawn, one), PARTNERS) for one in (0, seed))
    assert (plain.version, plain.conversions, plain.budgets) == (other.version, other.conversions, other.budgets)
    assert plain.version == content_hash(apart(drawn))
