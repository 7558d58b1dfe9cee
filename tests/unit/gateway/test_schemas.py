"""The schemas that editors use: current, and every shipped file conforms to its own."""

from __future__ import annotations

import datetime
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from catalogue.kinds import KINDS
from config.files import PACKAGED_FOLDER
from gateway.cli.catalogue_schema import file_name, schemas, stale_schemas, write_schemas

SCHEMAS = schemas()
FILES = sorted(path.relative_to(PACKAGED_FOLDER).as_posix() for path in PACKAGED_FOLDER.rglob("*.toml"))
DIRECTIVE = re.compile(r"\A#:schema (\S+)\n")


def kind(name: str) -> str:
    """The schema's name of a file: its folder, or its own name."""
    return name.partition("/")[0] if "/" in name else name.removesuffix(".toml")


def as_json(text: str) -> Any:
    """TOML as editors hand it to a schema: dates and times are texts."""
    return msgspec.to_builtins(tomllib.loads(text), builtin_types=())


def conforms(name: str, text: str) -> bool:
    validator = jsonschema_rs.Draft202012Validator(SCHEMAS[kind(name)], validate_formats=True)
    return validator.is_valid(as_json(text))


def test_there_is_a_schema_for_every_kind_of_file() -> None:
    assert {kind(name) for name in FILES} <= set(SCHEMAS)
    assert {one.name for one in KINDS} <= set(SCHEMAS)
    for schema in SCHEMAS.values():
        jsonschema_rs.meta.validate(schema)


def test_the_kept_schemas_are_what_the_types_say() -> None:
    """When this fails: ``gateway catalogue schema`` writes them anew."""
    assert stale_schemas(PACKAGED_FOLDER / "schemas") == []
    kept = {path.name for path in (PACKAGED_FOLDER / "schemas").iterdir()}
    assert kept == {file_name(name) for name in SCHEMAS}


def test_a_stale_schema_is_seen(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    assert stale_schemas(tmp_path) == []
    (tmp_path / "programme.schema.json").write_text("{}")
    (tmp_path / "notice.schema.json").unlink()
    assert stale_schemas(tmp_path) == ["programme.schema.json", "notice.schema.json"]


@pytest.mark.parametrize("name", FILES)
def test_every_shipped_file_conforms(name: str) -> None:
    text = (PACKAGED_FOLDER / name).read_text(encoding="utf-8")
    validator = jsonschema_rs.Draft202012Validator(SCHEMAS[kind(name)], validate_formats=True)
    assert [str(error) for error in validator.iter_errors(as_json(text))] == []
    directive = DIRECTIVE.match(text)
    if directive is not None:
        named = (PACKAGED_FOLDER / name).parent / directive[1]
        assert named.resolve() == PACKAGED_FOLDER / "schemas" / file_name(kind(name))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("programme.toml", "points_per_cny", "points_per_usd"),
        ("programme.toml", "qualifying_from = 150_000", "qualifying_from = -1"),
        ("programme.toml", "effective_from_date = 2026-01-01", 'effective_from_date = "soon"'),
        ("notice.toml", "default_days = 30", "default_days = 1.5"),
        ("benefits/lounge-visit.toml", "price = 600", "price = 0"),
        ("benefits/lounge-visit.toml", 'vertical = "lounge"', 'vertical = "spa"'),
        ("conversions/skyward-miles.toml", "increment = 500", "freebie = 1"),
        ("tier_matches/skyward-miles.toml", 'kind = "status"', 'kind = "gift"'),
        ("budgets/lounges.toml", 'period = "month"', 'period = "week"'),
        ("partners/skyhub-lounge.toml", 'way = "purchase"', 'way = "theft"'),
        ("partners/skyhub-lounge.toml", 'segment = "lounges"', ""),
        ("clients.toml", "scopes = [", "scope = ["),
    ],
)
def test_a_wrong_file_does_not_conform(name: str, old: str, new: str) -> None:
    text = (PACKAGED_FOLDER / name).read_text(encoding="utf-8")
    assert old in text
    assert conforms(name, text)
    assert not conforms(name, text.replace(old, new, 1))


def test_keys_are_described_where_their_types_describe_them() -> None:
    conversion = SCHEMAS["conversions"]["$defs"]["ConversionContract"]
    assert conversion["description"] == "One version of a contract between two commodities."
    assert conversion["properties"]["increment"]["description"].startswith("only multiples of it are accepted")
    assert "Attributes" not in str(SCHEMAS)


def test_dates_are_texts() -> None:
    assert as_json("day = 2026-01-01\nat = 10:00:00") == {"day": "2026-01-01", "at": str(datetime.time(10))}
