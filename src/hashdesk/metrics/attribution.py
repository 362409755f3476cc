r"""What moved each share in a month: bitcoin, the AI basket, dated news, and what these leave.

The parts of a company add up to its return, and the parts of the group with the share counts and changes of the list to
the change of its market cap, to the last digit: the residual is what the other parts leave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from hashdesk.calendar import Period
from hashdesk.metrics.betas import MONTHLY, PRIOR, Fit, Sessions
from hashdesk.metrics.event_study import UNTESTED_KINDS, abnormal_return, event_sessions

PARTS = ("btc", "ai", "events", "residual")
"""Parts of a return, in the order they are shown."""

Z95 = 1.959964
"""Half-width of a 95% interval in standard errors."""

COMPANY_SCHEMA = {
    "ticker": pl.String,
    "name": pl.String,
    "return_frac": pl.Float64,
    **{
        f"{part}_frac{bound}": pl.Float64 for part in PARTS for bound in ("", "_low", "_high")
    },
    "residual_score": pl.Float64,
    "beta_bitcoin": pl.Float64,
    "beta_bitcoin_se": pl.Float64,
    "beta_ai": pl.Float64,
    "beta_ai_se": pl.Float64,
    "own_weight_frac": pl.Float64,
    "n_sessions": pl.Int64,
    "model_basis": pl.String,
    "n_events": pl.Int64,
    "event_sessions": pl.String,
    "prior_market_cap_usd": pl.Float64,
    "contribution_usd": pl.Float64,
    **{f"{part}_usd": pl.Float64 for part in PARTS},
    "share_effect_usd": pl.Float64,
    "universe_effect_usd": pl.Float64,
    "missing": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attribution:
    """What moved the shares in a month."""

    month: str
    companies: pl.DataFrame
    """Schema ``COMPANY_SCHEMA``, by ticker."""
    group: pl.DataFrame
    """One row, schema ``GROUP_SCHEMA``."""
    events: pl.DataFrame
    """Schema ``hashdesk.metrics.event_study.STUDY_SCHEMA``: dated news of the month."""
    btc_log: float
    """Bitcoin's log return between the trading days that the shares' returns run between."""
    ai_log: float
    """Log return of the AI basket."""
    ai_members: tuple[str, ...]
    hpc_tickers: tuple[str, ...]
    """Tracked companies with an AI/HPC contract or a GPU cloud on record by the month's end."""
    caveats: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MonthFactors:
    """Moves of the two factors over a month, between the same trading days as the shares' returns, in logs [1]."""

    btc_log: float
    ai_log: float
    n_sessions: int


def scale_to_simple(return_frac: float) -> float:
    """Simple return over log return: log parts times it add up to the simple return; 1 in the limit of no move."""
    log = float(np.log1p(return_frac))
    return return_frac / log if log else 1.0


def month_factors(lined_up: Sessions, period: Period) -> MonthFactors | None:
    """Factor moves of a period; None where a session of it lacks bitcoin's or the basket's return."""
    places = lined_up.between(period.start, period.last_day)
    btc, ai = lined_up.btc[places], lined_up.ai[places]
    if not places or not (np.isfinite(btc).all() and np.isfinite(ai).all()):
        return None
    return MonthFactors(float(btc.sum()), float(ai.sum()), len(places))


def company_events(events: pl.DataFrame, lined_up: Sessions, period: Period) -> dict[str, tuple[list[int], int]]:
    """Sessions of a period inside the window of some event, each once, and the number of events, by share.

    Only news of the company itself counts: news of the whole sector and rows that report only a move of the price
    stay in the residual. A window that reaches over a month's end gives each month its own sessions.
    """
    found: dict[str, tuple[set[int], int]] = {}
    inside = set(lined_up.between(period.start, period.last_day))
    own = events.filter(~pl.col("is_sector") & ~pl.col("kind").is_in(sorted(UNTESTED_KINDS)))
    for day, tickers in own.select("date", "tickers").iter_rows():
        places = inside.intersection(event_sessions(lined_up, day))
        for ticker in (tickers or "").split(";") if places else ():
            seen, n = found.get(ticker, (set(), 0))
            found[ticker] = (seen | places, n + 1)
    return {ticker: (sorted(places), n) for ticker, (places, n) in found.items()}


def attribute_companies(
    companies: pl.DataFrame,
    factors: MonthFactors,
    fits: Mapping[str, Fit],
    lined_up: Sessions,
    news: Mapping[str, tuple[Sequence[int], int]],
    *,
    has_news: bool,
) -> pl.DataFrame:
    r"""Parts of every company's return in a month, as fractions with 95% intervals and in USD of market cap.

    Parameters
    ----------
    companies : DataFrame
        From :func:`hashdesk.metrics.equities.companies_in`.
    factors : MonthFactors
        Moves of bitcoin and the basket.
    fits : mapping of str to Fit
        Shrunk models from before the month, by ticker.
    lined_up : Sessions
        Daily returns, for the sessions of events.
    news : mapping of str to (places, count)
        From :func:`company_events`.
    has_news : bool
        Whether dated events were collected for the month at all; without, the events part is null and the residual
        holds it.

    Returns
    -------
    DataFrame
        Schema ``COMPANY_SCHEMA``, sorted by ticker. btc_frac + ai_frac + events_frac (where known) + residual_frac is
        return_frac. A company without a return has null parts and says why in ``missing``.

    Notes
    -----
    With log return r, factor moves f (of the basket what its own beta to bitcoin leaves) and the abnormal log return A
    of the sessions inside event windows:

    .. math:: R = \frac{R}{r}\Big(\beta_b f_b + \beta_a f_a + A + \varepsilon\Big), \qquad r = \ln(1 + R)

    Each interval is the standard error of its own part: of the beta for the factors, of the prediction for the events;
    the residual's carries the errors of all parts, taken as independent. residual_score sets the residual against what
    a share with its daily noise does in as many sessions: beyond 2 or so it is more than noise.
    """
    rows = [
        _attribute(row, factors, fits.get(row["ticker"]), lined_up, news.get(row["ticker"], ((), 0)), has_news=has_news)
        for row in companies.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=COMPANY_SCHEMA).sort("ticker")


def _attribute(
    company: Mapping[str, Any],
    factors: MonthFactors,
    fit: Fit | None,
    lined_up: Sessions,
    news: tuple[Sequence[int], int],
    *,
    has_news: bool,
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COMPANY_SCHEMA)
    row |= {name: company[name] for name in ("ticker", "name", "return_frac", "prior_market_cap_usd")}
    row |= {name: company[name] for name in ("contribution_usd", "share_effect_usd", "universe_effect_usd")}
    change = company["return_frac"]
    if change is None or fit is None:
        row["missing"] = "no close at one end of the month" if change is None else "no model from before the month"
        return row
    row |= {
        "beta_bitcoin": fit.beta_bitcoin,
        "beta_bitcoin_se": fit.var_btc**0.5,
        "beta_ai": fit.beta_ai,
        "beta_ai_se": fit.var_ai**0.5,
        "own_weight_frac": fit.weight,
        "n_sessions": fit.n,
        "model_basis": fit.basis,
    }
    notes = ["too few closes of its own: the group's betas"] if fit.basis == PRIOR else []
    scale = scale_to_simple(change)
    ai_log = factors.ai_log - (fit.basket_btc_day + fit.basket_btc_lag) * factors.btc_log
    log = {"btc": fit.beta_bitcoin * factors.btc_log, "ai": fit.beta_ai * ai_log}
    sd = {"btc": fit.var_btc**0.5 * abs(factors.btc_log), "ai": fit.var_ai**0.5 * abs(ai_log)}
    if has_news:
        places, row["n_events"] = list(news[0]), news[1]
        found = abnormal_return(fit, lined_up.shares[company["ticker"]][places], lined_up.factors[places])
        if not places:
            log["events"], sd["events"] = 0.0, 0.0
        elif found is None:
            notes.append("no closes around its news: the residual holds what they did")
        else:
            log["events"], sd["events"] = found.abnormal_log, found.sd
            row["event_sessions"] = "; ".join(f"{lined_up.days[place]:%Y-%m-%d}" for place in places)
    else:
        notes.append("no dated news collected for the month: the residual holds what it did")
    log["residual"] = float(np.log1p(change)) - sum(log.values())
    sd["residual"] = float(np.sqrt(sum(value**2 for value in sd.values())))
    n_left = factors.n_sessions - (len(news[0]) if "events" in log else 0)
    if n_left and fit.basis != MONTHLY:
        row["residual_score"] = log["residual"] / float(np.sqrt(n_left * fit.residual_var + sd["residual"] ** 2))
    for part, value in log.items():
        row[f"{part}_frac"] = value * scale
        row[f"{part}_frac_low"] = (value - Z95 * sd[part]) * scale
        row[f"{part}_frac_high"] = (value + Z95 * sd[part]) * scale
    # The residual closes the sum in simple returns too, so that not even rounding is left over.
    row["residual_frac"] = change - sum(row[f"{part}_frac"] for part in log if part != "residual")
    _in_usd(row, company["price_effect_usd"])
    row["missing"] = "; ".join(notes) or None
    return row


def _in_usd(row: dict[str, Any], price_effect: float | None) -> None:
    """Fill the parts of the price effect in place; 0 where the company joined or left the list."""
    if price_effect is None:
        return
    per_unit = price_effect / row["return_frac"] if row["return_frac"] else 0.0
    rest = price_effect
    for part in PARTS[:-1]:
        if row[f"{part}_frac"] is not None:
            row[f"{part}_usd"] = row[f"{part}_frac"] * per_unit
            rest -= row[f"{part}_usd"]
    row["residual_usd"] = rest


PEER_SCHEMA = {
    "peers": pl.String,
    "n_companies": pl.Int64,
    "return_frac": pl.Float64,
    **{f"{part}_frac": pl.Float64 for part in PARTS},
}


def mean_parts(companies: pl.DataFrame, hpc_tickers: Sequence[str]) -> pl.DataFrame:
    """Mean return and parts of the companies with AI/HPC business on record, and of the others.

    Returns
    -------
    DataFrame
        Schema ``PEER_SCHEMA``: rows ``hpc`` and ``other``, each company counting the same; the part of dated news is
        the mean over companies that know theirs. A side without a company has no row.
    """
    known = companies.filter(pl.col("residual_frac").is_not_null())
    is_hpc = pl.col("ticker").is_in(list(hpc_tickers))
    rows = [
        {
            "peers": name,
            "n_companies": side.height,
            **{column: side[column].mean() for column in ("return_frac", *(f"{part}_frac" for part in PARTS))},
        }
        for name, side in (("hpc", known.filter(is_hpc)), ("other", known.filter(~is_hpc)))
        if side.height
    ]
    return pl.DataFrame(rows, schema=PEER_SCHEMA)


GROUP_SCHEMA = {
    "n_companies": pl.Int64,
    "prior_market_cap_usd": pl.Float64,
    "market_cap_change_usd": pl.Float64,
    **{f"{part}_usd": pl.Float64 for part in (*PARTS, "share_effect", "universe_effect")},
    "return_frac": pl.Float64,
    **{f"{part}_frac{bound}": pl.Float64 for part in PARTS for bound in ("", "_low", "_high")},
    "share_effect_frac": pl.Float64,
    "universe_effect_frac": pl.Float64,
    "market_cap_change_frac": pl.Float64,
    "missing": pl.String,
}


def attribute_group(companies: pl.DataFrame, combined_prior_usd: float | None) -> pl.DataFrame:
    """The group's market cap taken apart: the companies' parts in USD, share counts, and changes of the list.

    Parameters
    ----------
    companies : DataFrame
        From :func:`attribute_companies`.
    combined_prior_usd : float or None
        Combined market cap before the month. [USD]

    Returns
    -------
    DataFrame
        One row of schema ``GROUP_SCHEMA``: parts in USD that add up to market_cap_change_usd, and as fractions of the
        prior market cap. All null where a company lacks its part, named in ``missing``. Intervals take the errors of
        the companies as moving together, which makes them as wide as they can be.
    """
    row: dict[str, Any] = dict.fromkeys(GROUP_SCHEMA)
    unknown = companies.filter(
        pl.col("residual_usd").is_null() & (pl.col("contribution_usd") != pl.col("universe_effect_usd")).fill_null(True)
    )
    row["n_companies"] = companies.height
    row["prior_market_cap_usd"] = combined_prior_usd
    if unknown.height or not combined_prior_usd:
        row["missing"] = f"parts of {', '.join(unknown['ticker'])}" if unknown.height else "market cap before the month"
        return pl.DataFrame([row], schema=GROUP_SCHEMA)
    for part in PARTS:
        amounts = companies[f"{part}_usd"]
        row[f"{part}_usd"] = float(amounts.sum()) if part == "residual" or amounts.drop_nulls().len() else None
    # A share that joins or leaves counts under the list, not under the shares issued.
    row["universe_effect_usd"] = float(companies["universe_effect_usd"].sum())
    row["share_effect_usd"] = float(companies["share_effect_usd"].sum()) - row["universe_effect_usd"]
    row["market_cap_change_usd"] = float(companies["contribution_usd"].sum())
    row["return_frac"] = sum(row[f"{part}_usd"] or 0.0 for part in PARTS) / combined_prior_usd
    row["market_cap_change_frac"] = row["market_cap_change_usd"] / combined_prior_usd
    for part in (*PARTS, "share_effect", "universe_effect"):
        amount = row[f"{part}_usd"]
        row[f"{part}_frac"] = None if amount is None else amount / combined_prior_usd
    for part in PARTS:
        if row[f"{part}_usd"] is None:
            continue
        # USD per unit of a company's return, spread over its interval.
        half = (pl.col(f"{part}_frac_high") - pl.col(f"{part}_frac_low")) / 2
        per_unit = pl.sum_horizontal(f"{name}_usd" for name in PARTS) / pl.col("return_frac")
        width = float(companies.select((half * per_unit).fill_nan(None).abs().sum()).item()) / combined_prior_usd
        row[f"{part}_frac_low"], row[f"{part}_frac_high"] = row[f"{part}_frac"] - width, row[f"{part}_frac"] + width
    return pl.DataFrame([row], schema=GROUP_SCHEMA)
