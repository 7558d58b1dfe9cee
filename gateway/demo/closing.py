"""The closing table: what was promised, what is there, and whether they agree. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.demo.journey import Story
from gateway.demo.night import NightStory


class Check(msgspec.Struct, frozen=True):
    """One line of the table."""

    name: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        """Whether promise and truth agree."""
        return self.expected == self.found


class AuditFigures(msgspec.Struct, frozen=True):
    """What the ledger's audit counted."""

    entries: int
    findings: int
    open_holds: int


def checks(story: Story, night: NightStory, effects: Mapping[str, int], audit: AuditFigures) -> list[Check]:
    """Hold the story against the promises of the journey."""
    ended = [one for one in story.redemptions.values() if one["state"] == "captured"]
    spent = sum(one["points"] for one in ended)
    wallet = story.wallet
    out = wallet["available"] + wallet["held"] + wallet["pending"] + spent
    granted = dict.fromkeys(effects, 0)
    for one in ended:
        granted[one["partner"]] += 1
    true = sum((night.planted & night.found).values())
    return [
        Check("points in = points out", f"{story.points_in:,}", f"{out:,}"),
        Check("redemptions captured", str(len(story.redemptions)), str(len(ended))),
        Check("granted by the partners, once each", _counts(granted), _counts(effects)),
        Check("voucher consumed at the desk", "yes", "yes" if story.voucher_consumed else "no"),
        Check("status at the hotel partner", "gold", str(story.status_granted)),
        Check(
            "journal entries balanced", f"{audit.entries} of {audit.entries}", f"{_balanced(audit)} of {audit.entries}"
        ),
        Check("holds still open", "0", str(audit.open_holds)),
        Check("planted breaks found", str(sum(night.planted.values())), str(true)),
        Check("false breaks", "0", str(sum(night.found.values()) - true)),
        Check("files changed by a second run", "0", str(night.changed_by_second_run)),
    ]


def _balanced(audit: AuditFigures) -> int:
    return max(0, audit.entries - audit.findings)


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))
