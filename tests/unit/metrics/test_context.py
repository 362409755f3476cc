"""Market context: sums that need every day, and a rank that needs every fund above it."""

import datetime as dt

import polars as pl

from hashdesk.calendar import month_period
from hashdesk.metrics.context import context_monthly, etf_rank

MONTH = dt.date(2025, 9, 1)
DAYS = [dt.date(2025, 9, 29), dt.date(2025, 9, 30)]


def funds(*rows: tuple[int | None, str, float | None]) -> pl.DataFrame:
    """A day's table of funds."""
    schema = {"rank": pl.Int64, "ticker": pl.String, "aum_usd": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_a_rank_is_one_more_than_the_funds_that_hold_more() -> None:
    table = funds((1, "VOO", 900.0), (2, "SPY", 700.0), (3, "GLD", 50.0), (None, "IBIT", 80.0))
    assert etf_rank(table, "IBIT") == 3


def test_no_rank_from_a_list_with_a_gap_or_that_ends_above_the_fund() -> None:
    assert etf_rank(funds((1, "VOO", 900.0), (3, "GLD", 50.0), (None, "IBIT", 80.0)), "IBIT") is None
    assert etf_rank(funds((1, "VOO", 900.0), (2, "SPY", 700.0), (None, "IBIT", 80.0)), "IBIT") is None
    assert etf_rank(funds((1, "VOO", 900.0), (2, "IBIT", None)), "IBIT") is None
    assert etf_rank(funds((None, "IBIT", 80.0)), "IBIT") is None


def context(flow_days: list[dt.date]) -> dict[str, object]:
    """The September row with flows on the given days."""
    flows = pl.DataFrame(
        {"date": flow_days, "ticker": ["total"] * len(flow_days), "net_flow_usd": [1e8] * len(flow_days)},
        schema={"date": pl.Date, "ticker": pl.String, "net_flow_usd": pl.Float64},
    )
    volumes = pl.DataFrame(
        {
            "month": [dt.date(2025, 8, 1), MONTH],
            "combined_usd_tn": [9.72, 8.12],
            "published_change_frac": [0.0758, -0.175],
            "basis": ["reported", "reported"],
        }
    )
    assets = pl.DataFrame(
        {
            "date": [DAYS[1], dt.date(2025, 10, 1)],
            "ticker": ["IBIT", "IBIT"],
            "metric": ["aum_usd_estimate"] * 2,
            "value": [88e9, 99e9],
        }
    )
    days = pl.DataFrame({"date": DAYS})
    return context_monthly(volumes, flows, assets, days, [month_period(MONTH)]).row(0, named=True)


def test_a_flow_total_needs_every_trading_day() -> None:
    assert context(DAYS)["btc_etf_net_flow_usd"] == 2e8
    assert context(DAYS[:1])["btc_etf_net_flow_usd"] is None


def test_assets_are_those_of_the_last_trading_day_and_never_later_ones() -> None:
    assert context(DAYS)["ibit_aum_usd"] == 88e9


def test_a_volume_keeps_the_publisher_s_change_beside_the_ratio() -> None:
    row = context(DAYS)
    assert row["published_volume_change_frac"] == -0.175
    assert row["computed_volume_change_frac"] == 8.12 / 9.72 - 1
