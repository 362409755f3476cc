"""The outlook: simulation, next adjustments, fleets, the scored forecast."""

from __future__ import annotations

from hashdesk.desk.core import DeskCore


class OutlookDesk(DeskCore):
    """The outlook: simulation, next adjustments, fleets, the scored forecast."""
