"""The matching engine. Nothing outside this package may import DuckDB, Ibis, pandas or pyarrow.

The package itself imports none of them, so that `settlement.matching.rules` can be had without the engine.
"""
