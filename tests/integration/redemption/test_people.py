"""What only people can end: two of them, with evidence, exactly once, on both databases (OP-10)."""

from __future__ import annotations

from functools import partial

import pytest
import sqlalchemy as sa

from adapters.sdk.manifest import Facts
from config.database import Database
from config.errors import ConflictError, NotFoundError, RuleError
from gateway.redemption import people, reversal_store
from gateway.redemption.people import Finding, ManualCase, Outcome, Proposal
from gateway.redemption.states import ReversalState, State
from gateway.redemption.tables import claims, manual_proposals
from tests.support.partners import PlainPartner, connected, granted_then_lost
from tests.support.room import OPENING, PARTNER, Room, open_room


async def with_people(database: Database) -> tuple[Room, str]:
    """A redemption at a partner that cannot be asked: it goes to people at once."""
    partner = PlainPartner()
    partner.scripts.append(granted_then_lost)
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=Facts())
    redemption = await room.redeem()
    room.clock.advance(minutes=20)
    await room.sweeper.sweep()
    assert (await room.get(redemption.id)).state is State.MANUAL
    return room, redemption.id


async def says(
    room: Room, case_id: str, outcome: Outcome, by: str, reference: str | None = None, evidence: str | None = None
) -> Proposal | None:
    finding = Finding(outcome, evidence or f"{by} called the partner", by, reference)
    decide = partial(
        people.decide,
        engine=room.engine,
        effects=room.intake._effects,
        case_id=case_id,
        finding=finding,
        now=room.clock.now(),
    )
    return await room.database.write(decide)


async def waiting(room: Room) -> list[ManualCase]:
    return await room.database.read(partial(people.cases, limit=10))


@pytest.mark.parametrize(
    ("outcome", "state", "left"), [("issued", State.CAPTURED, OPENING - 600), ("not_issued", State.VOIDED, OPENING)]
)
async def test_op_10_two_people_end_a_redemption(database: Database, outcome: Outcome, state: State, left: int) -> None:
    room, redemption_id = await with_people(database)
    [case] = await waiting(room)
    assert (case.id, case.quantity, case.outcomes, case.proposal) == (
        redemption_id, 600, ("issued", "not_issued"), None,
    )  # fmt: skip
    proposal = await says(room, redemption_id, outcome, "ann")
    assert proposal is not None
    assert (await room.get(redemption_id)).state is State.MANUAL
    assert (await waiting(room))[0].proposal == proposal
    assert await says(room, redemption_id, outcome, "bob", "P-7") is None
    redemption = await room.get(redemption_id)
    assert (redemption.state, redemption.partner_reference) == (state, "P-7")
    assert await room.balance() == (left, 0)
    assert await waiting(room) == []
    kept = await room.database.read(lambda connection: connection.execute(sa.select(manual_proposals)).one())
    assert (kept.proposed_by, kept.decided_by, kept.state) == ("ann", "bob", "confirmed")
    assert (kept.evidence, kept.decided_evidence) == ("ann called the partner", "bob called the partner")
    await room.require_clean_books()


async def test_op_10_nobody_confirms_his_own_and_another_word_begins_anew(database: Database) -> None:
    room, redemption_id = await with_people(database)
    for _ in range(2):
        assert await says(room, redemption_id, "issued", "ann") is not None
    assert await says(room, redemption_id, "not_issued", "bob") is not None
    assert await says(room, redemption_id, "not_issued", "bob") is not None
    assert (await room.get(redemption_id)).state is State.MANUAL
    assert await says(room, redemption_id, "not_issued", "ann") is None
    assert (await room.get(redemption_id)).state is State.VOIDED
    states = await room.database.read(
        lambda connection: list(
            connection.execute(sa.select(manual_proposals.c.state).order_by(manual_proposals.c.number)).scalars()
        )
    )
    assert states == ["replaced", "replaced", "replaced", "confirmed"]


async def test_op_10_what_people_got_wrong_is_claimed_and_never_recharged(database: Database) -> None:
    room, redemption_id = await with_people(database)
    await says(room, redemption_id, "not_issued", "ann")
    await says(room, redemption_id, "not_issued", "bob")
    redemption = await room.get(redemption_id)
    await room.database.write(
        lambda connection: room.intake._effects.claimed(connection, redemption, {"file": "row 7"}, room.clock.now())
    )
    assert await room.balance() == (OPENING, 0)
    assert len(await room.database.read(lambda connection: connection.execute(sa.select(claims)).all())) == 1
    await room.require_clean_books()


async def test_what_is_not_with_people_is_not_theirs_to_decide(database: Database) -> None:
    room, redemption_id = await with_people(database)
    for evidence, by in (("x" * 9, "ann"), (" " * 20, "ann"), ("they said so", " ")):
        with pytest.raises(RuleError, match="how it was found out"):
            await says(room, redemption_id, "issued", by, evidence=evidence)
    with pytest.raises(RuleError, match="issued, not_issued"):
        await says(room, redemption_id, "stands", "ann")
    for unknown in ("rdm_nobody", f"{redemption_id}:reverse:1", f"{redemption_id}:reverse:x", f"{redemption_id}:"):
        with pytest.raises(NotFoundError):
            await says(room, unknown, "issued", "ann")
    await says(room, redemption_id, "issued", "ann")
    await says(room, redemption_id, "issued", "bob")
    with pytest.raises(ConflictError, match="captured"):
        await says(room, redemption_id, "not_issued", "cy")


@pytest.mark.parametrize(
    ("outcome", "state", "left"),
    [("undone", ReversalState.APPLIED, OPENING), ("stands", ReversalState.REFUSED, OPENING - 600)],
)
async def test_two_people_end_a_reversal(database: Database, outcome: Outcome, state: ReversalState, left: int) -> None:
    partner = PlainPartner()
    room = await open_room(database, skyhub_lounge=partner)
    room.partners[PARTNER] = connected(partner, partner=PARTNER, facts=Facts())
    redemption = await room.redeem()
    assert redemption.state is State.CAPTURED
    await room.database.write(
        lambda connection: room.intake._effects.ask_reversal(
            connection, redemption, "member_cancelled", room.clock.now()
        )
    )
    room.clock.advance(hours=30)
    await room.sweeper.sweep()
    [case] = await waiting(room)
    assert (case.id, case.quantity, case.outcomes) == (f"{redemption.id}:reverse:1", 600, ("undone", "stands"))
    assert await says(room, case.id, outcome, "ann") is not None
    assert await says(room, case.id, outcome, "bob") is None
    ended = await room.database.read(partial(reversal_store.get, redemption_id=redemption.id, number=1))
    assert ended is not None
    assert ended.state is state
    assert await room.balance() == (left, 0)
    await room.require_clean_books()
