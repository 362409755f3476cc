r"""What a dated piece of news did to a share: the return that bitcoin and the AI basket do not explain.

The window is the first session that could trade on the news and the one after. The model comes from sessions before the
month. A move is measured in its own standard errors and then ranked among the same measure on ordinary dates of the
twelve months before, because returns of miners have far fatter tails than a normal law: a test at 5% on a date without
news then fires about 5% of the time, and tests hold it to that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from hashdesk.calendar import month_period
from hashdesk.errors import ModelError
from hashdesk.metrics.betas import MONTHLY, Fit, Sessions

FloatArray = NDArray[np.float64]

WINDOW = 2
"""Sessions of an event: the first that could trade on the news, and the next."""

LEVEL = 0.05
"""A p-value below it counts as significant."""

TAILS = (1.0, 0.8, 0.65, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.1, 0.075, 0.05, 0.04, 0.03, 0.02, 0.01, 0.005, 0.002)
"""Chances of a larger move for which table ``placebo_quantiles`` keeps the size of the move."""

PLACEBO_MONTHS = 12
LEAST_PLACEBOS = 500
LEAST_EVENTS = 3
"""A kind with fewer events gets a mean and no test."""

UNTESTED_KINDS = frozenset({"price_move"})
"""A row that reports only the move itself would test what it was picked for."""


@dataclass(frozen=True, slots=True)
class Abnormal:
    """A move over some sessions in log terms: all of it, what the factors explain, the rest, and its error."""

    return_log: float
    expected_log: float
    sd: float

    @property
    def abnormal_log(self) -> float:
        """Return less what the factors explain."""
        return self.return_log - self.expected_log

    @property
    def score(self) -> float:
        """Abnormal return in standard errors of its prediction."""
        return self.abnormal_log / self.sd


def abnormal_return(fit: Fit, returns: ArrayLike, factors: ArrayLike) -> Abnormal | None:
    r"""Abnormal return over some sessions and the standard error of the prediction; None where a session is missing.

    No drift is expected: what a share gained in the months before is no forecast.

    Parameters
    ----------
    fit : Fit
        Model from sessions before.
    returns : array_like, shape (n_sessions,)
        Log returns. [1]
    factors : array_like, shape (n_sessions, 3)
        Log returns of bitcoin, bitcoin the day before, and the basket. [1]

    Notes
    -----
    .. math:: A = \sum_t (r_t - \beta^\top x_t), \qquad \operatorname{var} A = n s^2 + X^\top V X, \quad X = \sum_t x_t

    References
    ----------
    Patell (1976), J. Accounting Research 14: the error of the prediction.
    """
    y, x = np.asarray(returns, dtype=np.float64), np.asarray(factors, dtype=np.float64)
    if fit.basis == MONTHLY or not len(y) or not (np.isfinite(y).all() and np.isfinite(x).all()):
        return None
    total = fit.own_factors(x).sum(axis=0)
    variance = len(y) * fit.residual_var + float(total @ fit.slope_cov @ total)
    return Abnormal(float(y.sum()), float(fit.slopes @ total), float(np.sqrt(variance)))


def placebo_scores(lined_up: Sessions, fits: Mapping[tuple[str, dt.date], Fit]) -> pl.DataFrame:
    """Scores of every window of ``WINDOW`` sessions that starts in a fitted month, whatever happened in it.

    Parameters
    ----------
    lined_up : Sessions
        Daily returns.
    fits : mapping of (ticker, month) to Fit
        Models from before each month.

    Returns
    -------
    DataFrame
        ticker, date (first session), month, score; windows with a missing session are left out.
    """
    factors = lined_up.factors
    rows: list[tuple[str, dt.date, dt.date, float]] = []
    for (ticker, month), fit in sorted(fits.items()):
        for index in lined_up.between(month, month_period(month).last_day):
            part = slice(index, index + WINDOW)
            found = abnormal_return(fit, lined_up.shares[ticker][part], factors[part])
            if found is not None and index + WINDOW <= len(lined_up.days):
                rows.append((ticker, lined_up.days[index], month, found.score))
    schema = {"ticker": pl.String, "date": pl.Date, "month": pl.Date, "score": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


QUANTILE_SCHEMA = {"month": pl.Date, "tail_frac": pl.Float64, "abs_score": pl.Float64, "n_placebos": pl.Int64}


def placebo_quantiles(scores: pl.DataFrame, month: dt.date) -> pl.DataFrame:
    """How large an ordinary move was in the months before: sizes that a share of the scores exceeds.

    Parameters
    ----------
    scores : DataFrame
        From :func:`placebo_scores`.
    month : date
        Month that the sizes are for; the ``PLACEBO_MONTHS`` before it are read. A window that reaches into the month
        is left out.

    Returns
    -------
    DataFrame
        month, tail_frac, abs_score, n_placebos; empty with fewer than ``LEAST_PLACEBOS`` scores.
    """
    first = dt.date(month.year - 1, month.month, 1)
    last = scores.filter(pl.col("date") < month)["date"].max()
    known = scores.filter((pl.col("month") >= first) & (pl.col("date") < (last or month)))
    if known.height < LEAST_PLACEBOS:
        return pl.DataFrame(schema=QUANTILE_SCHEMA)
    sizes = np.quantile(known["score"].abs().to_numpy(), [1 - tail for tail in TAILS])
    rows = [(month, tail, float(size), known.height) for tail, size in zip(TAILS, sizes, strict=True)]
    return pl.DataFrame(rows, schema=QUANTILE_SCHEMA, orient="row")


def p_value(score: ArrayLike, quantiles: pl.DataFrame) -> FloatArray:
    """Share of ordinary dates with a larger move than this, in either direction.

    Between the sizes of the table the chance falls along a straight line of its logarithm; a move beyond the last size
    gets the last chance.

    Parameters
    ----------
    score : array_like, shape (n,)
        Scores. [1]
    quantiles : DataFrame
        From :func:`placebo_quantiles`, of one month.

    Raises
    ------
    ModelError
        The table is empty.
    """
    if quantiles.is_empty():
        raise ModelError(
            f"p-value: fewer than {LEAST_PLACEBOS} ordinary dates are known before the month.",
            hint="Read more daily closes, or take a later month.",
        )
    table = quantiles.sort("abs_score")
    sizes, tails = table["abs_score"].to_numpy(), table["tail_frac"].to_numpy()
    chance: FloatArray = np.exp(np.interp(np.abs(np.asarray(score, dtype=np.float64)), sizes, np.log(tails)))
    return chance


def critical_score(quantiles: pl.DataFrame, level: float = LEVEL) -> float:
    """Size of a score that ordinary dates exceed with this chance."""
    table = quantiles.sort("tail_frac")
    return float(np.exp(np.interp(np.log(level), np.log(table["tail_frac"]), np.log(table["abs_score"] + 1e-12))))


STUDY_SCHEMA = {
    "date": pl.Date,
    "ticker": pl.String,
    "kind": pl.String,
    "is_sector": pl.Boolean,
    "headline": pl.String,
    "window_from": pl.Date,
    "window_to": pl.Date,
    "return_frac": pl.Float64,
    "expected_frac": pl.Float64,
    "abnormal_frac": pl.Float64,
    "abnormal_frac_low": pl.Float64,
    "abnormal_frac_high": pl.Float64,
    "score": pl.Float64,
    "p_value": pl.Float64,
    "is_significant": pl.Boolean,
    "n_overlapping": pl.Int64,
    "model_basis": pl.String,
    "source": pl.String,
    "missing": pl.String,
}


def event_study(
    events: pl.DataFrame,
    lined_up: Sessions,
    fits: Mapping[tuple[str, dt.date], Fit],
    quantiles: pl.DataFrame,
    tickers: Iterable[str],
) -> pl.DataFrame:
    """Abnormal return of every share that a dated event names, with its interval and p-value.

    Parameters
    ----------
    events : DataFrame
        Table ``events``; rows of ``UNTESTED_KINDS`` are left out.
    lined_up : Sessions
        Daily returns.
    fits : mapping of (ticker, month) to Fit
        Shrunk models from before each month.
    quantiles : DataFrame
        Table ``placebo_quantiles``, or several months of :func:`placebo_quantiles`.
    tickers : iterable of str
        Shares to study.

    Returns
    -------
    DataFrame
        Schema ``STUDY_SCHEMA``, one row per event and share, by date. abnormal_frac is a simple return, its 95%
        interval uses the size that one ordinary date in twenty exceeds. n_overlapping counts other events of the share
        whose window shares a session: their moves cannot be told apart. ``missing`` says why a row has no numbers.
    """
    wanted = set(tickers)
    rows = []
    for event in events.filter(~pl.col("kind").is_in(sorted(UNTESTED_KINDS))).iter_rows(named=True):
        for ticker in filter(wanted.__contains__, (event["tickers"] or "").split(";")):
            rows.append(_study(event, ticker, lined_up, fits, quantiles))
    study = pl.DataFrame(rows, schema=STUDY_SCHEMA).sort("date", "ticker", "headline")
    return study.with_columns(n_overlapping=pl.Series(_overlaps(study), dtype=pl.Int64))


def event_sessions(lined_up: Sessions, day: dt.date) -> list[int]:
    """Places of the sessions of an event's window: the first on or after its day, and the next."""
    first = sum(session < day for session in lined_up.days)
    return [index for index in range(first, first + WINDOW) if index < len(lined_up.days)]


def _study(
    event: Mapping[str, object],
    ticker: str,
    lined_up: Sessions,
    fits: Mapping[tuple[str, dt.date], Fit],
    quantiles: pl.DataFrame,
) -> dict[str, object]:
    row: dict[str, object] = {name: event.get(name) for name in STUDY_SCHEMA}
    row["ticker"] = ticker
    day = event["date"]
    assert isinstance(day, dt.date)
    places = event_sessions(lined_up, day)
    if len(places) < WINDOW:
        return row | {"missing": "the sessions of the window are not in the store"}
    row |= {"window_from": lined_up.days[places[0]], "window_to": lined_up.days[places[-1]]}
    month = lined_up.days[places[0]].replace(day=1)
    fit = fits.get((ticker, month))
    if fit is None:
        return row | {"missing": "no model from the sessions before the month"}
    found = abnormal_return(fit, lined_up.shares[ticker][places], lined_up.factors[places])
    if found is None:
        return row | {"missing": "no closes of the window's sessions", "model_basis": fit.basis}
    row |= {
        "return_frac": float(np.expm1(found.return_log)),
        "expected_frac": float(np.expm1(found.expected_log)),
        "abnormal_frac": float(np.expm1(found.abnormal_log)),
        "score": found.score,
        "model_basis": fit.basis,
    }
    table = quantiles.filter(pl.col("month") == month)
    if table.is_empty():
        return row | {"missing": "too few ordinary dates before the month for a p-value"}
    chance = float(p_value(found.score, table))
    width = critical_score(table) * found.sd
    return row | {
        "abnormal_frac_low": float(np.expm1(found.abnormal_log - width)),
        "abnormal_frac_high": float(np.expm1(found.abnormal_log + width)),
        "p_value": chance,
        "is_significant": chance < LEVEL,
    }


def _overlaps(study: pl.DataFrame) -> list[int]:
    """For each row, the other rows of the same share whose windows share a session."""
    spans: list[tuple[str, dt.date | None, dt.date | None]] = study.select("ticker", "window_from", "window_to").rows()
    counts = []
    for place, (ticker, first, last) in enumerate(spans):
        others = (span for other, span in enumerate(spans) if other != place and span[0] == ticker)
        counts.append(
            sum(
                first is not None and last is not None and a is not None and b is not None and a <= last and first <= b
                for _, a, b in others
            )
        )
    return counts


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Abnormal returns around dated news."""

    events: pl.DataFrame
    """Schema ``STUDY_SCHEMA``."""
    kinds: pl.DataFrame
    """Schema ``KIND_SCHEMA``."""


KIND_SCHEMA = {
    "kind": pl.String,
    "n_events": pl.Int64,
    "n_significant": pl.Int64,
    "n_up": pl.Int64,
    "mean_abnormal_frac": pl.Float64,
    "median_abnormal_frac": pl.Float64,
    "mean_score": pl.Float64,
    "t": pl.Float64,
    "p_value": pl.Float64,
}


def by_kind(study: pl.DataFrame) -> pl.DataFrame:
    r"""Events of a kind together: mean and median abnormal return, and a test that the mean score is zero.

    News of the whole sector is left out: its rows move together. Of events of one share whose windows share a session,
    the first stands for all.

    Returns
    -------
    DataFrame
        Schema ``KIND_SCHEMA``, the most frequent kind first; t and p-value are null with fewer than ``LEAST_EVENTS``.

    Notes
    -----
    .. math:: t = \bar z \sqrt{n} / s_z

    against Student's law with n - 1 degrees of freedom: the spread of the scores themselves stands for their error, so
    that news that raises volatility does not pass for news that moves the price.

    References
    ----------
    Boehmer, Musumeci and Poulsen (1991), J. Financial Economics 30.
    """
    known = study.filter(pl.col("score").is_not_null() & ~pl.col("is_sector")).sort("date", "ticker", "headline")
    rows = []
    for (kind,), group in known.group_by(["kind"], maintain_order=True):
        events = _first_of_overlapping(group)
        score = events["score"].to_numpy()
        n = len(score)
        row: dict[str, object] = {
            "kind": kind,
            "n_events": n,
            "n_significant": int(events["is_significant"].fill_null(False).sum()),
            "n_up": int((score > 0).sum()),
            "mean_abnormal_frac": events["abnormal_frac"].mean(),
            "median_abnormal_frac": events["abnormal_frac"].median(),
            "mean_score": float(score.mean()),
            "t": None,
            "p_value": None,
        }
        if n >= LEAST_EVENTS:
            row["t"], row["p_value"] = mean_score_test(score)
        rows.append(row)
    return pl.DataFrame(rows, schema=KIND_SCHEMA).sort("n_events", "kind", descending=[True, False])


def mean_score_test(score: Sequence[float] | FloatArray) -> tuple[float, float]:
    """Student's t of a mean score and its two-sided p-value; see :func:`by_kind`."""
    values = np.asarray(score, dtype=np.float64)
    t = float(values.mean() * np.sqrt(len(values)) / values.std(ddof=1))
    return t, float(2 * stdtr(len(values) - 1, -abs(t)))


def _first_of_overlapping(events: pl.DataFrame) -> pl.DataFrame:
    """Rows whose window shares no session with an earlier row of the same share."""
    last: dict[str, dt.date] = {}
    keep = []
    for ticker, first, until in events.select("ticker", "window_from", "window_to").iter_rows():
        is_new = ticker not in last or first > last[ticker]
        keep.append(is_new)
        if is_new:
            last[ticker] = until
    return events.filter(pl.Series(keep, dtype=pl.Boolean))
