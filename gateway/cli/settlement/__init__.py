"""``gateway settlement``: take in statements, reconcile a day, export a period, list breaks and positions.

The only part of the gateway that loads the matching engine; the serving process starts it as a child.
"""

from __future__ import annotations

from gateway.cli.settlement.commands import command

__all__ = ["command"]
