"""The verdict: what members paid, our books and the partners' books, compared redemption by redemption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import sqlalchemy as sa
from sqlalchemy import Connection

from config.clock import SystemClock
from config.database import Database
from config.settings import load_settings
from gateway.operations.switches import read_switches
from gateway.operations.tables import alarms
from gateway.redemption.states import TERMINAL, ReversalState, State
from gateway.redemption.suspicions import GRANTED_TWICE
from gateway.redemption.tables import attempts, claims, quotes, redemptions, reversals
from settlement import ledger
from settlement.audit import audit
from tests.campaign.club import Club, patiently
from tests.campaign.driver import Members
from tests.campaign.partners import partner_id
from tests.campaign.shapes import SHAPES

BREAKS_ITS_WORD = {partner_id(profile) for profile, shape in SHAPES.items() if shape.doubles}
"""Partners that book a repeat once more: not ours to prevent, but to find out and not to ask for again."""
NOT_PROCESSED = ("not_sent", "busy")
_TWICE = sa.select(alarms.c.subject).where(alarms.c.kind == GRANTED_TWICE)


@dataclass(frozen=True)
class Row:
    """One redemption as our books have it."""

    id: str
    partner: str
    key: str
    member: str
    state: State
    quantity: int
    reason: str | None
    next_action_at: Any
    given_back: int
    reversal: str | None


@dataclass
class PartnerBook:
    """One partner's own book."""

    granted: dict[str, int]
    standing: set[str]
    lied: set[str]
    counts: dict[str, int]
    met: dict[str, int]


@dataclass
class Books:
    """Everything that is compared.

    ``found_twice``: redemptions of which an alarm says that they were granted twice; ``distrusted``: partners to which
    nothing is to be sent a second time; ``sent_again``: redemptions of which something was all the same.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    partners: dict[str, PartnerBook] = field(default_factory=dict)
    balances: dict[str, tuple[int, int]] = field(default_factory=dict)
    claims: list[str] = field(default_factory=list)
    findings: tuple[Any, ...] = ()
    found_twice: set[str] = field(default_factory=set)
    distrusted: set[str] = field(default_factory=set)
    sent_again: list[str] = field(default_factory=list)


async def read_partners(club: Club) -> dict[str, PartnerBook]:
    """Ask every partner what it did."""
    found = {}
    async with aiohttp.ClientSession() as http:
        for profile, url in club.partners.items():
            _, told = await patiently(http, "GET", f"{url}/_simulator/grants")
            found[partner_id(profile)] = PartnerBook(
                told["granted"], set(told["standing"]), set(told["lied"]), told["counts"], told["met"]
            )
    return found


async def read_books(club: Club, members: Members) -> Books:
    """Read our database and the partners' books."""
    database = await Database.open(load_settings(club.settings_file(), {}).database)
    try:
        books = await database.read(lambda connection: _read(connection, members))
    finally:
        await database.close()
    books.partners = await read_partners(club)
    return books


async def undecided(club: Club, pretended: Collection[str] = ()) -> tuple[int, int]:
    """Count what is still under way, and what is with people.

    Args:
        club: whose database is read.
        pretended: keys that a partner only pretended to grant: to undo such a grant is asked for until its deadline, a
            day later.
    """
    database = await Database.open(load_settings(club.settings_file(), {}).database)
    try:
        return await database.read(partial(_undecided, pretended=frozenset(pretended)))
    finally:
        await database.close()


def _undecided(connection: Connection, pretended: frozenset[str]) -> tuple[int, int]:
    waiting = connection.execute(sa.select(redemptions.c.id).where(redemptions.c.next_action_at.is_not(None))).all()
    undoing = (
        sa.select(redemptions.c.partner_key)
        .join(reversals, reversals.c.redemption_id == redemptions.c.id)
        .where(reversals.c.next_action_at.is_not(None))
    )
    left = [key for key in connection.execute(undoing).scalars() if key not in pretended]
    manual = sum(
        int(connection.execute(sa.select(sa.func.count()).where(state == "manual")).scalar_one())
        for state in (redemptions.c.state, reversals.c.state)
    )
    return len(waiting) + len(left), manual


def _read(connection: Connection, members: Members) -> Books:
    back: Counter[str] = Counter()
    states: dict[str, str] = {}
    for one in connection.execute(sa.select(reversals)):
        states[one.redemption_id] = one.state
        if one.state == ReversalState.APPLIED:
            back[one.redemption_id] += one.quantity
    query = sa.select(redemptions, quotes.c.quantity).join(quotes, quotes.c.id == redemptions.c.quote_id)
    rows = {
        one.id: Row(
            one.id,
            one.partner,
            one.partner_key,
            one.member_id,
            State(one.state),
            one.quantity,
            one.reason,
            one.next_action_at,
            back[one.id],
            states.get(one.id),
        )
        for one in connection.execute(query)
    }
    return Books(
        rows=rows,
        balances={member: _points(connection, member) for member in members.opened_with},
        claims=[one.redemption_id for one in connection.execute(sa.select(claims.c.redemption_id))],
        findings=audit(connection, live_hold_keys=()).findings,
        found_twice=set(connection.execute(_TWICE).scalars()),
        **_distrust(connection),
    )


def _distrust(connection: Connection) -> dict[str, Any]:
    """Say which partners are distrusted, and what was sent to them a second time after that."""
    since = {
        partner: switch.last_change.changed_at
        for partner, switch in read_switches(connection).items()
        if switch.distrusted and switch.last_change is not None
    }
    earlier = attempts.alias()
    mine = sa.and_(earlier.c.redemption_id == attempts.c.redemption_id, earlier.c.number < attempts.c.number)
    reached = sa.or_(earlier.c.outcome.is_(None), earlier.c.outcome.not_in(NOT_PROCESSED))
    query = (
        sa.select(attempts.c.redemption_id, redemptions.c.partner, attempts.c.started_at)
        .distinct()
        .join(redemptions, redemptions.c.id == attempts.c.redemption_id)
        .join(earlier, mine)
        .where(attempts.c.is_commit, earlier.c.is_commit, reached, redemptions.c.partner.in_(since))
    )
    again = [row.redemption_id for row in connection.execute(query) if row.started_at > since[row.partner]]
    return {"distrusted": set(since), "sent_again": sorted(set(again))}


def _points(connection: Connection, member: str) -> tuple[int, int]:
    found = ledger.balances(connection, member, at=SystemClock().now())
    points = next(one for one in found if one.commodity == "PTS")
    return points.available, points.held


def verdict(books: Books, members: Members) -> Iterator[str]:
    """Name everything that is wrong; nothing is the proof."""
    yield from (f"audit: {finding}" for finding in books.findings)
    yield from _each_redemption(books)
    yield from _each_partner(books)
    yield from _each_member(books, members)
    yield from _what_was_told(books, members)
    yield from (f"{one}: a claim was opened" for one in books.claims)
    yield from (f"{one}: sent a second time to a partner that is distrusted" for one in books.sent_again)


def _each_redemption(books: Books) -> Iterator[str]:
    for row in books.rows.values():
        if row.state is State.MANUAL and not row.reason:
            yield f"{row.id}: with people, and nobody says why"
        if row.state not in TERMINAL and row.state is not State.MANUAL:
            yield f"{row.id}: still {row.state} at {row.partner}"
        partner = books.partners[row.partner]
        if partner.granted.get(row.key, 0) > 1:
            yield from _granted_twice(books, row, partner.granted[row.key])
        if row.state not in TERMINAL or row.key in partner.lied or row.reversal == ReversalState.MANUAL:
            continue
        has, paid = row.key in partner.standing, row.state is State.CAPTURED and not row.given_back
        if has != paid:
            yield f"{row.id}: {row.state} at {row.partner}; the member has it: {has}, has paid: {paid}"


def _granted_twice(books: Books, row: Row, times: int) -> Iterator[str]:
    """What stands twice at a partner that broke its word has to have been found out; elsewhere it is our fault."""
    if row.partner not in BREAKS_ITS_WORD:
        yield f"{row.id}: {row.partner} granted it {times} times"
    elif row.state is State.CAPTURED and row.reversal is None and row.id not in books.found_twice:
        yield f"{row.id}: {row.partner} booked it {times} times, and nobody was told"
    elif row.id in books.found_twice and row.partner not in books.distrusted:
        yield f"{row.id}: {row.partner} booked it {times} times, and is trusted as before"


def _each_partner(books: Books) -> Iterator[str]:
    known = {(row.partner, row.key) for row in books.rows.values()}
    for name, partner in books.partners.items():
        for key in partner.granted:
            if (name, key) not in known:
                yield f"{name} granted {key!r}, of which we know nothing"


def _each_member(books: Books, members: Members) -> Iterator[str]:
    spent: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for row in books.rows.values():
        if row.state is State.CAPTURED:
            spent[row.member] += row.quantity - row.given_back
        elif row.state not in TERMINAL:
            held[row.member] += row.quantity
    for member, opened in members.opened_with.items():
        expected = (opened - spent[member] - held[member], held[member])
        if books.balances[member] != expected:
            yield f"{member}: has (available, held) {books.balances[member]} and should have {expected}"


def _what_was_told(books: Books, members: Members) -> Iterator[str]:
    for wish in members.wishes:
        if len(wish.redemption_ids) > 1:
            yield f"{wish.key}: one key, several redemptions {sorted(wish.redemption_ids)}"
        for one in wish.redemption_ids:
            row = books.rows.get(one)
            if row is None:
                yield f"{wish.key}: {one} was told and is not there"
            elif wish.captured and row.state is not State.CAPTURED:
                yield f"{wish.key}: {one} was told to be captured and is {row.state}"
            elif wish.refused and row.state is not State.VOIDED:
                yield f"{wish.key}: {one} was told to be refused and is {row.state}"
    told = {one for wish in members.wishes for one in wish.redemption_ids}
    for one in books.rows.keys() - told:
        if books.rows[one].state not in TERMINAL:
            yield f"{one}: nobody was told of it and it has not ended"
