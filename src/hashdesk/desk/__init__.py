"""The desk: the one place where stored facts, assumptions and calculation meet.

Each module holds one part of it; ``Desk`` is the whole, loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hashdesk.desk.whole import Desk

__all__ = ["Desk"]


def __getattr__(name: str) -> Any:
    if name != "Desk":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hashdesk.desk.whole import Desk

    return Desk
