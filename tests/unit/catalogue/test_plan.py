"""The plan: what differs, key by key, and what stands against it."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from catalogue.errors import CatalogueFileError
from catalogue.notice import NoticeDays, NoticeRules
from catalogue.plan import Change, KeyChange, Plan, make_plan
from catalogue.schema import schema_of
from catalogue.things import flatten
from tests.support.catalogue_texts import PROGRAMME, budget, contract, things, version

TODAY = date(2026, 11, 22)
RULES = NoticeRules(default_days=30, days=NoticeDays(conversion=10))
LATER = version(2, starts=date(2027, 1, 1), announced=date(2026, 11, 22), price=650, airports='"PVG", "HAK"')


def plan(old: dict[str, str], new: dict[str, str], *overridden: str) -> Plan:
    return make_plan(things(**old), things(**new), RULES, TODAY, overridden)


def only(made: Plan) -> Change:
    assert len(made.changes) == 1, made.changes
    return made.changes[0]


def test_the_same_files_change_nothing() -> None:
    made = plan({}, {})
    assert (made.is_empty, made.changes, made.findings, made.base) == (True, (), (), made.target)


def test_an_empty_database_takes_everything_and_objects_to_nothing() -> None:
    made = make_plan(None, things(), RULES, TODAY)
    assert made.base is None
    assert {change.action for change in made.changes} == {"added"}
    assert {change.thing for change in made.changes} == {
        "programme", "tier:silver", "tier:gold", "earn_rule:parts", "notice", "benefit:visit@1", "conversion:miles@1",
        "budget:visits",
    }  # fmt: skip
    assert made.findings == ()


def test_a_new_version_is_shown_against_the_one_before() -> None:
    change = only(plan({}, {"benefits_visit": version() + LATER}))
    assert (change.action, change.thing, change.compared_with) == ("added", "benefit:visit@2", "benefit:visit@1")
    assert (change.file, change.takes_effect_date) == ("benefits/visit.toml", date(2027, 1, 1))
    assert change.line == version().count("\n") + 2
    assert {one.key: (one.old, one.new) for one in change.keys} == {
        "version": (1, 2),
        "announced_date": ("2025-12-01", "2026-11-22"),
        "effective_from_date": ("2026-01-01", "2027-01-01"),
        "eligibility.airports": (["PVG", "PEK"], ["PVG", "HAK"]),
        "payment.points.price": (600, 650),
    }


def test_a_changed_key_is_shown_old_and_new_and_a_rate_as_people_write_it() -> None:
    change = only(plan({}, {"conversions_miles": contract(rate="5:6")}))
    assert (change.action, change.thing) == ("changed", "conversion:miles@1")
    assert change.keys == (KeyChange("rate", "5:4", "5:6"),)


def test_a_key_that_is_unset_and_one_that_is_set() -> None:
    dated = {"conversions_miles": contract(ends="2027-12-31")}
    assert only(plan({}, dated)).keys == (KeyChange("effective_to_date", None, "2027-12-31"),)
    assert only(plan(dated, {})).keys == (KeyChange("effective_to_date", "2027-12-31", None),)


def test_what_a_file_leaves_to_a_default_and_what_it_says_is_the_same() -> None:
    said = contract().replace("source", "minimum = 1\nsource")
    assert plan({}, {"conversions_miles": said}).is_empty


def test_a_removed_thing_is_named_with_the_file_it_was_in() -> None:
    change = only(plan({}, {"budgets_all": ""}))
    assert (change.action, change.thing, change.file, change.line) == (
        "removed",
        "budget:visits",
        "budgets/all.toml",
        None,
    )


def test_files_may_be_divided_otherwise() -> None:
    both = budget("visits") + budget("others")
    divided = {"budgets_all": budget("others"), "budgets_more": budget("visits")}
    assert plan({"budgets_all": both}, divided).is_empty
    assert plan({"budgets_all": both}, {"budgets_all": budget("others") + budget("visits")}).is_empty


def test_the_order_of_tiers_means_something() -> None:
    silver, gold, rest = (part for part in PROGRAMME.split("[[")[1:4])
    turned = PROGRAMME.split("[[")[0] + "".join(f"[[{part}" for part in (gold, silver, rest))
    made = plan({}, {"programme": turned})
    assert only(made).keys == (KeyChange("tiers (order)", ["tier:silver", "tier:gold"], ["tier:gold", "tier:silver"]),)
    assert made.errors


def test_a_new_tier_is_not_also_told_as_another_order() -> None:
    head, *parts = PROGRAMME.split("[[")
    middle = parts[1].replace('"gold"', '"rose"').replace("1_000", "500")
    added = head + "".join(f"[[{part}" for part in (parts[0], middle, *parts[1:]))
    assert only(plan({}, {"programme": added})).thing == "tier:rose"


@pytest.mark.parametrize(
    ("starts", "announced", "severities", "said"),
    [
        (date(2026, 12, 22), date(2026, 11, 22), [], ""),
        (date(2026, 12, 21), date(2026, 11, 22), ["error"], "29 days after 2026-11-22; 30 are promised"),
        (date(2026, 12, 1), date(2026, 11, 1), ["warning"], "it says that it was announced on 2026-11-01"),
        (date(2026, 11, 22), date(2026, 10, 1), ["warning"], "applied only 0 days ahead"),
        (date(2026, 11, 21), date(2026, 10, 1), ["error"], "it would take effect on 2026-11-21, which is past"),
    ],
)
def test_a_new_version_needs_notice(starts: date, announced: date, severities: list[str], said: str) -> None:
    made = plan({}, {"benefits_visit": version() + version(2, starts=starts, announced=announced)})
    assert [one.severity for one in made.findings] == severities
    assert all(said in one.message and one.thing == "benefit:visit@2" for one in made.findings)
    assert bool(made.errors) == (severities == ["error"])


@pytest.mark.parametrize(("starts", "errors"), [("2026-11-21", 1), ("2026-11-22", 0), ("2027-06-01", 0)])
def test_what_replaces_nothing_needs_no_notice_and_is_not_dated_back(starts: str, errors: int) -> None:
    made = plan({}, {"conversions_more": contract(name="other", starts=starts)})
    assert len(made.errors) == errors


def test_notice_is_promised_by_kind() -> None:
    def second(starts: str) -> Plan:
        return plan({}, {"conversions_miles": contract(ends="2026-12-02") + contract(2, starts=starts)})

    assert [one.key for one in second("2026-12-01").errors] == ["effective_from_date"]
    assert second("2026-12-02").errors == ()


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ({}, {"benefits_visit": version(price=601)}, "payment.points.price"),
        ({}, {"benefits_visit": version(starts=date(2026, 2, 1))}, "effective_from_date"),
        ({}, {"conversions_miles": contract(rate="5:6")}, "rate"),
        ({}, {"conversions_miles": contract(starts="2027-06-01")}, "effective_from_date"),
        ({}, {"programme": PROGRAMME.replace("points_per_cny = 5", "points_per_cny = 4")}, "points_per_cny"),
        ({}, {"programme": PROGRAMME.replace("1_000", "2_000")}, "qualifying_from"),
        ({}, {"programme": PROGRAMME.replace("lot_months = 24", "lot_months = 12")}, "lot_months"),
        ({}, {"benefits_visit": ""}, ""),
        ({}, {"conversions_miles": ""}, ""),
        ({"conversions_miles": contract(ends="2026-11-21")}, {"conversions_miles": ""}, ""),
        ({"conversions_miles": contract(ends="2026-11-21")}, {}, "effective_to_date"),
        ({}, {"conversions_miles": contract(ends="2026-12-01")}, "effective_to_date"),
        (
            {"conversions_miles": contract(ends="2027-12-31")},
            {"conversions_miles": contract(ends="2026-12-01")},
            "effective_to_date",
        ),
    ],
)
def test_what_is_in_force_is_neither_changed_nor_taken_out(old: dict[str, str], new: dict[str, str], key: str) -> None:
    made = plan(old, new)
    assert [one.key for one in made.errors] == [key]
    thing = made.errors[0].thing
    assert plan(old, new, thing).errors == ()
    assert plan(old, new, thing).findings == made.findings


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"benefits_visit": version(title="The lounge")}),
        ({}, {"conversions_miles": contract().replace("The tests' own", "Annex B")}),
        ({}, {"conversions_miles": contract(ends="2026-12-02")}),
        ({"conversions_miles": contract(ends="2026-12-01")}, {"conversions_miles": contract(ends="2026-12-31")}),
        ({"conversions_miles": contract(ends="2026-12-01")}, {}),
        ({"benefits_visit": version() + LATER}, {}),
        ({"benefits_visit": version() + LATER}, {"benefits_visit": version() + LATER.replace("650", "660")}),
        ({}, {"budgets_all": budget(cap=1)}),
        ({}, {"budgets_all": ""}),
        ({}, {"notice": ""}),
    ],
)
def test_wording_later_terms_later_ends_and_what_is_unannounced_may_change(
    old: dict[str, str], new: dict[str, str]
) -> None:
    made = plan(old, new)
    assert made.changes
    assert made.errors == ()


def test_a_later_version_that_is_changed_still_needs_its_notice() -> None:
    sooner = LATER.replace("2027-01-01", "2026-12-01")
    made = plan({"benefits_visit": version() + LATER}, {"benefits_visit": version() + sooner})
    assert [one.key for one in made.errors] == ["effective_from_date"]


def test_a_catalogue_without_a_programme_is_none() -> None:
    with pytest.raises(CatalogueFileError, match=r"programme\.toml is missing"):
        things(programme="")


def test_a_list_of_mixed_values_is_told_item_by_item() -> None:
    assert flatten({"list": [{"id": "a", "n": 1}, 2]}) == {"list[a].id": "a", "list[a].n": 1, "list[1]": 2}


class _Bare(msgspec.Struct):
    size: int


class _Holder(msgspec.Struct):
    """What it is.

    Attributes:
        bare: the bare one.
        absent: is told and is not there.
    """

    bare: _Bare


def test_a_type_without_words_is_a_schema_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Bare, "__doc__", None)
    made = schema_of("probe", _Holder)["$defs"]
    assert made["_Holder"]["description"] == "What it is."
    assert set(made["_Holder"]["properties"]) == {"bare"}
    assert "description" not in made["_Bare"]


def test_what_has_no_date_is_not_taken_out_at_once() -> None:
    gold = PROGRAMME.index("[[tiers]]", PROGRAMME.index('id = "silver"'))
    without = PROGRAMME[:gold] + PROGRAMME[PROGRAMME.index("[[earn_rules]]") :]
    made = plan({}, {"programme": without})
    assert [(one.thing, "no date" in one.message) for one in made.errors] == [("tier:gold", True)]
