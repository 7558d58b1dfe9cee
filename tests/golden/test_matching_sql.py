"""The SQL that the matching definition compiles to, pinned: a change of it is looked at, never an accident.

To accept a change: ``GATEWAY_WRITE_GOLDEN=1 pytest tests/golden`` and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

from settlement.matching.engine import compiled_sql
from settlement.matching.rules import MatchingRules

GOLDEN = Path(__file__).parent / "matching_duckdb.sql"
RULES = MatchingRules(amount_tolerance=1, reference_prefixes=("PBG-",))


def test_the_compiled_sql_is_the_pinned_one() -> None:
    compiled = compiled_sql(RULES)
    if os.environ.get("GATEWAY_WRITE_GOLDEN"):
        GOLDEN.write_text(compiled, encoding="utf-8")
    assert compiled == GOLDEN.read_text(encoding="utf-8")


def test_compiling_twice_gives_the_same_text() -> None:
    assert compiled_sql(RULES) == compiled_sql(RULES)


def test_no_approximate_aggregate_and_no_floating_type() -> None:
    compiled = compiled_sql(RULES).upper()
    for word in ("APPROX", "DOUBLE", "FLOAT", "REAL", "RANDOM", "NOW("):
        assert word not in compiled, word
    assert compiled.count("OVER (") == compiled.count("ROW_NUMBER()")
