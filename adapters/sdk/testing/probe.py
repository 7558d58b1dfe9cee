"""A partner's client that listens: what an adapter asked and was told, and answers put in the partner's place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from adapters.sdk.calls import CallFailure, PartnerAnswer, PartnerCall
from adapters.sdk.client import PartnerClient

Substitute = Callable[[PartnerCall], PartnerAnswer | CallFailure | None]
"""Answers a call in the partner's place; None lets it go out."""


class Overheard(msgspec.Struct, frozen=True):
    """One call and what came back. Nothing of an authentication is in it: that is added behind the adapter."""

    call: PartnerCall
    answer: PartnerAnswer | CallFailure


class ProbeClient(PartnerClient):
    """The real client, with an ear at it.

    ``substitute`` answers in the partner's place. ``patience`` caps the deadline of the operations it names, so that a
    partner that hangs is waited for a moment only; ``hurry`` shrinks it by a factor, whatever it is.
    """

    def __init__(self, **given: Any) -> None:
        """Make the client as ever."""
        super().__init__(**given)
        self.overheard: list[Overheard] = []
        self.substitute: Substitute = lambda call: None
        self.patience: dict[str, float] = {}
        self.hurry: dict[str, float] = {}

    async def call(self, call: PartnerCall) -> PartnerAnswer | CallFailure:
        """Make the call, or let the substitute answer it."""
        answer = self.substitute(call)
        if answer is None:
            deadline = (call.deadline_seconds or self.limits.deadline_seconds) * self.hurry.get(call.operation, 1.0)
            shortened = min(deadline, self.patience.get(call.operation, deadline))
            answer = await super().call(msgspec.structs.replace(call, deadline_seconds=shortened))
        self.overheard.append(Overheard(call, answer))
        return answer
