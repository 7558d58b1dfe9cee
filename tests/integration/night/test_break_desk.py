"""What people do about breaks, and what the next night makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import time
from functools import partial
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from adapters.sdk.records import StatementLine
from catalogue.values import Money
from config.database import Database
from config.errors import ConflictError, GatewayError, NotFoundError, RuleError
from config.settings import DatabaseSettings
from gateway.services import break_desk
from gateway.services.break_desk import Finding, at_stake
from settlement import break_store
from settlement.break_store import Closing, KeptBreak, list_breaks
from settlement.breaks import Break
from settlement.contracts import PartnerContract
from settlement.positions import positions
from settlement.reconciliation import RunReport
from tests.integration.night.sides import AT, DAY, PARTNER, Ours, statement, store_ours, theirs

LIMIT = 100
CONTRACT = PartnerContract(PARTNER, time(0), "UTC", (), break_limit_minor_units=LIMIT)
WHY = "the desk keyed it twice, ticket 42"
OURS = Ours(id="sln_1", reference="rdm_1")
Reconcile = Callable[..., Awaitable[RunReport]]
TakeIn = Callable[..., Awaitable[Any]]


class Desk:
    """A night with one break, and people who say something of it."""

    def __init__(self, database: Database, take_in: TakeIn, reconcile: Reconcile) -> None:
        self.database, self.take_in, self.reconcile = database, take_in, reconcile

    async def night(self, *rows: StatementLine, sequence: int = 1) -> KeptBreak:
        """Match our one line against a file; answer the break that is open then."""
        await self.take_in(statement(rows, sequence=sequence))
        await self.reconcile()
        (found,) = await self.breaks(state="open")
        return found

    async def breaks(self, **only: Any) -> Sequence[KeptBreak]:
        return await self.database.read(partial(list_breaks, **only))

    async def close(self, name: str, by: str, outcome: Closing = "resolved", why: str = WHY) -> KeptBreak:
        finding, contracts = Finding(by, why), {PARTNER: CONTRACT}
        return await self.database.write(
            lambda c: break_desk.close(c, name, outcome, finding, contracts=contracts, at=AT)
        )

    async def say(self, deed: Callable[..., KeptBreak], name: str, *rest: object, by: str = "ann") -> KeptBreak:
        return await self.database.write(lambda c: deed(c, name, *rest, Finding(by, WHY), at=AT))

    async def reopen(self, name: str, by: str = "ann") -> KeptBreak:
        return await self.say(partial(break_desk.reopen, contracts={PARTNER: CONTRACT}), name, by=by)

    async def agreed(self) -> int:
        found = await self.database.read(lambda c: positions(c, "2026-11", PARTNER))
        return sum(one.agreed for one in found)


@pytest.fixture
async def desk(database: Database, take_in: TakeIn, reconcile: Reconcile) -> Desk:
    await database.write(lambda c: store_ours(c, [OURS]))
    return Desk(database, take_in, reconcile)


async def test_one_person_closes_what_is_within_the_limit_and_it_is_listed_with_who_and_why(desk: Desk) -> None:
    opened = await desk.night(theirs(OURS, amount=Money(12_000 + LIMIT, "CNY")))
    assert await desk.agreed() == 0
    await desk.close(opened.item.id, "ann", "written_off")
    (kept,) = await desk.breaks()
    assert (kept.state, kept.close_reason, kept.closed_by, kept.closed_at) == ("closed", "written_off", ("ann",), AT)
    assert [(one.word, one.by, one.evidence, one.at) for one in kept.words] == [("written_off", "ann", WHY, AT)]
    assert kept.item == opened.item, "what was found stays as it was found"
    assert await desk.agreed() == 12_000


async def test_above_the_limit_two_different_people_say_the_same(desk: Desk) -> None:
    name = (await desk.night(theirs(OURS, amount=Money(12_001 + LIMIT, "CNY")))).item.id
    for by in ("ann", "ann", " ann "):
        said = await desk.close(name, by)
        assert (said.state, said.proposal is not None and said.proposal.by) == ("open", "ann")
    assert await desk.agreed() == 0
    other = await desk.close(name, "ben", "written_off")
    assert (other.state, other.proposal and other.proposal.word) == ("open", "written_off")
    assert (await desk.close(name, "ben", "resolved")).state == "open", "ann's word was replaced"
    await desk.say(break_desk.dispute, name, by="eve")
    closed = await desk.close(name, "ann", "resolved")
    assert (closed.state, closed.close_reason, closed.closed_by) == ("closed", "resolved", ("ben", "ann"))
    assert closed.proposal is None


async def test_of_two_people_in_two_processes_at_the_same_moment_the_second_closes_it(desk: Desk) -> None:
    name = (await desk.night()).item.id
    other = await Database.open(DatabaseSettings(url=desk.database.url))
    begun = asyncio.Event()

    def slowly(connection: Connection) -> KeptBreak:
        said = break_desk.close(connection, name, "resolved", Finding("ann", WHY), contracts={}, at=AT)
        begun.set()
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_sleep(0.3)"))
        return said

    async def afterwards() -> KeptBreak:
        await begun.wait()
        return await other.write(
            lambda c: break_desk.close(c, name, "resolved", Finding("ben", WHY), contracts={}, at=AT)
        )

    try:
        first, second = await asyncio.gather(desk.database.write(slowly), afterwards())
    finally:
        await other.close()
    assert (first.state, second.state, second.closed_by) == ("open", "closed", ("ann", "ben"))


async def test_a_partner_without_a_contract_has_no_limit_for_one(desk: Desk) -> None:
    name = (await desk.night(theirs(OURS, amount=Money(12_001, "CNY")))).item.id
    close = partial(break_desk.close, break_id=name, outcome="resolved", contracts={}, at=AT)
    assert (await desk.database.write(partial(close, finding=Finding("ann", WHY)))).state == "open"


@pytest.mark.parametrize(
    ("by", "why", "error"),
    [("ann", "   short   ", RuleError), ("  ", WHY, RuleError)],
    ids=["no evidence", "nobody"],
)
async def test_who_and_why_are_never_missing(desk: Desk, by: str, why: str, error: type[GatewayError]) -> None:
    opened = await desk.night()
    with pytest.raises(error):
        await desk.close(opened.item.id, by, why=why)
    assert list(await desk.breaks()) == [opened]


async def test_what_is_unknown_or_closed_is_refused(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await desk.close("brk_none", "ann")
    name = (await desk.night(theirs(OURS, amount=Money(12_001, "CNY")))).item.id
    closed = await desk.close(name, "ann")
    for again in (
        desk.close(name, "ann"),
        desk.close(name, "ben", "written_off"),
        desk.say(break_desk.assign, name, "ben"),
        desk.say(break_desk.dispute, name),
    ):
        with pytest.raises(ConflictError, match=r"closed \(resolved\) by ann"):
            await again
    assert list(await desk.breaks()) == [closed]


async def test_a_night_that_finds_it_again_leaves_it_closed_and_a_corrected_file_opens_another(desk: Desk) -> None:
    name = (await desk.night(theirs(OURS, amount=Money(12_001, "CNY")))).item.id
    closed = await desk.close(name, "ann")
    assert not (await desk.reconcile()).changed
    assert list(await desk.breaks()) == [closed]
    other = await desk.night(theirs(OURS, amount=Money(12_002, "CNY")), sequence=2)
    assert (other.item.kind, other.words) == ("amount", ())
    assert [one for one in await desk.breaks(state="closed") if one.item.id == name] == [closed]


async def test_what_the_night_closed_meanwhile_needs_no_second_word(desk: Desk) -> None:
    name = (await desk.night()).item.id
    await desk.close(name, "ann")
    await desk.take_in(statement([theirs(OURS)], sequence=2))
    await desk.reconcile()
    (kept,) = await desk.breaks()
    assert (kept.state, kept.close_reason, kept.closed_by, kept.proposal) == ("closed", "matched", (), None)
    for late in (desk.close(name, "ben"), desk.reopen(name)):
        with pytest.raises(ConflictError, match=r"closed \(matched\) by a run"):
            await late


async def test_a_run_does_not_close_over_what_people_closed_meanwhile(desk: Desk) -> None:
    opened = await desk.night(theirs(OURS, amount=Money(12_001, "CNY")))
    days = (DAY, DAY)

    def overtaken(connection: Any) -> int:
        stale = connection.execute(break_store._in_scope(PARTNER, opened.run_id, days)).all()
        word = break_desk._word("resolved", Finding("ann", WHY), AT)
        break_store.note(connection, opened, word, closes=True)
        return sum(break_store._close(connection, opened.run_id, row, AT) for row in stale)

    assert await desk.database.write(overtaken) == 0
    (kept,) = await desk.breaks()
    assert (kept.close_reason, kept.closed_by) == ("resolved", ("ann",))


async def test_what_was_closed_wrongly_is_opened_again_and_old_words_do_not_count(desk: Desk) -> None:
    name = (await desk.night()).item.id
    with pytest.raises(ConflictError, match="not closed by people: it is open"):
        await desk.reopen(name)
    await desk.close(name, "ann")
    await desk.close(name, "ben")
    assert await desk.agreed() == 12_000
    opened = await desk.reopen(name, by="eve")
    assert (opened.state, opened.closed_at, opened.close_reason, opened.closed_by) == ("open", None, None, ())
    assert await desk.agreed() == 0
    assert (await desk.close(name, "ann")).state == "open", "ben's word is of before"
    assert [one.word for one in (await desk.close(name, "ben")).words] == [
        *("resolved", "resolved", "reopened"),
        *("resolved", "resolved"),
    ]
    assert not (await desk.reconcile()).changed


async def test_who_looks_at_it_and_what_the_partner_was_told_are_kept_by_the_nights(desk: Desk) -> None:
    name = (await desk.night()).item.id
    await desk.say(break_desk.assign, name, " legal ")
    await desk.say(break_desk.dispute, name, by="ben")
    await desk.reconcile()
    (kept,) = await desk.breaks(state="open")
    assert (kept.item.owner, kept.proposal) == ("legal", None)
    assert [(one.word, one.by, one.owner) for one in kept.words] == [
        ("assigned", "ann", "legal"),
        ("disputed", "ben", None),
    ]
    for owner in ("  ", "x" * 65):
        with pytest.raises(RuleError):
            await desk.say(break_desk.assign, name, owner)


def record(amount: int | None, currency: str | None = "CNY", status: str = "used", kind: str = "visit") -> Any:
    return {"kind": kind, "status": status, "amount": None if amount is None else str(amount), "currency": currency}


STAKES: dict[str, tuple[list[Any], list[Any], int | None]] = {
    "an amount": ([record(12_000)], [record(12_100)], 100),
    "less": ([record(12_000)], [record(11_900)], 100),
    "a date": ([record(12_000)], [record(12_000)], 0),
    "only ours": ([record(12_000)], [], 12_000),
    "only theirs": ([], [record(12_000)], 12_000),
    "what they give back": ([], [record(-12_000, kind="refund", status="refunded")], 12_000),
    "cancelled there": ([record(12_000)], [record(12_000, status="cancelled")], 12_000),
    "a group": ([record(12_000)], [record(6_000), record(6_001)], 1),
    "free": ([record(None, None)], [record(None, None)], 0),
    "two currencies": ([record(500)], [record(500, "JPY")], None),
    "a word that nobody knows": ([], [record(0, status="mislaid")], None),
}


@pytest.mark.parametrize(("ours", "their_rows", "stake"), STAKES.values(), ids=STAKES.keys())
def test_what_is_at_stake(ours: list[Any], their_rows: list[Any], stake: int | None) -> None:
    names = dict.fromkeys(Break.__struct_fields__)
    item = msgspec.structs.replace(Break(**names), evidence={"ours": ours, "theirs": their_rows})  # type: ignore[arg-type]
    assert at_stake(item) == stake
