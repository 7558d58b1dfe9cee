"""``gateway conversion``: every published case is answered on the command line, with arithmetic or with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.main import run
from tests.unit.catalogue.published import FOLDER, TERMS_OF_2013

Command = Callable[..., tuple[int, Any]]
FILES = {path.stem: str(path) for path in sorted(FOLDER.glob("*.toml"))}
TODAYS = [part for name, path in FILES.items() if name != TERMS_OF_2013 for part in ("--file", path)]
OF_2013 = ["--file", FILES[TERMS_OF_2013]]


@pytest.fixture
def gateway(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``gateway conversion``; answers exit code and what was printed, read when it is JSON."""

    def call(*arguments: str) -> tuple[int, Any]:
        code = run(["conversion", *arguments])
        printed = capsys.readouterr()
        text = printed.out + printed.err
        return code, json.loads(text) if "--json" in arguments else text

    return call


def case(name: str, question: str, expected: object, *options: str, files: list[str] = TODAYS) -> Any:
    return pytest.param([*question.split(), *options, *files], expected, id=name)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        case("P01", "MARRIOTT MOST-AIRLINES 3000 --date 2020-06-20", 1_000),
        case("P02", "MARRIOTT MOST-AIRLINES 60000 --date 2020-06-20", 25_000),
        case("P06", "AMEX-MR DELTA 50000 --date 2024-09-27 --region US", {"amount": 3_000, "currency": "USD"}),
        case("P09", "ACCOR EUR 2000 --date 2026-01-15", 4_000),
        case("P10", "MARRIOTT UNITED 112000 --date 2013-08-15", 50_000, "--linked", "RewardsPlus", files=OF_2013),
        case("P10-without-linkage", "MARRIOTT UNITED 140000 --date 2013-08-15", 50_000, files=OF_2013),
        case("D01", "AMEX-MR FLYING-BLUE 625 --date 2026-01-15 --region DACH", 500),
        case("D02", "AMEX-MR FLYING-BLUE 624 --date 2026-01-15 --region DACH", ("below_minimum", 625, 500)),
        case("D04", "AMEX-MR IBERIA 1500 --date 2026-01-15 --region DACH", 1_200),
        case("D05", "AMEX-MR CATHAY 10000 --date 2025-07-31 --region DACH", 8_000),
        case("D07", "AMEX-MR CATHAY 9900 --date 2025-08-01 --region DACH", 6_600),
        case("D08", "AMEX-MR EMIRATES 10000 --date 2025-07-31 --region DACH", 8_000),
        case("D10", "AMEX-MR KRISFLYER 1501 --date 2026-01-15 --region DACH", ("off_increment", 1_500, 1_000)),
        case("D12", "C1 JETBLUE 1001 --date 2026-01-15 --region US", 600),
        case("D14", "QATAR ACCOR 8999 --date 2026-01-15", ("off_increment", 4_500, 1_000)),
    ],
)
def test_published_case(gateway: Command, arguments: list[str], expected: object) -> None:
    code, answer = gateway("quote", *arguments, "--json")
    if isinstance(expected, tuple):
        facts = answer["facts"]
        assert (code, answer["refused"], facts["nearest"], facts["nearest_to"]) == (1, *expected)
        return
    assert (code, answer["fee"] if isinstance(expected, dict) else answer["to_quantity"]) == (0, expected)
    assert answer["steps"]
    assert answer["source"]


def test_published_case_d17_over_two_hops(gateway: Command) -> None:
    question = "AMEX-MR MILES-AND-MORE 900 --date 2026-01-15 --region DACH".split()
    code, answer = gateway("route", *question, *TODAYS, "--json")
    assert (code, [leg["to_quantity"] for leg in answer["found"][0]["legs"]]) == (0, [300, 300])
    code, text = gateway("route", *question, *TODAYS)
    assert text.splitlines()[0] == "Best way: AMEX-MR > PAYBACK > MILES-AND-MORE"
    assert "900 AMEX-MR at 3:1 = floor(900 x 1 / 3) = 300" in text
    assert text.splitlines()[-1] == "  900 AMEX-MR give 300 MILES-AND-MORE."


def test_a_quote_for_people_shows_the_arithmetic_and_the_source(gateway: Command) -> None:
    code, text = gateway("quote", "PTS", "MILES:skyward-miles", "60000", "--date", "2026-11-20")
    assert (code, text.splitlines()) == (
        0,
        [
            "pts-to-skyward-miles version 1 (Partner contract with Skyward Miles, annex B, in force from 2026-01-01)",
            "  60000 PTS at 5:4 = floor(60000 x 4 / 5) = 48000",
            "  bonus: 1 whole blocks of 60000 PTS x 5000 = 5000",
            "  credited: 53000 MILES:skyward-miles",
            "  arrives: by 2026-11-23",
            "60000 PTS give 53000 MILES:skyward-miles.",
        ],
    )


def test_what_is_unknown_is_refused_with_what_is_known(gateway: Command) -> None:
    code, text = gateway("quote", "PTS", "MILES", "1000")
    assert (code, text) == (
        1,
        "Refused (no_contract): No contract converts PTS into MILES; it becomes MILES:skyward-miles.\n",
    )
    assert "no contract begins there" in gateway("quote", "GOLD", "MILES", "1000")[1]
    code, text = gateway("route", "PTS", "MILES", "1000")
    assert (code, text) == (1, "No contracts lead from PTS to MILES.\n")


def test_a_refused_route_says_why(gateway: Command) -> None:
    code, text = gateway("route", "PTS", "MILES:skyward-miles", "999", "--date", "2026-11-20")
    assert (code, text) == (
        1,
        "Refused: PTS > MILES:skyward-miles (below_minimum): 999 is below the minimum of 1000; "
        "the nearest quantity is 1000, which becomes 800.\n",
    )


def test_other_ways_and_what_stays_are_shown_after_the_best(gateway: Command, tmp_path: Path) -> None:
    path = tmp_path / "ways.toml"
    path.write_text("".join(contract(*one) for one in (("A", "C", 2), ("A", "B", 1), ("B", "C", 1))), encoding="utf-8")
    code, text = gateway("route", "A", "C", "101", "--file", str(path))
    titles = [line for line in text.splitlines() if not line.startswith("    ")]
    assert (code, titles[0], titles[4]) == (0, "Best way: A > B > C", "Way 2: A > C")
    assert "  stays: 1 A" in titles
    assert len(gateway("route", "A", "C", "101", "--hops", "1", "--file", str(path), "--json")[1]["found"]) == 1


def contract(source: str, target: str, units: int) -> str:
    return (
        f'[[contracts]]\nid = "{source}-{target}"\nversion = 1\npartner = "x"\nfrom_commodity = "{source}"\n'
        f'to_commodity = "{target}"\nrate = {{ from_units = {units}, to_units = 1 }}\nsource = "a test\'s own"\n'
    )


def test_lint_of_the_configuration_and_of_files(gateway: Command, tmp_path: Path) -> None:
    assert gateway("lint") == (0, "The conversion contracts are sound.\n")
    code, found = gateway("lint", "--json", *TODAYS)
    assert (code, [one["key"] for one in found]) == (1, ["effective_to_date"] * 2)
    path = tmp_path / "loop.toml"
    path.write_text(
        contract("A", "B", 1) + contract("B", "A", 1).replace("to_units = 1", "to_units = 2"), encoding="utf-8"
    )
    code, text = gateway("lint", "--file", str(path))
    assert code == 1
    assert text.startswith("error: loop.toml: rate: a round trip gains: A to B to A turns 1 into up to 2; lower one")


def test_a_malformed_file_is_wrong_use_and_named(gateway: Command, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(contract("A", "B", 0), encoding="utf-8")
    code, text = gateway("quote", "A", "B", "1", "--file", str(path))
    assert code == 2
    assert f"{path}: contracts[0] (A-B): rate: a rate is made of positive units" in text
