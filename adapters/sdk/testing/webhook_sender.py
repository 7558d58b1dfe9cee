"""A simulated partner's webhooks: sent in order, each again until the gateway has taken it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import structlog

from adapters.sdk.transport import make_client
from adapters.sdk.webhooks import sign
from config.clock import Clock

Signer = Callable[[str, int, bytes], dict[str, str]]
"""Message id, Unix seconds and body to the headers that prove them."""

RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)
ATTEMPT_SECONDS = 15.0
log = structlog.get_logger(__name__)


def standard_signer(secret: str) -> Signer:
    """Sign by Standard Webhooks."""
    return lambda message_id, timestamp, body: sign(secret, message_id, timestamp, body)


class WebhookSender:
    """One queue to one address. Without an address nothing is sent and everything is kept in ``sent``."""

    def __init__(self, url: str | None, signer: Signer | None, clock: Clock) -> None:
        """Take address, signer (None: unsigned) and clock; `start` opens the connection."""
        self._url = url
        self._signer = signer
        self._clock = clock
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self.sent: list[tuple[str, bytes]] = []
        self.delivered: list[str] = []

    def send(self, message_id: str, body: bytes) -> None:
        """Queue a message; it is signed anew for each attempt."""
        self.sent.append((message_id, body))
        if self._url is not None:
            self._queue.put_nowait((message_id, body))

    def headers(self, message_id: str, body: bytes) -> dict[str, str]:
        """Make the headers that a message carries when it is sent now; without a signer it carries no proof."""
        if self._signer is None:
            return {}
        return self._signer(message_id, int(self._clock.now().timestamp()), body)

    async def start(self) -> None:
        """Begin to deliver."""
        if self._url is not None:
            self._task = asyncio.create_task(self._deliver_all(self._url))

    async def stop(self) -> None:
        """Stop; what is still queued is lost with the process, as everything here."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _deliver_all(self, url: str) -> None:
        async with make_client() as client:
            while True:
                message_id, body = await self._queue.get()
                attempt = 0
                while not await self._deliver(client, url, message_id, body):
                    await self._clock.sleep(RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)])
                    attempt += 1
                self.delivered.append(message_id)

    async def _deliver(self, client: httpx.AsyncClient, url: str, message_id: str, body: bytes) -> bool:
        headers = {"Content-Type": "application/json"} | self.headers(message_id, body)
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                answer = await client.post(url, content=body, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            log.info("webhook_not_delivered", message_id=message_id, reason=type(error).__name__)
            return False
        return answer.is_success
