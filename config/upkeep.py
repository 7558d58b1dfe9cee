"""What a PostgreSQL server does to its tables by itself, and that nobody does it where that is switched off.

Source: PostgreSQL's manual, "Routine Vacuuming" and "Automatic Vacuuming", read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

NEEDED = ("autovacuum", "track_counts")
"""Settings of the server; the first does nothing without the second."""


def look_at(connection: Connection) -> str | None:
    """Say what is neglected; None where nothing is, and on SQLite, which has nothing of the kind."""
    if connection.dialect.name == "sqlite":
        return None
    return neglected({name: str(connection.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in NEEDED})


def neglected(settings: Mapping[str, str]) -> str | None:
    """Judge what the server said of `NEEDED`; None when its tables are kept up."""
    off = [f"{name}=off" for name in NEEDED if settings[name] == "off"]
    if not off:
        return None
    return (
        f"PostgreSQL runs with {' and '.join(off)}: tables that change grow without end, and without statistics "
        "queries get bad plans. Switch it on, or run VACUUM (ANALYZE) often."
    )
