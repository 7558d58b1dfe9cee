"""A small campaign on each database; ``make faults`` is the same a hundred times larger. And the judge can say no."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from config.crash_points import POINTS
from gateway.redemption.states import State
from tests.campaign.books import Books, PartnerBook, Row, verdict
from tests.campaign.club import Club
from tests.campaign.driver import Line, Members, Wish
from tests.campaign.run import Plan, campaign

REDEMPTIONS, EACH_POINT, MEMBERS = 1_000, 2, 32


async def test_a_club_in_a_storm_of_faults_and_kills_loses_and_doubles_nothing(
    tmp_path: Path, database_url: str
) -> None:
    plan = Plan(
        redemptions=REDEMPTIONS,
        seed=20261128,
        database_url=database_url,
        folder=tmp_path / "club",
        members=MEMBERS,
        each_point=EACH_POINT,
    )
    told: list[str] = []
    outcome = await campaign(plan, told.append)
    assert outcome.wrong == [], "\n".join([*told, *outcome.lines()])
    assert all(outcome.died_at[point] >= EACH_POINT for point in POINTS), outcome.died_at
    assert len(outcome.books.rows) >= REDEMPTIONS * 0.95
    assert len(outcome.met) > 15, "the partners were hardly disturbed"


ROW = Row("rdm_1", "campaign-a", "key-1", "mbr_1", State.CAPTURED, 600, None, None, 0, None)
PARTNER = PartnerBook({"key-1": 1}, {"key-1"}, set(), {}, {})
BOOKS = Books(rows={ROW.id: ROW}, partners={"campaign-a": PARTNER}, balances={"mbr_1": (400, 0)})


def told(**changes: object) -> Wish:
    return dataclasses.replace(Wish("mbr_1", "A", "wish", {"rdm_1"}, captured=True), **changes)  # type: ignore[arg-type]


def row(**changes: object) -> dict[str, Row]:
    return {ROW.id: dataclasses.replace(ROW, **changes)}  # type: ignore[arg-type]


def partner(**changes: object) -> dict[str, PartnerBook]:
    return {"campaign-a": dataclasses.replace(PARTNER, **changes)}  # type: ignore[arg-type]


WRONG: dict[str, tuple[Books, Wish, str]] = {
    "granted twice": (dataclasses.replace(BOOKS, partners=partner(granted={"key-1": 2})), told(), "2 times"),
    "paid and not granted": (dataclasses.replace(BOOKS, partners=partner(standing=set())), told(), "has it: False"),
    "granted and not paid": (
        dataclasses.replace(BOOKS, rows=row(state=State.VOIDED), balances={"mbr_1": (1_000, 0)}),
        told(captured=False),
        "has it: True",
    ),
    "a point lost": (dataclasses.replace(BOOKS, balances={"mbr_1": (399, 0)}), told(), "should have (400, 0)"),
    "a point created": (dataclasses.replace(BOOKS, balances={"mbr_1": (401, 0)}), told(), "should have (400, 0)"),
    "a hold left": (dataclasses.replace(BOOKS, balances={"mbr_1": (400, 600)}), told(), "should have (400, 0)"),
    "never ended": (dataclasses.replace(BOOKS, rows=row(state=State.UNKNOWN)), told(captured=False), "still unknown"),
    "with people for no reason": (
        dataclasses.replace(BOOKS, rows=row(state=State.MANUAL), balances={"mbr_1": (400, 600)}),
        told(captured=False),
        "nobody says why",
    ),
    "an acknowledged one is gone": (dataclasses.replace(BOOKS, rows={}), told(), "is not there"),
    "granted, and unknown here": (
        dataclasses.replace(BOOKS, partners=partner(granted={"key-1": 1, "key-2": 1})),
        told(),
        "know nothing",
    ),
    "one key twice": (BOOKS, told(redemption_ids={"rdm_1", "rdm_2"}), "several redemptions"),
    "told otherwise": (BOOKS, told(captured=False, refused=True), "told to be refused"),
    "a claim": (dataclasses.replace(BOOKS, claims=["rdm_1"]), told(), "a claim"),
    "an audit's finding": (dataclasses.replace(BOOKS, findings=("drifted",)), told(), "audit: drifted"),
}
"""Books in which one thing is wrong, and what the judge has to say of it."""


def members_of(wish: Wish) -> Members:
    nobody = Members(Club(Path(), "", 0), Line(Club(Path(), "", 0), None, None), None)  # type: ignore[arg-type]
    nobody.opened_with = {"mbr_1": 1_000}
    nobody.wishes = [wish]
    return nobody


def test_books_that_agree_are_found_right() -> None:
    assert list(verdict(BOOKS, members_of(told()))) == []


@pytest.mark.parametrize(("books", "wish", "says"), WRONG.values(), ids=list(WRONG))
def test_the_judge_sees_what_is_wrong(books: Books, wish: Wish, says: str) -> None:
    found = list(verdict(books, members_of(wish)))
    assert any(says in one for one in found), found
