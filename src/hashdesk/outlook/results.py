"""What a simulation gives back: a frozen container of paths; quantiles, means and probabilities are views of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hashdesk.errors import InputError
from hashdesk.outlook.model import Model, Start, Windows
from hashdesk.units import HOURS_PER_DAY

if TYPE_CHECKING:
    import polars as pl

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles shown where none are asked for."""

_REVENUE = "block_reward_revenue_usd_per_ehs_day"
_PROFIT = "block_reward_gross_profit_usd_per_ehs_day"
_EFFICIENCY = "efficiency_j_per_th"

DERIVED = {
    "power_cost_usd_per_ehs_day": (_REVENUE, _PROFIT),
    "gross_margin_frac": (_PROFIT, _REVENUE),
    "breakeven_power_price_usd_per_mwh": (_REVENUE, _EFFICIENCY),
    "breakeven_efficiency_j_per_th": (_REVENUE, _PROFIT, _EFFICIENCY),
}
"""Figures computed from stored paths, and what each needs."""


@dataclass(frozen=True, slots=True)
class Probability:
    """Share of paths for which a statement holds."""

    value: float
    standard_error: float
    """Of the simulation alone: sqrt(p (1 - p) / n)."""
    n_paths: int


@dataclass(frozen=True, slots=True, eq=False)
class Outlook:
    """Simulated paths with everything that made them.

    Stored figures are means over a window; difficulty and ``btc_price_end_usd`` stand at its end, ``blocks`` is its
    count.
    """

    origin: dt.date
    """First simulated day."""
    dates: NDArray[np.datetime64]
    """Last day of each window, shape (n_windows,)."""
    windows: Windows
    seed: int
    n_paths: int
    start: Start
    model: Model
    paths: Mapping[str, NDArray[np.float32]]
    """Name to a read-only array, shape (n_paths, n_windows); units are in the names."""
    retarget_days: NDArray[np.float64]
    """Time of the first retargets, NaN past the horizon, shape (n_paths, n_retargets) [days since the origin]."""
    retarget_difficulty: NDArray[np.float64]
    """Difficulty that each brings [1]."""

    def path(self, name: str) -> NDArray[Any]:
        """A stored figure, or one derived from stored ones, shape (n_paths, n_windows).

        Raises
        ------
        InputError
            Neither stored nor derivable from what is stored.
        """
        if name in self.paths:
            return self.paths[name]
        missing = [needed for needed in DERIVED.get(name, (name,)) if needed not in self.paths]
        if missing:
            raise InputError(
                f"outlook: expected one of {', '.join([*self.paths, *DERIVED])}, got {name!r}.",
                hint=f"Not stored: {', '.join(missing)}.",
            )
        if name == "power_cost_usd_per_ehs_day":
            return self.paths[_REVENUE] - self.paths[_PROFIT]
        if name == "gross_margin_frac":
            return self.paths[_PROFIT] / self.paths[_REVENUE]
        if name == "breakeven_power_price_usd_per_mwh":
            return self.paths[_REVENUE] / (HOURS_PER_DAY * self.paths[_EFFICIENCY])
        cost = self.paths[_REVENUE] - self.paths[_PROFIT]
        return self.paths[_REVENUE] / (cost / self.paths[_EFFICIENCY])

    def quantiles(self, name: str, levels: Sequence[float] = LEVELS) -> NDArray[np.float64]:
        """Quantiles over paths, shape (n_levels, n_windows).

        Raises
        ------
        InputError
            Unknown figure, or a level outside 0 to 1.
        """
        if any(not 0 <= level <= 1 for level in levels):
            raise InputError(f"levels: expected numbers from 0 to 1, got {list(levels)}.")
        # A window's paths side by side in memory: a third faster than down the columns.
        by_window = np.ascontiguousarray(self.path(name).T)
        return np.asarray(np.quantile(by_window, levels, axis=1, overwrite_input=True), dtype=np.float64)

    def mean(self, name: str) -> NDArray[np.float64]:
        """Mean over paths, shape (n_windows,)."""
        return np.asarray(self.path(name).mean(axis=0, dtype=np.float64))

    def window_at(self, date: dt.date) -> int:
        """Index of the window that holds a day.

        Raises
        ------
        InputError
            The day lies outside the horizon.
        """
        day = (date - self.origin).days
        if not 0 <= day < self.windows.n_days:
            last = self.origin + dt.timedelta(days=self.windows.n_days - 1)
            raise InputError(f"date: expected {self.origin} to {last}, got {date}.", hint="Take a longer horizon.")
        return int(np.searchsorted(np.array(self.windows.days), day, side="right"))

    def probability(
        self, name: str, threshold: float, *, window: int | None = None, date: dt.date | None = None, below: bool = True
    ) -> Probability:
        """Share of paths whose figure lies below (or above) a threshold in one window, the last where none is named."""
        index = self.window_at(date) if date is not None else (-1 if window is None else window)
        values = self.path(name)[:, index]
        share = float(np.mean(values < threshold if below else values > threshold))
        return Probability(share, float(np.sqrt(share * (1 - share) / len(values))), len(values))

    def frame(self, names: Sequence[str] | None = None, levels: Sequence[float] = LEVELS) -> pl.DataFrame:
        """Quantiles as rows: date, name, level, value."""
        import polars as pl

        blocks = []
        for name in names or tuple(self.paths):
            values = self.quantiles(name, levels)
            blocks.append(
                pl.DataFrame(
                    {
                        "date": np.tile(self.dates, len(levels)),
                        "name": [name] * values.size,
                        "level": np.repeat(np.asarray(levels, dtype=np.float64), values.shape[1]),
                        "value": values.ravel(),
                    }
                )
            )
        return pl.concat(blocks)


def read_only(paths: dict[str, NDArray[np.float32]]) -> Mapping[str, NDArray[np.float32]]:
    """The same arrays, closed to writing."""
    for values in paths.values():
        values.setflags(write=False)
    return MappingProxyType(paths)
