"""Conversion of mining sites to AI and high-performance computing: the hashrate that it takes off the network."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hashdesk.errors import InputError

FloatArray = NDArray[np.float64]

DAYS_PER_QUARTER = 365.25 / 4
MAX_CONVERTED_FRAC = 0.5
"""Of the power drawn at the start: beyond it the network of a bad path would have nothing left to convert."""


def conversion_ehs_per_day(
    mw_per_quarter: float,
    efficiency_j_per_th: float,
    *,
    first_day: int,
    n_quarters: int | None,
    n_days: int,
    network_power_mw: float,
    origin: str,
) -> FloatArray:
    r"""Hashrate that leaves the network each day when so much power goes over to other computing, evenly in time.

    Parameters
    ----------
    mw_per_quarter : float
        Power that miners give up. [MW/quarter]
    efficiency_j_per_th : float
        Of the machines that go. [J/TH]
    first_day : int
        Days after the outlook's first one.
    n_quarters : int or None
        For so long; to the end when None.
    n_days : int
        Horizon. [days]
    network_power_mw : float
        What all machines of the network draw. [MW]
    origin : str
        Opens the message: what file it is about.

    Returns
    -------
    ndarray, shape (n_days,)
        Hashrate that leaves on each day, zero or more. [EH/s]

    Raises
    ------
    InputError
        More than half of the power that miners draw would go.

    Notes
    -----
    1 EH/s at e J/TH draws e MW, so M MW carry :math:`M / e` EH/s.

    Examples
    --------
    >>> left = conversion_ehs_per_day(
    ...     365.25, 20, first_day=0, n_quarters=1, n_days=100, network_power_mw=20_000, origin="x")
    >>> float(left[0]), float(left.sum().round(2))
    (0.2, 18.2)
    """
    span = n_days - first_day if n_quarters is None else min(round(n_quarters * DAYS_PER_QUARTER), n_days - first_day)
    total = mw_per_quarter / DAYS_PER_QUARTER * max(span, 0)
    if total > MAX_CONVERTED_FRAC * network_power_mw:
        raise InputError(
            f"{origin}: hpc.mw_per_quarter: {mw_per_quarter:,.0f} MW a quarter would convert {total:,.0f} MW "
            f"by the end: more than half of what all miners draw, about {network_power_mw:,.0f} MW.",
            hint="Take less, or fewer quarters.",
        )
    leaving = np.zeros(n_days)
    leaving[first_day : first_day + max(span, 0)] = mw_per_quarter / DAYS_PER_QUARTER / efficiency_j_per_th
    return leaving
