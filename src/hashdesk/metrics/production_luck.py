"""Luck of producers on their own pool: coins come in whole blocks, so output scatters around what was expected."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hashdesk.errors import InputError
from hashdesk.metrics.hashrate import poisson_interval_factors


@dataclass(frozen=True, slots=True)
class PoolEvidence:
    """Why a company counts as mining on its own pool."""

    pool: str
    evidence: str


SELF_POOL = {
    "MARA": PoolEvidence(
        "MARA Pool",
        "Tags its blocks 'MARA Pool' and 'MARA Made in USA', and reports the blocks it won in monthly updates.",
    ),
}
"""Producers paid by blocks found. Every other tracked company is taken to be paid per share by an outside pool."""


@dataclass(frozen=True, slots=True)
class LuckInterval:
    """95% interval of a quantity that is proportional to blocks found."""

    low: float
    high: float
    n_blocks: float


def luck_interval(value: float, production_btc: float, reward_btc_per_block: float) -> LuckInterval:
    r"""Interval of a realised hashrate (or output) whose coins came as whole blocks.

    Parameters
    ----------
    value : float
        Quantity in proportion to the coins. [any]
    production_btc : float
        Coins mined. [BTC]
    reward_btc_per_block : float
        Mean reward of a block of the network in the span. [BTC/block]

    Returns
    -------
    LuckInterval
        Exact Poisson bounds; with N blocks the relative standard error is about :math:`1/\sqrt{N}`.

    Raises
    ------
    InputError
        The reward is not positive, or the coins are negative.

    Examples
    --------
    >>> luck = luck_interval(50.0, 705.0, 3.15)
    >>> round(luck.n_blocks), round(luck.low, 1), round(luck.high, 1)
    (224, 43.7, 57.0)
    """
    if not reward_btc_per_block > 0 or production_btc < 0 or not math.isfinite(production_btc):
        raise InputError(
            "luck_interval: expected a positive reward and coins from 0 up, got "
            f"{reward_btc_per_block} BTC/block and {production_btc} BTC."
        )
    n_blocks = production_btc / reward_btc_per_block
    low, high = poisson_interval_factors([n_blocks])
    return LuckInterval(value * float(low[0]), value * float(high[0]), n_blocks)
