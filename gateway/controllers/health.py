"""Health: is the process alive, and can it do its work."""

from __future__ import annotations

from functools import lru_cache

import msgspec
import sqlalchemy as sa
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_200_OK
from sqlalchemy import Connection

from config import migrate
from config.errors import UnavailableError
from gateway.middleware.authentication import NONE
from gateway.wiring import Gateway


class Health(msgspec.Struct, frozen=True):
    """A good answer."""

    status: str
    revision: str | None = None
    adapter_problems: int = 0


class HealthController(Controller):
    """Probes for whoever runs the process."""

    path = "/health"
    tags = ("health",)
    opt = {"scope": NONE, "reason": "probes carry no token"}  # noqa: RUF012

    @get("/live", status_code=HTTP_200_OK)
    async def health_live(self) -> Health:
        """Say that the process answers."""
        return Health(status="ok")

    @get("/ready", status_code=HTTP_200_OK)
    async def health_ready(self, gateway: NamedDependency[Gateway]) -> Health:
        """Say that the database is there and has the schema this version needs; 503 otherwise."""
        revision = await gateway.database.read(_revision)
        if revision != _needed_revision():
            raise UnavailableError("The database has another schema than this version needs.")
        return Health(status="ok", revision=revision, adapter_problems=len(gateway.adapter_problems))


def _revision(connection: Connection) -> str | None:
    """Read Alembic's own table: its context would log two lines for every probe."""
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return found


@lru_cache(maxsize=1)
def _needed_revision() -> str:
    return migrate.head_revision()
