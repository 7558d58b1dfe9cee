"""What the databases themselves refuse, whatever the code does: LG-06, LG-07, LG-13, LG-14."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database, RefusedByDatabaseError
from config.errors import DatabaseError
from settlement import ledger
from settlement.accounts import Account, AccountKind, bearer_expense, partner_payable
from settlement.journal import JournalEntry, Posting
from settlement.tables import accounts, lots, postings
from tests.integration.ledger.helpers import AT, MEMBER, days, give, hold, void, wallet

ACCOUNT = "INSERT INTO accounts VALUES ('{code}', '{commodity}', 'programme', true, 0)"
POSTING = (
    "INSERT INTO postings (entry_key, number, account, commodity, amount) VALUES ('{key}', {number}, '{code}', "
    "'{commodity}', {amount})"
)
HEADER = (
    "INSERT INTO journal_entries (key, kind, reference, fingerprint, effective_at, recorded_at, facts) VALUES "
    "('{key}', 'adjustment', 'x', 'x', '2026-11-22T08:00:00.000000Z', '2026-11-22T08:00:00.000000Z', '{{}}')"
)
NOT_REACHED = "SELECT nothing FROM nowhere"


def entry_of(*legs: tuple[str, str, object], key: str = "k", header: bool = True) -> list[str]:
    """The statements that write an entry by hand: (account, commodity, amount) each."""
    known = sorted({(code, commodity) for code, commodity, _ in legs})
    statements = [ACCOUNT.format(code=code, commodity=commodity) for code, commodity in known]
    for number, (code, commodity, amount) in enumerate(legs, start=1):
        statements.append(POSTING.format(key=key, number=number, code=code, commodity=commodity, amount=amount))
    return [*statements, HEADER.format(key=key)] if header else statements


async def run(database: Database, *statements: str) -> None:
    """Run statements in one transaction."""

    def operation(connection: Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    await database.write(operation)


async def test_balanced_entry_by_hand_is_taken(database: Database) -> None:
    await run(database, *entry_of(("a", "CNY", 5), ("b", "CNY", -5), ("a", "PTS", 3), ("b", "PTS", -3)))


@pytest.mark.parametrize(
    "legs",
    [
        pytest.param([("a", "CNY", 5), ("b", "CNY", -4)], id="unbalanced"),
        pytest.param([("a", "CNY", 5)], id="one_sided"),
        pytest.param([], id="no_postings"),
        pytest.param([("a", "CNY", 0), ("b", "CNY", 0)], id="zero"),
        pytest.param([("a", "CNY", 5), ("b", "USD", -5)], id="mixed_currency"),
        pytest.param([("a", "CNY", 1 << 62), ("b", "CNY", -(1 << 62))], id="2^62"),
        pytest.param([("a", "CNY", 1 << 63), ("b", "CNY", -(1 << 63))], id="2^63"),
        pytest.param([("a", "CNY", 1 << 62), ("a", "CNY", 1 << 62), ("b", "CNY", -(1 << 62))], id="overflowing_sum"),
    ],
)
async def test_lg_06_database_refuses_a_wrong_entry(database: Database, legs: list[tuple[str, str, object]]) -> None:
    with pytest.raises(DatabaseError):
        await run(database, *entry_of(*legs))
    count = await database.read(
        lambda connection: connection.execute(sa.select(sa.func.count(postings.c.number))).scalar()
    )
    assert count == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("amount", ["1.5", "'five'"])
async def test_lg_12_sqlite_refuses_what_is_no_integer(database: Database, amount: str) -> None:
    with pytest.raises(RefusedByDatabaseError, match="ck_postings_amount_"):
        await run(database, *entry_of(("a", "CNY", amount), ("b", "CNY", -5)))


async def test_lg_06_postings_without_a_header_are_refused_at_commit(database: Database) -> None:
    with pytest.raises(RefusedByDatabaseError):
        await run(database, *entry_of(("a", "CNY", 5), ("b", "CNY", -5), header=False))


async def test_lg_06_sealed_entry_takes_no_more_postings(database: Database) -> None:
    await run(database, *entry_of(("a", "CNY", 5), ("b", "CNY", -5)))
    more = [POSTING.format(key="k", number=n, code="a", commodity="CNY", amount=a) for n, a in ((3, 7), (4, -7))]
    with pytest.raises(RefusedByDatabaseError, match="sealed"):
        await run(database, *more)


def in_one(*statements: str) -> str:
    """Put inserts that differ in their values only into one statement."""
    return f"{statements[0].partition(' VALUES ')[0]} VALUES " + ", ".join(
        each.partition(" VALUES ")[2] for each in statements
    )


@pytest.mark.parametrize("wrong", [0, 1, 2])
@pytest.mark.parametrize(
    "legs", [pytest.param((5, -4), id="unbalanced"), pytest.param((5,), id="one_sided"), pytest.param((), id="none")]
)
async def test_lg_06_one_wrong_entry_among_several_in_a_statement(
    database: Database, wrong: int, legs: tuple[int, ...]
) -> None:
    entries = [legs if number == wrong else (5, -5) for number in range(3)]
    posted = [
        POSTING.format(key=f"k{key}", number=number, code="a", commodity="CNY", amount=amount)
        for key, amounts in enumerate(entries)
        for number, amount in enumerate(amounts, start=1)
    ]
    headers = in_one(*(HEADER.format(key=f"k{key}") for key in range(3)))
    with pytest.raises(RefusedByDatabaseError, match="must balance"):
        await run(database, ACCOUNT.format(code="a", commodity="CNY"), in_one(*posted), headers, NOT_REACHED)


async def test_lg_06_one_posting_to_a_sealed_entry_among_several_in_a_statement(database: Database) -> None:
    await run(database, *entry_of(("a", "CNY", 5), ("b", "CNY", -5)))
    more = [POSTING.format(key=key, number=9, code="a", commodity="CNY", amount=7) for key in ("j", "k", "l")]
    with pytest.raises(RefusedByDatabaseError, match="sealed"):
        await run(database, in_one(*more))


async def test_lg_08_one_stopped_account_among_several_in_a_statement(database: Database) -> None:
    await run(database, *(ACCOUNT.format(code=code, commodity="CNY") for code in ("a", "b", "c")))
    stop = (
        "INSERT INTO frozen_accounts (id, code, commodity, rule, found, frozen_at) VALUES ('f', 'b', 'CNY', 'x', 'x', "
    )
    await run(database, f"{stop}'2026-11-22T08:00:00.000000Z')")
    with pytest.raises(RefusedByDatabaseError, match="account_frozen"):
        await run(database, "UPDATE accounts SET balance = balance + 1")
    await run(database, "UPDATE accounts SET balance = balance + CASE code WHEN 'b' THEN 0 ELSE 1 END")
    await run(database, "UPDATE accounts SET balance = balance + 1 WHERE code <> 'b'")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_lg_06_two_open_transactions_cannot_smuggle_a_posting_in(database: Database, database_url: str) -> None:
    await run(database, ACCOUNT.format(code="a", commodity="CNY"), ACCOUNT.format(code="b", commodity="CNY"))
    first = await asyncpg.connect(database_url)
    second = await asyncpg.connect(database_url)
    honest, smuggled = first.transaction(), second.transaction()
    await honest.start()
    await smuggled.start()
    await second.execute(POSTING.format(key="k", number=9, code="a", commodity="CNY", amount=1000))
    for statement in entry_of(("a", "CNY", 5), ("b", "CNY", -5))[2:]:
        await first.execute(statement)
    await honest.commit()
    with pytest.raises(asyncpg.CheckViolationError):
        await smuggled.commit()
    await first.close()
    await second.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_entries SET reference = 'y'",
        "UPDATE postings SET amount = amount * 2",
        "DELETE FROM journal_entries",
        "DELETE FROM postings",
        "UPDATE lots SET expires_at = NULL",
        "UPDATE lots SET amount = amount + 1, remaining = remaining + 1",
    ],
)
async def test_lg_07_entries_are_never_changed(database: Database, statement: str) -> None:
    await database.write(lambda connection: give(connection, "a", 100, days(1)))
    with pytest.raises(RefusedByDatabaseError):
        await run(database, statement)
    assert (await database.read(wallet)).available == 100


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["postings", "journal_entries"])
async def test_lg_07_entries_are_never_truncated(database: Database, table: str) -> None:
    await database.write(lambda connection: give(connection, "a", 100))
    with pytest.raises(RefusedByDatabaseError):
        await run(database, f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_lg_07_replacing_is_changing(database: Database) -> None:
    await database.write(lambda connection: give(connection, "a", 100))
    with pytest.raises(RefusedByDatabaseError):
        await run(database, "INSERT OR REPLACE INTO journal_entries SELECT * FROM journal_entries")


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE accounts SET balance = -1 WHERE code = 'member/{MEMBER}/available'",
        f"UPDATE accounts SET may_go_negative = true WHERE code = 'member/{MEMBER}/available'",
        f"INSERT INTO accounts VALUES ('member/{MEMBER}/credit', 'PTS', 'programme', true, -5)",
        "UPDATE lots SET remaining = -1",
        "UPDATE lots SET remaining = 101",
        "UPDATE lots SET remaining = 60, expired = 41",
    ],
)
async def test_lg_13_database_refuses_overdrafts_of_members_and_lots(database: Database, statement: str) -> None:
    await database.write(lambda connection: give(connection, "a", 100))
    with pytest.raises(RefusedByDatabaseError):
        await run(database, statement)


async def test_member_account_passed_off_as_a_programme_one_is_refused(database: Database) -> None:
    disguised = Account(f"member/{MEMBER}/available", "PTS", AccountKind.PROGRAMME, may_go_negative=True)
    entry = JournalEntry(
        key="k",
        kind="adjustment",
        reference="x",
        effective_at=AT,
        postings=(Posting(disguised, -5), Posting(partner_payable("p", "PTS"), 5)),
    )
    with pytest.raises(RefusedByDatabaseError):
        await database.write(lambda connection: ledger.post(connection, entry, AT))


async def test_refused_entry_leaves_nothing_of_its_transaction(database: Database) -> None:
    def story(connection: Connection) -> None:
        give(connection, "a", 100)
        hold(connection, "r", 60)
        connection.exec_driver_sql(HEADER.format(key="unbalanced"))

    with pytest.raises(RefusedByDatabaseError):
        await database.write(story)
    assert await database.read(lambda connection: ledger.balances(connection, MEMBER)) == ()


async def test_lg_14_reader_never_sees_half_a_movement(database: Database) -> None:
    """Holds and voids go on while a reader adds up: points are neither lost nor made in between."""
    await database.write(lambda connection: give(connection, "a", 1000))
    going = True

    async def move() -> None:
        for number in range(30):
            await database.write(lambda connection, name=f"r{number}": hold(connection, name, 90))  # type: ignore[misc]
            await database.write(lambda connection, name=f"r{number}": void(connection, name))  # type: ignore[misc]

    def sums(connection: Connection) -> tuple[int, int]:
        members = connection.execute(sa.select(accounts.c.balance).where(accounts.c.kind == "member")).scalars().all()
        in_lots = connection.execute(sa.select(sa.func.sum(lots.c.remaining))).scalar_one()
        held = connection.execute(sa.select(accounts.c.balance).where(accounts.c.code.like("%/held"))).scalar() or 0
        return sum(members), int(in_lots) + held

    async def watch() -> list[tuple[int, int]]:
        seen = []
        while going:
            seen.append(await database.read(sums))
        return seen

    watching = asyncio.create_task(watch())
    await move()
    going = False
    seen = await watching
    assert len(seen) > 5
    assert set(seen) == {(1000, 1000)}


async def test_posting_to_a_partner_and_a_bearer_keeps_both_balances(database: Database) -> None:
    entry = JournalEntry(
        key="k",
        kind="obligation",
        reference="x",
        effective_at=AT,
        postings=(Posting(partner_payable("p", "CNY"), -500), Posting(bearer_expense("maker", "CNY"), 500)),
    )

    def story(connection: Connection) -> dict[str, int]:
        ledger.post(connection, entry, AT)
        return {row.code: row.balance for row in connection.execute(sa.select(accounts))}

    assert await database.write(story) == {"partner/p/payable": -500, "bearer/maker/expense": 500}
