"""Idempotency keys: the second copy of a request never has a second effect.

The row of a key and the effect of its request are written in one transaction (`find`, the work, `keep`), so a key is
never taken without an effect, nor the reverse. A refusal by a rule takes the key too: the work is rolled back to a
savepoint and the refusal is stored. A malformed request (400) never reaches this module.

Two copies at once: within one process the second is refused at once (`KeyInFlightError`, 409). Between processes
PostgreSQL refuses it by an advisory transaction lock that is tried, not awaited; SQLite, which has one writer at a
time, lets it wait for the first and answers the first's result. A request that runs beside others
(`config.side_by_side`) takes its key for new and does without that lock: its row, which is unique, would show that it
was wrong, and then it runs again alone.

A key means one thing for one caller: with another body, or at another operation, it is refused (422). Callers never see
each other's keys. Keys are kept for 35 days.

Source: draft-ietf-httpapi-idempotency-key-header-07 (read 2026-11-22).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection

from config.clock import Clock
from config.crash_points import CrashPoints
from config.database import Database, insert_surely_new
from config.errors import GatewayError
from config.hot_statements import on_postgresql, savepoint
from config.prepared import Prepared
from config.side_by_side import About, is_beside
from gateway.canonical import fingerprint
from gateway.edge_tables import idempotency_keys
from gateway.errors import KeyInFlightError, KeyMissingError, KeyReusedError, ReplayedRefusalError
from gateway.problems import kind_of

KEPT = timedelta(days=35)
"""Longer than any redemption stays open; a month-end statement still finds the key."""

_BARE = re.compile(r"[\x21-\x7e]{1,255}\Z")
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"\Z')


class KeyedRequest(msgspec.Struct, frozen=True):
    """One value-moving request: whose key, which key, at which operation, and what is asked."""

    caller: str
    operation: str
    key: str
    fingerprint: str


class Answer(msgspec.Struct, frozen=True):
    """What a request was answered. ``resource_id`` names the thing made, when its current state is told instead."""

    status: int
    body: bytes = b""
    resource_id: str | None = None
    replayed: bool = False


class _Refusal(msgspec.Struct, frozen=True):
    code: str
    message: str
    facts: dict[str, str | int | None]


def read_key(values: list[str]) -> str:
    """Read the ``Idempotency-Key`` header: 1 to 255 visible characters; a quoted string (RFC 8941) is its content.

    Raises:
        KeyMissingError: absent, sent twice, or not of that form.
    """
    if len(values) != 1:
        raise KeyMissingError("Send one Idempotency-Key header; it makes a retry safe.")
    quoted = _QUOTED.match(values[0])
    key = re.sub(r'\\(["\\])', r"\1", quoted[1]) if quoted else values[0]
    if not _BARE.match(key):
        raise KeyMissingError("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return key


def keyed_request(caller: str, operation: str, key: str, *content: Any) -> KeyedRequest:
    """Make the request of a key; ``content`` is the validated model and whatever else decides the effect (path)."""
    return KeyedRequest(caller, operation, key, fingerprint(operation, *content))


def find(connection: Connection, request: KeyedRequest, at: datetime) -> Answer | None:
    """Look whether the key is known; None means that it is new, and the work is to be done and kept (`keep`).

    Raises:
        KeyReusedError: the key was used for another request.
        KeyInFlightError: another process holds the key in an open transaction (PostgreSQL).
        ReplayedRefusalError: the first request was refused by a rule; the refusal is told again.
    """
    if is_beside():
        return None
    _lock(connection, request)
    rows = _FIND.named(connection, **_whose(request))
    if not rows:
        return None
    found = rows[0]
    if found["expires_at"] <= at:
        connection.execute(sa.delete(idempotency_keys).where(_MINE), _whose(request))
        return None
    if (found["operation"], found["fingerprint"]) != (request.operation, request.fingerprint):
        raise KeyReusedError("This Idempotency-Key was used for another request; take a new one.")
    if found["status"] >= 400:
        refusal = msgspec.json.decode(found["body"], type=_Refusal)
        raise ReplayedRefusalError(refusal.code, refusal.message, **refusal.facts)
    return Answer(found["status"], found["body"], found["resource_id"], replayed=True)


def keep(connection: Connection, request: KeyedRequest, answer: Answer, at: datetime) -> None:
    """Write the key with its answer, in the transaction of the work.

    Raises:
        KeyInFlightError: another process has taken the key meanwhile; nothing of this transaction may be committed.
    """
    row = {
        **msgspec.structs.asdict(request),
        "status": answer.status,
        "body": answer.body,
        "resource_id": answer.resource_id,
        "created_at": at,
        "expires_at": at + KEPT,
    }
    if not insert_surely_new(connection, idempotency_keys, row, unique=["caller", "key"]):
        raise _in_flight()


_MINE = sa.and_(
    idempotency_keys.c.caller == sa.bindparam("wanted_caller"), idempotency_keys.c.key == sa.bindparam("wanted_key")
)
_FIND = Prepared(sa.select(idempotency_keys).where(_MINE))


def _whose(request: KeyedRequest) -> dict[str, str]:
    return {"wanted_caller": request.caller, "wanted_key": request.key}


def purge(connection: Connection, at: datetime) -> int:
    """Delete the keys whose 35 days are over; answer how many."""
    return connection.execute(sa.delete(idempotency_keys).where(idempotency_keys.c.expires_at <= at)).rowcount


class IdempotencyKeys:
    """Runs the work of keyed requests once."""

    def __init__(self, database: Database, clock: Clock, crash: CrashPoints | None = None) -> None:
        """Keep the database; no key is in flight."""
        self._database = database
        self._clock = clock
        self._crash = crash or CrashPoints()
        self._in_flight: set[tuple[str, str]] = set()

    async def once(self, request: KeyedRequest, work: Callable[[Connection], Answer], *, short: bool = False) -> Answer:
        """Run ``work`` in one transaction with its key, or answer what the first request got (``replayed``).

        ``work`` is an operation as `config.database` describes it. When it raises an error that is answered with 409 or
        422, what it wrote is undone, the refusal is stored under the key, and the error is raised. ``short``: see
        `config.database.Database.write`.

        Raises:
            KeyReusedError, KeyInFlightError, ReplayedRefusalError: see `find` and `keep`.
            GatewayError: whatever the work raises.
        """
        with self._working(request):
            keyed = partial(self._run, request=request, work=work)
            about = About(work.subject, keyed) if isinstance(work, About) else keyed
            outcome = await self._database.write(about, short=short)
        if isinstance(outcome, GatewayError):
            raise outcome
        return outcome

    def _run(
        self, connection: Connection, request: KeyedRequest, work: Callable[[Connection], Answer]
    ) -> Answer | GatewayError:
        at = self._clock.now()
        known = find(connection, request, at)
        if known is not None:
            return known
        self._crash.reach("key_claimed")
        try:
            with savepoint(connection, "keyed"):
                answer = work(connection)
        except GatewayError as error:
            if kind_of(error.code).status not in {409, 422}:
                raise
            keep(connection, request, _refused(error), at)
            return error
        keep(connection, request, answer, at)
        return answer

    @contextmanager
    def _working(self, request: KeyedRequest) -> Iterator[None]:
        token = (request.caller, request.key)
        if token in self._in_flight:
            raise _in_flight()
        self._in_flight.add(token)
        try:
            yield
        finally:
            self._in_flight.discard(token)


def _refused(error: GatewayError) -> Answer:
    refusal = _Refusal(error.code, error.message, error.facts)
    return Answer(kind_of(error.code).status, msgspec.json.encode(refusal))


def _lock(connection: Connection, request: KeyedRequest) -> None:
    if connection.dialect.name != "postgresql":
        return
    digest = hashlib.sha256(f"{request.caller}\n{request.key}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    if not on_postgresql(connection, "SELECT pg_try_advisory_xact_lock($1)", number):
        raise _in_flight()


def _in_flight() -> KeyInFlightError:
    return KeyInFlightError("The first request with this Idempotency-Key is still being worked on; ask again shortly.")
