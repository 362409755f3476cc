r"""How a share moves with bitcoin and with the AI basket, from the sessions before a month, with standard errors.

Model of a session's log return: a constant, bitcoin's return of the same day and of the day before, and what the basket
returned beyond its own beta to bitcoin. So the beta to bitcoin is the plain one, with what reaches the share by way of
the basket, and the basket stands for the AI business alone: its oldest member hosted miners and moves with bitcoin.
Bitcoin's close is taken at 24:00 UTC and New York's at 20:00 or 21:00 UTC, so the last hours of bitcoin's day reach the
share only in its next session: the betas of both days together are the share's beta to bitcoin (Dimson).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from hashdesk.errors import DataError, ModelError
from hashdesk.metrics.baskets import log_returns

FloatArray = NDArray[np.float64]

WINDOW_SESSIONS = 126
"""Sessions that a beta rests on: half a year."""

LEAST_SESSIONS = 40
"""With fewer, a company's own estimate is not used: the group's stands in."""

LEAST_MONTHS = 12
"""With fewer monthly returns, a fit on month ends is not made."""

HAC_LAGS = 5
"""Bartlett lags of the standard errors: a week of sessions."""

N_SLOPES = 3
DAILY, STORED, MONTHLY, PRIOR = "daily closes", "stored moments", "month ends", "group"
"""What a fit rests on, in order of preference."""

MOMENT_COLUMNS = (
    "mean_return", "mean_bitcoin", "mean_bitcoin_lag", "mean_ai",
    "var_return", "cov_return_bitcoin", "cov_return_bitcoin_lag", "cov_return_ai",
    "var_bitcoin", "var_bitcoin_lag", "var_ai", "cov_bitcoin_and_lag", "cov_bitcoin_ai", "cov_bitcoin_lag_ai",
    "hac_var_bitcoin", "hac_var_ai", "hac_cov_bitcoin_ai",
)  # fmt: skip
"""Numbers of table ``return_moments``: moments of daily log returns, and the robust error of the two betas."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Daily log returns on the trading days, NaN where unknown: bitcoin, bitcoin the day before, basket, shares."""

    days: tuple[dt.date, ...]
    btc: FloatArray
    btc_lag: FloatArray
    ai: FloatArray
    shares: Mapping[str, FloatArray]

    @property
    def factors(self) -> FloatArray:
        """Shape (n_days, 3): bitcoin, bitcoin of the day before, basket, as they are."""
        return np.column_stack([self.btc, self.btc_lag, self.ai])

    def before(self, month: dt.date, n_sessions: int) -> slice:
        """The last sessions before a month."""
        end = sum(day < month for day in self.days)
        return slice(max(0, end - n_sessions), end)

    def between(self, first: dt.date, last: dt.date) -> list[int]:
        """Places of the sessions from one day to another, both included."""
        return [index for index, day in enumerate(self.days) if first <= day <= last]


def sessions(
    equity_closes: pl.DataFrame,
    btc_price_daily: pl.DataFrame,
    trading_days: pl.DataFrame,
    ai_basket_daily: pl.DataFrame,
    tickers: Sequence[str],
    session_returns: pl.DataFrame | None = None,
) -> Sessions:
    """Line up shares, bitcoin and the basket on the trading days.

    Bitcoin's return of a session runs from 24:00 UTC of the session before to 24:00 UTC of its own day.

    Parameters
    ----------
    equity_closes, btc_price_daily, trading_days, ai_basket_daily : DataFrame
        The tables of those names.
    tickers : sequence of str
        Shares to read.
    session_returns : DataFrame, optional
        Table ``session_returns``: single sessions around news where daily closes are not in the store.
    """
    days = trading_days["date"].sort().to_list()
    place = {day: index for index, day in enumerate(days)}
    price = dict(btc_price_daily.select("date", "close_usd").iter_rows())
    levels = np.array([price.get(day) or np.nan for day in days], dtype=np.float64)
    btc = np.concatenate([[np.nan], np.diff(np.log(levels))])
    ai = np.full(len(days), np.nan)
    for day, move in ai_basket_daily.select("date", "return_log").iter_rows():
        if day in place:
            ai[place[day]] = move
    shares = {ticker: log_returns(equity_closes, days, ticker) for ticker in tickers}
    if session_returns is not None:
        for ticker, day, move in session_returns.select("ticker", "date", "return_log").iter_rows():
            if ticker in shares and day in place and np.isnan(shares[ticker][place[day]]):
                shares[ticker][place[day]] = move
    return Sessions(tuple(days), btc, np.concatenate([[np.nan], btc[:-1]]), ai, shares)


@dataclass(frozen=True, slots=True)
class Fit:
    """A share's model before a month. Betas are to log returns [1]; variances are of the estimates."""

    ticker: str
    month: dt.date
    basis: str
    """``daily closes``, ``stored moments``, ``month ends`` or ``group`` (no own history: the mean of the others)."""
    n: int
    beta_btc_day: float
    """To bitcoin's return of the same day."""
    beta_btc_lag: float
    """To bitcoin's return of the day before."""
    beta_ai: float
    var_btc: float
    """Of the sum of the two bitcoin betas, robust to changing volatility and to a week of autocorrelation."""
    var_ai: float
    residual_var: float
    """Of a session's residual (of a month's, on month ends)."""
    slope_cov: FloatArray
    """Shape (3, 3): classical covariance of the three slopes, for the error of a prediction."""
    basket_btc_day: float
    """Beta of the basket itself to bitcoin's return of the same day, in the window."""
    basket_btc_lag: float
    """Beta of the basket to bitcoin's return of the day before."""
    weight: float = 1.0
    """Of the company's own bitcoin beta against the group's; 1 before shrinkage."""
    window: tuple[dt.date, dt.date] | None = None

    @property
    def beta_bitcoin(self) -> float:
        """To bitcoin over both days."""
        return self.beta_btc_day + self.beta_btc_lag

    @property
    def slopes(self) -> FloatArray:
        """Shape (3,): bitcoin, bitcoin of the day before, basket beyond bitcoin."""
        return np.array([self.beta_btc_day, self.beta_btc_lag, self.beta_ai])

    def own_factors(self, factors: ArrayLike) -> FloatArray:
        """Factors with the basket cleared of bitcoin, shape (..., 3), from raw ones of the same shape."""
        raw = np.asarray(factors, dtype=np.float64)
        cleared = raw[..., 2] - self.basket_btc_day * raw[..., 0] - self.basket_btc_lag * raw[..., 1]
        return np.stack([raw[..., 0], raw[..., 1], cleared], axis=-1)


def window_moments(returns: ArrayLike, factors: ArrayLike) -> dict[str, float]:
    r"""Moments of a window of sessions, and the robust error of the betas they imply.

    Parameters
    ----------
    returns : array_like, shape (n_sessions,)
        Log returns of a share; a session with any value missing drops out. [1]
    factors : array_like, shape (n_sessions, 3)
        Log returns of bitcoin, of bitcoin the day before, and of the basket. [1]

    Returns
    -------
    dict
        ``n_sessions`` and ``MOMENT_COLUMNS``.

    Raises
    ------
    ModelError
        Fewer sessions than ``LEAST_SESSIONS``, or factors that move as one.

    Notes
    -----
    With centred factors :math:`\tilde x_t`, the basket cleared of its regression on bitcoin, residuals :math:`e_t` (for
    bitcoin those without the basket) and Bartlett weights :math:`w_l`:

    .. math:: V = \frac{n}{n-4} Q^{-1} \Big[\sum_l w_l \sum_t \tilde x_t e_t e_{t-l} \tilde x_{t-l}^\top\Big] Q^{-1},
              \qquad Q = \sum_t \tilde x_t \tilde x_t^\top

    References
    ----------
    Newey and West (1987), Econometrica 55: the weights. Dimson (1979), J. Financial Economics 7: lagged betas.
    """
    y, x = np.asarray(returns, dtype=np.float64), np.asarray(factors, dtype=np.float64)
    known = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x = y[known], x[known]
    n = len(y)
    if n < LEAST_SESSIONS:
        raise ModelError(f"betas: expected at least {LEAST_SESSIONS} sessions with returns, got {n}.")
    centred, centred_y = x - x.mean(axis=0), y - y.mean()
    if np.linalg.cond(centred.T @ centred) > 1e12:
        raise ModelError("betas: bitcoin and the basket move as one in this window: their betas cannot be told apart.")
    cov = np.cov(np.column_stack([y, x]), rowvar=False, bias=True)
    btc, basket = centred[:, :2], centred[:, 2]
    centred = np.column_stack([btc, basket - btc @ np.linalg.solve(btc.T @ btc, btc.T @ basket)])
    gram = centred.T @ centred
    slopes = np.linalg.solve(gram, centred.T @ centred_y)
    # The plain beta to bitcoin also errs by what the basket did on its own; the beta to the basket does not.
    plain, joint = centred_y - btc @ slopes[:2], centred_y - centred @ slopes
    scores = np.column_stack([btc * plain[:, None], centred[:, 2] * joint])
    meat = scores.T @ scores
    for lag in range(1, HAC_LAGS + 1):
        cross = scores[lag:].T @ scores[:-lag]
        meat += (1 - lag / (HAC_LAGS + 1)) * (cross + cross.T)
    bread = np.linalg.inv(gram)
    robust = n / (n - N_SLOPES - 1) * bread @ meat @ bread
    both = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    robust = both @ robust @ both.T
    mean = np.concatenate([[y.mean()], x.mean(axis=0)])
    values = (
        *mean, cov[0, 0], cov[0, 1], cov[0, 2], cov[0, 3], cov[1, 1], cov[2, 2], cov[3, 3], cov[1, 2], cov[1, 3],
        cov[2, 3], robust[0, 0], robust[1, 1], robust[0, 1],
    )  # fmt: skip
    return {"n_sessions": n, **{name: float(v) for name, v in zip(MOMENT_COLUMNS, values, strict=True)}}


def fit_from_moments(ticker: str, month: dt.date, moments: Mapping[str, float], basis: str) -> Fit:
    """Betas and their errors from the moments of a window (a row of ``return_moments``, or fresh ones)."""
    n = int(moments["n_sessions"])
    raw = np.array(
        [
            [moments["var_bitcoin"], moments["cov_bitcoin_and_lag"], moments["cov_bitcoin_ai"]],
            [moments["cov_bitcoin_and_lag"], moments["var_bitcoin_lag"], moments["cov_bitcoin_lag_ai"]],
            [moments["cov_bitcoin_ai"], moments["cov_bitcoin_lag_ai"], moments["var_ai"]],
        ]
    )
    basket = np.linalg.solve(raw[:2, :2], raw[:2, 2])
    clear = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-basket[0], -basket[1], 1.0]])
    gram = clear @ raw @ clear.T
    with_return = clear @ [moments["cov_return_bitcoin"], moments["cov_return_bitcoin_lag"], moments["cov_return_ai"]]
    slopes = np.linalg.solve(gram, with_return)
    residual = (moments["var_return"] - slopes @ with_return) * n / (n - N_SLOPES - 1)
    return Fit(
        ticker,
        month,
        basis,
        n,
        float(slopes[0]),
        float(slopes[1]),
        float(slopes[2]),
        moments["hac_var_bitcoin"],
        moments["hac_var_ai"],
        float(residual),
        np.linalg.inv(gram) * residual / n,
        float(basket[0]),
        float(basket[1]),
    )


def fit_daily(lined_up: Sessions, ticker: str, month: dt.date) -> Fit | None:
    """Fit on daily closes of the window before a month; None where the store lacks sessions of it."""
    window = lined_up.before(month, WINDOW_SESSIONS)
    returns = lined_up.shares[ticker][window]
    if window.stop - window.start < WINDOW_SESSIONS or not np.isfinite(returns).all():
        return None
    fit = fit_from_moments(ticker, month, window_moments(returns, lined_up.factors[window]), DAILY)
    return replace(fit, window=(lined_up.days[window.start], lined_up.days[window.stop - 1]))


def fit_monthly(ticker: str, month: dt.date, returns: ArrayLike, factors: ArrayLike) -> Fit | None:
    """Fit on returns between month ends, where nothing finer is known; None with fewer than ``LEAST_MONTHS``.

    Parameters
    ----------
    ticker : str
        Share.
    month : date
        First day of the month that the fit is for.
    returns : array_like, shape (n_months,)
        Log returns of the months before. [1]
    factors : array_like, shape (n_months, 2)
        Log returns of bitcoin and the basket. [1]
    """
    y, x = np.asarray(returns, dtype=np.float64), np.asarray(factors, dtype=np.float64).reshape(-1, 2)
    known = np.isfinite(y) & np.isfinite(x).all(axis=1)
    y, x = y[known], x[known]
    n = len(y)
    if n < LEAST_MONTHS:
        return None
    centred, centred_y = x - x.mean(axis=0), y - y.mean()
    basket = float(centred[:, 0] @ centred[:, 1] / (centred[:, 0] @ centred[:, 0]))
    centred = np.column_stack([centred[:, 0], centred[:, 1] - basket * centred[:, 0]])
    bread = np.linalg.inv(centred.T @ centred)
    slopes = bread @ centred.T @ centred_y
    errors = centred_y - centred @ slopes
    meat = (centred * errors[:, None] ** 2).T @ centred
    robust = n / (n - 3) * bread @ meat @ bread
    residual = float(errors @ errors) / (n - 3)
    cov = np.zeros((3, 3))
    cov[np.ix_([0, 2], [0, 2])] = bread * residual
    return Fit(
        ticker, month, MONTHLY, n, float(slopes[0]), 0.0, float(slopes[1]),
        float(robust[0, 0]), float(robust[1, 1]), residual, cov, basket, 0.0,
    )  # fmt: skip


def shrunk(own: Mapping[str, Fit | None], month: dt.date, of: Collection[str] | None = None) -> dict[str, Fit]:
    r"""Pull each company's betas towards the group's, the further the less its own history says.

    The group's mean weighs each company by what its estimate is worth; the spread between companies is what remains of
    the spread of the estimates once their errors are taken out. A company without a fit takes the mean, with the spread
    between companies as its error.

    Parameters
    ----------
    own : mapping of str to Fit or None
        Fits of a month by ticker.
    month : date
        First day of that month.
    of : collection of str, optional
        Companies that make up the group, those tracked in the month; all when left out.

    Returns
    -------
    dict of str to Fit

    Raises
    ------
    DataError
        No company has a fit.

    Notes
    -----
    .. math:: \hat\beta_i = w_i b_i + (1 - w_i)\bar b, \quad w_i = \frac{\tau^2}{\tau^2 + s_i^2}, \quad
              \operatorname{var} = w_i s_i^2

    References
    ----------
    Vasicek (1973), J. Finance 28: betas between the company's own and the group's.
    """
    fits = {ticker: fit for ticker, fit in own.items() if fit is not None and (of is None or ticker in of)}
    if not fits:
        raise DataError(f"betas: no company has the closes that a fit before {month} needs.")
    btc_mean, btc_spread = _group([fit.beta_bitcoin for fit in fits.values()], [fit.var_btc for fit in fits.values()])
    ai_mean, ai_spread = _group([fit.beta_ai for fit in fits.values()], [fit.var_ai for fit in fits.values()])
    typical = float(np.median([fit.residual_var for fit in fits.values()]))
    lag = float(np.mean([fit.beta_btc_lag for fit in fits.values()]))
    # Of the basket alone: the same for all that have the whole window.
    basket_day = float(np.median([fit.basket_btc_day for fit in fits.values()]))
    basket_lag = float(np.median([fit.basket_btc_lag for fit in fits.values()]))
    result = {}
    for ticker, fit in own.items():
        if fit is None:
            cov = np.diag([btc_spread, 0.0, ai_spread])
            result[ticker] = Fit(
                ticker, month, PRIOR, 0, btc_mean - lag, lag, ai_mean, btc_spread, ai_spread, typical, cov, basket_day,
                basket_lag, 0.0
            )  # fmt: skip
            continue
        weight, ai_weight = btc_spread / (btc_spread + fit.var_btc), ai_spread / (ai_spread + fit.var_ai)
        result[ticker] = replace(
            fit,
            beta_btc_day=weight * fit.beta_bitcoin + (1 - weight) * btc_mean - fit.beta_btc_lag,
            beta_ai=ai_weight * fit.beta_ai + (1 - ai_weight) * ai_mean,
            var_btc=weight * fit.var_btc,
            var_ai=ai_weight * fit.var_ai,
            weight=weight,
        )
    return result


def _group(values: Sequence[float], variances: Sequence[float]) -> tuple[float, float]:
    """Mean of the estimates and the variance between companies; the latter is at least a tenth of the errors'."""
    estimate, error = np.array(values), np.array(variances)
    spread = max(
        float(np.var(estimate, ddof=1) - error.mean()) if len(estimate) > 1 else 0.0, 0.1 * float(error.mean())
    )
    worth = 1 / (spread + error)
    return float((estimate * worth).sum() / worth.sum()), spread
