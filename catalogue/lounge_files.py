"""From ``lounge_access/*.toml`` to checked `LoungeTables`; every file may hold airports, lounges, schemes and rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from catalogue.errors import CatalogueFileError
from catalogue.lounge_access import AccessRule, Airport, Lounge, LoungeTables, Scheme


class LoungeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``lounge_access/``."""

    airports: tuple[Airport, ...] = ()
    schemes: tuple[Scheme, ...] = ()
    lounges: tuple[Lounge, ...] = ()
    rules: tuple[AccessRule, ...] = ()


def lounge_tables(files: Iterable[tuple[str, LoungeFile]]) -> LoungeTables:
    """Put the files of ``lounge_access`` together.

    Args:
        files: each by its path relative to the catalogue's folder; without any nothing is known of lounges.

    Raises:
        CatalogueFileError: two things have one id, or a rule or lounge names what is not there.
    """
    tables, places = LoungeTables({}, {}, {}, {}), dict[str, str]()
    for path, file in files:
        _collect(tables, file, path, places)
    for thing, key, message in _loose_ends(tables):
        raise CatalogueFileError(f"{places[thing]}: {key}: {thing}: {message}.", file=places[thing], key=key)
    return tables


def _collect(tables: LoungeTables, file: LoungeFile, path: str, files: dict[str, str]) -> None:
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


def _note(files: dict[str, str], thing: str, path: str) -> None:
    if thing in files:
        kind, _, identifier = thing.partition(":")
        message = f"{path}: the {kind} {identifier!r} is also in {files[thing]}; remove one of them."
        raise CatalogueFileError(message, file=path, key="id")
    files[thing] = path


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
