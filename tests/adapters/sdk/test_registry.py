"""Finding adapters: what is found, and that a broken one harms nobody else."""

from __future__ import annotations

import sys
import textwrap
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, get_args

import pytest

from adapters.sdk import registry
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import Capability
from adapters.sdk.registry import AdapterPackage, check_declared, discover, load_named

MANIFEST = """
name = "{name}"
title = "A partner"
segment = "lounges"
api_version = 1
capabilities = [{capabilities}]
auth = "none"
[credentials]
[facts]
"""
SOURCE = """
from .inner import Adapter

def create(context):
    return Adapter()
"""
INNER = """
class Adapter:
    async def fence(self, request):
        raise NotImplementedError
"""


def package(
    root: Path, name: str, *, manifest: str | None = None, source: str = SOURCE, capabilities: str = '"fences"'
) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_text(
        manifest or MANIFEST.format(name=name, capabilities=capabilities), encoding="utf-8"
    )
    (folder / "__init__.py").write_text(textwrap.dedent(source), encoding="utf-8")
    (folder / "inner.py").write_text(INNER, encoding="utf-8")
    return folder


def test_the_bundled_adapters_are_found_without_problems() -> None:
    found = discover()
    assert {"direct", "hotels.expedia_rapid", "airlines.points_lcp"} <= set(found.packages)
    assert found.problems == {}
    assert found.packages["direct"].module == "adapters.direct"


def test_an_extra_folder_is_imported_without_touching_the_import_path(tmp_path: Path) -> None:
    package(tmp_path, "valet")
    before = list(sys.path)
    found = discover([tmp_path])
    assert found.problems == {}
    adapter = found.packages["valet"].create(None)  # type: ignore[arg-type]
    check_declared(found.packages["valet"], adapter)
    assert sys.path == before
    assert "valet" not in sys.modules


def test_two_folders_may_hold_packages_of_other_names_and_equal_module_names(tmp_path: Path) -> None:
    package(tmp_path / "one", "valet")
    package(tmp_path / "two", "porter", source="def create(context):\n    return 'porter'\n")
    found = discover([tmp_path / "one", tmp_path / "two"])
    assert found.packages["porter"].create(None) == "porter"  # type: ignore[arg-type]


BROKEN = {
    "raises": ({"source": "raise RuntimeError('boom')"}, "RuntimeError: boom"),
    "exits": ({"source": "raise SystemExit(3)"}, "SystemExit"),
    "syntax": ({"source": "def create(:"}, "SyntaxError"),
    "no_create": ({"source": "x = 1"}, "create(context) is missing"),
    "absolute": ({"source": "from absolute.inner import Adapter"}, "ModuleNotFoundError"),
    "not_toml": ({"manifest": "name = "}, "not TOML"),
    "unknown_key": ({"manifest": MANIFEST.format(name="unknown_key", capabilities="") + "colour = 1\n"}, "colour"),
    "unknown_capability": ({"capabilities": '"flies"'}, "flies"),
    "other_name": ({"manifest": MANIFEST.format(name="nobody", capabilities="")}, "must be 'other_name'"),
    "other_version": (
        {
            "manifest": MANIFEST.format(name="other_version", capabilities="").replace(
                "api_version = 1", "api_version = 2"
            )
        },
        "api_version is 2",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_is_set_aside_and_the_others_stand(tmp_path: Path, name: str) -> None:
    settings, reason = BROKEN[name]
    package(tmp_path, name, **settings)
    package(tmp_path, f"good_{name}")
    found = discover([tmp_path])
    assert reason in found.problems[name]
    assert name not in found.packages
    assert {f"good_{name}", "direct"} <= set(found.packages)


def test_a_name_that_is_taken_is_a_problem_of_the_later_one(tmp_path: Path) -> None:
    package(tmp_path, "direct")
    found = discover([tmp_path])
    assert found.packages["direct"].module == "adapters.direct"
    assert "second adapter" in found.problems["direct"]


def test_one_that_is_hidden_by_one_that_ships_is_not_taken_for_it(tmp_path: Path) -> None:
    package(tmp_path, "direct")
    package(tmp_path, "valet")
    with pytest.raises(ManifestError, match="rename yours"):
        load_named("direct", [tmp_path])
    assert load_named("direct").module == "adapters.direct"
    assert load_named("valet", [tmp_path]).name == "valet"
    with pytest.raises(ManifestError, match="There is no adapter 'porter'"):
        load_named("porter", [tmp_path])


def test_an_absent_folder_is_a_problem_that_names_it(tmp_path: Path) -> None:
    found = discover([tmp_path / "nowhere"])
    assert str(tmp_path / "nowhere") in next(iter(found.problems.values()))


def test_entry_points_are_found_and_isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "installed_partner")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [
        EntryPoint("installed_partner", "installed_partner", registry.GROUP),
        EntryPoint("gone", "no_such_module_anywhere", registry.GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == registry.GROUP else [])
    found = discover()
    assert found.packages["installed_partner"].module == "installed_partner"
    assert "ModuleNotFoundError" in found.problems["gone"]


def declared(tmp_path: Path, name: str, capabilities: str) -> tuple[AdapterPackage, Any]:
    package(tmp_path, name, capabilities=capabilities)
    found = discover([tmp_path]).packages[name]
    return found, found.create(None)  # type: ignore[arg-type]


def test_declared_and_not_implemented(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cancels is declared and not implemented"):
        check_declared(*declared(tmp_path, "boasts", '"fences", "cancels"'))


def test_implemented_and_not_declared(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="fences is implemented and not declared"):
        check_declared(*declared(tmp_path, "shy", ""))


def test_every_capability_of_the_manifest_has_its_protocol() -> None:
    assert set(registry.PROTOCOLS) == set(get_args(Capability))


def test_a_class_that_promises_less_than_declared_is_set_aside_before_it_is_made(tmp_path: Path) -> None:
    source = "class Adapter:\n    async def fence(self, request): ...\n\ndef create(context) -> Adapter: ...\n"
    package(tmp_path, "promises", source=source, capabilities='"fences", "cancels"')
    package(tmp_path, "keeps", source=source)
    found = discover([tmp_path])
    assert "cancels is declared and not implemented: Adapter has no cancel" in found.problems["promises"]
    assert "keeps" in found.packages
