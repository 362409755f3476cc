from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from hashdesk.errors import InputError
from hashdesk.metrics.opportunity import (
    HORIZON_DAYS,
    four_year_subsidy_btc,
    listed_share_by_hashrate,
    listed_share_by_production,
    market_cap_to_opportunity_x,
)

MONTH = dt.date(2025, 9, 1)
BLOCKS = 144 * HORIZON_DAYS


def production(*rows: tuple[str, dt.date, float | None, float | None]) -> pl.DataFrame:
    schema = {
        "ticker": pl.String,
        "month": pl.Date,
        "production_btc": pl.Float64,
        "hashrate_month_end_ehs": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        hashrate_avg_operating_ehs=pl.lit(None, pl.Float64)
    )


def test_the_subsidy_is_halved_at_the_block_that_halves() -> None:
    far_below = 840_000 - 1
    assert four_year_subsidy_btc(far_below) == 210_000 * 3.125 + (BLOCKS - 210_000) * 1.5625


def test_one_block_later_the_window_gains_a_block_of_the_next_epoch_only() -> None:
    assert four_year_subsidy_btc(900_000) - four_year_subsidy_btc(899_999) == 1.5625 - 3.125


def test_the_subsidy_ends_with_the_last_satoshi() -> None:
    assert four_year_subsidy_btc(33 * 210_000) == 0


def test_a_height_below_zero_is_refused() -> None:
    with pytest.raises(InputError, match="block_height"):
        four_year_subsidy_btc(-1)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.2])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="listed_network_share_frac"):
        market_cap_to_opportunity_x(50e9, 60e9, share)


def test_the_multiple_of_no_opportunity_is_not_known() -> None:
    assert str(market_cap_to_opportunity_x(50e9, 0.0)) == "nan"


def test_an_older_disclosure_counts_with_its_age_until_it_is_too_old() -> None:
    table = production(
        ("A", MONTH, 100, 50.0),
        ("B", dt.date(2025, 6, 1), 100, 30.0),
        ("B", MONTH, 90, None),
        ("C", dt.date(2025, 2, 1), None, 20.0),
    )
    share = listed_share_by_hashrate(table, ["A", "B", "C", "D"], MONTH, 1_000.0, max_age_months=6)
    assert share.share_frac == pytest.approx(0.08)
    assert (share.n_counted, share.n_companies, share.missing) == (2, 4, ("C", "D"))
    assert share.companies.filter(pl.col("ticker") == "B")["age_months"].item() == 3
    assert "lower bound" in share.caveats[0] and "C, D" in share.caveats[0]
    assert "B 3 mo" in share.caveats[1]


def test_a_later_disclosure_is_not_looked_at() -> None:
    table = production(("A", MONTH, None, 50.0), ("A", dt.date(2025, 10, 1), None, 99.0))
    assert listed_share_by_hashrate(table, ["A"], MONTH, 1_000.0).share_frac == pytest.approx(0.05)


def test_a_months_average_stands_in_for_its_end_and_a_quarter_for_a_month_without_a_report() -> None:
    august = dt.date(2025, 8, 1)
    table = production(("A", MONTH, None, 50.0), ("B", MONTH, None, None), ("C", august, None, 7.0)).with_columns(
        hashrate_avg_operating_ehs=pl.Series([45.0, 30.0, None])
    )
    schema = {"ticker": pl.String, "period_end": pl.Date, "hashrate_period_end_ehs": pl.Float64}
    ends = [("A", dt.date(2025, 10, 1), 99.0), ("C", dt.date(2025, 10, 1), 20.0), ("D", dt.date(2025, 10, 1), None)]
    quarters = pl.DataFrame(ends, schema=schema, orient="row")
    share = listed_share_by_hashrate(table, ["A", "B", "C", "D"], MONTH, 1_000.0, production_quarterly=quarters)
    assert share.share_frac == pytest.approx(0.05 + 0.03 + 0.02)
    assert share.missing == ("D",)
    assert listed_share_by_hashrate(table, ["C"], MONTH, 1_000.0).share_frac == pytest.approx(0.007)


def test_production_is_never_carried_over_from_another_month() -> None:
    table = production(("A", MONTH, 700, None), ("B", dt.date(2025, 8, 1), 700, None))
    share = listed_share_by_production(table, ["A", "B"], MONTH, 14_000.0)
    assert share.share_frac == pytest.approx(0.05)
    assert share.missing == ("B",)


def test_untracked_companies_do_not_count() -> None:
    table = production(("A", MONTH, None, 50.0), ("X", MONTH, None, 500.0))
    share = listed_share_by_hashrate(table, ["A"], MONTH, 1_000.0)
    assert share.share_frac == pytest.approx(0.05)
    assert share.caveats == ()


@pytest.mark.parametrize("network", [None, 1_000.0])
def test_a_share_without_disclosure_or_network_is_none_not_zero(network: float | None) -> None:
    table = production(("A", MONTH, 700, 50.0))
    tickers = ["A"] if network is None else ["B"]
    assert listed_share_by_hashrate(table, tickers, MONTH, network).share_frac is None
    assert listed_share_by_production(table, tickers, MONTH, network).share_frac is None
