"""A contract file is refused whole, with every fault: file, contract, key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogue.conversion_files import read_contracts
from catalogue.errors import CatalogueFileError

GOOD = """[[contracts]]
id = "good"
version = 1
partner = "someone"
from_commodity = "PTS"
to_commodity = "MILES"
rate = { from_units = 5, to_units = 4 }
"""


def refused(path: Path, text: str) -> CatalogueFileError:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueFileError) as error:
        read_contracts(path)
    assert str(path) in error.value.message
    assert error.value.facts["file"] == path.name
    return error.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.toml"


def test_a_good_file(path: Path) -> None:
    path.write_text(GOOD, encoding="utf-8")
    (contract,) = read_contracts(path)
    assert (contract.id, str(contract.rate)) == ("good", "5:4")


@pytest.mark.parametrize(
    ("line", "key", "advice"),
    [
        ("freebie = 1", "freebie", "remove it"),
        ("minimum = 0", "minimum", "write a larger number"),
        ("minimum = 1.5", "minimum", "write a whole number"),
        ("minimum = true", "minimum", "write a value of that type"),
        ("maximum = '5'", "maximum", "write a value of that type"),
        ("effective_from_date = '01.02.2026'", "effective_from_date", "2026-01-31"),
        ("effective_from_date = 2026-02-01\neffective_to_date = 2026-01-01", "effective_to_date", "exchange them"),
        ("bonus = { block = 0, bonus = 1, counted_in = 'from' }", "bonus.block", "write a larger number"),
        ("bonus = { block = 5, bonus = 1, counted_in = 'miles' }", "bonus.counted_in", "one of the words"),
        ("bonus = { block = 5 }", "bonus.bonus", "add it"),
        ("caps = [{ most = 5, counted_in = 'to', period = 'rolling' }]", "caps[0]", "days belongs to"),
        ("transfer_days_are = 'business'", "transfer_days_are", "one of the words"),
        ("fee = { currency = 'US', fixed_minor_units = 1 }", "fee", "4217"),
        ("maximum = 1", "maximum", "below 2"),
    ],
)
def test_a_fault_names_the_key_and_what_to_do(path: Path, line: str, key: str, advice: str) -> None:
    error = refused(path, GOOD + line)
    assert error.facts["key"] == f"contracts[0].{key}"
    assert f"contracts[0] (good): {key}: " in error.message
    assert advice in error.message


def test_a_missing_key_is_named(path: Path) -> None:
    error = refused(path, GOOD.replace('partner = "someone"\n', ""))
    assert error.facts["key"] == "contracts[0].partner"
    assert "add it" in error.message
    assert refused(path, GOOD.replace("from_units = 5", "from_units = 0")).facts["key"] == "contracts[0].rate"


def test_every_contract_is_tried_before_the_file_is_refused(path: Path) -> None:
    text = GOOD + "minimum = 0\n" + GOOD + GOOD.replace('id = "good"', 'name = "third"')
    lines = refused(path, text).message.splitlines()
    assert len(lines) == 2
    assert "contracts[0] (good): minimum" in lines[0]
    assert "contracts[2] (without an id): " in lines[1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "begin each contract with a line [[contracts]]"),
        ("contracts = []", "begin each contract with a line [[contracts]]"),
        ("contracts = 5", "begin each contract with a line [[contracts]]"),
        ("contracts = [5]", "contracts[0] (that is no table): contract: "),
        ('title = "x"\n' + GOOD, "title: not a key of this file"),
        ("contracts = ", "is not TOML"),
    ],
)
def test_a_file_of_another_shape(path: Path, text: str, said: str) -> None:
    assert said in refused(path, text).message


def test_a_file_that_is_not_there_or_not_text(path: Path) -> None:
    with pytest.raises(CatalogueFileError, match="cannot be read"):
        read_contracts(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CatalogueFileError, match="cannot be read"):
        read_contracts(path)
