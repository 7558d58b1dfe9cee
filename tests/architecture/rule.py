"""The shape of every rule."""

from __future__ import annotations

from collections.abc import Callable

from tests.architecture.sources import Tree, Violation

Rule = Callable[[Tree], list[Violation]]
"""A function of a tree that answers what breaks it; its name is the rule's name."""
