"""From ``lounge_access/*.toml`` to checked `LoungeTables`; every file may hold airports, lounges, schemes and rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from catalogue.errors import CatalogueFileError
from catalogue.lounge_access import AccessRule, Airport, Lounge, LoungeTables, Scheme
from config.errors import ConfigurationError
from config.files import read_typed, toml_files

FOLDER = "lounge_access"


class LoungeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``lounge_access/``."""

    airports: tuple[Airport, ...] = ()
    schemes: tuple[Scheme, ...] = ()
    lounges: tuple[Lounge, ...] = ()
    rules: tuple[AccessRule, ...] = ()


def read_lounges(folder: Path, files: dict[str, str]) -> LoungeTables:
    """Read every file of a configuration folder's ``lounge_access``.

    Args:
        folder: the configuration folder; without the sub-folder nothing is known of lounges.
        files: gets where each thing was read from, by ``kind:id``.

    Raises:
        CatalogueFileError: a file is not valid, two things have one id, or a rule or lounge names what is not there.
    """
    tables = LoungeTables({}, {}, {}, {})
    for path in toml_files(folder / FOLDER):
        try:
            file = read_typed(path, LoungeFile)
        except ConfigurationError as error:
            raise CatalogueFileError(error.message, file=f"{FOLDER}/{path.name}") from error
        _collect(tables, file, path, files)
    for thing, key, message in _loose_ends(tables):
        raise CatalogueFileError(f"{files[thing]}: {key}: {thing}: {message}.", file=files[thing], key=key)
    return tables


def _collect(tables: LoungeTables, file: LoungeFile, path: Path, files: dict[str, str]) -> None:
    for airport in file.airports:
        _note(files, f"airport:{airport.code}", path)
        tables.airports[airport.code] = airport
    for scheme in file.schemes:
        _note(files, f"lounge scheme:{scheme.id}", path)
        tables.schemes[scheme.id] = scheme
    for lounge in file.lounges:
        _note(files, f"lounge:{lounge.airport} {lounge.id}", path)
        tables.lounges[lounge.airport, lounge.id] = lounge
    for rule in file.rules:
        _note(files, f"lounge rule:{rule.id}", path)
        tables.rules[rule.id] = rule


def _note(files: dict[str, str], thing: str, path: Path) -> None:
    name = f"{FOLDER}/{path.name}"
    if thing in files:
        kind, _, identifier = thing.partition(":")
        message = f"{path}: the {kind} {identifier!r} is also in {files[thing]}; remove one of them."
        raise CatalogueFileError(message, file=name, key="id")
    files[thing] = name


def _loose_ends(tables: LoungeTables) -> Iterator[tuple[str, str, str]]:
    for airport, lounge in tables.lounges:
        if airport not in tables.airports:
            yield f"lounge:{airport} {lounge}", "lounges.airport", f"add the airport {airport!r} to airports"
    groups = {group for lounge in tables.lounges.values() for group in lounge.groups}
    for rule in tables.rules.values():
        thing = f"lounge rule:{rule.id}"
        if rule.scheme not in tables.schemes:
            yield thing, "rules.scheme", f"add the scheme {rule.scheme!r} to schemes, or name one that is there"
        named = {*rule.groups, *(group for one in rule.exclusions for group in one.groups)}
        for group in sorted(named - groups):
            yield thing, "rules.groups", f"no lounge is of the group {group!r}; add it to a lounge or mend its spelling"
