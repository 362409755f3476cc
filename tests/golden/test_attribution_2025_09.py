"""September 2025 against figures published on 1 October 2025, and against an independent computation."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.desk import Desk
from hashdesk.metrics.attribution import Attribution


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="module")
def september(desk: Desk) -> Attribution:
    return desk.attribution("2025-09")


def test_returns_and_the_change_of_market_cap_are_the_published_ones(september: Attribution) -> None:
    returns = dict(september.companies.select("ticker", "return_frac").iter_rows())
    assert max(returns, key=lambda ticker: returns[ticker]) == "BITF" and round(returns["BITF"], 2) == 1.10
    assert min(returns, key=lambda ticker: returns[ticker]) == "CANG" and round(returns["CANG"], 2) == -0.11
    assert september.group["market_cap_change_frac"][0] == pytest.approx(0.43, abs=0.005)


def test_betas_match_a_regression_done_without_the_package(desk: Desk, september: Attribution) -> None:
    """Least squares on the pack's closes, shrunk by hand, for every company."""
    closes, price = desk.store.read("equity_closes"), desk.store.read("btc_price_daily")
    days = desk.store.read("trading_days").filter(pl.col("date").is_between(dt.date(2025, 2, 27), dt.date(2025, 8, 29)))
    line = days.join(price, on="date").sort("date")
    btc = np.diff(np.log(line["close_usd"].to_numpy()))
    basket = (
        desk.store.read("ai_basket_daily").join(days.select("date"), on="date").sort("date")["return_log"].to_numpy()
    )
    own, errors = {}, {}
    for ticker in september.companies["ticker"]:
        rows = closes.filter(pl.col("ticker") == ticker).join(days.select("date"), on="date").sort("date")
        share = np.diff(np.log((rows["close_usd"] * rows["adjustment_factor"]).to_numpy()))
        n = len(share)
        assert n == 126
        design = np.column_stack([np.ones(n), btc[-n:], btc[-n - 1 : -1]])
        slopes, *_ = np.linalg.lstsq(design, share, rcond=None)
        own[ticker] = slopes[1] + slopes[2]
        residual = share - design @ slopes
        centred = design[:, 1:] - design[:, 1:].mean(axis=0)
        scores = centred * residual[:, None]
        meat = scores.T @ scores
        for lag in range(1, 6):
            meat += (1 - lag / 6) * (scores[lag:].T @ scores[:-lag] + scores[:-lag].T @ scores[lag:])
        bread = np.linalg.inv(centred.T @ centred)
        errors[ticker] = n / (n - 4) * (bread @ meat @ bread).sum()
    assert len(basket) >= 126
    found = dict(september.companies.select("ticker", "beta_bitcoin").iter_rows())
    weights = dict(september.companies.select("ticker", "own_weight_frac").iter_rows())
    means = {t: (found[t] - weights[t] * own[t]) / (1 - weights[t]) for t in own}
    assert max(means.values()) - min(means.values()) < 1e-6, "one group mean behind all shrunk betas"
    spread = {t: weights[t] * errors[t] / (1 - weights[t]) for t in own}
    assert max(spread.values()) - min(spread.values()) < 1e-6, "one spread between companies behind all weights"


def test_the_outperformance_of_the_names_with_ai_business_is_explained_in_numbers(september: Attribution) -> None:
    assert september.hpc_tickers == ("CIFR", "CORZ", "IREN", "WULF")
    rows = {row["ticker"]: row for row in september.companies.to_dicts()}
    # Bitcoin explains little of the month, the basket two to three times as much, whoever the company.
    for ticker in ("CIFR", "IREN", "WULF", "BITF", "HUT", "CLSK"):
        assert 0.05 < rows[ticker]["btc_frac"] < 0.11
        assert rows[ticker]["ai_frac"] > 1.5 * rows[ticker]["btc_frac"]
    # Cipher fell on the day of its lease, which came with a convertible: the gain was made before the news.
    assert rows["CIFR"]["events_frac"] < 0 < rows["CIFR"]["residual_frac"]
    assert rows["IREN"]["events_frac"] > 0.2
    assert rows["BITF"]["residual_score"] > 1.96, "Bitfarms' month had no news on record and stands out from its noise"
    assert abs(rows["WULF"]["residual_score"]) < 1


def test_the_event_study_of_the_two_catalysts(september: Attribution) -> None:
    news = september.events.filter(~pl.col("is_sector"))
    lease = news.filter((pl.col("ticker") == "CIFR") & (pl.col("kind") == "hpc_contract")).row(0, named=True)
    assert lease["return_frac"] == pytest.approx(11.47 / 14.14 - 1, abs=1e-3)
    assert lease["abnormal_frac"] < 0 and lease["n_overlapping"] == 2
    cloud = news.filter((pl.col("ticker") == "IREN") & (pl.col("kind") == "cloud_expansion"))
    assert cloud.height == 2 and (cloud["abnormal_frac"] > 0).all()
    assert not cloud["is_significant"].any(), "each step up was within what ordinary dates do"
