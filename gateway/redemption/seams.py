"""What the engines of this room work with; every seam is an argument."""

from __future__ import annotations

from dataclasses import dataclass, field

from catalogue.identifiers import Identifiers
from config.clock import Clock
from config.crash_points import CrashPoints
from config.database import Database
from config.settings import RedemptionSettings
from gateway.operations.alarms import Alarms
from gateway.partners import Partners
from gateway.redemption.effects import Effects


@dataclass(frozen=True)
class Seams:
    """Database, time, partners, effects, names, patience, and where tests let a process die."""

    database: Database
    clock: Clock
    partners: Partners
    effects: Effects
    identifiers: Identifiers
    settings: RedemptionSettings
    crash: CrashPoints = field(default_factory=CrashPoints)

    @property
    def alarms(self) -> Alarms:
        """What raises alarms."""
        return Alarms(self.identifiers)
