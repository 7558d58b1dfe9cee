"""An empty club on each database, with the packaged rules."""

from __future__ import annotations

import pytest

from config.database import Database
from tests.integration.programme.club import START, Club
from tests.support.clocks import ManualClock
from tests.unit.catalogue.samples import PROGRAMME


@pytest.fixture
def club(database: Database) -> Club:
    return Club(database, PROGRAMME, ManualClock(START))
