"""The peer of a whole redemption: FastAPI, PyJWT for each request, an async ORM and plain httpx."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from fastapi import FastAPI, Header

from tests.bench import holds_orm
from tests.bench.holds_books import member
from tests.bench.together import Work
from tests.support.asgi import ask


@asynccontextmanager
async def redeeming(url: str, port: int) -> AsyncIterator[Work]:
    """Open the application on a book of its own."""
    key = generate_private_key(SECP256R1())
    claims = {"sub": "m1", "aud": "bench", "exp": datetime.now(UTC) + timedelta(hours=1)}
    bearer = b"Bearer " + jwt.encode(claims, key, algorithm="ES256").encode()
    sessions, serial = holds_orm.sessions(url), itertools.count(1)
    app = FastAPI()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=httpx.Limits(max_connections=64)) as http:

        async def redeem(body: dict[str, str], authorization: str = Header()) -> dict[str, Any]:
            jwt.decode(authorization.removeprefix("Bearer "), key.public_key(), algorithms=["ES256"], audience="bench")
            number = next(serial)
            key_, of = f"textbook:{number}", member(number)
            async with sessions() as session, session.begin():
                await holds_orm.hold(session, key_, of)
            answer = await http.post("/reservations", json=body)
            async with sessions() as session, session.begin():
                await holds_orm.capture(session, key_, of)
            found: dict[str, Any] = answer.json()
            return found

        app.add_api_route("/v1/redemptions", redeem, methods=["POST"], status_code=201)
        headers = [(b"authorization", bearer), (b"content-type", b"application/json")]
        try:
            yield lambda: ask(app, "POST", "/v1/redemptions", headers, b'{"quote_id":"q"}', expected=201)
        finally:
            await holds_orm.close(sessions)
