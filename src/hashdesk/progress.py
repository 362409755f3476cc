"""How long work reports its progress: a protocol, and a default that says nothing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told before each step of a long task."""

    def step(self, name: str, done: int, total: int) -> None:
        """Step ``name`` begins; ``done`` of ``total`` steps are behind us."""


class Silent:
    """A progress sink that says nothing."""

    def step(self, name: str, done: int, total: int) -> None:
        """Ignore the step."""
