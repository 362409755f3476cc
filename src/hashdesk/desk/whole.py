"""The whole desk, put together from its parts."""

from __future__ import annotations

from hashdesk.desk.facts import FactsDesk
from hashdesk.desk.notes import NoteDesk


class Desk(NoteDesk, FactsDesk):
    """Notes, figures and their explanations over one store of facts.

    Parameters
    ----------
    settings : Settings, optional
        Where and how to run; read from the environment when left out.
    assumptions : Assumptions, optional
        What to believe where no fact is published; the committed ones when left out.

    Examples
    --------
    >>> desk = Desk()
    >>> desk.figure("network_hashrate_ehs", "2025-09").unit
    'EH/s'
    """
