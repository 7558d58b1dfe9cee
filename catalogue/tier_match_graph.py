"""The tier graph as data: programmes, alliances as hubs, dated levels, and dated agreements (edges).

Names mean nothing across programmes: "Gold" is three different levels in one alliance. A tier has a level, and an edge
leads from one tier to another, only because a row says so, by whom and between which days.

Days that the sources leave open are written down as spans: something that began "some day in 2024" has a
``valid_from_date`` of 1 January and a ``certain_from_date`` of 31 December, and what lies between is not answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum

import msgspec

from catalogue.calendar import within
from catalogue.texts import Text
from catalogue.values import AtLeastOne, Name


class EdgeKind(StrEnum):
    """What an edge grants; a one-off match and a challenge can be used once in a membership unless a cap says else."""

    STATUS = "status"
    BENEFIT_SUBSET = "benefit_subset"
    DUAL_EARN = "dual_earn"
    CHALLENGE = "challenge"
    ONE_OFF = "one_off"


GIVES_TIER = frozenset({EdgeKind.STATUS, EdgeKind.CHALLENGE, EdgeKind.ONE_OFF})
ONCE = frozenset({EdgeKind.CHALLENGE, EdgeKind.ONE_OFF})


class Certainty(StrEnum):
    """Whether something is in force on a day; MAYBE lies between two days of which the sources name only the span."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


class Dated(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something in force between two days, both included; None is an open end.

    Attributes:
        valid_from_date: the first day on which it can have been in force, `valid_to_date` the last.
        certain_from_date: when the first day is not known, the day from which the sources are sure of it;
            `certain_to_date` likewise the last day of which they are sure.
    """

    valid_from_date: date | None = None
    valid_to_date: date | None = None
    certain_from_date: date | None = None
    certain_to_date: date | None = None

    def __post_init__(self) -> None:
        """Refuse days in the wrong order."""
        order = (self.valid_from_date, self.certain_from_date, self.certain_to_date, self.valid_to_date)
        known = [day for day in order if day is not None]
        if known != sorted(known):
            names = "valid_from_date, certain_from_date, certain_to_date, valid_to_date"
            raise ValueError(f"{names} do not follow each other")

    @property
    def certain_from(self) -> date | None:
        """The first certain day; None is an open end."""
        return self.certain_from_date or self.valid_from_date

    @property
    def certain_to(self) -> date | None:
        """The last certain day; None is an open end."""
        return self.certain_to_date or self.valid_to_date

    def on(self, day: date) -> Certainty:
        """Say whether it is in force on a day."""
        if within(day, self.certain_from, self.certain_to):
            return Certainty.YES
        return Certainty.MAYBE if within(day, self.valid_from_date, self.valid_to_date) else Certainty.NO


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often one member may use an edge: ``times`` in any ``years`` years, or in a lifetime when None."""

    times: AtLeastOne
    years: AtLeastOne | None = None


class ChallengeTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a member does to keep a status on trial: ``target`` of what is counted within ``days`` days."""

    target: AtLeastOne
    days: AtLeastOne
    counted: Text

    def deadline(self, started_date: date) -> date:
        """Give the last day of a trial that begins on a day."""
        return started_date + timedelta(days=self.days - 1)


class Edge(Dated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One agreement between two programmes.

    Attributes:
        from_programme: a programme, or an alliance whose ``from_tiers`` are levels.
        to_programme: a programme; or an alliance, with `to_level` and `to_members`: the lowest tier of each named
            member programme that has the level.
        to_tier: the tier granted; None for kinds that grant none.
        grants: what is granted instead of a tier, in both languages.
        months: how long what is granted lasts; for a challenge, once it is met.
        cap: how often a member may use it; a one-off match and a challenge are used once unless it says else.
        signals: ids of signals that send a request to a person first.
        unstated: what the source leaves open; such an edge is shown and never grants.
        source: the contract or page that says so.
    """

    id: Name
    from_programme: str
    from_tiers: tuple[str, ...]
    to_programme: str
    kind: EdgeKind
    to_tier: str | None = None
    to_level: str | None = None
    to_members: tuple[str, ...] = ()
    grants: Text | None = None
    months: AtLeastOne = 12
    cap: Cap | None = None
    challenge: ChallengeTerms | None = None
    signals: tuple[str, ...] = ()
    unstated: Text | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse an edge that grants nothing, or itself."""
        super().__post_init__()
        faults = (
            (self.from_programme == self.to_programme, "an edge leads to another programme"),
            (not self.from_tiers and not self.unstated, "from_tiers names a tier, or unstated says why not"),
            (self._grants_nothing, f"an edge of kind {self.kind} names to_tier, or to_level with to_members"),
            (self.kind not in GIVES_TIER and self.grants is None, f"an edge of kind {self.kind} says what it grants"),
            ((self.kind is EdgeKind.CHALLENGE) != (self.challenge is not None), "a challenge states challenge terms"),
        )
        for is_wrong, message in faults:
            if is_wrong:
                raise ValueError(message)

    @property
    def limit(self) -> Cap | None:
        """The cap in force, stated or by kind; None is without limit."""
        return self.cap or (Cap(1) if self.kind in ONCE else None)

    @property
    def _grants_nothing(self) -> bool:
        stated = self.to_tier is not None or (self.to_level is not None and bool(self.to_members))
        return self.kind in GIVES_TIER and not stated and self.unstated is None


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tiers of one programme, or the levels of an alliance, lowest first; ``partner`` is None for the host.

    Attributes:
        name: what people call it; never compared with anything.
        alliance: the ladder is of an alliance, whose levels are given by `Level` rows and are held by nobody.
    """

    programme: str
    tiers: tuple[str, ...]
    partner: str | None = None
    name: str | None = None
    alliance: bool = False


class Dispute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another level that a source gives to the same tier."""

    level: str
    source: str


LEVEL_NAME = ("programme", "tier", "alliance", "level", "valid_from_date")
"""What names a row of levels: a tier may have had one level after another, or the same one again."""


class Level(Dated, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which level of an alliance a programme's tier has.

    Attributes:
        sources: who says so; more than one that agree are worth more than one.
        disputed: sources that say another level; as long as there is one, no level is answered.
        inferred: no source names the level itself; it is shown and leads nowhere.
        note: what people should know, for instance why it ended.
    """

    programme: str
    tier: str
    alliance: str
    level: str
    sources: tuple[str, ...]
    disputed: tuple[Dispute, ...] = ()
    inferred: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        """What it is called among the things of a catalogue; see `LEVEL_NAME`."""
        return " ".join(str(value) for key in LEVEL_NAME if (value := getattr(self, key)) is not None)

    @property
    def order(self) -> tuple[str, str, str, date, str]:
        """Where it stands among others: by programme, tier and alliance, the earliest first."""
        return self.programme, self.tier, self.alliance, self.valid_from_date or date.min, self.level


class SignalKind(StrEnum):
    """What a signal looks at."""

    ACCOUNT_AGE = "account_age"
    LINK_AGE = "link_age"
    EMAIL_CHANGE = "email_change"
    MATCHES = "matches"


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A sign of fraud that a person looks at: something happened within so many days, for `matches` so many times."""

    id: Name
    kind: SignalKind
    within_days: AtLeastOne
    text: Text
    times: AtLeastOne = 1


class TierGraph(msgspec.Struct, frozen=True):
    """Every ladder, edge, level and signal."""

    ladders: tuple[Ladder, ...] = ()
    edges: tuple[Edge, ...] = ()
    levels: tuple[Level, ...] = ()
    signals: tuple[Signal, ...] = ()

    def ladder(self, programme: str) -> Ladder | None:
        """Find a programme or an alliance by its id, letter by letter; None when the graph does not know it."""
        return next((one for one in self.ladders if one.programme == programme), None)

    def rank(self, programme: str, tier: str) -> int:
        """Give a tier's place on its ladder, 0 for the lowest; -1 when the ladder does not name it."""
        ladder = self.ladder(programme)
        return ladder.tiers.index(tier) if ladder is not None and tier in ladder.tiers else -1

    def partner_of(self, programme: str) -> str | None:
        """Give the partner whose programme it is; None for the host's and for those of nobody we work with."""
        ladder = self.ladder(programme)
        return ladder.partner if ladder is not None else None

    def levels_of(self, programme: str, tier: str) -> Iterator[Level]:
        """Give every row on the levels of a tier, whenever it holds."""
        return (one for one in self.levels if one.programme == programme and one.tier == tier)


class Provenance(StrEnum):
    """Where a held status came from."""

    EARNED = "earned"
    MATCHED = "matched"
    GIFTED = "gifted"
    CHALLENGE = "challenge"


class HeldStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A status a member holds or held, between two days, both included.

    ``provenance`` is the word as it is kept: a `Provenance`, or one that only a later version of the code knows; such a
    status holds as well, and nothing else follows from it here.
    """

    programme: str
    tier: str
    provenance: str
    valid_from_date: date
    valid_to_date: date | None = None
    edge_id: str | None = None

    def holds_on(self, on_date: date) -> bool:
        """Say whether it is valid on a day."""
        return within(on_date, self.valid_from_date, self.valid_to_date)
