"""Named places at which a process kills itself, so that tests can stop it exactly between two steps.

Armed by the setting ``faults.crash_point`` (``name``, or ``name:3`` for the third time), which start-up refuses
anywhere but on loopback with the development issuer; otherwise every place is passed at the cost of one comparison. The
kill is SIGKILL: nothing is flushed, closed or caught.
"""

from __future__ import annotations

import os
import signal

from config.errors import ConfigurationError

POINTS = {
    "key_claimed": "the idempotency key is claimed in an open transaction; nothing is held yet",
    "taken_in": "hold, redemption and key are written (of a trip: committed); no attempt is written down yet",
    "attempt_written": "the attempt is written down; nothing was sent",
    "answer_read": "the partner's answer is read; nothing of it is recorded",
    "answer_recorded": "what the answer led to is committed; the caller knows nothing of it",
    "callback_stored": "a callback is committed to the inbox; its sender has no answer",
}
"""Every place and what is so there, in the order in which a redemption passes them."""


class CrashPoints:
    """The places of one process."""

    def __init__(self, armed: str = "") -> None:
        """Arm one place, or none.

        Raises:
            ConfigurationError: there is no such place.
        """
        name, numbered, times = armed.partition(":")
        times = times if numbered else "1"
        if armed and (name not in POINTS or not times.isdecimal() or times == "0"):
            raise ConfigurationError(
                f"faults.crash_point: {armed!r} is none of {', '.join(POINTS)}, nor one of them with a number."
            )
        self._name = name
        self._left = int(times)

    def reach(self, name: str) -> None:
        """Pass a place, or die there."""
        assert name in POINTS
        if name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
