"""A storm of faults at one simulated partner: each call may meet one, drawn from a seed."""

from __future__ import annotations

from random import Random

import msgspec

from adapters.sdk.testing.faults import MODES, FaultBoard, PlannedFault

SHARE = 0.12
HANG_SECONDS = 1.6
"""Longer than the partners' deadline of one second."""

EVERYWHERE = tuple(sorted(set(MODES) - {"none", "lying_200"}))
LIES = frozenset({"reserve"})
"""A yes that did nothing is told of a reservation only: it is what settlement has to find."""

OPERATIONS = frozenset({"quote_offers", "reserve", "look_up", "fence", "cancel", "token"})
RARELY = {"quote_offers": 0.25, "token": 0.5}
"""How much less often a call that moves nothing is disturbed."""


class Weather(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How bad it is: ``share`` of the calls meets a fault, one of ``modes`` (none given: any)."""

    share: float = SHARE
    modes: tuple[str, ...] = ()


class Storm(FaultBoard):
    """Plans of tests come first; else the dice decide."""

    def __init__(self, seed: str) -> None:
        """Begin calm."""
        super().__init__()
        self._dice = Random(seed)
        self.weather = Weather(share=0.0)
        self.met: dict[str, int] = {}

    @property
    def is_mixed(self) -> bool:
        """Whether anything may happen now."""
        return self.weather.share > 0 and not self.weather.modes

    def meet(self, mode: str) -> None:
        """Count a fault."""
        self.met[mode] = self.met.get(mode, 0) + 1

    def is_behind(self) -> bool:
        """Draw whether a look-up is answered out of an old copy."""
        return self.is_mixed and self._dice.random() < self.weather.share

    def take(self, operation: str) -> PlannedFault | None:
        """Draw what this call meets."""
        planned = super().take(operation)
        if planned is not None or operation not in OPERATIONS:
            return planned
        share = self.weather.share if self.weather.modes else self.weather.share * RARELY.get(operation, 1.0)
        if self._dice.random() >= share:
            return None
        modes = self.weather.modes or (*EVERYWHERE, *(["lying_200"] if operation in LIES else []))
        mode = self._dice.choice(modes)
        self.meet(mode)
        return PlannedFault(operation, mode, seconds=HANG_SECONDS)
