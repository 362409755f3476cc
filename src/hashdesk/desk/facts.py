"""The store of facts: loading, importing, fetching, and looking into it."""

from __future__ import annotations

from hashdesk.desk.core import DeskCore


class FactsDesk(DeskCore):
    """The store of facts: loading, importing, fetching, and looking into it."""
