"""The gateway serves beside packages that misbehave and says so; what one does wrong costs its own partner only."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from litestar.testing import AsyncTestClient

from adapters.sdk import registry
from adapters.sdk.capabilities import ReceivesWebhooks
from config.errors import ConfigurationError
from config.files import PACKAGED_FOLDER
from config.settings import Settings
from gateway.app import create_app
from gateway.wiring import open_gateway
from tests.adapters.sdk.test_plugins import SOURCES, plug
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


ASIDE = {
    "raises": "raises: importing it raised RuntimeError: boom.",
    "computes": "computes: importing it took longer than 0.2 s; do no work at import.",
    "boasts": "receives_webhooks is declared and not implemented",
    "breaks": "making the adapter 'breaks' raised KeyError: 'options'. `gateway adapter check breaks` examines it.",
}


def naming(settings: Settings, tmp_path: Path, name: str, options: str | None = None) -> Settings:
    """Settings whose lounge names another adapter."""
    configuration = tmp_path / "config"
    shutil.copytree(PACKAGED_FOLDER, configuration, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    file = configuration / "partners" / "skyhub-lounge.toml"
    text = file.read_text(encoding="utf-8").replace('adapter = "direct"', f'adapter = "{name}"')
    text = text.replace("[environments.simulator.linking]", "")
    if name != "direct":
        for secret in ("client_id", "client_secret"):
            text = "\n".join(line for line in text.splitlines() if not line.startswith(secret))
        text += "\n[risk]\npoints_at_risk_cap = 1000\nsettlement_file = true\n"
    if options is not None:
        text += f"\n[options]\n{options}\n"
    file.write_text(text, encoding="utf-8")
    folders = msgspec.structs.replace(settings.folders, configuration=configuration)
    return msgspec.structs.replace(settings, folders=folders)


@pytest.mark.parametrize("name", ASIDE)
async def test_one_that_a_partner_needs_costs_that_partner_only(settings: Settings, tmp_path: Path, name: str) -> None:
    gateway = await open_gateway(naming(settings, tmp_path, name), StandingClock(), environ={})
    try:
        assert "skyhub-lounge" not in gateway.partners
        assert "expedia-rapid" in gateway.partners
        assert ASIDE[name] in gateway.adapter_problems[name]
    finally:
        await gateway.close()


SOUND = """
class Adapter:
    def verify_webhook(self, headers, body, secrets, now):
        return "msg_1"

    def read_webhook(self, message_id, body):
        return None

def create(context):
    return Adapter()
"""


async def test_a_sound_one_is_connected_and_kept_in_bounds(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, "sound", SOUND)
    plug(settings.folders.adapters[0], "sound")
    gateway = await open_gateway(naming(settings, tmp_path, "sound"), StandingClock(), environ={})
    try:
        adapter = gateway.partners["skyhub-lounge"].adapter
        assert isinstance(adapter, ReceivesWebhooks)
        assert adapter.verify_webhook({}, b"", (), 0) == "msg_1"
        assert not type(adapter).__module__.startswith(registry.EXTERNAL), "each of its methods ends"
        assert [folder.name for folder in gateway.plugin_folders if folder.name == "sound"]
    finally:
        await gateway.close()


async def test_an_adapter_that_is_not_there_is_a_mistake_of_the_file(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"skyhub-lounge\.toml names the adapter 'absent': it is not there"):
        await open_gateway(naming(settings, tmp_path, "absent"), StandingClock(), environ={})


async def test_what_ships_is_given_right_options_or_does_not_start(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="skyhub-lounge"):
        await open_gateway(naming(settings, tmp_path, "direct", "colour = 1"), StandingClock(), environ={})
