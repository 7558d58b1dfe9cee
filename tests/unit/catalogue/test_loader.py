"""The loader: a clean folder loads the same way each time; a wrong one is refused by file and key."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from catalogue.errors import CatalogueFileError
from catalogue.kinds import KINDS, identity
from catalogue.lints import lint
from catalogue.loader import load_catalogue, read_catalogue
from config.files import PACKAGED_FOLDER
from tests.unit.catalogue.samples import CATALOGUE, PARTNERS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packaged data, to be spoilt."""
    for kind in KINDS:
        if kind.is_single:
            shutil.copyfile(PACKAGED_FOLDER / kind.place, tmp_path / kind.place)
        else:
            shutil.copytree(PACKAGED_FOLDER / kind.place, tmp_path / kind.place)
    return tmp_path


def change(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def line(folder: Path, name: str, mark: str) -> int:
    """The number of the first line that holds a mark."""
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    return next(number for number, text in enumerate(lines, start=1) if mark in text)


def told(refused: pytest.ExceptionInfo[CatalogueFileError]) -> str:
    return refused.value.message


def test_the_packaged_folder() -> None:
    assert set(CATALOGUE.benefits) == {
        "lounge-visit",
        "hotel-stay",
        "hotel-upgrade",
        "lounge-for-parts",
        "rental-car",
        "airport-transfer",
        "lounge-card-visit",
    }
    assert [contract.partner for contract in CATALOGUE.conversions] == ["skyward-miles"]
    partners = {ladder.programme: ladder.partner for ladder in CATALOGUE.tier_matches.ladders if ladder.partner}
    assert partners == {"rapid-rewards": "expedia-rapid", "skyward-miles": "skyward-miles"}
    assert CATALOGUE.conversion_contracts("skyhub-lounge") == ()


def test_the_version_follows_the_content_and_nothing_else(folder: Path) -> None:
    assert load_catalogue(folder, tuple(reversed(PARTNERS))).version == CATALOGUE.version
    change(folder, "programme.toml", "# The host programme", "# Another comment about the host programme")
    assert load_catalogue(folder, PARTNERS).version == CATALOGUE.version
    change(folder, "benefits/lounge-visit.toml", "price = 600", "price = 601")
    assert load_catalogue(folder, PARTNERS).version != CATALOGUE.version


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("programme.toml", "points_per_cny", "points_per_usd", "points_per_usd"),
        ("programme.toml", "qualifying_from = 150_000", "qualifying_from = 150_000.0", "qualifying_from"),
        ("programme.toml", "rate = { from_units = 500", "rate = { from_units = 0", "rate"),
        ("programme.toml", "lot_months = 36", "lot_months = 0", "lot_months"),
        ("programme.toml", "step_minor_units = 100", "step_minor_units = 0", "step_minor_units"),
        ("programme.toml", "points_per_cny = 5", "points_per_cny = 0", "points_per_cny"),
        ("programme.toml", "Asia/Shanghai", "Asia/Shangri-La", "time_zone"),
        ("benefits/lounge-visit.toml", "price = 600", "price = 0", "payment.points.price"),
        ("benefits/lounge-visit.toml", "gold = 6", "gold = 0", "uses"),
        ("benefits/lounge-visit.toml", "validity_days = 1", "validity_days = 0", "validity_days"),
        ("benefits/hotel-upgrade.toml", "from_units = 2, to_units = 1", "from_units = 1, to_units = 2", "refund_after"),
        ("conversions/skyward-miles.toml", "block = 60_000", "block = 0", "bonus.block"),
        ("conversions/skyward-miles.toml", "increment = 500", "increment = 0", "increment"),
        ("programme.toml", "points_per_cny = 5", "points_per_cny = ", "not TOML"),
        ("benefits/lounge-visit.toml", 'id = "lounge-visit"', 'id = "lounge"', "must be the file's name"),
        ("benefits/lounge-visit.toml", 'vertical = "lounge"', 'vertical = "spa"', "vertical"),
        ("benefits/lounge-visit.toml", 'en = "Airport lounge"', 'en = ""', "title"),
        ("benefits/lounge-visit.toml", 'partner = "skyhub-lounge"', 'partner = "nobody"', "partner"),
        ("conversions/skyward-miles.toml", "maximum = 300_000", "maximum = 999", "maximum"),
        ("conversions/skyward-miles.toml", "increment = 500", "increment = 500\nfreebie = 1", "freebie"),
        ("tier_matches/skyward-miles.toml", "source = ", "note = ", "note"),
        ("tier_matches/skyward-miles.toml", 'kind = "status"', 'kind = "gift"', "kind"),
        ("tier_matches/skyward-miles.toml", 'to_tier = "gold"', 'to_tier = "titanium"', "to_tier"),
        ("tier_matches/skyward-miles.toml", "from_tiers = [", "from_tiers = [1, ", "from_tiers"),
        ("tier_matches/skyward-miles.toml", "2026-01-01", "2026-13-01", "not TOML"),
        ("tier_matches/skyward-miles.toml", "2026-01-01", "2026", "valid_from_date"),
        ("tier_matches/skyward-miles.toml", '"fresh-link"', '"no-such-signal"', "signals"),
        ("tier_matches/skyward-miles.toml", "months = 12", "months = 0", "months"),
        ("tier_matches/signals.toml", "within_days = 30", "within_days = 0", "within_days"),
        ("tier_matches/signals.toml", 'kind = "account_age"', 'kind = "hunch"', "kind"),
        ("tier_matches/star.toml", 'level = "Silver"', 'level = "Bronze"', "level"),
        ("tier_matches/star.toml", 'tier = "Premier Silver"', 'tier = "premier silver"', "tier"),
        ("tier_matches/star.toml", 'alliance = "star"', 'alliance = "Star"', "alliance"),
        ("tier_matches/star.toml", "valid_to_date = 2024-08-31", "valid_to_date = 2024-09-01", "level"),
        (
            "tier_matches/oneworld.toml",
            "certain_to_date = 2017-01-01",
            "certain_to_date = 2016-01-01",
            "certain_to_date",
        ),
    ],
)
def test_a_wrong_file_is_named_with_its_key(folder: Path, name: str, old: str, new: str, said: str) -> None:
    change(folder, name, old, new)
    with pytest.raises(CatalogueFileError) as refused:
        load_catalogue(folder, PARTNERS)
    assert name in told(refused)
    assert said in told(refused)


@pytest.mark.parametrize(
    ("name", "old", "new", "key"),
    [
        ("programme.toml", "points_per_cny = 5", "points_per_cny = 0", "points_per_cny"),
        ("programme.toml", "rate = { from_units = 500", "rate = { from_units = 0", "earn_rules[0].rate"),
        ("benefits/lounge-visit.toml", "price = 600", "price = 0", "versions[0].payment.points.price"),
        ("benefits/lounge-visit.toml", "gold = 6", "gold = 0", "versions[0].payment.entitlement.uses"),
        (
            "benefits/lounge-visit.toml",
            'airports = ["PEK", ',
            'airports = ["PEK", 7, ',
            "versions[0].eligibility.airports[1]",
        ),
        ("conversions/skyward-miles.toml", "increment = 500", "freebie = 1", "contracts[0].freebie"),
        ("tier_matches/skyward-miles.toml", 'kind = "status"', 'kind = "gift"', "edges[0].kind"),
        ("budgets/lounges.toml", 'period = "month"', 'period = "moon"', "budgets[0].period"),
        ("notice.toml", "benefit = 30", "benefit = -1", "days.benefit"),
        ("notice.toml", "benefit = 30", "benefits = 30", "days.benefits"),
        ("programme.toml", 'time_zone = "Asia/Shanghai"', 'time_zone = "Asia/Shanghigh"', "time_zone"),
        ("programme.toml", 'activity = "new_car"', 'activity = "new car"', "earn_rules[0].activity"),
        (
            "conversions/skyward-miles.toml",
            'from_commodity = "PTS"',
            'from_commodity = "points"',
            "contracts[0].from_commodity",
        ),
        ("budgets/lounges.toml", 'currency = "CNY"', 'currency = "RMB"', "budgets[0].currency"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(folder: Path, name: str, old: str, new: str, key: str) -> None:
    change(folder, name, old, new)
    with pytest.raises(CatalogueFileError) as refused:
        load_catalogue(folder, PARTNERS)
    facts = refused.value.facts
    assert (facts["file"], facts["key"], facts["line"]) == (name, key, line(folder, name, new))
    assert told(refused).startswith(f"{name}, line {facts['line']}: ")


def test_a_missing_key_is_named_with_the_line_of_its_table(folder: Path) -> None:
    change(folder, "tier_matches/skyward-miles.toml", 'to_programme = "host"\n', "")
    with pytest.raises(CatalogueFileError, match="to_programme") as refused:
        load_catalogue(folder, PARTNERS)
    assert refused.value.facts["line"] == line(folder, "tier_matches/skyward-miles.toml", "[[edges]]")


@pytest.mark.parametrize("name", ["conversions", "tier_matches"])
def test_one_thing_is_in_one_file(folder: Path, name: str) -> None:
    shutil.copyfile(folder / name / "skyward-miles.toml", folder / name / "zz-copy.toml")
    with pytest.raises(CatalogueFileError) as refused:
        load_catalogue(folder, PARTNERS)
    assert "zz-copy.toml" in refused.value.message
    assert "skyward-miles.toml" in refused.value.message


def test_one_version_is_there_once(folder: Path) -> None:
    path = folder / "conversions" / "skyward-miles.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text[text.index("[[contracts]]") :], encoding="utf-8")
    with pytest.raises(CatalogueFileError, match="version 1 twice"):
        load_catalogue(folder, PARTNERS)


def test_a_missing_programme_is_an_error_and_missing_folders_are_empty(tmp_path: Path) -> None:
    with pytest.raises(CatalogueFileError, match=r"programme\.toml"):
        load_catalogue(tmp_path, PARTNERS)
    shutil.copyfile(PACKAGED_FOLDER / "programme.toml", tmp_path / "programme.toml")
    catalogue = load_catalogue(tmp_path, ())
    assert (catalogue.benefits, catalogue.conversions, catalogue.tier_matches.edges) == ({}, (), ())


def test_every_lint_error_is_reported_at_once_and_can_be_shown_without_stopping(folder: Path) -> None:
    change(folder, "benefits/lounge-visit.toml", 'partner = "skyhub-lounge"', 'partner = "nobody"')
    change(folder, "tier_matches/skyward-miles.toml", 'to_tier = "gold"', 'to_tier = "titanium"')
    with pytest.raises(CatalogueFileError) as refused:
        load_catalogue(folder, PARTNERS)
    assert f"benefits/lounge-visit.toml, line {line(folder, 'benefits/lounge-visit.toml', 'nobody')}: partner" in told(
        refused
    )
    wanted = line(folder, "tier_matches/skyward-miles.toml", "titanium")
    assert f"tier_matches/skyward-miles.toml, line {wanted}: to_tier" in told(refused)
    found = [one for one in lint(read_catalogue(folder, PARTNERS)) if one.severity != "note"]
    assert [(one.severity, one.key) for one in found] == [
        ("error", "partner"),
        ("error", "to_tier"),
        ("error", "benefits"),
    ]


def test_a_fault_of_a_row_without_an_id_is_told_with_its_line(folder: Path) -> None:
    change(folder, "tier_matches/star.toml", 'level = "Silver"', 'level = "Bronze"')
    with pytest.raises(CatalogueFileError) as refused:
        load_catalogue(folder, PARTNERS)
    wanted = line(folder, "tier_matches/star.toml", 'level = "Bronze"')
    assert f"tier_matches/star.toml, line {wanted}: level: " in told(refused)


@pytest.mark.parametrize(
    ("content", "keys", "named"),
    [
        ({"id": "a"}, (), "a"),
        ({"id": "a", "version": 2}, (), "a@2"),
        ({"id": "a", "programme": "p"}, (), "a"),
        ({"programme": "p", "tiers": []}, (), "p"),
        ({"programme": "p", "tier": "gold", "alliance": None}, (), "p gold"),
        ({"programme": "p", "tier": "gold", "alliance": "one"}, (), "p gold one"),
        ({"id": "a", "airport": "PVG"}, ("airport", "id"), "PVG a"),
        ({"code": "PVG"}, (), None),
    ],
)
def test_things_are_named_by_what_they_say_of_themselves(
    content: dict[str, object], keys: tuple[str, ...], named: str | None
) -> None:
    assert identity(content, keys) == named


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("airports.toml", 'code = "PEK"', 'code = "Pek"', "code"),
        ("airports.toml", 'time_zone = "Asia/Qatar"', 'time_zone = "Asia/Quatar"', "Asia/Quatar"),
        ("airports.toml", 'code = "PKX"', 'code = "PEK"', "'PEK' is also in lounge_access/airports.toml"),
        ("airports.toml", 'code = "ATL"', 'code = "ATX"', "add the airport 'ATL'"),
        ("star-alliance.toml", "guests = 1", "guests = -1", "guests"),
        ("star-alliance.toml", "guests = 1", "gusts = 1", "gusts"),
        ("star-alliance.toml", "05:00:00", '"05:00"', "next_day"),
        ("star-alliance.toml", 'scheme = "star-alliance"', 'scheme = "star"', "add the scheme 'star'"),
        ("star-alliance.toml", '"star-gold-sign"', '"star-gold-logo"', "no lounge is of the group 'star-gold-logo'"),
        ("star-alliance.toml", 'groups = ["hon-first"]', 'groups = ["hon"]', "no lounge is of the group 'hon'"),
        ("star-alliance.toml", 'id = "star-international-first"', 'id = "star-gold"', "'star-gold' is also in"),
        ("oneworld.toml", 'id = "oneworld"', 'id = "skyteam"', "'skyteam' is also in"),
        ("lounges.toml", '"CA-FIRST-T3E", airport = "PEK"', '"TG-ROYAL-SPA", airport = "BKK"', "is also in"),
    ],
)
def test_a_wrong_lounge_file_is_named_with_what_to_do(folder: Path, name: str, old: str, new: str, said: str) -> None:
    change(folder, f"lounge_access/{name}", old, new)
    with pytest.raises(CatalogueFileError) as refused:
        load_catalogue(folder, PARTNERS)
    assert said in told(refused)
    assert "lounge_access" in told(refused)


def test_without_lounge_files_nothing_is_known_of_lounges(folder: Path) -> None:
    shutil.rmtree(folder / "lounge_access")
    loaded = load_catalogue(folder, PARTNERS)
    assert (loaded.lounges.rules, loaded.lounges.airports) == ({}, {})
    assert loaded.zone_of("LHR") == loaded.zone_of(None) == "Asia/Shanghai"
    assert (CATALOGUE.zone_of("LHR"), CATALOGUE.zone_of("ZZZ")) == ("Europe/London", "Asia/Shanghai")
    change(folder, "programme.toml", "# The host", "# Our host")
    assert load_catalogue(folder, PARTNERS).version == loaded.version != CATALOGUE.version
