"""Idempotency keys on both databases, named by the fault list's ID rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from config.database import Database
from config.errors import MalformedError, NotFoundError, RuleError
from config.settings import DatabaseSettings
from config.side_by_side import About
from gateway.canonical import canonical_json, fingerprint
from gateway.edge_tables import edge_keys, idempotency_keys
from gateway.errors import KeyInFlightError, KeyMissingError, KeyReusedError, ReplayedRefusalError
from gateway.idempotency import KEPT, Answer, IdempotencyKeys, KeyedRequest, find, keep, keyed_request, purge, read_key

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


class Clock:
    instant = NOON

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def request(key: str = "k", caller: str = "app/one", operation: str = "do", content: Any = 1) -> KeyedRequest:
    return keyed_request(caller, operation, key, content)


def effect(name: str) -> Callable[[Connection], Answer]:
    """Make a work whose effect is one more row; a second run would fail by the primary key."""

    def work(connection: Connection) -> Answer:
        connection.execute(sa.insert(edge_keys).values(name=name, value=b"", created_at=NOON))
        return Answer(201, b"made " + name.encode(), name)

    return work


Way = Callable[[Callable[[Connection], Answer]], Callable[[Connection], Answer]]


def plainly(work: Callable[[Connection], Answer]) -> Callable[[Connection], Answer]:
    return work


def beside(work: Callable[[Connection], Answer]) -> Callable[[Connection], Answer]:
    """Let it run side by side with others, where the database does that."""
    return About("member", work)


BOTH_WAYS = pytest.mark.parametrize("way", [plainly, beside])


async def effects(database: Database) -> list[str]:
    query = sa.select(edge_keys.c.name).order_by(edge_keys.c.name)
    return await database.read(lambda connection: list(connection.execute(query).scalars()))


async def rows(database: Database) -> int:
    count = sa.select(sa.func.count()).select_from(idempotency_keys)
    return await database.read(lambda connection: int(connection.execute(count).scalar_one()))


@pytest.fixture
def keys(database: Database) -> IdempotencyKeys:
    return IdempotencyKeys(database, Clock())


@BOTH_WAYS
async def test_id_01_the_same_request_again_gets_the_stored_answer(
    database: Database, keys: IdempotencyKeys, way: Way
) -> None:
    first = await keys.once(request(), way(effect("a")))
    again = await keys.once(request(), way(effect("a")))
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.status, again.body, again.resource_id) == (201, b"made a", "a")
    assert (await effects(database), await rows(database)) == (["a"], 1)


@BOTH_WAYS
async def test_id_02_another_body_under_the_key_is_refused(database: Database, keys: IdempotencyKeys, way: Way) -> None:
    await keys.once(request(), way(effect("a")))
    with pytest.raises(KeyReusedError):
        await keys.once(request(content=2), way(effect("b")))
    assert await effects(database) == ["a"]


async def test_id_03_of_fifty_at_once_one_is_done(database: Database, keys: IdempotencyKeys) -> None:
    results = await asyncio.gather(*(keys.once(request(), effect("a")) for _ in range(50)), return_exceptions=True)
    done = [result for result in results if isinstance(result, Answer)]
    assert [answer.replayed for answer in done].count(False) == 1
    assert all(isinstance(result, Answer | KeyInFlightError) for result in results)
    assert any(isinstance(result, KeyInFlightError) for result in results)
    assert await effects(database) == ["a"]
    assert (await keys.once(request(), effect("a"))).replayed


@BOTH_WAYS
async def test_id_03_between_processes_one_is_done(database: Database, way: Way) -> None:
    others = [await Database.open(DatabaseSettings(url=database.url)) for _ in range(3)]
    processes = [IdempotencyKeys(each, Clock()) for each in (database, *others) for _ in range(5)]
    asked = (one.once(request(), way(effect(f"{number}"))) for number, one in enumerate(processes))
    results = await asyncio.gather(*asked, return_exceptions=True)
    for other in others:
        await other.close()
    done = [result for result in results if isinstance(result, Answer)]
    assert [answer.replayed for answer in done].count(False) == 1
    assert all(isinstance(result, Answer | KeyInFlightError) for result in results), results
    assert len(await effects(database)) == 1


async def test_id_05_callers_do_not_share_keys(database: Database, keys: IdempotencyKeys) -> None:
    await keys.once(request(caller="app/one"), effect("a"))
    second = await keys.once(request(caller="app/two"), effect("b"))
    assert not second.replayed
    assert await effects(database) == ["a", "b"]


async def test_id_06_a_key_used_at_another_operation_is_refused(database: Database, keys: IdempotencyKeys) -> None:
    await keys.once(request(operation="do"), effect("a"))
    with pytest.raises(KeyReusedError):
        await keys.once(request(operation="undo"), effect("b"))


def test_id_07_order_of_names_and_white_space_do_not_count() -> None:
    assert fingerprint({"b": 1, "a": [True, None]}) == fingerprint({"a": [True, None], "b": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


def test_id_07_canonical_form() -> None:
    """Figures of RFC 8785 section 3.2.3 (sorting of property names by UTF-16 code units), read 2026-11-22."""
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(canonical_json(value))) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert canonical_json('\u20ac$\u000f\nA\'B"\\\\"/') == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'
    with pytest.raises(TypeError):
        canonical_json({"a": 1.0})


async def test_id_08_kept_for_thirty_five_days(database: Database) -> None:
    clock = Clock()
    keys = IdempotencyKeys(database, clock)
    await keys.once(request(), effect("a"))
    clock.instant = NOON + KEPT - timedelta(seconds=1)
    assert (await keys.once(request(), effect("a"))).replayed
    clock.instant = NOON + KEPT
    assert not (await keys.once(request(), effect("b"))).replayed
    assert await database.write(lambda connection: purge(connection, NOON + 2 * KEPT)) == 1


@pytest.mark.parametrize("error", [MalformedError("x"), NotFoundError("x"), RuntimeError("x")])
async def test_id_09_what_is_no_refusal_leaves_the_key_free(
    database: Database, keys: IdempotencyKeys, error: Exception
) -> None:
    def work(_connection: Connection) -> Answer:
        raise error

    with pytest.raises(type(error)):
        await keys.once(request(), work)
    assert await rows(database) == 0
    assert not (await keys.once(request(), effect("a"))).replayed


@BOTH_WAYS
async def test_id_10_a_refusal_takes_the_key_and_undoes_the_work(
    database: Database, keys: IdempotencyKeys, way: Way
) -> None:
    def work(connection: Connection) -> Answer:
        effect("half")(connection)
        raise RuleError("Too little.", asked=5)

    with pytest.raises(RuleError):
        await keys.once(request(), way(work))
    with pytest.raises(ReplayedRefusalError) as again:
        await keys.once(request(), way(effect("a")))
    assert (again.value.refusal, again.value.message, again.value.facts) == ("rule", "Too little.", {"asked": 5})
    assert await effects(database) == []


async def test_an_effect_that_is_rolled_back_takes_no_key(database: Database) -> None:
    def work(connection: Connection) -> None:
        assert find(connection, request(), NOON) is None
        keep(connection, request(), Answer(201), NOON)
        raise RuntimeError("crash before commit")

    with pytest.raises(RuntimeError):
        await database.write(work)
    assert await rows(database) == 0


@pytest.mark.parametrize(
    "values",
    [[], [""], ["x" * 256], ["a b"], ["a\tb"], ["a\x00b"], ["é"], ["键"], ['""'], ['"a b"'], ["a", "b"], [" "]],
)
def test_id_04_what_is_no_key(values: list[str]) -> None:
    with pytest.raises(KeyMissingError):
        read_key(values)


def test_id_12_quoted_and_bare_are_one_key() -> None:
    """The quoted form is that of draft-ietf-httpapi-idempotency-key-header-07 (an RFC 8941 string)."""
    assert read_key(['"8e03978e-40d5-43e8-bc93-6894a57f9324"']) == read_key(["8e03978e-40d5-43e8-bc93-6894a57f9324"])
    assert read_key(['"a\\"b\\\\c"']) == 'a"b\\c'
    assert read_key(["x" * 255]) == "x" * 255


async def test_id_03_an_open_transaction_of_another_process_is_not_waited_for(database: Database) -> None:
    if database.dialect != "postgresql":
        pytest.skip("SQLite has one writer: the second waits for the first and is a replay")

    def slow(connection: Connection) -> Answer:
        connection.execute(sa.text("SELECT pg_sleep(0.6)"))
        return effect("a")(connection)

    first = asyncio.create_task(IdempotencyKeys(database, Clock()).once(request(), slow))
    await asyncio.sleep(0.2)
    with pytest.raises(KeyInFlightError):
        async with asyncio.timeout(0.3):
            await IdempotencyKeys(database, Clock()).once(request(), effect("b"))
    assert not (await first).replayed
    assert await effects(database) == ["a"]
