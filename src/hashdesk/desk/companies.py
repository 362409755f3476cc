"""Companies: operations, value, what moved the shares, the AI/HPC pivot."""

from __future__ import annotations

from hashdesk.desk.core import DeskCore


class CompanyDesk(DeskCore):
    """Companies: operations, value, what moved the shares, the AI/HPC pivot."""
