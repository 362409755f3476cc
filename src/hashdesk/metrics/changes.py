"""What a monthly series says about its last value: streaks, records, round thresholds crossed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


def streak(values: Sequence[float | None]) -> int | None:
    """Months in a row in the direction of the latest change; 0 where it did not move; None without a change.

    Examples
    --------
    >>> streak([5.0, 6.0, 4.0, 3.0])
    2
    >>> streak([1.0, None, 2.0]) is None
    True
    """
    count, direction = 0, 0
    for later, earlier in zip(reversed(values), reversed(values[:-1]), strict=False):
        if later is None or earlier is None:
            break
        sign = (later > earlier) - (later < earlier)
        if count == 0:
            if sign == 0:
                return 0
            direction = sign
        if sign != direction:
            break
        count += 1
    return count or None


@dataclass(frozen=True, slots=True)
class Extreme:
    """The last value is the highest or lowest since ``since_index``; None where it beats the whole history."""

    kind: str
    since_index: int | None
    first_index: int
    n_values: int
    previous: float
    """The most extreme earlier value of the history."""


def extreme(values: Sequence[float | None], *, least_months: int = 6) -> Extreme | None:
    """Whether the last value is a high or a low of at least ``least_months`` months.

    The history is the unbroken run of values that ends with the last one: a gap may hide a higher one.

    Examples
    --------
    >>> extreme([1.0, 9.0, 2.0, 3.0, 1.5, 2.5, 2.0, 1.8, 4.0]).since_index
    1
    """
    if not values or values[-1] is None:
        return None
    first = len(values) - 1
    while first > 0 and values[first - 1] is not None:
        first -= 1
    history = [value for value in values[first:] if value is not None]
    last = history[-1]
    for kind, sign in (("high", 1), ("low", -1)):
        since = next((i for i in range(len(history) - 2, -1, -1) if sign * history[i] >= sign * last), None)
        months_beaten = len(history) - 1 - (since + 1 if since is not None else 0)
        if months_beaten >= least_months:
            previous = sign * max(sign * value for value in history[:-1])
            return Extreme(kind, None if since is None else first + since, first, len(history), previous)
    return None


def round_threshold_crossed(value: float, previous_high: float) -> float | None:
    """The roundest number of one digit and zeros passed for the first time; None if there is none.

    Roundness: 1 before 5 before other digits; among equals the highest.

    Examples
    --------
    >>> round_threshold_crossed(1035.0, 949.0), round_threshold_crossed(55.9e9, 39.2e9)
    (1000.0, 50000000000.0)
    >>> round_threshold_crossed(979.0, 943.0) is None
    True
    """
    if not value > previous_high > 0:
        return None
    exponent = math.floor(math.log10(value))
    for digits in ((1,), (5,), (9, 8, 7, 6, 4, 3, 2)):
        for digit in digits:
            threshold = float(digit * 10**exponent)
            if previous_high < threshold <= value:
                return threshold
    return None
