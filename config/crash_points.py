"""Named places at which a process kills itself, so that tests can stop it exactly between two steps.

Armed by the setting ``faults.crash_point`` (``name``, or ``name:3`` for the third time; with ``:stop`` at its end the
process stops there until it is continued, as a worker does whose machine slept), which start-up refuses anywhere but on
loopback with the development issuer; otherwise every place is passed at the cost of one comparison. The kill is
SIGKILL: nothing is flushed, closed or caught.
"""

from __future__ import annotations

import os
import signal

from config.errors import ConfigurationError

POINTS = {
    "key_claimed": "the idempotency key is found to be new, in an open transaction; nothing is held yet",
    "taken_in": "no attempt is written down; of one redemption the hold is written and nothing committed, of a trip "
    "(or what the sweeper takes up) hold, redemption and key are committed",
    "attempt_written": "the attempt is written down; nothing was sent",
    "answer_read": "the partner's answer is read; nothing of it is recorded",
    "answer_recorded": "what the answer led to is committed; the caller knows nothing of it",
    "callback_stored": "a callback is committed to the inbox; its sender has no answer",
}
"""Every place of the serving process and what is so there, in the order in which a redemption passes them."""

NIGHT_POINTS = {
    "statement_stored": "the partner's file is stored; nothing was matched",
    "pairs_kept": "pairs are kept, perhaps not all; no break is",
    "matched": "pairs and breaks are kept; what the file decides is not done",
    "file_applied": "one redemption was ended by the file; the others wait",
    "export_written": "finance's files are written under a temporary name",
}
"""Every place of the settlement process."""


LINK_POINTS = {
    "tokens_answered": "the partner has answered a refresh; nothing of it is kept",
    "tokens_kept": "the new tokens are kept; they were not used",
}
"""Every place of a refresh of a member's tokens at a partner."""

_ALL = {**POINTS, **NIGHT_POINTS, **LINK_POINTS}


class CrashPoints:
    """The places of one process."""

    def __init__(self, armed: str = "") -> None:
        """Arm one place, or none.

        Raises:
            ConfigurationError: there is no such place.
        """
        name, *rest = armed.split(":")
        self._signal = signal.SIGSTOP if rest[-1:] == ["stop"] else signal.SIGKILL
        times = rest[:-1] if self._signal is signal.SIGSTOP else rest
        known = name in _ALL
        if armed and not (known and len(times) <= 1 and all(one.isdecimal() and int(one) for one in times)):
            names = ", ".join(_ALL)
            raise ConfigurationError(
                f"faults.crash_point: {armed!r} is none of {names}, nor one of them with a number or with :stop."
            )
        self._name = name
        self._left = int(times[0]) if times else 1

    def reach(self, name: str) -> None:
        """Pass a place, or die there."""
        assert name in _ALL
        if name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._signal)
