"""A process that opens a gateway by its environment and reads one linked account: ``python -m ... PARTNER LINK``."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from config.settings import load_settings, process_environment
from gateway.wiring import open_gateway


async def main(partner: str, link: str) -> None:
    """Print the account, or why there is none."""
    gateway = await open_gateway(load_settings(), environ=process_environment())
    try:
        adapter: Any = gateway.partners[partner].adapter
        sys.stdout.write((await adapter.read_account(link)).account_number)
    finally:
        await gateway.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
