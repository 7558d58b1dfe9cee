"""Every published rate, tier, agreement and lounge rule is answered on the command line; the figures and their sources
are those of the cases in ``tests/unit/catalogue``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config.files import PACKAGED_FOLDER
from gateway.cli.main import run
from tests.unit.catalogue.published import FOLDER, TERMS_OF_2013
from tests.unit.catalogue.samples import CATALOGUE
from tests.unit.catalogue.test_published_rates import ROWS as RATES
from tests.unit.catalogue.test_published_rates import Row
from tests.unit.catalogue.test_published_tiers import AGREEMENTS, BENEFITS, DISPUTED, ROWS_BY_DATE
from tests.unit.catalogue.test_published_tiers import ROWS as LEVELS

Command = Callable[..., tuple[int, Any]]
CONTRACTS = [
    part for path in sorted(FOLDER.glob("*.toml")) if path.stem != TERMS_OF_2013 for part in ("--file", str(path))
]
RULES = {
    "star-gold": ("--status star-alliance:gold --carrier SQ", "SIN-PVG", "2026-12-02T05:00", "2026-12-02T05:01", 1),
    "star-international-first": ("--carrier SQ --cabin first", "SIN-PVG", "2026-12-01T20:00", "2026-12-02T01:00", 1),
    "star-international-business": (
        "--carrier SQ --cabin business", "SIN-PVG", "2026-12-01T20:00", "2026-12-02T01:00", 0,
    ),
    "star-domestic-first": ("--carrier CA --cabin first", "PEK-PVG", "2026-12-01T20:00", "2026-12-02T01:00", 1),
    "star-domestic-business": ("--carrier CA --cabin business", "PEK-PVG", "2026-12-01T20:00", "2026-12-02T01:00", 0),
    "oneworld-emerald-sapphire": (
        "--status oneworld:sapphire --carrier CX", "HKG-PVG", "2026-12-02T05:59", "2026-12-02T06:00", 1,
    ),
    "oneworld-first": ("--carrier CX --cabin first", "HKG-LHR", "2026-12-02T05:59", "2026-12-02T06:00", 1),
    "skyteam-elite-plus": (
        "--status skyteam:elite-plus --carrier DL", "ATL-CDG", "2026-12-01T20:00", "2026-12-02T01:00", 1,
    ),
}  # fmt: skip
"""Rule: what the visitor shows, his flight, the last departure tried that is in time, one that is not, guests."""
LOUNGES = {"SIN": "SQ-KRISFLYER-GOLD-T3", "ATL": "DL-SKY-CLUB-F"}
"""The airports whose lounges a rule tells apart."""
NEVER = {"oneworld-ruby": "oneworld:ruby", "skyteam-elite": "skyteam:elite"}


@pytest.fixture
def gateway(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run ``gateway``; answers exit code and the JSON that was printed. The packaged files are read once for all."""
    for module in ("tier", "lounge"):
        monkeypatch.setattr(f"gateway.cli.{module}.read_files", lambda _settings: CATALOGUE)

    def call(*arguments: str) -> tuple[int, Any]:
        code = run([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


@pytest.mark.parametrize("row", RATES, ids=lambda row: row.name)
def test_rate(gateway: Command, row: Row) -> None:
    region = ["--region", row.region] if row.region else []
    asked = [row.source, row.target, str(row.given), "--date", row.on_date.isoformat(), *region, *CONTRACTS]
    code, answer = gateway("conversion", "quote", *asked)
    assert (code, answer["to_quantity"], answer["transfer_days"]) == (0, row.received, row.days)


def test_levels_that_stand_are_listed(gateway: Command) -> None:
    _, answer = gateway("tier", "list", "--on", "2026-11-22")
    listed = {one["programme"]: one["tiers"] for one in answer}
    for programme, tier, alliance, level in LEVELS:
        assert listed[programme][tier] == [{"alliance": alliance, "level": level, "refusal": None, "inferred": False}]
    for programme, tier, alliance, _ in DISPUTED:
        assert [(one["alliance"], one["refusal"]) for one in listed[programme][tier]] == [
            (alliance, "sources_disagree")
        ]


@pytest.mark.parametrize(("programme", "tier", "alliance", "_row", "on_date", "level", "refusal"), ROWS_BY_DATE)
def test_level_by_date(
    gateway: Command,
    programme: str,
    tier: str,
    alliance: str,
    _row: str,
    on_date: date,
    level: str | None,
    refusal: str | None,
) -> None:
    code, answer = gateway("tier", "explain", programme, tier, alliance, "--on", on_date.isoformat())
    assert (code, answer["level"], answer["refusal"]) == (int(refusal is not None), level, refusal)
    assert answer["path"]


@pytest.mark.parametrize(("programme", "tier", "to_programme", "on_date", "granted", "refusal"), AGREEMENTS)
def test_agreement_on_status(
    gateway: Command,
    programme: str,
    tier: str,
    to_programme: str,
    on_date: date,
    granted: str | None,
    refusal: str | None,
) -> None:
    code, answer = gateway("tier", "explain", programme, tier, to_programme, "--on", on_date.isoformat())
    assert (code, answer["granted_tier"], answer["refusal"]) == (int(refusal is not None), granted, refusal)


@pytest.mark.parametrize(("programme", "tier", "to_programme", "kinds", "said"), BENEFITS)
def test_agreement_on_benefits(
    gateway: Command, programme: str, tier: str, to_programme: str, kinds: list[str], said: str
) -> None:
    code, answer = gateway("tier", "explain", programme, tier, to_programme, "--on", "2018-07-15")
    assert (code, [edge["kind"] for edge in answer["edges"]], answer["granted_tier"]) == (0, kinds, None)
    assert said in answer["path"][1]
    assert gateway("tier", "explain", programme, tier, to_programme, "--on", "2018-07-16")[0] == 1


def lounge(gateway: Command, rule: str, place: str, *more: str) -> tuple[int, Any]:
    return gateway("lounge", "check", place, LOUNGES.get(place, "ANY"), "--rule", rule, "--on", "2026-12-01", *more)


@pytest.mark.parametrize("rule", RULES)
def test_lounge_rule(gateway: Command, rule: str) -> None:
    shows, leg, in_time, too_late, guests = RULES[rule]
    flight = [*shows.split(), "--flight", leg]
    code, answer = lounge(gateway, rule, leg[:3], *flight, "--departs", in_time, "--guests", str(guests))
    assert (code, answer["admitted"], answer["guests"]) == (0, True, guests), answer["sentences"]
    code, answer = lounge(gateway, rule, leg[:3], *flight, "--departs", too_late)
    assert (code, answer["reasons"]) == (1, ["departure_not_in_time"])
    code, answer = lounge(gateway, rule, leg[:3], *flight, "--departs", in_time, "--guests", str(guests + 1))
    assert (code, answer["reasons"]) == (1, ["too_many_guests"])


@pytest.mark.parametrize("rule", NEVER)
def test_levels_that_open_no_lounge(gateway: Command, rule: str) -> None:
    flight = ["--status", NEVER[rule], "--carrier", "CX", "--flight", "HKG-PVG", "--departs", "2026-12-01T20:00"]
    code, answer = lounge(gateway, rule, "HKG", *flight)
    assert (code, answer["admitted"]) == (1, False)
    assert answer["reasons"]


@pytest.mark.parametrize(
    ("rule", "tier", "guests"), [("qatar-silver", "silver", 0), ("qatar-gold-platinum", "gold", 1)]
)
def test_lounges_of_a_programme_of_its_own(gateway: Command, rule: str, tier: str, guests: int) -> None:
    asked = ["lounge", "check", "DOH", "QR-AL-MOURJAN", "--rule", rule, "--on", "2026-12-01"]
    asked += ["--status", f"qatar-privilege-club:{tier}", "--guests"]
    code, answer = gateway(*asked, str(guests))
    assert (code, answer["guests"]) == (0, guests), answer["sentences"]
    assert gateway(*asked, str(guests + 1))[1]["reasons"] == ["too_many_guests"]


def test_every_lounge_rule_is_asked_here_or_by_its_journey() -> None:
    asked = {*RULES, *NEVER, "qatar-silver", "qatar-gold-platinum"}
    assert set(CATALOGUE.lounges.rules) - asked == {"oneworld-connecting"}, "asked in test_lounge_command"


@pytest.mark.parametrize(("fen", "points"), [(249, 0), (250, 5), (300, 5), (500, 10)])
def test_p12_a_step_earn(
    fen: int, points: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """5 points per 2.50: 3.00 earns 5, not 6: github.com/nopSolutions/nopCommerce/issues/5235."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    shutil.copy(PACKAGED_FOLDER / "programme.toml", folder)
    with (folder / "programme.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[earn_rules]]\nid = "spend"\nactivity = "spend"\neffective_from_date = 2026-01-01\nlot_months = 12\n'
            "rate = { from_units = 5, to_units = 2 }\nstep_minor_units = 250\n"
        )
    monkeypatch.setenv("GATEWAY__FOLDERS__CONFIGURATION", str(folder))
    assert run(["programme", "earn", "spend", str(fen), "--on", "2026-12-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == points
