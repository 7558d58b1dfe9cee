"""One house per kind of database for the whole run; every test brings its own members."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.api.journey.house import House, Member, open_house
from tests.conftest import POSTGRESQL, _administer


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def house_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a migrated database for every test of this folder."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("house") / "gateway.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("postgresql_template")
    name = f"gateway_house_{uuid.uuid4().hex[:12]}"
    asyncio.run(_administer(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield POSTGRESQL.set(database=name).render_as_string(hide_password=False)
    asyncio.run(_administer(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _open_house(house_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder: Path = tmp_path_factory.mktemp("journey")
    async with open_house(house_database_url, folder) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def house(_open_house: House) -> AsyncIterator[House]:
    """The running house, with partners that behave unless the test plans otherwise."""
    yield _open_house
    for simulator in _open_house.simulators.values():
        simulator.faults.clear()


@pytest_asyncio.fixture(loop_scope="session")
async def liu(house: House) -> Member:
    """A gold member with 20,000 points, consents and an account at the airline."""
    return await house.join()


@pytest_asyncio.fixture(loop_scope="session")
async def wang(house: House) -> Member:
    """Another one."""
    return await house.join()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def idle(_open_house: House) -> Member:
    """A gold member for every test in which nothing moves."""
    return await _open_house.join()
