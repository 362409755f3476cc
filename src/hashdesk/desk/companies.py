"""Companies: operations, value, dilution, and the next disclosure."""

from __future__ import annotations

from hashdesk.desk.core import DeskCore


class CompanyDesk(DeskCore):
    """Companies: operations, value, dilution, and the next disclosure."""
