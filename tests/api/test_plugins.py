"""The gateway starts beside packages that misbehave and says so; one that a partner needs stops it with one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from adapters.sdk import registry
from config.errors import ConfigurationError
from config.files import PACKAGED_FOLDER
from config.settings import Settings
from gateway.app import create_app
from gateway.wiring import open_gateway
from tests.adapters.sdk.test_plugins import plug
from tests.api.conftest import StandingClock, settings_for


@pytest.fixture
def settings(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that name a folder of packages of which each does something wrong."""
    monkeypatch.setattr(registry, "IMPORT_SECONDS", 0.2)
    folder = plug(tmp_path / "plugins", "raises", "computes", "boasts", "breaks")
    settings = settings_for(sqlite_url, tmp_path)
    return msgspec.structs.replace(settings, folders=msgspec.structs.replace(settings.folders, adapters=(folder,)))


async def test_the_gateway_starts_beside_them_and_reports_them(settings: Settings) -> None:
    gateway = await open_gateway(settings, StandingClock(), environ={})
    try:
        assert set(gateway.adapter_problems) == {"raises", "computes"}
        assert {"skyhub-lounge", "expedia-rapid"} <= set(gateway.partners)
        async with AsyncTestClient(create_app(gateway)) as client:
            answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["adapter_problems"]) == (200, 2)
    finally:
        await gateway.close()


NEEDED = {
    "raises": "raises: importing it raised RuntimeError: boom.",
    "boasts": "receives_webhooks is declared and not implemented",
    "breaks": "making the adapter 'breaks' raised KeyError: 'options'. `gateway adapter check breaks` examines it.",
    "absent": "it is not there.",
}


@pytest.mark.parametrize("name", NEEDED)
async def test_one_that_a_partner_needs_stops_the_start_with_one_line(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    configuration = tmp_path / "config"
    shutil.copytree(PACKAGED_FOLDER, configuration, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = configuration / "partners" / "skyhub-lounge.toml"
    text = file.read_text(encoding="utf-8").replace('adapter = "direct"', f'adapter = "{name}"')
    for secret in ("client_id", "client_secret"):
        text = "\n".join(line for line in text.splitlines() if not line.startswith(secret))
    risk = "\n[risk]\npoints_at_risk_cap = 1000\nsettlement_file = true\n"
    file.write_text(text + risk, encoding="utf-8")
    folders = msgspec.structs.replace(settings.folders, configuration=configuration)
    with pytest.raises(ConfigurationError) as refused:
        await open_gateway(msgspec.structs.replace(settings, folders=folders), StandingClock(), environ={})
    assert NEEDED[name] in refused.value.message
