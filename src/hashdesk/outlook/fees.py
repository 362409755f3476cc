"""One day's step of a block's fees: a logarithm that reverts, and surges that begin and end at random."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hashdesk.outlook.compiled import inlined
from hashdesk.outlook.model import FeeModel
from hashdesk.outlook.streams import bits_at, following, normal, uniform


class FeeArgs(NamedTuple):
    """The fee model as the kernel reads it; times in days."""

    typical_btc: float
    start_gap: float
    """Logarithm of fees at the origin over their typical level."""
    persistence: float
    log_sd: float
    surge_factor: float
    surge_start: float
    surge_end: float


def fee_args(fees: FeeModel) -> FeeArgs:
    """A fee model in the kernel's terms; a network without fees stays without."""
    has_fees = fees.fees_btc_typical > 0 and fees.fees_btc_now > 0
    return FeeArgs(
        fees.fees_btc_typical if has_fees else 0.0,
        math.log(fees.fees_btc_now / fees.fees_btc_typical) if has_fees else 0.0,
        1.0 - fees.reversion_per_day,
        fees.log_sd_per_day,
        math.exp(fees.surge_log_jump),
        fees.surge_start_per_day,
        fees.surge_end_per_day,
    )


@inlined
def fee_step(args: FeeArgs, day: int, gap: float, is_surge: bool, key: np.uint64) -> tuple[float, float, bool]:
    """Fees of a block [BTC], gap of the logarithm and surge state, one day on."""
    bits = bits_at(key, day)
    gap = args.persistence * gap + args.log_sd * normal(bits)
    u = uniform(following(bits))
    is_surge = u >= args.surge_end if is_surge else u < args.surge_start
    fees = args.typical_btc * math.exp(gap)
    return (fees * args.surge_factor if is_surge else fees), gap, is_surge
