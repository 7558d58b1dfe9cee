"""The example lounge as a subject of the conformance kit; its partner is the reference one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from adapters.sdk.registry import discover
from tests.adapters.direct.subject import SUBJECT as DIRECT

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples" / "adapters"
PACKAGE = discover([EXAMPLES]).packages["harbour_lounge"]
SUBJECT = msgspec.structs.replace(DIRECT, package=PACKAGE, partner="harbour-lounge")
