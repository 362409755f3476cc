"""Blocks of one day as a Poisson process, and the retarget rule inside the day, to the block and the second."""

from __future__ import annotations

import math

import numpy as np

from hashdesk.outlook.compiled import compiled
from hashdesk.outlook.streams import beta, following, poisson, uniform
from hashdesk.units import BLOCKS_PER_EPOCH, SECONDS_PER_DAY, TARGET_BLOCK_SECONDS, WORK_PER_DIFFICULTY

_TARGET_SPAN_SECONDS = float(BLOCKS_PER_EPOCH * TARGET_BLOCK_SECONDS)
_EASIEST_TARGET = 65_535.0 * 2.0**208
_EPOCH = BLOCKS_PER_EPOCH
_DAY = float(SECONDS_PER_DAY)

BLOCKS_PER_EHS_DAY = SECONDS_PER_DAY * 1e18 / WORK_PER_DIFFICULTY
"""Expected blocks of 1 EH/s over a day at difficulty 1 [1]."""


@compiled
def encoded_target(target: float) -> float:
    """A target as the header's 32 bits keep it: three bytes of mantissa, the first below 128.

    Notes
    -----
    With the size s in bytes, mantissa = floor(target / 256^(s - 3)); one byte more where it would read as negative.
    """
    _, exponent = math.frexp(target)
    size = (exponent + 7) // 8
    step = math.ldexp(1.0, 8 * (size - 3))
    mantissa = math.floor(target / step)
    if mantissa >= 8_388_608:
        step *= 256.0
        mantissa = math.floor(target / step)
    return mantissa * step


@compiled
def retargeted(difficulty: float, span_seconds: float) -> float:
    r"""Difficulty after a retarget.

    Parameters
    ----------
    difficulty : float
        In force during the epoch. [1]
    span_seconds : float
        Header time of the epoch's last block less that of its first: 2,015 intervals. [s]

    Returns
    -------
    float
        Difficulty of the next epoch, rounded as the header's bits round it. [1]

    Notes
    -----
    .. math:: T' = \min\bigl(T \cdot \mathrm{clamp}(\Delta t,\ 302400,\ 4838400) / 1209600,\ T_{max}\bigr)

    References
    ----------
    Bitcoin Core, ``src/pow.cpp``, ``CalculateNextWorkRequired``.
    """
    span = min(max(math.floor(span_seconds), _TARGET_SPAN_SECONDS / 4), _TARGET_SPAN_SECONDS * 4)
    target = encoded_target(_EASIEST_TARGET / difficulty) * span / _TARGET_SPAN_SECONDS
    return _EASIEST_TARGET / encoded_target(min(target, _EASIEST_TARGET))


@compiled
def mine_day(
    day: int, hashrate_ehs: float, difficulty: float, found: int, epoch_start: float, n: int, bits: np.uint64
) -> tuple[int, float, int, float, float, float]:
    """A day of blocks at constant hashrate, with the epoch's first block or its last among them, or with neither.

    Parameters
    ----------
    day : int
        Days since the origin; the day runs from ``day`` to ``day + 1``.
    hashrate_ehs : float
        Hashrate. [EH/s]
    difficulty : float
        In force when the day begins. [1]
    found : int
        Blocks of the epoch found so far, 0 to 2,015. [1]
    epoch_start : float
        Time of the epoch's first block, while ``found`` is above 0. [days since the origin]
    n : int
        Poisson draw of the blocks that a whole day at this difficulty would have. [1]
    bits : uint64
        What it was drawn from; further draws follow from it.

    Returns
    -------
    blocks, difficulty, found, epoch_start, inverse_difficulty, retarget_at
        Blocks of the day; state at its end; time mean of 1/difficulty over the day; time of the day's last retarget,
        negative where it had none.

    Notes
    -----
    Given the count of a stretch, its block times are ordered uniform draws: the first and the one that closes the
    epoch are Beta draws, and what follows them is uniform again. Exact, without drawing single blocks.
    """
    blocks = 0
    time = 0.0
    inverse = 0.0
    retarget_at = -1.0
    while True:
        rest = 1.0 - time
        if n > 0 and found == 0:
            bits = following(bits)
            first = 1.0 - uniform(bits) ** (1.0 / n)
            epoch_start = day + time + rest * first
            inverse += rest * first / difficulty
            time += rest * first
            rest = 1.0 - time
            found = 1
            blocks += 1
            n -= 1
        missing = _EPOCH - found
        if n < missing:
            return blocks + n, difficulty, found + n, epoch_start, inverse + rest / difficulty, retarget_at
        bits = following(bits)
        closing = rest * beta(float(missing), float(n - missing + 1), bits)
        inverse += closing / difficulty
        time += closing
        blocks += missing
        retarget_at = day + time
        difficulty = retargeted(difficulty, (retarget_at - epoch_start) * _DAY)
        found = 0
        bits = following(following(bits))
        n = poisson(hashrate_ehs * BLOCKS_PER_EHS_DAY / difficulty * (1.0 - time), bits)
