"""Applied versions of the catalogue: whole, immutable, one after the other, and taken up by every process."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from catalogue import versions
from catalogue.book import FIRST_START, CatalogueBook, CatalogueFollower, open_book
from catalogue.errors import CatalogueFileError, CatalogueRefusedError
from catalogue.versions import Application
from config.database import Database, RefusedByDatabaseError
from config.settings import DatabaseSettings
from tests.support.catalogue_texts import PARTNERS, budget, contract, texts, version
from tests.support.clocks import ManualClock

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
LATER = version(2, starts=date(2027, 1, 1), announced=date(2026, 11, 22), price=650)


async def apply(database: Database, files: dict[str, str], **more: Any) -> Application:
    given: dict[str, Any] = {"partners": PARTNERS, "at": AT, "by": "liu", **more}
    return await database.write(partial(versions.apply, texts=files, **given))


async def plan_is_empty(database: Database, files: dict[str, str]) -> bool:
    made = await database.read(partial(versions.plan, texts=files, partners=PARTNERS, at=AT))
    return made.is_empty


async def test_a_version_is_kept_whole_and_the_plan_after_it_is_empty(database: Database) -> None:
    assert await database.read(versions.head) is None
    first = texts(notice="# said\n" + texts()["notice.toml"])
    done = await apply(database, first, reason="the beginning")
    assert (done.number, done.is_new) == (1, True)
    assert await database.read(partial(versions.texts_of, number=1)) == first
    assert await plan_is_empty(database, first)
    assert await plan_is_empty(database, texts())
    [kept] = await database.read(versions.history)
    assert (kept.number, kept.content_hash, kept.applied_at) == (1, done.plan.target, AT)
    assert (kept.applied_by, kept.reason, kept.overridden) == ("liu", "the beginning", ())


async def test_applying_again_does_nothing_and_going_back_is_a_version_too(database: Database) -> None:
    await apply(database, texts())
    again = await apply(database, texts())
    assert (again.number, again.is_new) == (1, False)
    more = texts(benefits_visit=version() + LATER)
    assert (await apply(database, more)).number == 2
    assert not await plan_is_empty(database, texts())
    back = await apply(database, texts())
    assert (back.number, back.is_new) == (3, True)
    assert [one.number for one in await database.read(versions.history)] == [3, 2, 1]
    assert await database.read(partial(versions.texts_of, number=2)) == more


async def test_a_change_of_what_is_in_force_is_refused_whole(database: Database) -> None:
    await apply(database, texts())
    files = texts(benefits_visit=version(price=1) + LATER, budgets_all=budget(cap=5))
    with pytest.raises(CatalogueRefusedError) as refused:
        await apply(database, files)
    assert "benefits/visit.toml, line " in refused.value.message
    assert refused.value.facts["things"] == "benefit:visit@1"
    assert await database.read(versions.head) == 1


async def test_an_override_names_its_thing_and_its_reason_and_both_are_kept(database: Database) -> None:
    await apply(database, texts())
    files = texts(benefits_visit=version(price=1), conversions_miles=contract(rate="1:1"))
    with pytest.raises(CatalogueRefusedError, match="conversion:miles@1"):
        await apply(database, files, overridden=("benefit:visit@1",), reason="agreed")
    both = ("benefit:visit@1", "conversion:miles@1")
    for reason in (None, " "):
        with pytest.raises(CatalogueRefusedError, match="needs a reason"):
            await apply(database, files, overridden=both, reason=reason)
    with pytest.raises(CatalogueRefusedError, match="Nothing is to be overridden for benefit:nothing"):
        await apply(database, files, overridden=(*both, "benefit:nothing"), reason="agreed")
    assert (await apply(database, files, overridden=both, reason="agreed")).number == 2
    newest = (await database.read(versions.history))[0]
    assert (newest.overridden, newest.reason) == (both, "agreed")


async def test_the_notice_of_the_applied_version_counts(database: Database) -> None:
    await apply(database, texts())
    sooner = version(2, starts=date(2026, 11, 23), announced=date(2026, 11, 22))
    with pytest.raises(CatalogueRefusedError, match="30 are promised"):
        await apply(database, texts(notice="default_days = 0", benefits_visit=version() + sooner))


async def test_only_what_was_reviewed_is_applied(database: Database) -> None:
    reviewed = await database.read(partial(versions.plan, texts=texts(), partners=PARTNERS, at=AT))
    with pytest.raises(CatalogueRefusedError, match="plan again"):
        await apply(database, texts(budgets_all=budget(cap=7)), expected=reviewed.target)
    assert (await apply(database, texts(), expected=reviewed.target)).is_new


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (texts(benefits_visit=version(price=0)), r"benefits/visit\.toml, line 21: .*price"),
        (
            texts(budgets_all=budget().replace("lounges", "nobody")),
            r"budgets/all\.toml, line 4: partner: there is no partner",
        ),
        ({}, r"programme\.toml is missing"),
    ],
)
async def test_files_that_are_no_catalogue_are_not_applied(
    database: Database, files: dict[str, str], said: str
) -> None:
    with pytest.raises(CatalogueFileError, match=said):
        await apply(database, files)
    assert await database.read(versions.head) is None


@pytest.mark.parametrize("table", ["catalogue_versions", "catalogue_files"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET {} = 'x'"])
async def test_the_database_keeps_versions_as_they_are(database: Database, table: str, statement: str) -> None:
    await apply(database, texts())
    column = {"catalogue_versions": "applied_by", "catalogue_files": "text"}[table]
    with pytest.raises(RefusedByDatabaseError, match="never changed"):
        await database.write(lambda connection: connection.execute(sa.text(statement.format(table, column))))


async def test_two_that_apply_at_once_do_it_one_after_the_other(database: Database) -> None:
    await apply(database, texts())
    other = await Database.open(DatabaseSettings(url=database.url))
    try:
        done = await asyncio.gather(
            *(apply(one, texts(budgets_all=budget(cap=cap))) for cap, one in ((1, database), (2, other), (3, database)))
        )
    finally:
        await other.close()
    assert sorted(one.number for one in done) == [2, 3, 4]
    assert all(one.is_new for one in done)


async def test_an_empty_database_begins_with_the_files_and_only_an_empty_one(database: Database) -> None:
    clock = ManualClock()
    other = await Database.open(DatabaseSettings(url=database.url))
    try:
        books = await asyncio.gather(*(open_book(one, clock, texts(), PARTNERS) for one in (database, other)))
    finally:
        await other.close()
    assert [book.number for book in books] == [1, 1]
    [kept] = await database.read(versions.history)
    assert kept.applied_by == FIRST_START
    later = await open_book(database, clock, texts(budgets_all=budget(cap=9)), PARTNERS)
    assert (later.number, later.current.budgets[0].cap) == (1, 1_000)


async def test_files_that_cannot_be_used_do_not_stop_what_is_applied(database: Database) -> None:
    await apply(database, texts())
    book = await open_book(database, ManualClock(), {"programme.toml": "id = "}, PARTNERS)
    assert book.number == 1


async def test_another_process_takes_up_what_was_applied(database: Database) -> None:
    clock = ManualClock()
    book = await open_book(database, clock, texts(), PARTNERS)
    assert not await book.refresh(database)
    before = book.current
    other = await Database.open(DatabaseSettings(url=database.url))
    try:
        await apply(other, texts(benefits_visit=version() + LATER))
    finally:
        await other.close()
    assert book.current is before
    assert await book.refresh(database)
    assert (book.number, len(book.current.benefits["visit"])) == (2, 2)
    assert book.current.version != before.version


async def test_the_follower_refreshes_until_it_is_stopped(database: Database) -> None:
    clock = ManualClock()
    book = await open_book(database, clock, texts(), PARTNERS)
    following = asyncio.create_task(CatalogueFollower(book, database, clock, 1.0).run())
    try:
        await apply(database, texts(budgets_all=budget(cap=2)))
        async with asyncio.timeout(10):
            while book.number != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert book.current.budgets[0].cap == 2


async def test_a_version_that_cannot_be_used_here_leaves_the_one_before_in_use(database: Database) -> None:
    await apply(database, texts())
    here = CatalogueBook(1, (await open_book(database, ManualClock(), texts(), PARTNERS)).current, PARTNERS)
    elsewhere = texts(budgets_all=budget().replace("lounges", "newcomer"))
    await apply(database, elsewhere, partners=(*PARTNERS, "newcomer"))
    with pytest.raises(CatalogueFileError, match="newcomer"):
        await here.refresh(database)
    assert (here.number, here.current.budgets[0].partner) == (1, "lounges")
