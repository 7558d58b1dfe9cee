"""From files to a checked `Catalogue`: from a folder, or from the texts of a version that was applied.

``programme.toml``; ``notice.toml``; ``benefits/<benefit id>.toml`` with ``[[versions]]``; ``conversions/*.toml`` with
``[[contracts]]``; ``tier_matches/*.toml`` with ``[[ladders]]``, ``[[edges]]``, ``[[levels]]`` and ``[[signals]]``;
``budgets/*.toml`` with ``[[budgets]]``; ``lounge_access/*.toml`` (see `lounge_files`): see `catalogue.kinds`. The
host programme's own ladder comes from its tiers.
Sections that several files share are put in the order of their names, so that it does not matter which file holds what.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import msgspec

from catalogue.benefits import Benefit
from catalogue.errors import CatalogueFileError
from catalogue.kinds import KINDS, BenefitFile, BudgetFile, ConversionFile, TierMatchFile
from catalogue.lints import Finding, lint
from catalogue.lounge_files import LoungeFile, lounge_tables
from catalogue.model import Catalogue
from catalogue.notice import NoticeRules
from catalogue.programme import Programme
from catalogue.things import Document, Texts, Thing, content_hash, documents, things_of
from catalogue.tier_match import Ladder, TierGraph
from config.errors import ConfigurationError
from config.files import read_text, toml_files
from config.toml_lines import Place, key_lines, line_of

__all__ = ["Catalogue", "load_catalogue"]

T = TypeVar("T", bound=msgspec.Struct)


def load_catalogue(folder: Path, partners: Collection[str]) -> Catalogue:
    """Read and check a configuration folder.

    Args:
        folder: the layout above.
        partners: ids of the partners that may be named.

    Raises:
        CatalogueFileError: a file is not valid, two things have one id, or a lint finds an error; file, line and key
            are named.
    """
    return check_catalogue(read_texts(folder), partners)


def read_catalogue(folder: Path, partners: Collection[str]) -> Catalogue:
    """Read a configuration folder without the lints, so that they can be run and shown; errors as `load_catalogue`."""
    return parse_catalogue(read_texts(folder), partners)


def read_texts(folder: Path) -> dict[str, str]:
    """Read the catalogue's files of a folder, by path relative to it.

    Raises:
        CatalogueFileError: a file cannot be read, or there is no programme.
    """
    found = {}
    for kind in KINDS:
        paths = [folder / kind.place] if kind.is_single else toml_files(folder / kind.place)
        for path in paths:
            if kind.is_single and kind is not KINDS[0] and not path.exists():
                continue
            try:
                found[path.relative_to(folder).as_posix()] = read_text(path)
            except ConfigurationError as error:
                raise CatalogueFileError(error.message, **error.facts) from error
    return found


def check_catalogue(texts: Texts, partners: Collection[str]) -> Catalogue:
    """Make a catalogue of texts and refuse it when a lint finds an error; see `load_catalogue`."""
    catalogue = parse_catalogue(texts, partners)
    errors = [finding for finding in located(lint(catalogue), texts) if finding.severity == "error"]
    if errors:
        first = errors[0]
        raise CatalogueFileError(
            "\n".join(finding_line(error) for error in errors), file=first.file, line=first.line, key=first.key
        )
    return catalogue


def parse_catalogue(texts: Texts, partners: Collection[str]) -> Catalogue:
    """Make a catalogue of texts without the lints; see `load_catalogue` for the errors."""
    read = documents(texts)
    things = things_of(read)
    programme = next(_values(read, Programme))
    benefits = _benefits(read, things)
    contracts = [contract for file in _values(read, ConversionFile) for contract in file.contracts]
    budgets = [budget for file in _values(read, BudgetFile) for budget in file.budgets]
    return Catalogue(
        programme=programme,
        benefits=benefits,
        conversions=tuple(sorted(contracts, key=lambda contract: (contract.id, contract.version))),
        tier_matches=_tier_graph(read, programme),
        partners=tuple(sorted(partners)),
        version=content_hash(things),
        files=_files(things, programme),
        budgets=tuple(sorted(budgets, key=lambda budget: budget.id)),
        notice=next(_values(read, NoticeRules), NoticeRules()),
        lounges=lounge_tables((one.path, one.value) for one in read if isinstance(one.value, LoungeFile)),
    )


def located(findings: Iterable[Finding], texts: Texts) -> Iterator[Finding]:
    """Add the line to findings: of the key in the thing they are about, or else of the thing."""
    found = list(findings)
    if not found:
        return
    things = things_of(documents(texts))
    lines = {path: key_lines(text) for path, text in texts.items()}
    for finding in found:
        thing = _named(things, finding.thing)
        if finding.line is None and thing is not None:
            place: Place = (*thing.place, *finding.key.split("."))
            finding = msgspec.structs.replace(finding, line=line_of(lines[thing.file], place))  # noqa: PLW2901
        yield finding


def finding_line(finding: Finding) -> str:
    """Write a finding in one line: where, what, and what to do."""
    line = "" if finding.line is None else f", line {finding.line}"
    key = f"{finding.key}: " if finding.key else ""
    return f"{finding.file}{line}: {key}{finding.message}; {finding.fix}."


def _named(things: dict[str, Thing], name: str) -> Thing | None:
    """Find a thing by its name, or the first version of one that is named without."""
    if name in things:
        return things[name]
    return next((thing for thing in things.values() if f"{thing.kind}:{thing.id}" == name), None)


def _values(read: Iterable[Document], type_: type[T]) -> Iterator[T]:
    return (document.value for document in read if isinstance(document.value, type_))


def _benefits(read: Iterable[Document], things: dict[str, Thing]) -> dict[str, tuple[Benefit, ...]]:
    found: dict[str, tuple[Benefit, ...]] = {}
    for document in read:
        if not isinstance(document.value, BenefitFile):
            continue
        versions, stem = document.value.versions, PurePosixPath(document.path).stem
        wrong = [benefit for benefit in versions if benefit.id != stem]
        if wrong or not versions:
            line = things[f"benefit:{wrong[0].id}@{wrong[0].version}"].line if wrong else 1
            message = f"{document.path}, line {line}: versions.id must be the file's name, {stem!r}."
            raise CatalogueFileError(message, file=document.path, line=line, key="versions.id")
        found[stem] = versions
    return found


def _tier_graph(read: Iterable[Document], programme: Programme) -> TierGraph:
    files = list(_values(read, TierMatchFile))
    ladders = sorted((ladder for file in files for ladder in file.ladders), key=lambda ladder: ladder.programme)
    edges = sorted((edge for file in files for edge in file.edges), key=lambda edge: edge.id)
    levels = sorted((level for file in files for level in file.levels), key=lambda level: level.order)
    signals = sorted((signal for file in files for signal in file.signals), key=lambda signal: signal.id)
    if any(ladder.programme == programme.id for ladder in ladders):
        raise CatalogueFileError(
            f"ladders.programme: the ladder of {programme.id!r} is made of programme.toml's tiers."
        )
    host = Ladder(programme=programme.id, tiers=programme.tier_ids)
    return TierGraph((host, *ladders), tuple(edges), tuple(levels), tuple(signals))


def _files(things: dict[str, Any], programme: Programme) -> dict[str, str]:
    files = {f"{thing.kind}:{thing.id}": thing.file for thing in things.values()}
    return files | {"programme": KINDS[0].place, f"ladder:{programme.id}": KINDS[0].place}
