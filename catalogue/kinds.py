"""The kinds of files a catalogue is written in: one row each, everything else follows from the row.

Reading, the difference that a reviewer sees, the stored versions and the schemas for editors go over this table. A new
kind of file is a new row; a new section or field of a file is a new field of its type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from catalogue.benefits import Benefit
from catalogue.budgets import Budget
from catalogue.conversion import ConversionContract
from catalogue.conversion_files import parse_contracts
from catalogue.lounge_files import LoungeFile
from catalogue.notice import NoticeRules
from catalogue.programme import Programme
from catalogue.tier_match import Edge, Ladder, Level, Signal
from catalogue.tier_match_graph import LEVEL_NAME


class BenefitFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``benefits/``: every version of one benefit, oldest first; the file's name is the benefit's id."""

    versions: tuple[Benefit, ...]


class ConversionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``conversions/``."""

    contracts: tuple[ConversionContract, ...]


class TierMatchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``tier_matches/``."""

    ladders: tuple[Ladder, ...] = ()
    edges: tuple[Edge, ...] = ()
    levels: tuple[Level, ...] = ()
    signals: tuple[Signal, ...] = ()


class BudgetFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``budgets/``."""

    budgets: tuple[Budget, ...] = ()


class FileKind(NamedTuple):
    """One kind of file.

    Attributes:
        place: ``name.toml``, or the name of a folder whose ``*.toml`` files are all of this kind.
        type: what a file of it is.
        things: what an item of a section is called where the section's name without its s does not say it.
        keys: the fields that name an item of a section where `identity` would not find them.
        read: makes a file of its path and text where more is said of its faults than the type says.
    """

    place: str
    type: type[msgspec.Struct]
    things: dict[str, str] = {}  # noqa: RUF012
    keys: dict[str, tuple[str, ...]] = {}  # noqa: RUF012
    read: Callable[[str, str], msgspec.Struct] | None = None

    @property
    def name(self) -> str:
        """The kind's name: of the file without its ending, or of the folder."""
        return self.place.removesuffix(".toml")

    @property
    def is_single(self) -> bool:
        """Whether there is one file of it, in which the order of items may mean something."""
        return self.place.endswith(".toml")

    def holds(self, path: str) -> bool:
        """Say whether a path, relative to the folder of the catalogue, is of this kind."""
        folder, _, name = path.rpartition("/")
        return path == self.place if self.is_single else folder == self.place and name.endswith(".toml")

    def thing(self, section: str) -> str:
        """Name what one item of a section is: an item of ``earn_rules`` is an ``earn_rule``."""
        return self.things.get(section, section.removesuffix("s"))


def _conversion_file(path: str, text: str) -> ConversionFile:
    return ConversionFile(parse_contracts(path, text))


KINDS = (
    FileKind("programme.toml", Programme, {"bonuses": "bonus"}),
    FileKind("notice.toml", NoticeRules),
    FileKind("benefits", BenefitFile, {"versions": "benefit"}),
    FileKind("conversions", ConversionFile, {"contracts": "conversion"}, read=_conversion_file),
    FileKind("tier_matches", TierMatchFile, keys={"levels": LEVEL_NAME}),
    FileKind("budgets", BudgetFile),
    FileKind(
        "lounge_access",
        LoungeFile,
        {"rules": "lounge_rule", "schemes": "lounge_scheme"},
        {"airports": ("code",), "lounges": ("airport", "id")},
    ),
)
"""Every kind; the first is the only file that must be there."""


def identity(content: dict[str, Any], keys: tuple[str, ...] = ()) -> str | None:
    """Name an item of a list by what it says of itself: an id, or else programme, tier and alliance; and its version.

    Args:
        content: of the item, as JSON has it.
        keys: the fields that name it, instead of these.

    Returns:
        None for one that has no name and is known by its place.
    """
    chosen = keys or (("id",) if "id" in content else ("programme", "tier", "alliance"))
    parts = [content[key] for key in chosen if isinstance(content.get(key), str)]
    if not parts:
        return None
    version = content.get("version")
    return " ".join(parts) if version is None else f"{' '.join(parts)}@{version}"
