"""The project reads as it should, and each rule of that has a specimen that breaks it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.project import documents_in_american, project_files
from tests.architecture.rule import Rule
from tests.architecture.sources import PROJECT, Tree
from tests.architecture.tidy_rules import (
    TIDY_RULES,
    TIDY_RULES_OF_TESTS,
    american_words,
    british_spelling,
    clean_text_files,
    named_exemptions,
    no_leftovers,
    no_swallowed_errors,
    partners_named_by_data_only,
    public_docstrings,
    short_files,
    short_functions,
)


@pytest.fixture(scope="module")
def real() -> Tree:
    return Tree(PROJECT)


@pytest.fixture(scope="module")
def real_tests() -> Tree:
    return Tree(PROJECT, ("tests",))


@pytest.mark.parametrize("rule", TIDY_RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps(rule: Rule, real: Tree) -> None:
    assert [str(each) for each in rule(real)] == []


@pytest.mark.parametrize("rule", TIDY_RULES_OF_TESTS, ids=lambda rule: rule.__name__)
def test_the_tests_keep(rule: Rule, real_tests: Tree) -> None:
    assert [str(each) for each in rule(real_tests)] == []


def test_no_file_names_a_registry_or_a_local_path() -> None:
    files = project_files()
    assert PROJECT / "ARCHITECTURE.md" in files
    assert [str(each) for each in clean_text_files(PROJECT, files)] == []


def test_documents_are_spelt_the_british_way() -> None:
    assert [str(each) for each in documents_in_american(PROJECT, project_files())] == []


def _function(name: str, lines: int) -> str:
    return f"def {name}():\n    '''Doc.'''\n" + "    x = 1\n" * lines


MARK = "TO" + "DO"
PLANTED: list[tuple[Rule, str]] = [
    (short_files, "x = 1\n" * 501),
    (short_functions, _function("long", 61)),
    (short_functions, "".join(_function(f"f{n}", 31 if n < 2 else 3) for n in range(10))),
    (public_docstrings, "'''Doc.'''\ndef f(): ..."),
    (public_docstrings, "def _f(): ..."),
    (public_docstrings, "'''Doc.'''\nclass A:\n    '''Doc.'''\n    async def f(self): ..."),
    (no_leftovers, f"x = 1  # {MARK}: more"),
    (no_leftovers, f"'''Doc.\n\n{MARK} more\n'''"),
    (no_leftovers, "def f():\n    raise NotImplementedError"),
    (no_leftovers, "def f():\n    raise NotImplementedError('later')"),
    (no_swallowed_errors, "try:\n    f()\nexcept Exception:\n    pass"),
    (no_swallowed_errors, "try:\n    f()\nexcept:\n    ..."),
    (no_swallowed_errors, "for x in y:\n    try:\n        f()\n    except BaseException as e:\n        continue"),
    (no_swallowed_errors, "import contextlib\nwith contextlib.suppress(Exception):\n    f()"),
    (named_exemptions, "x = 1  # noqa"),
    (named_exemptions, "x = 1  # type: ignore"),
    (named_exemptions, "def f():  # noqa: C901\n    ..."),
    (partners_named_by_data_only, "PARTNER = 'first-lounge'"),
    (partners_named_by_data_only, "if adapter == 'hotels.grand_one': ..."),
    (british_spelling, "# the behavior of it"),
    (british_spelling, "'''Normalize a code.'''"),
    (british_spelling, "def serialize_row(): ..."),
    (british_spelling, "class ColorTable: ..."),
]


@pytest.mark.parametrize(("rule", "text"), PLANTED)
def test_a_planted_violation_is_found(rule: Rule, text: str, tmp_path: Path) -> None:
    found = rule(_planted(tmp_path, text))
    assert [each.rule for each in found] == [rule.__name__] * len(found)
    assert found


def test_every_rule_has_a_specimen() -> None:
    assert {rule for rule, _ in PLANTED} == set(TIDY_RULES)


MEANT = """'''Doc: the amount without a currency is `XXX`; ``serialize`` is theirs, and so is Authorization.'''
import contextlib

NO_CURRENCY = "XXX"


def read(row):
    '''Normalise a row of the catalogue.'''
    with contextlib.suppress(ValueError):
        return row  # noqa: RET503
    try:
        return 1
    except (KeyError, NotImplementedError):
        pass
"""


@pytest.mark.parametrize("rule", TIDY_RULES, ids=lambda rule: rule.__name__)
def test_what_is_meant_is_allowed(rule: Rule, tmp_path: Path) -> None:
    assert rule(_planted(tmp_path, MEANT)) == []


def test_a_docstring_and_comments_do_not_count_as_code(tmp_path: Path) -> None:
    text = "def f():\n    '''Doc.\n" + "\n    more" * 70 + "\n    '''\n" + "    # why\n\n" * 70 + "    return 1\n"
    assert short_functions(_planted(tmp_path, text)) == []


@pytest.mark.parametrize(
    "line",
    [
        "index = https://py" + "pi.org/simple",
        "from files.python" + "hosted.org",
        "registry.npm" + "js.org",
        "https://mirror.example/sim" + "ple/httpx",
        "see /ho" + "me/me/notes",
        "see /ro" + "ot/notes",
        "see /wo" + "rk/notes",
    ],
)
def test_a_planted_address_is_found(line: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.toml"
    path.write_text(f"a = 1\n# {line}\n")
    (found,) = clean_text_files(tmp_path, [path])
    assert found.where == "notes.toml:2"


def test_american_words_in_prose() -> None:
    assert american_words('The color of `color` and "behavior" is gray; he traveled.') == ["color", "gray", "traveled"]


def test_a_planted_document_is_found(tmp_path: Path) -> None:
    path = tmp_path / "guide.md"
    path.write_text("Initialize it.\n\n```\nserialize()\n```\n")
    assert [each.what for each in documents_in_american(tmp_path, [path])] == ["Initialize"]


def _planted(folder: Path, text: str) -> Tree:
    for name, content in {
        "gateway/planted.py": text,
        "adapters/hotels/grand_one/wire.py": '"""The partner calls itself grand_one."""\n',
        "config/partners/first-lounge.toml": "",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return Tree(folder)
