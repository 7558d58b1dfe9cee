"""DuckDB in process: writes snapshots as Parquet, runs the definition over them, hands back rows in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from settlement.matching.definition import match, snapshot_schema
from settlement.matching.rules import MATCHED, RESULT_COLUMNS, SNAPSHOT_COLUMNS, MatchingRules, MatchResult

BATCH_ROWS = 20_000
"""Rows held in memory at once on either side of the engine."""

DIFF_COLUMNS = ("record", "ours_id", "theirs_id", "outcome", "pass_name", "group_reference")
"""What is kept of a pair; two runs agree when these do."""


class EngineSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the engine may use of the machine."""

    memory_limit_mebibytes: int = 1024
    threads: int = 2


def write_snapshot(path: Path, rows: Iterable[Sequence[Any]]) -> int:
    """Write rows in the order of `SNAPSHOT_COLUMNS` as one Parquet file, replacing it; answer how many."""
    return _write(path, rows, snapshot_schema().to_pyarrow())


def write_kept(path: Path, rows: Iterable[Sequence[Any]]) -> int:
    """Write what an earlier run kept (columns `DIFF_COLUMNS`) as one Parquet file; answer how many."""
    return _write(path, rows, pa.schema([(column, pa.string()) for column in DIFF_COLUMNS]))


def _write(path: Path, rows: Iterable[Sequence[Any]], schema: pa.Schema) -> int:
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            count += len(batch)
            columns = zip(*batch, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return count


def _batches(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    batch: list[Sequence[Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


class MatchingEngine:
    """One DuckDB session over one folder of snapshots; close it when done.

    The folder must hold ``ours.parquet`` and ``theirs.parquet`` (see `write_snapshot`); what does not fit in memory is
    spilled there. Ibis writes the SQL, DuckDB alone runs it.
    """

    def __init__(self, folder: Path, settings: EngineSettings | None = None) -> None:
        """Open the session with its limits set."""
        settings = settings or EngineSettings()
        spill = folder / "spill"
        spill.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": settings.threads,
                "memory_limit": f"{settings.memory_limit_mebibytes}MiB",
                "temp_directory": str(spill),
                "autoinstall_known_extensions": False,
            },
        )

    def __enter__(self) -> MatchingEngine:
        """Use as a context manager."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the session."""
        self.close()

    def close(self) -> None:
        """End the session and free its memory."""
        self._connection.close()

    def match(self, rules: MatchingRules) -> int:
        """Match the two snapshots and keep the result in the session; answer how many rows it has."""
        ours = self._open("ours", snapshot_schema())
        theirs = self._open("theirs", snapshot_schema())
        result = self._keep("result", match(ours, theirs, rules, keep=self._keep))
        return sum(row[0] for row in self._read(result.aggregate(times=result.count())))

    def rows(self) -> Iterator[MatchResult]:
        """Give the result ordered by record."""
        return (MatchResult(*row) for row in self._read(self._result().order_by("record")))

    def open_rows(self) -> Iterator[MatchResult]:
        """Give what is not matched, ordered by record."""
        result = self._result()
        return (MatchResult(*row) for row in self._read(result.filter(result.outcome != MATCHED).order_by("record")))

    def changes(self) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """Compare the pairs with ``kept.parquet``.

        Returns:
            The records whose kept row no longer holds, and the rows (`DIFF_COLUMNS`) that are new; both ordered.
        """
        kept = self._open("kept", ibis.schema(dict.fromkeys(DIFF_COLUMNS, "string")))
        result = self._result()
        pairs = result.filter(~result.outcome.isin(["missing_ours", "missing_theirs"])).select(*DIFF_COLUMNS)
        gone = _minus(kept, pairs).select("record").order_by("record")
        new = _minus(pairs, kept).order_by("record")
        return [row[0] for row in self._read(gone)], self._read(new)

    def counts(self) -> dict[str, int]:
        """Count the rows per outcome, ordered by outcome."""
        result = self._result()
        return dict(self._read(result.group_by("outcome").aggregate(times=result.count()).order_by("outcome")))

    def sums(self) -> dict[str, dict[str, str]]:
        """Sum what each side holds, per side and currency, as texts of minor units."""
        sums: dict[str, dict[str, str]] = {}
        for side in ("ours", "theirs"):
            table = ibis.table(snapshot_schema(), name=side)
            priced = table.filter(table.currency.notnull())
            summed = priced.group_by("currency").aggregate(total=priced.amount.sum()).order_by("currency")
            sums[side] = {currency: str(total) for currency, total in self._read(summed)}
        return sums

    def _open(self, name: str, schema: ibis.Schema) -> ir.Table:
        path = str(self._folder / f"{name}.parquet").replace("'", "''")
        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet('{path}')")  # noqa: S608 - our own path, quoted
        return ibis.table(schema, name=name)

    def _keep(self, name: str, table: ir.Table) -> ir.Table:
        self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS {ibis.to_sql(table, dialect='duckdb')}")
        return ibis.table(table.schema(), name=name)

    def _result(self) -> ir.Table:
        types = {name: _result_type(name) for name in RESULT_COLUMNS}
        return ibis.table(ibis.schema(types), name="result")

    def _read(self, table: ir.Table) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.cursor()
        cursor.execute(str(ibis.to_sql(table, dialect="duckdb")))
        while rows := cursor.fetchmany(BATCH_ROWS):
            yield from rows


def _result_type(column: str) -> str:
    side, _, name = column.partition("_")
    return SNAPSHOT_COLUMNS[name] if side in {"ours", "theirs"} else "string"


def _minus(one: ir.Table, other: ir.Table) -> ir.Table:
    same = [one[column].identical_to(other[column]) for column in DIFF_COLUMNS]
    return one.anti_join(other, same)


def compiled_sql(rules: MatchingRules, dialect: str = "duckdb") -> str:
    """Answer the SQL that the definition compiles to, step by step as an engine runs it."""
    steps: list[str] = []

    def keep(name: str, table: ir.Table) -> ir.Table:
        steps.append(f"-- {name}\n{ibis.to_sql(table, dialect=dialect)};\n")
        return ibis.table(table.schema(), name=name)

    ours, theirs = (ibis.table(snapshot_schema(), name=side) for side in ("ours", "theirs"))
    keep("result", match(ours, theirs, rules, keep))
    return "\n".join(steps)
