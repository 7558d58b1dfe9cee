"""LG-02, the bank test: many tellers in several processes, some of them killed, and a reader who always sees every sum.

The wrong ledgers show that it would be noticed: no constraint or trigger refuses any of their writes.
"""

from __future__ import annotations

import pytest

from config.database import Database
from tests.integration.ledger.bank import TELLERS, kinds, moved, run
from tests.integration.ledger.bank_wrongs import LEDGERS

NOTICED = {
    "reads_then_writes": {"balance_drifted", "members own"},
    "gives_back_elsewhere": {"lot_drifted"},
    "forgets_its_keys": {"held", "made"},
    "answers_too_soon": {"answered and lost"},
}
NEED_A_KILL = {"forgets_its_keys", "answers_too_soon"}


async def test_lg_02_tellers_are_killed_and_every_sum_holds(database: Database) -> None:
    house = await run(database, ledger_name="right", seed=20261128, steps=80, kills=2)
    assert house.problems == []
    assert house.kills >= 2
    assert house.steps_heard == 80 * TELLERS * 2
    assert house.looked > 10
    assert min(moved(house)[kind] for kind in ("hold", "capture", "void", "reverse", "pay")) >= 10


@pytest.mark.parametrize("wrong", sorted(NOTICED))
async def test_lg_02_a_wrong_ledger_is_noticed(database: Database, wrong: str) -> None:
    kills = int(wrong in NEED_A_KILL)
    house = await run(database, ledger_name=wrong, seed=20261128, steps=40, kills=kills, processes=1)
    assert kinds(house.problems) & NOTICED[wrong], house.problems[:5]


def test_every_wrong_ledger_is_tried() -> None:
    assert {*NOTICED, "right"} == set(LEDGERS)
