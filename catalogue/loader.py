"""From a folder of TOML files to a checked `Catalogue`.

``programme.toml``; ``benefits/<benefit id>.toml`` with ``[[versions]]``; ``conversions/*.toml`` with ``[[contracts]]``;
``tier_matches/*.toml`` with ``[[ladders]]``, ``[[edges]]``, ``[[levels]]`` and ``[[signals]]``;
``lounge_access/*.toml`` (see `lounge_files`). The host programme's own ladder comes from its tiers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

import msgspec

from catalogue.benefits import Benefit
from catalogue.conversion import ConversionContract
from catalogue.conversion_files import read_contracts
from catalogue.errors import CatalogueFileError
from catalogue.lints import lint
from catalogue.lounge_access import LoungeTables
from catalogue.lounge_files import read_lounges
from catalogue.model import Catalogue
from catalogue.programme import Programme
from catalogue.tier_match import Edge, Ladder, Level, Signal, TierGraph
from config.errors import ConfigurationError
from config.files import read_typed, toml_files

__all__ = ["Catalogue", "load_catalogue"]

T = TypeVar("T")


class BenefitFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``benefits/``."""

    versions: tuple[Benefit, ...]


class TierMatchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``tier_matches/``."""

    ladders: tuple[Ladder, ...] = ()
    edges: tuple[Edge, ...] = ()
    levels: tuple[Level, ...] = ()
    signals: tuple[Signal, ...] = ()


def load_catalogue(folder: Path, partners: Collection[str]) -> Catalogue:
    """Read and check a configuration folder.

    Args:
        folder: the layout above.
        partners: ids of the partners that may be named.

    Raises:
        CatalogueFileError: a file is not valid, two things have one id, or a lint finds an error; file and key
            are named.
    """
    catalogue = read_catalogue(folder, partners)
    errors = [finding for finding in lint(catalogue) if finding.severity == "error"]
    if errors:
        lines = [f"{error.file}: {error.key}: {error.message}; {error.fix}." for error in errors]
        raise CatalogueFileError("\n".join(lines), file=errors[0].file, key=errors[0].key)
    return catalogue


def read_catalogue(folder: Path, partners: Collection[str]) -> Catalogue:
    """Read a configuration folder without the lints, so that they can be run and shown; errors as `load_catalogue`."""
    files: dict[str, str] = {"programme": "programme.toml"}
    programme = _read(folder / "programme.toml", Programme)
    benefits = _benefits(folder, files)
    conversions = _conversions(folder, files)
    graph = _tier_graph(folder, programme, files)
    lounges = read_lounges(folder, files)
    content = (programme, benefits, conversions, graph, sorted(partners), _hashable(lounges))
    digest = hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()
    return Catalogue(
        programme=programme,
        benefits=benefits,
        conversions=conversions,
        tier_matches=graph,
        partners=tuple(sorted(partners)),
        version=digest[:32],
        files=files,
        lounges=lounges,
    )


def _read(path: Path, type_: type[T]) -> T:
    try:
        return read_typed(path, type_)
    except ConfigurationError as error:
        raise CatalogueFileError(error.message, file=path.name) from error


def _hashable(lounges: LoungeTables) -> list[object]:
    """Give lounge tables as lists: a pair of airport and lounge is no key that JSON can write."""
    return [
        list(lounges.airports.values()),
        list(lounges.schemes.values()),
        list(lounges.lounges.values()),
        list(lounges.rules.values()),
    ]


def _note(files: dict[str, str], thing: str, path: Path) -> None:
    """Remember where a thing is from; the same id in a second file is refused."""
    name = f"{path.parent.name}/{path.name}"
    if files.setdefault(thing, name) != name:
        kind, _, identifier = thing.partition(":")
        raise CatalogueFileError(f"{path}: the {kind} {identifier!r} is also in {files[thing]}.", file=name, key="id")


def _benefits(folder: Path, files: dict[str, str]) -> dict[str, tuple[Benefit, ...]]:
    found: dict[str, tuple[Benefit, ...]] = {}
    for path in toml_files(folder / "benefits"):
        versions = _read(path, BenefitFile).versions
        if not versions or any(benefit.id != path.stem for benefit in versions):
            raise CatalogueFileError(f"{path}: versions.id must be the file's name, {path.stem!r}.", key="versions.id")
        _note(files, f"benefit:{path.stem}", path)
        found[path.stem] = versions
    return found


def _conversions(folder: Path, files: dict[str, str]) -> tuple[ConversionContract, ...]:
    found: list[ConversionContract] = []
    seen: set[tuple[str, int]] = set()
    for path in toml_files(folder / "conversions"):
        for contract in read_contracts(path):
            _note(files, f"conversion:{contract.id}", path)
            if (contract.id, contract.version) in seen:
                message = f"{path}: contracts: {contract.id!r} has version {contract.version} twice."
                raise CatalogueFileError(message, key="contracts.version")
            seen.add((contract.id, contract.version))
            found.append(contract)
    return tuple(found)


def _tier_graph(folder: Path, programme: Programme, files: dict[str, str]) -> TierGraph:
    ladders = [Ladder(programme=programme.id, tiers=programme.tier_ids)]
    edges: list[Edge] = []
    levels: list[Level] = []
    signals: list[Signal] = []
    files[f"ladder:{programme.id}"] = "programme.toml"
    for path in toml_files(folder / "tier_matches"):
        file = _read(path, TierMatchFile)
        for ladder in file.ladders:
            _once(files, f"ladder:{ladder.programme}", path)
            ladders.append(ladder)
        for edge in file.edges:
            _once(files, f"edge:{edge.id}", path)
            edges.append(edge)
        for signal in file.signals:
            _once(files, f"signal:{signal.id}", path)
            signals.append(signal)
        for level in file.levels:
            _note(files, f"level:{level.programme} {level.tier} in {level.alliance}", path)
            levels.append(level)
    return TierGraph(tuple(ladders), tuple(edges), tuple(levels), tuple(signals))


def _once(files: dict[str, str], thing: str, path: Path) -> None:
    if thing in files:
        kind, _, identifier = thing.partition(":")
        raise CatalogueFileError(f"{path}: the {kind} {identifier!r} is also in {files[thing]}.", key="id")
    _note(files, thing, path)
