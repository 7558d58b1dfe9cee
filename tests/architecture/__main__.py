"""``python -m tests.architecture``: run the house rules and print what breaks them."""

from __future__ import annotations

import sys

from tests.architecture.project import violations

found = violations()
sys.stdout.writelines(f"{each}\n" for each in found)
sys.exit(1 if found else 0)
