"""A partner without code behind the whole gateway: found in a folder, quoted, redeemed, lost and found again."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import msgspec
import pytest

from adapters.direct.simulator import create_simulator
from config.files import PACKAGED_FOLDER
from config.partner_files import read_partner_files
from config.settings import FolderSettings
from gateway.demo.simulators import start_simulators
from tests.adapters.sdk.declarative.subject import EXAMPLES
from tests.api.journey.house import LOUNGE, House, open_house


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "gateway.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
async def declared_house(sqlite_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """The house, its lounge spoken to by the example of two TOML files."""
    own = tmp_path / "config"
    shutil.copytree(PACKAGED_FOLDER, own, ignore=shutil.ignore_patterns("*.py", "migrations", "__pycache__"))
    file = own / "partners" / f"{LOUNGE}.toml"
    text = file.read_text(encoding="utf-8")
    assert 'adapter = "direct"' in text
    text = text.replace('adapter = "direct"', 'adapter = "harbour_lounge"')
    text = text.replace("[environments.simulator.linking]", "")
    file.write_text(text.replace("webhook_secrets", "# webhook_secrets"), encoding="utf-8")
    folders = FolderSettings(configuration=own, data=tmp_path, exports=tmp_path / "exports", adapters=(EXAMPLES,))
    async with open_house(sqlite_url, tmp_path, folders, {LOUNGE: create_simulator}) as house:
        yield house


async def test_a_visit_is_redeemed_and_a_lost_one_found(declared_house: House) -> None:
    house = declared_house
    assert house.gateway.partners[LOUNGE].manifest.name == "harbour_lounge"
    liu = await house.join()
    granted = await liu.captured(await liu.lounge())
    assert granted["state"] == "captured"
    house.fault(LOUNGE, "reserve", "commit_then_reset")
    answer = await liu.redeem(await liu.lounge())
    assert answer.json()["state"] in {"submitting", "unknown"}
    found = await liu.until(f"/v1/redemptions/{answer.json()['id']}")
    assert found["state"] == "captured"
    assert house.granted(LOUNGE, found["partner_reference"])
    assert len(house.simulators[LOUNGE].book.snapshot()["reservations"]) == 2, "each benefit once"
    house.fault(LOUNGE, "reserve", "reset")
    lost = await liu.redeem(await liu.lounge())
    assert (await liu.until(f"/v1/redemptions/{lost.json()['id']}"))["state"] == "captured", "sent again, same key"


async def test_the_simulator_of_a_folder_is_started_like_any_other(tmp_path: Path) -> None:
    """As ``gateway serve --with-simulators`` does: in a process of its own, found by name and folder."""
    shutil.copytree(EXAMPLES, tmp_path / "adapters")
    folder = tmp_path / "adapters" / "harbour_lounge"
    (folder / "simulator.py").write_text("from adapters.direct.simulator import create_simulator\n", encoding="utf-8")
    lounge = read_partner_files(PACKAGED_FOLDER)[LOUNGE]
    file = msgspec.structs.replace(lounge, partner=msgspec.structs.replace(lounge.partner, adapter="harbour_lounge"))
    async with AsyncExitStack() as closing:
        found = await start_simulators(
            closing, {LOUNGE: file}, gateway_url="http://127.0.0.1:1", logs=tmp_path / "logs", seed=1,
            adapters=[tmp_path / "adapters"],
        )  # fmt: skip
        async with httpx.AsyncClient(base_url=found[LOUNGE], trust_env=False) as http:
            assert (await http.get("/_simulator/book")).status_code == 200
            credentials = ("club-at-skyhub", "gateway-simulator-secret")
            form = {"grant_type": "client_credentials"}
            assert (await http.post("/oauth/token", data=form, auth=credentials)).status_code == 200
