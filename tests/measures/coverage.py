"""``python -m tests.measures.coverage``: every branch of the pure modules of rules is taken by their own quick tests.

The modules are those marked P in ARCHITECTURE.md (`tests.architecture.purity_rules.PURE`) in the rooms of rules; the
SDK's are driven by tests over real HTTP and are left to the conformance kit.
"""

from __future__ import annotations

import sys
from pathlib import Path

import coverage
import pytest

from tests.architecture.purity_rules import PURE

ROOMS = ("catalogue", "settlement", "gateway")
TESTS = ("tests/unit", "tests/property/catalogue", "tests/property/settlement")
ENOUGH = 100.0


def files() -> list[str]:
    """Name the files of the measured modules."""
    measured = [name for name in PURE if name.partition(".")[0] in ROOMS]
    return [f"{name.replace('.', '/')}.py" for name in measured]


def main() -> int:
    """Run the tests and print what is left out; 1 when a branch is."""
    Path("var").mkdir(exist_ok=True)
    measuring = coverage.Coverage(include=files())
    measuring.start()
    failed = pytest.main(["--quiet", "-p", "no:cacheprovider", *TESTS])
    measuring.stop()
    measuring.save()
    share = measuring.report()
    sys.stdout.write(f"{len(files())} pure modules: {share:.2f} % of lines and branches\n")
    return int(bool(failed) or share < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
