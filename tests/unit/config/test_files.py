"""Files of operators: errors name file and key; partner files; the clock; the error tree's root."""

from __future__ import annotations

import asyncio
from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from config.clock import SystemClock
from config.errors import ConfigurationError, GatewayError
from config.files import parse, read_toml, read_typed, toml_files
from config.partner_files import read_partner_files


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rate: str
    days: int = 1


def test_a_typed_file(tmp_path: Path) -> None:
    path = tmp_path / "rule.toml"
    path.write_text('rate = "3:1"\n')
    assert read_typed(path, _Rule) == _Rule(rate="3:1", days=1)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("rate = 3", "$.rate"),
        ("days = 2", "rate"),
        ('rate = "a"\nday = 1', "day"),
        ('rate = "a"\nrate = "b"\ndays = 1', "line 2"),
        ("rate = \ndays = 1", "line 1"),
    ],
)
def test_errors_name_file_and_key(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "rule.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_typed(path, _Rule)
    assert str(path) in str(caught.value)
    assert named in str(caught.value)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    for name in ("absent.toml", "latin.toml"):
        with pytest.raises(ConfigurationError, match=name):
            read_toml(tmp_path / name)


def test_parse_names_the_file_it_was_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"partners/one\.toml.*\$\.days"):
        parse(Path("partners/one.toml"), {"rate": "1", "days": "x"}, _Rule)


def test_files_are_listed_by_name(tmp_path: Path) -> None:
    for name in ("b.toml", "a.toml", "notes.md"):
        (tmp_path / name).write_text("")
    assert [path.name for path in toml_files(tmp_path)] == ["a.toml", "b.toml"]
    assert toml_files(tmp_path / "absent") == []


PARTNER = """
[partner]
id = "{id}"
name = {{ en = "One", zh-CN = "一" }}
segment = "lounges"
adapter = "direct"

[environments.simulator]
base_url = "http://127.0.0.1:9101"
credentials = {{ key = "simulator:open" }}

[environments.live]
base_url = "{live}"

[contract]
anything = "typed by settlement"
"""


def _partner(folder: Path, name: str, identifier: str, live: str = "https://api.partner.example") -> Path:
    path = folder / "partners" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(PARTNER.format(id=identifier, live=live))
    return folder


def test_partner_files_by_id(tmp_path: Path) -> None:
    found = read_partner_files(_partner(_partner(tmp_path, "one", "one"), "two", "two"))
    assert list(found) == ["one", "two"]
    assert found["one"].environments["simulator"].credentials == {"key": "simulator:open"}
    assert found["one"].partner.enabled
    assert found["one"].contract == {"anything": "typed by settlement"}


def test_a_partner_file_is_named_like_its_partner(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"one\.toml.*'two'"):
        read_partner_files(_partner(tmp_path, "one", "two"))


def test_a_live_partner_is_not_spoken_to_in_the_clear(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"one\.toml: environments\.live\.base_url"):
        read_partner_files(_partner(tmp_path, "one", "one", "http://api.partner.example"))


def test_an_unknown_key_of_a_partner_file(tmp_path: Path) -> None:
    path = _partner(tmp_path, "one", "one") / "partners" / "one.toml"
    path.write_text(path.read_text() + "\n[extra]\n")
    with pytest.raises(ConfigurationError, match=r"one\.toml.*extra"):
        read_partner_files(tmp_path)


async def test_the_system_clock() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    before = clock.monotonic()
    await asyncio.gather(clock.sleep(0.01), clock.sleep(0.01))
    assert 0.005 < clock.monotonic() - before < 5


def test_errors_carry_words_code_and_facts() -> None:
    error = ConfigurationError("mend it", file="a.toml", line=3)
    assert (str(error), error.message, error.code) == ("mend it", "mend it", "configuration")
    assert error.facts == {"file": "a.toml", "line": 3}
    assert isinstance(error, GatewayError)
