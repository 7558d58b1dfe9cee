"""Prism between an adapter and its simulator: another's judgement of a published specification, on the wire.

Used only where ``GATEWAY_TEST_PRISM`` names Prism's command, which `make referee` sets; it needs Node. Each simulator
keeps its address: a request to a published path goes from there to Prism, from Prism (through a relay, because Prism is
started before the simulator) back to the same address with a mark, and on to the simulator. With ``--errors`` Prism
answers with a problem of its own as soon as a request or an answer is not as published; that is a fault.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from tests.support.ports import free_port

COMMAND = "GATEWAY_TEST_PRISM"
MARK = b"x-referee-host"
PROBLEMS = "https://stoplight.io/prism/errors#"
START_SECONDS = 60.0
ENDS_WITH_US = {b"connection", b"content-length", b"transfer-encoding", b"keep-alive", b"date", b"server"}

_RUNNING: list[subprocess.Popen[bytes]] = []


@atexit.register
def _end_all() -> None:
    for process in _RUNNING:
        process.kill()
        process.wait()


class Prism:
    """One proxy process for one specification and one simulator."""

    def __init__(self, published: dict[str, Any]) -> None:
        self._base = published.get("basePath", "")
        self._relay = Relay()
        port = free_port()
        file = Path(tempfile.mkdtemp(prefix="referee-")) / "published.json"
        file.write_text(json.dumps(published), "utf-8")
        upstream = f"http://127.0.0.1:{self._relay.port}{self._base}"
        command = [os.environ[COMMAND], "proxy", str(file), upstream, "--errors", "--port", str(port)]
        self._log = file.with_suffix(".log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        _RUNNING.append(self._process)
        self._address = f"http://127.0.0.1:{port}"
        self.faults: list[str] = []
        self.judged = 0
        self._await(port)

    async def judge(self, inner: Any, scope: Any, receive: Any, send: Any) -> None:
        """Take a request that comes from the adapter to Prism, or one that comes from Prism to the simulator."""
        headers = [(name, value) for name, value in scope["headers"] if name != MARK]
        marked = dict(scope["headers"]).get(MARK)
        if marked is not None:
            named = [(name, marked if name == b"host" else value) for name, value in headers]
            await inner({**scope, "headers": named}, receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self._relay.target = scope["server"]
        answer = await self._forward(scope, headers, body)
        self.judged += 1
        self._note(scope, answer)
        kept = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in ENDS_WITH_US]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        await send({"type": "http.response.body", "body": answer.content})

    async def _forward(self, scope: Any, headers: list[tuple[bytes, bytes]], body: bytes) -> httpx.Response:
        path = scope["raw_path"].decode("ascii").removeprefix(self._base)
        query = scope["query_string"].decode("ascii")
        host = dict(headers)[b"host"]
        sent = [(name, value) for name, value in headers if name not in (b"host", b"connection")] + [(MARK, host)]
        async with httpx.AsyncClient(trust_env=False, timeout=30.0) as client:
            url = f"{self._address}{path}{'?' + query if query else ''}"
            return await client.request(scope["method"], url, headers=sent, content=body)

    def _note(self, scope: Any, answer: httpx.Response) -> None:
        try:
            problem = answer.json()
        except ValueError:
            return
        if isinstance(problem, dict) and str(problem.get("type", "")).startswith(PROBLEMS):
            told = json.dumps(problem.get("validation") or problem.get("detail"))
            self.faults.append(f"Prism: {scope['method']} {unquote(scope['path'])}: {problem['title']}: {told}")

    def _await(self, port: int) -> None:
        end = time.monotonic() + START_SECONDS
        while not _listens(port):
            assert self._process.poll() is None, f"Prism ended by itself; see {self._log}"
            assert time.monotonic() < end, f"Prism did not start; see {self._log}"
            time.sleep(0.1)


class Relay:
    """Passes connections on to an address that is known later."""

    def __init__(self) -> None:
        self.target: tuple[str, int] | None = None
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                assert relay.target is not None
                with socket.create_connection(relay.target) as onward:
                    back = threading.Thread(target=_pump, args=(onward, self.request), daemon=True)
                    back.start()
                    _pump(self.request, onward)
                    back.join()

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.port: int = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        atexit.register(server.server_close)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65_536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


def wanted() -> bool:
    """Whether this run is Prism's."""
    return bool(os.environ.get(COMMAND))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
