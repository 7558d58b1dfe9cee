"""What is undecided at a partner is found by its index, and means what the states say."""

from __future__ import annotations

import re

from sqlalchemy import Connection

from config.database import Database
from gateway.redemption import store
from gateway.redemption.records import POINTS
from gateway.redemption.states import TERMINAL, State
from gateway.redemption.tables import UNDECIDED
from tests.support.partners import FencingPartner
from tests.support.room import PARTNER, open_room


def test_its_words_are_the_states_that_have_not_ended() -> None:
    named = set(re.findall(r"'(\w+)'", UNDECIDED.text))
    assert named == {state.value for state in State if state in TERMINAL}


async def test_what_has_ended_counts_no_more_and_is_not_looked_at(database: Database) -> None:
    room = await open_room(database, skyhub_lounge=FencingPartner())
    await room.redeem(points=500)
    await room.take_in(points=700)
    assert await database.read(lambda connection: store.points_at_risk(connection, PARTNER, POINTS)) == 700
    assert "ix_redemptions_undecided" in await database.read(_plan)


def _plan(connection: Connection) -> str:
    """Ask each database how it would run the statement, of a table that is not small."""
    sql = store._AT_RISK._for(connection).sql
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (0, PARTNER, POINTS))
    else:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        told = re.sub(r"\$1", "0", re.sub(r"\$2", f"'{PARTNER}'", re.sub(r"\$3", f"'{POINTS}'", sql)))
        rows = connection.exec_driver_sql(f"EXPLAIN {told}")
    return " ".join(str(row) for row in rows)
