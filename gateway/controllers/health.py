"""Health: is the process alive, and can it do its work."""

from __future__ import annotations

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.status_codes import HTTP_200_OK

from config import migrate
from config.database_errors import DatabaseStoppedError
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
        """Say that the database is there, takes writes and has a schema that this version can use; 503 otherwise."""
        if gateway.database.stopped:
            raise DatabaseStoppedError(gateway.database.stopped)
        schema = await gateway.database.read(migrate.look_at)
        if not schema.serves:
            raise UnavailableError("The database has another schema than this version needs.")
        return Health(status="ok", revision=schema.revision, adapter_problems=len(gateway.adapter_problems))
