"""The example lounge as a subject of the conformance kit; its partner is the reference one."""

from __future__ import annotations

from pathlib import Path

import msgspec

from adapters.direct import conformance as direct
from adapters.sdk.registry import discover
from adapters.sdk.testing.bench import Subject

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples" / "adapters"
PACKAGE = discover([EXAMPLES]).packages["harbour_lounge"]
SUBJECT: Subject = msgspec.structs.replace(direct.create_subject(PACKAGE), partner="harbour-lounge")
