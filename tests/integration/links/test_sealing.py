"""Tokens at rest: bound to their place, unreadable in the database, under keys that start-up looks at."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.errors import ConfigurationError, UnavailableError
from config.secrets import Secret
from config.settings import FolderSettings, LinkSettings, PartnerSettings, Settings
from gateway.links.sealing import DEVELOPMENT_FILE, Place, Sealer, open_sealer
from gateway.wiring import open_gateway
from tests.api.conftest import settings_for
from tests.support.linking import configuration

PLACE = Place("partner_links", "refresh_sealed", "lnk_1")
ONE, TWO = bytes(range(32)), bytes(range(32, 64))
TOKEN = "a-token-of-the-tests-0123456789"


def sealer(current: str = "1", **keys: bytes) -> Sealer:
    named = {name.removeprefix("k"): key for name, key in keys.items()} or {"1": ONE}
    return Sealer(lambda: named, current)


def test_what_is_sealed_opens_at_its_place_and_is_never_the_same_twice() -> None:
    version, sealed = sealer().seal(PLACE, Secret(TOKEN))
    assert sealer().open(PLACE, version, sealed).reveal() == TOKEN
    assert TOKEN.encode() not in sealed
    assert sealer().seal(PLACE, Secret(TOKEN))[1] != sealed


@pytest.mark.parametrize(
    "place",
    [PLACE._replace(table="others"), PLACE._replace(column="access_sealed"), PLACE._replace(row="lnk_2")],
)
def test_moved_to_another_place_it_does_not_open(place: Place) -> None:
    version, sealed = sealer().seal(PLACE, Secret(TOKEN))
    with pytest.raises(UnavailableError):
        sealer().open(place, version, sealed)


def test_the_version_of_the_key_is_bound_as_well() -> None:
    _, sealed = sealer(k1=ONE, k2=ONE).seal(PLACE, Secret(TOKEN))
    with pytest.raises(UnavailableError):
        sealer(k1=ONE, k2=ONE).open(PLACE, "2", sealed)


@pytest.mark.parametrize("spoil", [lambda each: each[:-1], lambda each: each[:-1] + b"\0", lambda each: b"", bytes])
def test_what_was_spoiled_does_not_open(spoil: Any) -> None:
    version, sealed = sealer().seal(PLACE, Secret(TOKEN))
    spoiled = spoil(sealed) if spoil is not bytes else bytes(len(sealed))
    with pytest.raises(UnavailableError) as refused:
        sealer().open(PLACE, version, spoiled)
    assert TOKEN not in str(refused.value)


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    version, sealed = sealer().seal(PLACE, Secret(TOKEN))
    both = sealer("2", k1=ONE, k2=TWO)
    assert both.open(PLACE, version, sealed).reveal() == TOKEN
    assert both.seal(PLACE, Secret(TOKEN))[0] == "2"
    with pytest.raises(UnavailableError, match="put it back"):
        sealer("2", k2=TWO).open(PLACE, version, sealed)


def settings(folder: Path, *, environment: str = "live", **links: Any) -> Settings:
    return Settings(
        links=LinkSettings(**links),
        partners=PartnerSettings(environment=environment),
        folders=FolderSettings(data=folder),
    )


KEY = base64.b64encode(ONE).decode()


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ({}, "links.keys is missing; partners/some-lounge.toml"),
        ({"keys": {"1": "env:K"}}, "links.current_key"),
        ({"keys": {"1": "env:K"}, "current_key": "2"}, "links.current_key"),
        ({"keys": {"1": "env:NONE"}, "current_key": "1"}, "NONE is not set"),
        ({"keys": {"1": "env:SHORT"}, "current_key": "1"}, "not 32 bytes"),
        ({"keys": {"1": "env:TEXT"}, "current_key": "1"}, "not 32 bytes"),
        ({"keys": {"1": "env:ZERO"}, "current_key": "1"}, "default value"),
        ({"keys": {"1": f"simulator:{KEY}"}, "current_key": "1"}, "outside the simulator"),
        ({"keys": {"a-name-that-is-too-long": "env:K"}, "current_key": "a-name-that-is-too-long"}, "characters"),
    ],
)
def test_start_up_refuses_keys_that_protect_nothing(tmp_path: Path, links: dict[str, Any], told: str) -> None:
    environ = {"K": KEY, "SHORT": base64.b64encode(ONE[:16]).decode(), "TEXT": "change-me", "ZERO": "A" * 43 + "="}
    with pytest.raises(ConfigurationError) as refused:
        open_sealer(settings(tmp_path, **links), environ, "some-lounge")
    assert told in refused.value.message
    assert KEY not in refused.value.message


def test_nobody_who_links_nobody_who_needs_a_key(tmp_path: Path) -> None:
    open_sealer(settings(tmp_path), {}, None)
    assert list(tmp_path.iterdir()) == []


def test_with_simulators_this_machine_makes_its_own_key_once_and_only_when_it_is_needed(tmp_path: Path) -> None:
    given = settings(tmp_path, environment="simulator")
    made = open_sealer(given, {}, "some-lounge")
    path = tmp_path / DEVELOPMENT_FILE
    assert not path.exists()
    version, sealed = made.seal(PLACE, Secret(TOKEN))
    assert oct(path.stat().st_mode & 0o777) == oct(0o600)
    assert open_sealer(given, {}, "some-lounge").open(PLACE, version, sealed).reveal() == TOKEN


def test_the_cipher_is_the_published_one() -> None:
    folder = os.environ.get("GATEWAY_TEST_VECTORS")
    path = Path(folder or "") / "wycheproof_aes_gcm_256.json"
    if not folder or not path.is_file():
        pytest.skip(f"NO VECTORS: GATEWAY_TEST_VECTORS={folder!r} holds no {path.name}")
    checked = 0
    for group in json.loads(path.read_bytes())["vectors"]:
        if group["ivSize"] != 96:
            continue
        for case in group["tests"]:
            parts = {name: bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg", "ct", "tag")}
            cipher, sealed = AESGCM(parts["key"]), parts["ct"] + parts["tag"]
            if case["result"] == "invalid":
                with pytest.raises(InvalidTag):
                    cipher.decrypt(parts["iv"], sealed, parts["aad"])
                continue
            assert cipher.decrypt(parts["iv"], sealed, parts["aad"]) == parts["msg"], case["tcId"]
            checked += 1
    assert checked > 10


def test_settings_take_a_table_of_keys() -> None:
    found = msgspec.convert({"keys": {"1": "env:K"}, "current_key": "1"}, LinkSettings)
    assert found.keys == {"1": "env:K"}


async def test_a_partner_file_that_offers_linking_where_the_adapter_has_none_stops_the_start(
    tmp_path: Path,
) -> None:
    folder = configuration(tmp_path / "config")
    file = folder / "partners" / "skyward-miles.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("[environments.simulator]", "[environments.simulator.linking]\n[environments.simulator]", 1),
        encoding="utf-8",
    )
    given = settings_for(f"sqlite:///{tmp_path / 'gateway.db'}", tmp_path)
    given = msgspec.structs.replace(given, folders=FolderSettings(configuration=folder, data=tmp_path))
    with pytest.raises(ConfigurationError, match=r"skyward-miles.toml has a section linking"):
        await open_gateway(given, environ={})
