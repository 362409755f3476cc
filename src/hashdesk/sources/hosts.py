"""How we treat a host: never asked more often than its publisher allows, and left alone for a while when it is down."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hashdesk.sources.base import RateLimit


@dataclass
class RateWindow:
    """Keeps to a rate over every window of time, not only on average.

    Parameters
    ----------
    limit : RateLimit
        At most ``calls`` in any ``per_seconds``.

    Examples
    --------
    >>> window = RateWindow(RateLimit(2, 1.0))
    >>> [window.reserve(now) for now in (0.0, 0.25, 0.5)]
    [0.0, 0.0, 0.5]
    """

    limit: RateLimit
    _starts: deque[float] = field(default_factory=deque)

    def reserve(self, now: float) -> float:
        """Take the next free slot.

        Parameters
        ----------
        now : float
            Reading of a clock that never goes back. [s]

        Returns
        -------
        float
            How long to wait before asking. [s]
        """
        start = now
        if len(self._starts) == self.limit.calls:
            start = max(now, self._starts.popleft() + self.limit.per_seconds)
        self._starts.append(start)
        return start - now


@dataclass
class CircuitBreaker:
    """Opens after failures in a row; then nobody asks until some time has passed, and one attempt closes or reopens it.

    Parameters
    ----------
    n_failures : int, default 10
        Failures in a row that open it.
    open_seconds : float, default 60
        How long it stays open. [s]
    """

    n_failures: int = 10
    open_seconds: float = 60.0
    _failed: int = 0
    _opened_at: float | None = None

    def remaining_seconds(self, now: float) -> float:
        """How long until the next attempt is allowed, 0 when it is [s]."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self.open_seconds - now)

    def failed(self, now: float) -> None:
        """The host did not answer."""
        self._failed += 1
        if self._failed >= self.n_failures:
            self._opened_at = now

    def answered(self) -> None:
        """The host answered."""
        self._failed = 0
        self._opened_at = None
