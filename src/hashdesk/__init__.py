"""hashdesk: the open research desk for Bitcoin mining.

>>> from hashdesk import Desk
>>> Desk().note("2025-09").title
'Bitcoin mining: September 2025'

Public names are loaded on first use, so that importing the package costs milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashdesk.assumptions import Assumptions as Assumptions
    from hashdesk.assumptions import load_assumptions as load_assumptions
    from hashdesk.config import Settings as Settings
    from hashdesk.config import load_settings as load_settings
    from hashdesk.desk import Desk as Desk
    from hashdesk.errors import DataError as DataError
    from hashdesk.errors import HashdeskError as HashdeskError
    from hashdesk.errors import InputError as InputError
    from hashdesk.errors import ModelError as ModelError
    from hashdesk.errors import NotFound as NotFound
    from hashdesk.errors import PayloadError as PayloadError
    from hashdesk.errors import SourceError as SourceError
    from hashdesk.note.explain import Explanation as Explanation
    from hashdesk.note.model import Figure as Figure
    from hashdesk.note.model import Note as Note
    from hashdesk.note.model import Table as Table
    from hashdesk.note.model import to_json as to_json
    from hashdesk.progress import Progress as Progress
    from hashdesk.progress import Silent as Silent
    from hashdesk.publishing import publish as publish

__version__ = "0.1.0"

_HOME = {
    "Assumptions": "assumptions",
    "DataError": "errors",
    "Desk": "desk",
    "Explanation": "note.explain",
    "Figure": "note.model",
    "HashdeskError": "errors",
    "InputError": "errors",
    "ModelError": "errors",
    "NotFound": "errors",
    "Note": "note.model",
    "PayloadError": "errors",
    "Progress": "progress",
    "Settings": "config",
    "Silent": "progress",
    "SourceError": "errors",
    "Table": "note.model",
    "load_assumptions": "assumptions",
    "load_settings": "config",
    "publish": "publishing",
    "to_json": "note.model",
}
"""Public name -> module that defines it."""

__all__ = [
    "Assumptions",
    "DataError",
    "Desk",
    "Explanation",
    "Figure",
    "HashdeskError",
    "InputError",
    "ModelError",
    "NotFound",
    "Note",
    "PayloadError",
    "Progress",
    "Settings",
    "Silent",
    "SourceError",
    "Table",
    "__version__",
    "load_assumptions",
    "load_settings",
    "publish",
    "to_json",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'hashdesk' has no attribute {name!r}")
    value = getattr(import_module(f"hashdesk.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
