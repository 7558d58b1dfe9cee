"""A member in an empty database, and the packaged catalogue."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from catalogue.loader import Catalogue, load_catalogue
from catalogue.members import MemberInput, MemberRecord, Personal, upsert_member
from config.database import Database
from config.files import PACKAGED_FOLDER

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MEMBER = "mbr_00000000000000000000000001"
OTHER = "mbr_00000000000000000000000002"
PARTNERS = tuple(path.stem for path in (PACKAGED_FOLDER / "partners").glob("*.toml"))


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(PACKAGED_FOLDER, PARTNERS)


@pytest.fixture
async def member(database: Database) -> MemberRecord:
    liu = MemberInput(
        external_id="crm-1001",
        city="Changchun",
        personal=Personal(given_name="Wei", family_name="Liu", email="liu@example.test", phone="+8613900000001"),
    )
    return await database.write(lambda connection: upsert_member(connection, liu, MEMBER, AT))


@pytest.fixture
async def other_member(database: Database) -> MemberRecord:
    other = MemberInput(external_id="crm-1002", locale="en")
    return await database.write(lambda connection: upsert_member(connection, other, OTHER, AT))
