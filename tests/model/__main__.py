"""``python -m tests.model``: explore further than the suite does; ``MODEL_SUBMISSIONS`` bounds how often is sent."""

from __future__ import annotations

import os
import sys
import time

from tests.model.checker import explore
from tests.model.world import MODELLED


def main() -> int:
    """Explore every profile and tell; 1 when a fault was found."""
    submissions = int(os.environ.get("MODEL_SUBMISSIONS", "3"))
    faults = total = 0
    for profile in MODELLED:
        begin = time.perf_counter()
        found = explore(profile, submissions=submissions)
        total += found.states
        faults += found.fault is not None
        seconds = time.perf_counter() - begin
        sys.stdout.write(f"{profile.letter}: {found.states:,} states in {seconds:.1f} s; {found.fault or 'no fault'}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{total:,} states, sent {submissions} times at most, {faults} faults\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
