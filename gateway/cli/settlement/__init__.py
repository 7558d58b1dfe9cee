"""``gateway settlement``: statements in, reconcile a day, export a period, breaks, positions and reported uses.

The only part of the gateway that loads the matching engine; the serving process starts it as a child.
"""

from __future__ import annotations

from gateway.cli.settlement.breaks import assign_break, dispute_break, reopen_break, resolve_break
from gateway.cli.settlement.commands import command
from gateway.cli.settlement.uses import explain_use, show_uses

for one in (resolve_break, assign_break, dispute_break, reopen_break, show_uses, explain_use):
    command.add_command(one)

__all__ = ["command"]
