"""``python -m adapters.direct.kit``: the kit without the gateway's command line."""

from __future__ import annotations

from adapters.direct.kit.command import kit

if __name__ == "__main__":
    kit()
