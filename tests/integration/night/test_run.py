"""A night on a real database: breaks found, repeated, resumed, closed by late arrivals. Rows ST-07, ST-08, ST-18."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from catalogue.values import Money
from config.database import Database, RefusedByDatabaseError
from settlement import break_store, leases, night_store
from settlement.errors import LeaseLostError, RunInProgressError
from settlement.night_tables import breaks, settlement_matches, settlement_runs
from settlement.reconciliation import RunReport
from settlement.undecided import Undecided
from tests.integration.night.sides import AT, DAY, PARTNER, Ours, make_day, statement, store_ours, theirs
from tests.support.plans import plans

Reconcile = Callable[..., Awaitable[RunReport]]
TakeIn = Callable[..., Awaitable[Any]]
TABLES = (settlement_matches, breaks, settlement_runs)


def read_rows(connection: sa.Connection, query: sa.Select[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(query)]


async def everything(database: Database) -> list[tuple[Any, ...]]:
    """Every row that a run keeps, in a fixed order."""
    rows: list[tuple[Any, ...]] = []
    for table in TABLES:
        query = sa.select(table).order_by(*table.primary_key.columns)
        rows += await database.read(partial(read_rows, query=query))
    return rows


async def found(database: Database, **where: Any) -> Counter[tuple[str, str]]:
    kept = await database.read(lambda c: break_store.list_breaks(c, **where))
    return Counter((row.item.kind, row.item.reference or "") for row in kept)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_st_07_every_planted_break_is_found_and_no_other(
    database: Database, take_in: TakeIn, reconcile: Reconcile, seed: int
) -> None:
    day = make_day(seed, 150)
    assert len({kind for kind, _ in day.planted}) == 8
    await database.write(lambda c: store_ours(c, day.ours))
    await take_in(statement(day.theirs))
    report = await reconcile()
    assert await found(database, state="open") == Counter(day.planted)
    outcomes = report.run.summary["outcomes"]
    assert sum(count for kind, count in outcomes.items() if kind != "matched") == len(day.planted)
    kept = await database.read(lambda c: break_store.list_breaks(c, state="open"))
    assert all(row.item.owner and row.item.evidence["pass"] and row.item.business_date == DAY for row in kept)


async def test_a_second_run_changes_no_row(database: Database, take_in: TakeIn, reconcile: Reconcile) -> None:
    day = make_day(4, 80)
    await database.write(lambda c: store_ours(c, day.ours))
    await take_in(statement(day.theirs))
    first = await reconcile()
    before = await everything(database)
    second = await reconcile()
    assert (first.changed, second.changed) == (True, False)
    assert await everything(database) == before
    assert second.run.revision == 1


async def test_the_order_of_rows_does_not_matter(database: Database, take_in: TakeIn, reconcile: Reconcile) -> None:
    day = make_day(5, 80)
    await database.write(lambda c: store_ours(c, random.Random(9).sample(day.ours, len(day.ours))))
    await take_in(statement(random.Random(8).sample(day.theirs, len(day.theirs))))
    report = await reconcile()
    assert await found(database, state="open") == Counter(day.planted)
    assert report.run.summary["outcomes"]["matched"] > 0


async def test_every_record_is_in_a_pair_or_in_a_break(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    day = make_day(6, 80)
    await database.write(lambda c: store_ours(c, day.ours))
    report = await take_in(statement(day.theirs))
    await reconcile()
    pairs = await database.read(lambda c: c.execute(sa.select(settlement_matches)).all())
    kept = await database.read(lambda c: break_store.list_breaks(c, partner=PARTNER))
    lone = [row.item for row in kept if row.item.kind in {"missing_ours", "missing_theirs"}]
    ours = [row.ours_id for row in pairs if row.ours_id] + [item.ours_id for item in lone if item.ours_id]
    others = [row.theirs_id for row in pairs if row.theirs_id] + [item.theirs_id for item in lone if item.theirs_id]
    assert sorted(ours) == sorted(line.id for line in day.ours)
    assert sorted(others) == [f"{report.statement_id}.{row:08d}" for row in range(1, len(day.theirs) + 1)]


async def test_a_late_arrival_closes_its_break_on_the_next_run(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    line = Ours(id="sln_1", reference="rdm_late")
    await database.write(lambda c: store_ours(c, [line]))
    await take_in(statement([]))
    await reconcile()
    assert await found(database, state="open") == Counter({("missing_theirs", "rdm_late"): 1})
    next_day = DAY + timedelta(days=1)
    await take_in(statement([theirs(line)], day=next_day))
    await reconcile(next_day)
    (kept,) = await database.read(lambda c: break_store.list_breaks(c, partner=PARTNER))
    assert (kept.state, kept.close_reason) == ("closed", "matched")
    settled = await everything(database)
    await reconcile()
    await reconcile(next_day)
    assert await everything(database) == settled


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_why_a_break_closes_is_found_without_looking_at_every_pair(database: Database) -> None:
    lone: Any = SimpleNamespace(ours_id="sln_1", theirs_id=None)
    found = await database.read(lambda c: plans(c, lambda same: break_store._reason(same, lone)))
    steps = [step for plan in found.values() for step in plan]
    assert any("settlement_matches USING INDEX" in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN")], steps


async def test_a_late_arrival_outside_the_window_stays_a_break_on_both_sides(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    line = Ours(id="sln_1", reference="rdm_late")
    await database.write(lambda c: store_ours(c, [line]))
    await take_in(statement([]))
    await reconcile()
    too_late = DAY + timedelta(days=4)
    await take_in(statement([theirs(line)], day=too_late), at=AT + timedelta(days=4))
    await reconcile(too_late)
    assert await found(database, state="open") == Counter(
        {("missing_theirs", "rdm_late"): 1, ("missing_ours", "rdm_late"): 1}
    )


async def test_a_corrected_file_is_matched_anew_and_closes_what_it_corrects(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    wrong, gone = Ours(id="sln_1", reference="rdm_1"), Ours(id="sln_2", reference="rdm_2")
    await database.write(lambda c: store_ours(c, [wrong, gone]))
    await take_in(statement([theirs(wrong, amount=Money(1, "CNY"))]))
    await reconcile()
    assert await found(database, state="open") == Counter({("amount", "rdm_1"): 1, ("missing_theirs", "rdm_2"): 1})
    await take_in(statement([theirs(wrong), theirs(gone)], sequence=2))
    report = await reconcile()
    assert await found(database, state="open") == Counter()
    kept = await database.read(lambda c: break_store.list_breaks(c, partner=PARTNER))
    assert {row.item.kind: row.close_reason for row in kept} == {"amount": "superseded", "missing_theirs": "matched"}
    assert report.run.revision == 2


async def test_st_08_groups_under_one_reference_match_by_sum_or_break_together(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    whole = Ours(id="sln_1", reference="rdm_sum", gross=1000)
    parts = [Ours(id=f"sln_2{n}", reference="rdm_many", gross=n * 100) for n in (1, 2, 3)]
    wrong = [Ours(id=f"sln_3{n}", reference="rdm_wrong", gross=n * 100) for n in (1, 2)]
    undone = [Ours(id="sln_41", reference="rdm_undone"), Ours(id="sln_42", reference="rdm_undone", gross=-12_000)]
    await database.write(lambda c: store_ours(c, [whole, *parts, *wrong, *undone]))
    rows = [theirs(whole, amount=Money(amount, "CNY")) for amount in (400, 600)]
    rows += [theirs(parts[0], amount=Money(600, "CNY"))]
    rows += [theirs(wrong[0], amount=Money(amount, "CNY")) for amount in (10, 20, 30)]
    await take_in(statement(rows))
    await reconcile()
    (kept,) = await database.read(lambda c: break_store.list_breaks(c, partner=PARTNER))
    assert (kept.item.kind, kept.item.reference) == ("amount", "rdm_wrong")
    assert (kept.item.ours_amount, kept.item.theirs_amount) == (300, 60)
    assert (len(kept.item.evidence["ours"]), len(kept.item.evidence["theirs"])) == (2, 3)


async def test_ambiguous_attributes_stay_open(database: Database, take_in: TakeIn, reconcile: Reconcile) -> None:
    twins = [Ours(id=f"sln_{n}", reference=f"rdm_{n}", member_hash="m") for n in (1, 2)]
    await database.write(lambda c: store_ours(c, twins))
    await take_in(statement([theirs(twins[0], reference=None)]))
    await reconcile()
    kinds = Counter(kind for kind, _ in (await found(database, state="open")).elements())
    assert kinds == Counter(missing_theirs=2, missing_ours=1)


async def test_another_reference_is_never_matched_by_attributes(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    line = Ours(id="sln_1", reference="rdm_1", member_hash="m")
    await database.write(lambda c: store_ours(c, [line]))
    await take_in(statement([theirs(line, reference="rdm_other")]))
    await reconcile()
    assert await found(database) == Counter({("missing_theirs", "rdm_1"): 1, ("missing_ours", "rdm_other"): 1})


async def test_st_18_two_runs_of_one_day_at_once_are_refused(database: Database, reconcile: Reconcile) -> None:
    name = f"settlement/{PARTNER}/{DAY}"
    assert await database.write(lambda c: leases.acquire(c, name, "somebody", 60))
    with pytest.raises(RunInProgressError):
        await reconcile()
    await database.write(lambda c: leases.release(c, name, "somebody"))
    assert (await reconcile()).run.state == "finished"


async def test_a_lapsed_lease_is_taken_over_and_the_sleeper_writes_nothing_more(database: Database) -> None:
    assert await database.write(lambda c: leases.acquire(c, "night", "sleeper", 0))
    assert await database.write(lambda c: leases.acquire(c, "night", "next", 60))
    with pytest.raises(LeaseLostError):
        await database.write(lambda c: leases.check(c, "night", "sleeper", 60))
    assert await database.read(lambda c: leases.held_until(c, "night")) is not None


async def test_a_run_that_stopped_half_way_is_finished_by_the_next(
    database: Database, take_in: TakeIn, reconcile: Reconcile, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = make_day(7, 60)
    await database.write(lambda c: store_ours(c, day.ours))
    await take_in(statement(day.theirs))
    monkeypatch.setattr("settlement.reconciliation.PAIRS_PER_TRANSACTION", 10)
    keep, calls = night_store.add_pairs, []

    def dies_at_the_third(connection: sa.Connection, run: str, rows: list[Any]) -> None:
        calls.append(len(rows))
        if len(calls) == 3:
            raise RuntimeError("power")
        keep(connection, run, rows)

    monkeypatch.setattr(night_store, "add_pairs", dies_at_the_third)
    with pytest.raises(RuntimeError, match="power"):
        await reconcile()
    failed = await database.read(lambda c: night_store.read_run(c, night_store.run_id(PARTNER, DAY)))
    assert failed is not None
    assert (failed.state, failed.failure) == ("failed", "RuntimeError: power")
    monkeypatch.setattr(night_store, "add_pairs", keep)
    assert (await reconcile()).run.state == "finished"
    assert await found(database, state="open") == Counter(day.planted)


async def test_the_database_refuses_a_record_in_two_pairs(database: Database, reconcile: Reconcile) -> None:
    report = await reconcile()
    row = ("sln_1", "sln_1", "stm_1.1", "matched", "reference", None)
    await database.write(lambda c: night_store.add_pairs(c, report.run.id, [row]))
    for other in (("sln_1", "sln_1", "stm_1.2", *row[3:]), ("sln_2", "sln_2", "stm_1.1", *row[3:])):
        with pytest.raises(RefusedByDatabaseError):
            await database.write(partial(night_store.add_pairs, run=report.run.id, rows=[other]))


async def test_what_a_person_closed_stays_closed(database: Database, take_in: TakeIn, reconcile: Reconcile) -> None:
    await database.write(lambda c: store_ours(c, [Ours(id="sln_1", reference="rdm_1")]))
    await take_in(statement([]))
    await reconcile()
    await database.write(
        lambda c: c.execute(sa.update(breaks).values(state="closed", closed_at=AT, close_reason="resolved"))
    )
    report = await reconcile()
    assert not report.changed
    assert await found(database, state="open") == Counter()


async def test_st_20_the_file_says_what_became_of_undecided_redemptions(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    claimed = Ours(id="-", reference="RDM_ISSUED")
    refused = Ours(id="-", reference="rdm_refused")
    odd = Ours(id="-", reference="rdm_odd")
    rows = [theirs(claimed), theirs(refused, status="failed"), theirs(odd, status="cancelled", kind="fee")]
    await take_in(statement(rows))
    waiting = tuple(Undecided(f"id-{name}", f"rdm_{name}", DAY) for name in ("issued", "refused", "odd", "absent"))
    waiting += (Undecided("id-absent-closed", "rdm_nowhere", DAY, closes_after_days=0),)
    report = await reconcile(undecided=waiting)
    said = {item.redemption_id: item.issued for item in report.settled}
    assert said == {"id-issued": True, "id-refused": False, "id-absent-closed": False}
    assert report.settled[0].partner_reference == "P--"


async def test_progress_is_told_with_whole_rows_per_second(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    day = make_day(8, 20)
    await database.write(lambda c: store_ours(c, day.ours))
    await take_in(statement(day.theirs))
    told: list[Any] = []
    await reconcile(report=told.append)
    assert [progress.stage for progress in told] == ["snapshot", "match", "keep"]
    assert all(msgspec.json.encode(progress) and progress.rows_per_second > 0 for progress in told)


async def test_references_that_only_look_alike_stay_open(
    database: Database, take_in: TakeIn, reconcile: Reconcile
) -> None:
    alike = [Ours(id="sln_1", reference="rdm_a"), Ours(id="sln_2", reference="RDM-A")]
    await database.write(lambda c: store_ours(c, alike))
    await take_in(statement([theirs(alike[0], reference="PBG rdm.a")]))
    await reconcile()
    kinds = Counter(kind for kind, _ in (await found(database, state="open")).elements())
    assert kinds == Counter(missing_theirs=2, missing_ours=1)
