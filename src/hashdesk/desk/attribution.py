"""What moved the shares, and the AI/HPC pivot."""

from __future__ import annotations

from hashdesk.desk.core import DeskCore


class AttributionDesk(DeskCore):
    """What moved the shares, and the AI/HPC pivot."""
