"""LG-08 on both databases: a balance that drifted is found, its account stopped, and two people release it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from catalogue.identifiers import Identifiers
from config.clock import SystemClock
from config.database import Database, RefusedByDatabaseError
from config.errors import ConflictError, NotFoundError, RuleError
from config.settings import AuditSettings
from gateway.operations.alarms import list_alarms
from gateway.operations.auditor import Auditor
from gateway.operations.frozen import say_release
from gateway.redemption.states import State
from settlement import freezing, ledger
from settlement.audit import audit
from settlement.errors import AccountFrozenError
from tests.integration.ledger.helpers import AT, MEMBER, capture, days, give, hold, void, wallet
from tests.support import room as rooms
from tests.support.partners import FencingPartner, PlainPartner
from tests.support.room import open_room

AVAILABLE = f"member/{MEMBER}/available"
EVIDENCE = "a statement by hand, see ticket 42; the account of its author is closed"
DRIFTS = {
    "balance": (f"UPDATE accounts SET balance = balance + 50 WHERE code = '{AVAILABLE}'", AVAILABLE),
    "held": (f"UPDATE accounts SET balance = balance - 1 WHERE code = 'member/{MEMBER}/held'", f"member/{MEMBER}/held"),
    "the programme's own": (
        "UPDATE accounts SET balance = balance - 7 WHERE code = 'programme/liability'",
        "programme/liability",
    ),
    "a lot": ("UPDATE lots SET remaining = remaining - 10 WHERE id LIKE 'late#%'", AVAILABLE),
    "two lots": (
        "UPDATE lots SET remaining = CASE WHEN id LIKE 'late#%' THEN remaining - 10 ELSE remaining + 10 END "
        "WHERE id LIKE 'late#%' OR id LIKE 'soon#%'",
        AVAILABLE,
    ),
}
"""What was written past the ledger, and the account that it must stop."""


def auditor(database: Database) -> Auditor:
    clock = SystemClock()
    return Auditor(database, clock, Identifiers(clock), AuditSettings())


def open_story(connection: Connection) -> None:
    give(connection, "soon", 100, days(10))
    give(connection, "late", 500, days(90))
    give(connection, "other", 300, days(90), member_id="mbr_wang")
    hold(connection, "r1", 60)
    hold(connection, "r2", 30)
    capture(connection, "r2")


async def drifted(database: Database, statement: str) -> None:
    await database.write(open_story)
    await database.write(lambda connection: connection.execute(sa.text(statement)))


async def only_one(database: Database) -> freezing.FrozenAccount:
    (one,) = await database.read(freezing.frozen)
    return one


@pytest.mark.parametrize("kind", DRIFTS)
async def test_lg_08_a_drifted_balance_is_found_stopped_and_set_right_by_two(database: Database, kind: str) -> None:
    statement, account = DRIFTS[kind]
    await drifted(database, statement)
    stopped = await auditor(database).once()
    assert account in [drift.code for drift in stopped]
    one = next(one for one in await database.read(freezing.frozen) if one.code == account)
    move = void if account == AVAILABLE else capture
    with pytest.raises(AccountFrozenError):
        await database.write(lambda connection: move(connection, "r1"))
    say = partial(say_release, identifier=one.id, evidence=EVIDENCE, at=AT)
    for other in await database.read(freezing.frozen):
        if other.id != one.id:
            await database.write(partial(say_release, identifier=other.id, by="ann", evidence=EVIDENCE, at=AT))
            await database.write(partial(say_release, identifier=other.id, by="bob", evidence=EVIDENCE, at=AT))
    assert not (await database.write(partial(say, by="ann"))).released
    assert not (await database.write(partial(say, by="ann"))).released, "nobody confirms his own word"
    assert (await database.write(partial(say, by="bob"))).released
    assert (await database.read(audit)).findings == ()
    assert await database.write(lambda connection: move(connection, "r1"))
    assert await auditor(database).once() == ()


async def test_lg_08_other_accounts_go_on(database: Database) -> None:
    await drifted(database, DRIFTS["balance"][0])
    await auditor(database).once()
    assert await database.write(lambda connection: hold(connection, "w1", 10, member_id="mbr_wang"))
    with pytest.raises(AccountFrozenError):
        await database.write(lambda connection: hold(connection, "r3", 10))
    assert (await database.read(wallet)).available == 560, "reading goes on"


async def test_lg_08_the_database_refuses_the_balance_itself(database: Database) -> None:
    await drifted(database, DRIFTS["balance"][0])
    await auditor(database).once()
    statement = sa.text(f"UPDATE accounts SET balance = balance - 50 WHERE code = '{AVAILABLE}'")
    with pytest.raises(RefusedByDatabaseError, match="account_frozen"):
        await database.write(lambda connection: connection.execute(statement))


async def test_lg_08_a_true_ledger_stops_nothing_and_one_alarm_counts(database: Database) -> None:
    await database.write(open_story)
    assert await auditor(database).once() == ()
    await database.write(lambda connection: connection.execute(sa.text(DRIFTS["balance"][0])))
    assert len(await auditor(database).once()) == 1
    assert await auditor(database).once() == ()
    (alarm,) = await database.read(partial(list_alarms, limit=10))
    assert (alarm.kind, alarm.subject, alarm.times) == ("account_frozen", f"{AVAILABLE} PTS", 1)
    assert alarm.facts["found"] == "balance 560, replay 510"


async def test_what_is_not_whole_is_not_released(database: Database) -> None:
    await drifted(database, DRIFTS["balance"][0])
    await auditor(database).once()
    one = await only_one(database)
    say = partial(say_release, identifier=one.id, at=AT)
    for by, evidence in (("ann", "short"), (" ", EVIDENCE)):
        with pytest.raises(RuleError):
            await database.write(partial(say, by=by, evidence=evidence))
    with pytest.raises(NotFoundError):
        await database.write(partial(say_release, identifier="frz_none", by="ann", evidence=EVIDENCE, at=AT))
    await database.write(partial(say, by="ann", evidence=EVIDENCE))
    statement = (
        "UPDATE frozen_accounts SET released_at = frozen_at, released_by = proposed_by, "
        "released_evidence = proposed_evidence"
    )
    with pytest.raises(RefusedByDatabaseError):
        await database.write(lambda connection: connection.execute(sa.text(statement)))
    with pytest.raises(ConflictError, match="not whole"):
        await database.write(partial(without_its_entries, partial(say, by="bob", evidence=EVIDENCE)))
    assert (await only_one(database)).proposed_by == "ann"


def without_its_entries(say: Any, connection: Connection) -> None:
    """Let an entry past the ledger take all of the account, then release it."""
    sql = "INSERT INTO postings (entry_key, number, account, commodity, amount) VALUES ('gone', {}, '{}', 'PTS', {})"
    for number, account, amount in ((1, AVAILABLE, -9_000), (2, "programme/liability", 9_000)):
        connection.execute(sa.text(sql.format(number, account, amount)))
    say(connection)


@pytest.mark.parametrize(("partner", "state"), [(FencingPartner, State.SUBMITTING), (PlainPartner, State.MANUAL)])
async def test_a_proven_end_waits_for_a_stopped_account(
    database: Database, partner: type[PlainPartner], state: State
) -> None:
    """Whoever can be asked again is asked again; the word of another is kept for people. Nothing is lost or doubled."""
    adapter = partner()
    here = await open_room(database, skyhub_lounge=adapter)
    redemption_id = await here.take_in()
    liability = sa.text("UPDATE accounts SET balance = balance - 1 WHERE code = 'programme/liability'")
    await database.write(lambda connection: connection.execute(liability))
    await auditor(database).once()
    if state is State.SUBMITTING:
        with pytest.raises(AccountFrozenError):
            await here.engine.advance(redemption_id)
    else:
        await here.engine.advance(redemption_id)
    assert (await here.get(redemption_id)).state is state
    one = await only_one(database)
    for by in ("ann", "bob"):
        await database.write(partial(say_release, identifier=one.id, by=by, evidence=EVIDENCE, at=AT))
    if state is State.SUBMITTING:
        here.clock.advance(minutes=2)
        await rooms_wake(database, redemption_id)
        await here.sweeper.sweep()
        assert (await here.get(redemption_id)).state is State.CAPTURED
    assert adapter.book.issued == {(await here.get(redemption_id)).partner_key: 1}
    await here.require_clean_books()


async def rooms_wake(database: Database, redemption_id: str) -> None:
    """End the lease whose holder failed: in these tests the database's clock does not move by itself."""
    sql = sa.text("UPDATE redemptions SET lease_until = NULL WHERE id = :id")
    await database.write(lambda connection: connection.execute(sql, {"id": redemption_id}))


async def test_a_member_s_stopped_account_refuses_a_new_redemption(database: Database) -> None:
    here = await open_room(database, skyhub_lounge=FencingPartner())
    statement = sa.text(f"UPDATE accounts SET balance = balance + 5 WHERE code = 'member/{rooms.MEMBER}/available'")
    await database.write(lambda connection: connection.execute(statement))
    await auditor(database).once()
    with pytest.raises(AccountFrozenError):
        await here.take_in()
    assert (await only_one(database)).found == "balance 10005, replay 10000"
    held = await database.read(partial(ledger.balances, member_id=rooms.MEMBER))
    assert sum(balance.held for balance in held) == 0
