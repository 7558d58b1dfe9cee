"""What an integrator may import, and what may not be relied on. Pure.

The names of the public modules, their signatures and fields are pinned by a test for each `API_VERSION`. A name is
added at any time. One is taken away, or changes its meaning, only with the next `API_VERSION`, and only after it stood
in `DEPRECATED` while the version before was served; an adapter of another version is refused by name.
"""

from __future__ import annotations

PUBLIC = (
    "account_records",
    "answers",
    "auth",
    "auth_schemes",
    "calls",
    "capabilities",
    "client",
    "codec",
    "context",
    "currencies",
    "declarative.loading",
    "errors",
    "link_tokens",
    "linking",
    "manifest",
    "message_signatures",
    "options",
    "outcomes",
    "reading",
    "records",
    "registry",
    "request_signing",
    "statement_fetch",
    "statement_file",
    "surface",
    "testing.bench",
    "testing.book",
    "testing.breaks",
    "testing.control",
    "testing.examination",
    "testing.faults",
    "testing.simulator",
    "testing.webhook_sender",
    "webhook_schemes",
    "webhooks",
    "xml_codec",
)
"""Modules of ``adapters.sdk`` whose public names an integrator may import."""

BESIDE = (
    "catalogue.values.Money",
    "config.clock.Clock",
    "config.clock.SystemClock",
    "config.errors.ConfigurationError",
    "config.secrets.Secret",
)
"""Names of other packages that are part of the surface, because the records and contexts hold them."""

DEPRECATED: dict[str, str] = {}
"""Full name to what to use instead; it works until the next `API_VERSION`."""
