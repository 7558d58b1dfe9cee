"""Loads a folder with ``manifest.toml`` and ``mapping.toml`` as an adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from adapters.sdk.context import AdapterContext
from adapters.sdk.declarative.adapter import adapter_maker
from adapters.sdk.declarative.compiling import compile_mapping
from adapters.sdk.errors import ManifestError
from adapters.sdk.manifest import read_manifest
from config.errors import ConfigurationError
from config.files import read_text

MAPPING = "mapping.toml"
"""The file that makes a folder a declarative adapter."""


def declared(folder: Path, hooks: Mapping[str, object] | None = None) -> Callable[[AdapterContext], object]:
    """Read a folder and give its ``create``.

    A package with an ``__init__.py`` of its own writes ``create = declared(Path(__file__).parent, vars(hooks))``.

    Args:
        folder: holds both files.
        hooks: what the package's ``hooks.py`` defines, by name; None when it has none.

    Raises:
        ManifestError: tells every mistake of the files.
    """
    manifest = read_manifest(folder / "manifest.toml")
    path = folder / MAPPING
    try:
        text = read_text(path)
    except ConfigurationError as error:
        raise ManifestError(error.message) from error
    return adapter_maker(compile_mapping(str(path), text, manifest, hooks), manifest.capabilities)
