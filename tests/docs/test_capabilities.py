"""The capability matrix in the documents is the one that the manifests give."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.sdk.manifest import Profile
from adapters.sdk.registry import discover
from gateway.cli.adapter_matrix import ENDS, document
from gateway.cli.main import run

COPY = Path(__file__).parents[2] / "docs" / "capabilities.md"


def test_the_copy_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["adapter", "matrix", "--bundled"]) == 0
    told = "docs/capabilities.md is behind: gateway adapter matrix --bundled > docs/capabilities.md"
    assert capsys.readouterr().out == COPY.read_text(encoding="utf-8"), told


def test_each_adapter_and_each_profile_is_in_it() -> None:
    manifests = [package.manifest for package in discover().packages.values()]
    text = document(manifests)
    for manifest in manifests:
        assert f"| `{manifest.name}` | {manifest.profile} | {ENDS[manifest.profile]} |" in text
        assert all(f"- {source}\n" in text for source in manifest.sources)
    assert set(ENDS) == set(Profile)
