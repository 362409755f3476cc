from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.errors import DataError, ModelError
from hashdesk.metrics.baskets import AI_BASKET, ai_basket_daily
from hashdesk.metrics.betas import (
    DAILY,
    LEAST_SESSIONS,
    PRIOR,
    Fit,
    fit_from_moments,
    fit_monthly,
    shrunk,
    window_moments,
)

MONTH = dt.date(2025, 9, 1)


def world(n: int = 4_000, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """A share with known betas: 1.0 and 0.2 to bitcoin's two days, 0.5 to a basket that itself follows bitcoin."""
    draw = np.random.default_rng(seed)
    btc = draw.normal(0, 0.03, n + 1)
    day, lag = btc[1:], btc[:-1]
    basket = 0.6 * day + draw.normal(0, 0.04, n)
    share = 1.0 * day + 0.2 * lag + 0.5 * (basket - 0.6 * day) + draw.normal(0, 0.02, n)
    return share, np.column_stack([day, lag, basket])


def a_fit(ticker: str, beta: float, var: float, ai: float = 0.4) -> Fit:
    return Fit(ticker, MONTH, DAILY, 126, beta, 0.0, ai, var, 0.01, 0.001, np.eye(3) * 0.01, 0.5, 0.0)


def test_betas_of_a_known_world_come_out_within_their_errors() -> None:
    share, factors = world()
    fit = fit_from_moments("AAA", MONTH, window_moments(share, factors), DAILY)
    assert fit.beta_bitcoin == pytest.approx(1.2, abs=4 * fit.var_btc**0.5)
    assert fit.beta_ai == pytest.approx(0.5, abs=4 * fit.var_ai**0.5)
    assert fit.basket_btc_day == pytest.approx(0.6, abs=0.1)
    assert fit.residual_var == pytest.approx(0.02**2, rel=0.1)
    assert fit.var_btc**0.5 < 0.03


def test_the_bitcoin_beta_is_the_plain_regression_whatever_the_basket_is() -> None:
    share, factors = world(500)
    fit = fit_from_moments("AAA", MONTH, window_moments(share, factors), DAILY)
    design = np.column_stack([np.ones(500), factors[:, :2]])
    plain = np.linalg.lstsq(design, share, rcond=None)[0]
    assert (fit.beta_btc_day, fit.beta_btc_lag) == pytest.approx((plain[1], plain[2]))
    whole = np.linalg.lstsq(np.column_stack([design, factors[:, 2]]), share, rcond=None)[0]
    assert fit.beta_ai == pytest.approx(whole[3])
    expected = float(fit.slopes @ fit.own_factors(factors[0]))
    assert expected == pytest.approx(float(whole[1:] @ factors[0]))


def test_robust_errors_cover_the_truth_in_nineteen_of_twenty_worlds() -> None:
    inside = []
    for seed in range(300):
        share, factors = world(126, seed)
        fit = fit_from_moments("AAA", MONTH, window_moments(share, factors), DAILY)
        inside.append(abs(fit.beta_bitcoin - 1.2) < 1.96 * fit.var_btc**0.5)
    # 300 worlds: two standard errors of a share of 95% are 2.5 points; small samples lose a little more.
    assert 0.89 <= np.mean(inside) <= 0.98


def test_too_few_sessions_and_factors_that_move_as_one_are_refused() -> None:
    share, factors = world(LEAST_SESSIONS - 1)
    with pytest.raises(ModelError, match=f"at least {LEAST_SESSIONS} sessions"):
        window_moments(share, factors)
    share, factors = world(100)
    factors[:, 2] = 2 * factors[:, 0]
    with pytest.raises(ModelError, match="move as one"):
        window_moments(share, factors)


def test_a_session_with_a_missing_return_drops_out() -> None:
    share, factors = world(200)
    share[[3, 50]] = np.nan
    keep = np.isfinite(share)
    assert window_moments(share, factors) == pytest.approx(window_moments(share[keep], factors[keep]))


def test_shrinkage_pulls_a_poor_estimate_further_and_gives_the_group_to_a_company_without_one() -> None:
    fits = {"AAA": a_fit("AAA", 0.5, 0.01), "BBB": a_fit("BBB", 1.0, 0.01), "CCC": a_fit("CCC", 3.0, 1.0), "NEW": None}
    found = shrunk(fits, MONTH)
    assert found["CCC"].weight < found["AAA"].weight < 1
    assert 0.5 < found["AAA"].beta_bitcoin < found["BBB"].beta_bitcoin < found["CCC"].beta_bitcoin < 3.0
    assert found["CCC"].var_btc < 1.0
    assert found["NEW"].basis == PRIOR and found["NEW"].n == 0
    assert 0.5 < found["NEW"].beta_bitcoin < 3.0
    assert found["NEW"].var_btc > found["AAA"].var_btc


def test_a_company_outside_the_group_does_not_move_it() -> None:
    fits = {"AAA": a_fit("AAA", 0.5, 0.01), "BBB": a_fit("BBB", 1.0, 0.01)}
    alone = shrunk(fits, MONTH)
    beside = shrunk({**fits, "CAR": a_fit("CAR", -1.0, 0.01)}, MONTH, {"AAA", "BBB"})
    assert beside["AAA"] == alone["AAA"] and beside["BBB"] == alone["BBB"]
    assert "CAR" in beside


def test_without_any_fit_there_is_no_group() -> None:
    with pytest.raises(DataError, match="no company"):
        shrunk({"AAA": None}, MONTH)


def test_month_ends_are_the_last_resort_and_need_a_year() -> None:
    draw = np.random.default_rng(1)
    factors = draw.normal(0, 0.1, (24, 2))
    returns = 1.5 * factors[:, 0] + 0.5 * factors[:, 1] + draw.normal(0, 0.01, 24)
    fit = fit_monthly("AAA", MONTH, returns, factors)
    assert fit is not None and fit.basis == "month ends"
    assert fit.beta_bitcoin == pytest.approx(1.5 + 0.5 * fit.basket_btc_day, abs=0.1)
    assert fit_monthly("AAA", MONTH, returns[:11], factors[:11]) is None


def closes(**prices: list[float | None]) -> pl.DataFrame:
    days = [dt.date(2025, 1, 29), dt.date(2025, 1, 30), dt.date(2025, 1, 31), dt.date(2025, 2, 3), dt.date(2025, 2, 4)]
    rows = [
        (ticker, day, price, 1.0)
        for ticker, line in prices.items()
        for day, price in zip(days, line, strict=True)
        if price is not None
    ]
    schema = {"ticker": pl.String, "date": pl.Date, "close_usd": pl.Float64, "adjustment_factor": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


DAYS = pl.Series("date", [dt.date(2025, 1, 29 + i) for i in range(3)] + [dt.date(2025, 2, 3), dt.date(2025, 2, 4)])


def test_a_member_counts_from_the_month_before_which_it_has_a_close() -> None:
    frame = ai_basket_daily(closes(APLD=[1, 1, 1, 2, 2], CRWV=[None, None, None, 5, 10], NBIS=[4, 4, 4, 4, 8]), DAYS)
    assert frame["members"].to_list() == ["APLD;NBIS", "APLD;NBIS"]
    assert frame["return_log"].to_list() == pytest.approx([np.log(2) / 2, np.log(2) / 2])


def test_a_missing_close_puts_the_return_on_the_next_one_and_loses_nothing() -> None:
    frame = ai_basket_daily(closes(APLD=[1, 1, 1, None, 3]), DAYS)
    assert frame["date"].to_list() == [dt.date(2025, 2, 4)]
    assert frame["return_log"].to_list() == pytest.approx([np.log(3)])


def test_without_members_there_is_no_basket_and_no_tracked_miner_is_in_it() -> None:
    with pytest.raises(DataError, match="AI basket"):
        ai_basket_daily(closes(MARA=[1, 1, 1, 1, 1]), DAYS)
    from hashdesk.desk import Desk

    assert not set(AI_BASKET) & set(Desk().store.read("universe")["ticker"])
