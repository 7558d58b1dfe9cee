"""What an adapter asks of a partner and what comes back, in the words of HTTP and nothing of a library's. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlsplit

import msgspec

from adapters.sdk.errors import ProtocolError
from adapters.sdk.outcomes import Outcome


class PartnerCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    ``operation`` is our name for it (metrics, faults, response tables). ``path`` begins with ``/`` and is appended to
    the partner's base address; it may carry its own query when it is a link that the partner gave. ``query`` is added
    behind it. Limits left unset are the manifest's. ``link`` makes the call in the name of a member who linked his
    account, by his token instead of the partner's scheme. ``authenticated`` is False for a call that carries its own
    proof, as those to a token endpoint do.
    """

    operation: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = {}
    body: bytes | None = None
    content_type: str = "application/json"
    deadline_seconds: float | None = None
    body_cap_bytes: int | None = None
    link: str | None = None
    authenticated: bool = True


class PartnerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, unread: header names in lower case, the body as bytes within the cap."""

    status: int
    headers: dict[str, str]
    body: bytes


class CallFailure(msgspec.Struct, frozen=True):
    """No answer worth reading. NOT_SENT: nothing of the request was written. UNKNOWN: it may have been applied."""

    outcome: Outcome
    reason: str


Exchange = Callable[[PartnerCall], Awaitable[PartnerAnswer | CallFailure]]
"""One bare request and answer, without authentication or retry; what an authenticator fetches its token with."""


def request_target(base_url: str, call: PartnerCall) -> str:
    """Give the path and query exactly as they are written to the wire (and so as they are signed)."""
    path = urlsplit(base_url).path.rstrip("/") + call.path
    if not call.query:
        return path
    pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in call.query)
    return f"{path}{'&' if '?' in path else '?'}{pairs}"


def full_url(base_url: str, call: PartnerCall) -> str:
    """Give the whole address of a call."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}{request_target(base_url, call)}"


def link_path(base_url: str, link: str) -> str:
    """Turn a link from a partner's answer into the path of a call.

    Args:
        base_url: the partner's configured address.
        link: an absolute address or an absolute path, with its query.

    Raises:
        ProtocolError: the link leaves the partner's origin; our credentials never follow it.
    """
    base, parts = urlsplit(base_url), urlsplit(link)
    foreign = (parts.scheme or parts.netloc) and (parts.scheme, parts.netloc) != (base.scheme, base.netloc)
    if foreign or not parts.path.startswith("/") or link.startswith("//"):
        raise ProtocolError("A link in the answer leads away from the partner's own address.")
    prefix = base.path.rstrip("/")
    path = parts.path.removeprefix(prefix) if parts.path.startswith(prefix + "/") else parts.path
    return f"{path}?{parts.query}" if parts.query else path
