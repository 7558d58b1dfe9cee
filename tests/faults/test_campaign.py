"""A small campaign on each database; ``make faults`` is the same a hundred times larger. And the judge can say no."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from pathlib import Path

import pytest

from config.crash_points import POINTS
from gateway.redemption.states import State
from tests.bench.databases import postgresql, postgresql_answers
from tests.campaign.books import Books, PartnerBook, Row, verdict
from tests.campaign.club import Club
from tests.campaign.driver import Line, Members, Wish
from tests.campaign.run import Outcome, Plan, campaign

REDEMPTIONS, EACH_POINT, MEMBERS = 1_000, 2, 32


KINDS = ("sqlite", "postgresql")
Campaigns = dict[str, tuple[Outcome, list[str]]]


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory) -> Campaigns:
    """Run one on each database that answers, at the same time: each waits a minute for a partner's window to end."""
    folder = tmp_path_factory.mktemp("campaigns")
    with contextlib.ExitStack() as closing:
        urls = {"sqlite": f"sqlite:///{folder / 'campaign.db'}"}
        if postgresql_answers():
            urls["postgresql"] = closing.enter_context(postgresql())
        return asyncio.run(_at_once(folder, urls))


async def _at_once(folder: Path, urls: dict[str, str]) -> Campaigns:
    async def one(kind: str) -> tuple[Outcome, list[str]]:
        told: list[str] = []
        plan = Plan(
            redemptions=REDEMPTIONS,
            seed=20261128,
            database_url=urls[kind],
            folder=folder / kind,
            members=MEMBERS,
            each_point=EACH_POINT,
        )
        return await campaign(plan, told.append), told

    return dict(zip(urls, await asyncio.gather(*map(one, urls)), strict=True))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_club_in_a_storm_of_faults_and_kills_loses_and_doubles_nothing(
    campaigns: Campaigns, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind not in campaigns:
        request.getfixturevalue("postgresql_template")  # It says loudly that there is no server.
    outcome, told = campaigns[kind]
    assert outcome.wrong == [], "\n".join([*told, *outcome.lines()])
    assert all(outcome.died_at[point] >= EACH_POINT for point in POINTS), outcome.died_at
    assert len(outcome.books.rows) >= REDEMPTIONS * 0.95
    assert len(outcome.met) > 20, "the partners were hardly disturbed"
    assert outcome.met["bad_certificate"] > 0


ROW = Row("rdm_1", "campaign-a", "key-1", "mbr_1", State.CAPTURED, 600, None, None, 0, None)
PARTNER = PartnerBook({"key-1": 1}, {"key-1"}, set(), {}, {})
BOOKS = Books(rows={ROW.id: ROW}, partners={"campaign-a": PARTNER}, balances={"mbr_1": (400, 0)})


AT_H = Books(
    rows={ROW.id: dataclasses.replace(ROW, partner="campaign-h")},
    partners={"campaign-h": dataclasses.replace(PARTNER, granted={"key-1": 2})},
    balances={"mbr_1": (400, 0)},
)


def told(**changes: object) -> Wish:
    return dataclasses.replace(Wish("mbr_1", "A", "wish", {"rdm_1"}, captured=True), **changes)  # type: ignore[arg-type]


def row(**changes: object) -> dict[str, Row]:
    return {ROW.id: dataclasses.replace(ROW, **changes)}  # type: ignore[arg-type]


def partner(**changes: object) -> dict[str, PartnerBook]:
    return {"campaign-a": dataclasses.replace(PARTNER, **changes)}  # type: ignore[arg-type]


WRONG: dict[str, tuple[Books, Wish, str]] = {
    "granted twice": (dataclasses.replace(BOOKS, partners=partner(granted={"key-1": 2})), told(), "2 times"),
    "booked twice unseen": (AT_H, told(), "nobody was told"),
    "booked twice and trusted": (dataclasses.replace(AT_H, found_twice={"rdm_1"}), told(), "trusted as before"),
    "asked again in spite of it": (dataclasses.replace(BOOKS, sent_again=["rdm_1"]), told(), "a second time"),
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
    found_out = dataclasses.replace(AT_H, found_twice={"rdm_1"}, distrusted={"campaign-h"})
    assert list(verdict(found_out, members_of(told()))) == []


@pytest.mark.parametrize(("books", "wish", "says"), WRONG.values(), ids=list(WRONG))
def test_the_judge_sees_what_is_wrong(books: Books, wish: Wish, says: str) -> None:
    found = list(verdict(books, members_of(wish)))
    assert any(says in one for one in found), found
