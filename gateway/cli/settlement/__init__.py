"""``gateway settlement``: statements in, reconcile a day, export a period, list breaks, positions and reported uses.

The only part of the gateway that loads the matching engine; the serving process starts it as a child.
"""

from __future__ import annotations

from gateway.cli.settlement.commands import command
from gateway.cli.settlement.uses import explain_use, show_uses

command.add_command(show_uses)
command.add_command(explain_use)

__all__ = ["command"]
