"""What a company will report next: its coins of a month, forecast at the month's end, before its own report is out.

The chain is known on the last day of a month; a company's report comes some ten days later. The forecast takes the
hashrate that the last reported coins stand for, lets it grow as the company's disclosed hashrate has since and, beyond
its last disclosure, as the network has: without news a company keeps its share. It multiplies by what each EH/s earned
in the month. A producer on its own pool is read over its last reports, as one month's coins carry the luck of its
blocks. Everything used was public on that day, and so were the errors that the interval rests on.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import polars as pl

from hashdesk.calendar import Period
from hashdesk.metrics.company_facts import FactBook, Observation, age_months
from hashdesk.metrics.operations import NetworkMonths, NetworkSpan, realized_hashrate_ehs
from hashdesk.metrics.production_luck import SELF_POOL

LEVEL = 0.95
LEAST_ERRORS = 20
"""Past errors before an interval is given."""
OWN_POOL_MONTHS = 3
"""Reports that a producer on its own pool is read over: luck falls with the root of the blocks [months]."""
GROWTH_BOUNDS = (0.75, 1.35)
"""Growth beyond this within a few weeks is a new count or a purchase, not a ramp [1]."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected coins of one company-month, and what was then reported."""

    ticker: str
    month: dt.date
    expected_btc: float
    low_btc: float | None
    high_btc: float | None
    last_realized_ehs: float
    """Hashrate that the last reported coins stand for."""
    last_report_as_of: dt.date
    growth_frac: float
    """Growth of the hashrate since that the forecast counts on, own-pool luck that it takes out included."""
    naive_btc: float
    """Yardstick: the coins of the last reported month, day for day."""
    reported_btc: float | None = None
    reported_at: dt.date | None = None

    @property
    def error_log(self) -> float | None:
        """Log of reported over expected [1]."""
        return None if not self.reported_btc else math.log(self.reported_btc / self.expected_btc)

    @property
    def error_frac(self) -> float | None:
        """Reported over expected, less one [fraction]."""
        return None if not self.reported_btc else self.reported_btc / self.expected_btc - 1

    @property
    def is_inside(self) -> bool | None:
        """Whether the report fell into the interval; None without a report or an interval."""
        if self.reported_btc is None or self.low_btc is None or self.high_btc is None:
            return None
        return self.low_btc <= self.reported_btc <= self.high_btc


@dataclass(frozen=True, slots=True)
class Score:
    """How forecasts of a company (or of all) did."""

    ticker: str
    n: int
    mae_frac: float
    """Mean absolute error: reported over expected, less one."""
    naive_mae_frac: float
    """The same of the last report carried on."""
    n_with_interval: int
    coverage_frac: float | None
    """Share of reports inside the 95% interval."""
    bias_frac: float
    """Mean of reported over expected, less one."""


def forecasts(
    tickers: Sequence[str], months: Sequence[Period], book: FactBook, network: NetworkMonths, *, max_age_months: float
) -> list[Forecast]:
    r"""Every forecast that could be made at the end of each month, in order of time.

    Parameters
    ----------
    tickers : sequence of str
        Companies.
    months : sequence of Period
        Whole months in order.
    book : FactBook
        Disclosures with the day they became public.
    network : NetworkMonths
        The chain by month.
    max_age_months : float
        Disclosures older than this start no forecast. [months]

    Returns
    -------
    list of Forecast
        With the report where one came.

    Notes
    -----
    With coins Q reported for month :math:`t_0`, network coins N and hashrate H, disclosed hashrate E (log-linear
    between month ends) and a the part of the time from :math:`t_0` to t that no disclosure covers:

    .. math:: \\hat Q_t = Q_{t_0} \\frac{H_{t_0}}{N_{t_0}} \\cdot \\frac{E_{last}}{E_{t_0}}
              \\Big(\\frac{H_t}{H_{t_0}}\\Big)^a \\cdot \\frac{N_t}{H_t}

    Without a disclosed E a is 1: the company keeps its share of the network. For a producer on its own pool it is the
    geometric mean over the last ``OWN_POOL_MONTHS`` reports.

    The interval is the forecast times :math:`e^{\\pm w}` with w the 95% quantile of the absolute log errors of all
    forecasts whose reports were public by then; a producer on its own pool carries its luck on top, in quadrature.
    """
    done: list[Forecast] = []
    for period in months:
        span = network.span(period.start, period.last_day)
        if span is None:
            continue
        day = period.last_day
        known_errors = [
            abs(f.error_log)
            for f in done
            if f.error_log is not None and f.reported_at is not None and f.reported_at <= day
        ]
        width = _quantile(known_errors) if len(known_errors) >= LEAST_ERRORS else None
        for ticker in tickers:
            made = _forecast(ticker, period, book, network, span, max_age_months)
            if made is None:
                continue
            spread = None if width is None else _with_luck(width, ticker, made.expected_btc, span.reward_btc_per_block)
            report = book.at(ticker, "production_btc", day, 1)
            forecast = Forecast(
                ticker=ticker,
                month=period.start,
                expected_btc=made.expected_btc,
                low_btc=None if spread is None else made.expected_btc * math.exp(-spread),
                high_btc=None if spread is None else made.expected_btc * math.exp(spread),
                last_realized_ehs=made.last_realized_ehs,
                last_report_as_of=made.last_report_as_of,
                growth_frac=made.growth - 1,
                naive_btc=made.last_btc_per_day * period.n_days,
                reported_btc=None if report is None else report.value,
                reported_at=None if report is None else report.known_at,
            )
            done.append(forecast)
    return done


def score(made: Sequence[Forecast], ticker: str | None = None) -> Score | None:
    """Errors and coverage of the forecasts that were answered by a report; None where none was.

    Parameters
    ----------
    made : sequence of Forecast
        From :func:`forecasts`.
    ticker : str, optional
        One company; all together when left out.
    """
    answered = [f for f in made if f.reported_btc and (ticker is None or f.ticker == ticker)]
    if not answered:
        return None
    reported = np.array([f.reported_btc for f in answered], dtype=np.float64)
    expected = np.array([f.expected_btc for f in answered])
    naive = np.array([f.naive_btc for f in answered])
    inside = [f.is_inside for f in answered if f.is_inside is not None]
    return Score(
        ticker=ticker or "ALL",
        n=len(answered),
        mae_frac=float(np.mean(np.abs(reported / expected - 1))),
        naive_mae_frac=float(np.mean(np.abs(reported / naive - 1))),
        n_with_interval=len(inside),
        coverage_frac=float(np.mean(inside)) if inside else None,
        bias_frac=float(np.mean(reported / expected - 1)),
    )


@dataclass(frozen=True, slots=True)
class _Made:
    expected_btc: float
    last_realized_ehs: float
    last_report_as_of: dt.date
    growth: float
    last_btc_per_day: float


def _forecast(
    ticker: str, period: Period, book: FactBook, network: NetworkMonths, now: NetworkSpan, max_age_months: float
) -> _Made | None:
    """One forecast from what was public at the month's end."""
    reports = _last_reports(book, ticker, period, OWN_POOL_MONTHS if ticker in SELF_POOL else 1)
    if not reports or age_months(reports[-1].as_of, period.last_day) > max_age_months:
        return None
    hashrates, grown = [], []
    for report in reports:
        assert report.period_start is not None
        then = network.span(report.period_start, report.as_of)
        if then is None:
            return None
        hashrates.append(float(realized_hashrate_ehs(report.value, then.network_btc, then.network_hashrate_ehs)))
        network_log = math.log(now.network_hashrate_ehs / then.network_hashrate_ehs)
        grown.append(math.log(hashrates[-1]) + _growth_log(book, ticker, report, period, network_log, max_age_months))
    expected_ehs = math.exp(sum(grown) / len(grown))
    last = reports[-1]
    return _Made(
        expected_ehs * now.btc_per_ehs_day * now.n_days,
        hashrates[-1],
        last.as_of,
        expected_ehs / hashrates[-1],
        last.value / _n_days(last),
    )


def _last_reports(book: FactBook, ticker: str, period: Period, n_months: int) -> list[Observation]:
    """Monthly reports of the last months that have one by the period's end, oldest first."""
    known = [
        item
        for item in book.series(ticker, "production_btc")
        if item.n_months == 1 and item.as_of < period.start and item.known_at <= period.last_day and item.value > 0
    ]
    return [item for item in known[-n_months:] if age_months(item.as_of, known[-1].as_of) < n_months]


def _n_days(report: Observation) -> int:
    assert report.period_start is not None
    return (report.as_of - report.period_start).days + 1


def _growth_log(
    book: FactBook, ticker: str, last: Observation, period: Period, network_log: float, max_age_months: float
) -> float:
    """Log growth from the middle of a reported month to the middle of the period: as disclosed, then as the network."""
    assert last.period_start is not None
    then, middle = (day + dt.timedelta(days=15) for day in (last.period_start, period.start))
    seen = [
        item
        for item in book.series(ticker, "energized_hashrate_ehs")
        if item.as_of < period.start and item.known_at <= period.last_day and item.value > 0
    ]
    earlier = [item for item in seen if item.as_of <= then]
    disclosed, uncovered = 0.0, 1.0
    if earlier and age_months(earlier[-1].as_of, then) <= max_age_months:
        days, logs = [float(item.as_of.toordinal()) for item in seen], [math.log(item.value) for item in seen]
        disclosed = logs[-1] - float(np.interp(then.toordinal(), days, logs))
        uncovered = (middle - max(seen[-1].as_of, then)).days / (middle - then).days
    low, high = (math.log(bound) for bound in GROWTH_BOUNDS)
    return min(max(disclosed + uncovered * network_log, low), high)


def _quantile(errors: Sequence[float]) -> float:
    """The error that one more draw stays below at ``LEVEL``, given those seen: a shade above the plain quantile."""
    return float(np.quantile(errors, min(1.0, LEVEL * (1 + 1 / len(errors))), method="higher"))


def _with_luck(width_log: float, ticker: str, expected_btc: float, reward_btc_per_block: float) -> float:
    """Half-width in the log; a producer on its own pool carries the luck of its blocks on top."""
    if ticker not in SELF_POOL:
        return width_log
    return math.hypot(width_log, 1.96 / math.sqrt(max(1.0, expected_btc / reward_btc_per_block)))


def by_company(made: Sequence[Forecast]) -> Mapping[str, list[Forecast]]:
    """Forecasts of each company, in order of time."""
    grouped: dict[str, list[Forecast]] = {}
    for forecast in made:
        grouped.setdefault(forecast.ticker, []).append(forecast)
    return grouped


FORECAST_SCHEMA: Mapping[str, type[pl.DataType]] = {
    "ticker": pl.String,
    "month": pl.Date,
    "expected_btc": pl.Float64,
    "low_btc": pl.Float64,
    "high_btc": pl.Float64,
    "reported_btc": pl.Float64,
    "error_frac": pl.Float64,
    "is_inside": pl.Boolean,
    "naive_btc": pl.Float64,
    "last_realized_ehs": pl.Float64,
    "last_report_as_of": pl.Date,
    "growth_frac": pl.Float64,
    "reported_at": pl.Date,
}


def forecast_rows(made: Sequence[Forecast]) -> pl.DataFrame:
    """Forecasts as a table, schema ``FORECAST_SCHEMA``, in order of time."""
    rows = [{name: getattr(forecast, name) for name in FORECAST_SCHEMA} for forecast in made]
    return pl.DataFrame(rows, schema=dict(FORECAST_SCHEMA))


def score_rows(made: Sequence[Forecast]) -> pl.DataFrame:
    """Scores as a table: all companies together, then each."""
    names = (None, *sorted({forecast.ticker for forecast in made}))
    found = [result for result in (score(made, name) for name in names) if result is not None]
    schema = {field.name: pl.Float64 for field in fields(Score)} | {
        "ticker": pl.String, "n": pl.Int64, "n_with_interval": pl.Int64,
    }  # fmt: skip
    return pl.DataFrame([asdict(result) for result in found], schema=schema)
