"""The demo's callers: each has its own token, and tries again with the same key while the gateway is away."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import Any

import httpx

from config.errors import UnavailableError
from gateway.oauth.server import MEMBER_GRANT

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.15
IN_FLIGHT = "idempotency_key_in_flight"


class UnexpectedAnswerError(UnavailableError):
    """The gateway or a simulator answered something that the journey does not expect."""


@dataclass
class Caller:
    """One client of the gateway; with ``member_id`` it speaks for a member."""

    http: httpx.AsyncClient
    base_url: str
    client_id: str
    member_id: str | None = None
    _token: str | None = field(default=None, repr=False)

    async def get(self, path: str) -> Any:
        """Read something."""
        return await self._call("GET", path, None, None)

    async def put(self, path: str, body: object) -> Any:
        """Write something that may be written again."""
        return await self._call("PUT", path, body, None)

    async def post(self, path: str, body: object, key: str | None = None) -> Any:
        """Do something; ``key`` makes it safe to try again."""
        return await self._call("POST", path, body, key)

    async def _call(self, method: str, path: str, body: object, key: str | None) -> Any:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self._once(method, path, body, key)
                if not _try_again(answer):
                    break
            except httpx.HTTPError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise UnexpectedAnswerError(f"{method} {path}: {type(error).__name__}.") from error
            if asyncio.get_running_loop().time() > deadline:
                raise UnexpectedAnswerError(f"{method} {path}: no answer within {PATIENCE_SECONDS:.0f} s.")
            await asyncio.sleep(PAUSE_SECONDS)
        if answer.status_code >= 400:
            raise UnexpectedAnswerError(f"{method} {path}: {answer.status_code} {answer.text[:400]}")
        return answer.json()

    async def _once(self, method: str, path: str, body: object, key: str | None) -> httpx.Response:
        if self._token is None:
            self._token = await self._fetch_token()
        headers = {"Authorization": f"Bearer {self._token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await self.http.request(
            method, self.base_url + path, json=body, headers=headers, timeout=httpx.Timeout(20.0)
        )

    async def _fetch_token(self) -> str:
        grant = MEMBER_GRANT if self.member_id else "client_credentials"
        form = {"grant_type": grant} | ({"member": self.member_id} if self.member_id else {})
        pair = f"{self.client_id}:development-secret-of-{self.client_id}".encode()
        headers = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        answer = await self.http.post(self.base_url + "/oauth/token", data=form, headers=headers)
        if answer.status_code != 200:
            raise UnexpectedAnswerError(f"No token for {self.client_id}: {answer.text[:200]}")
        return str(answer.json()["access_token"])


@dataclass
class Simulator:
    """The control endpoints of one partner simulator."""

    http: httpx.AsyncClient
    base_url: str

    async def get(self, path: str) -> Any:
        """Read from the simulator."""
        answer = await self.http.get(self.base_url + path)
        return _checked(answer, path)

    async def post(self, path: str, body: object) -> Any:
        """Tell the simulator something."""
        answer = await self.http.post(self.base_url + path, json=body)
        return _checked(answer, path)


def _checked(answer: httpx.Response, path: str) -> Any:
    if answer.status_code >= 400:
        raise UnexpectedAnswerError(f"simulator {path}: {answer.status_code} {answer.text[:200]}")
    return answer.json()


def _try_again(answer: httpx.Response) -> bool:
    if answer.status_code == 409:
        return bool(answer.json().get("code") == IN_FLIGHT)
    return answer.status_code == 503
