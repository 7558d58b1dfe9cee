"""The conformance kit over our own contract."""

from __future__ import annotations

import pytest

from adapters.sdk.testing.conformance import Check, checks_for, run_check
from tests.adapters.direct.subject import SUBJECT


@pytest.mark.parametrize("check", checks_for(SUBJECT), ids=lambda check: check.name)
async def test_direct_conforms(check: Check) -> None:
    await run_check(check, SUBJECT)
