"""Days into months: complete calendars, visible gaps, intervals carried through."""

import datetime as dt

import polars as pl
import pytest

from hashdesk.calendar import Period, month_period, months_between
from hashdesk.metrics.network_monthly import network_days, network_monthly

FIRST = dt.date(2025, 7, 1)
N_DAYS = 92
DIFFICULTY = 130e12
WORK = 2**48 / 65_535 / 1e18


def facts(*, drop: int | None = None, no_fees: int | None = None) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Three months of 144 blocks a day at a price that climbs by 100 a day."""
    dates = [FIRST + dt.timedelta(days=i) for i in range(N_DAYS)]
    fees = [None if i == no_fees else 2.88 for i in range(N_DAYS)]
    network = pl.DataFrame(
        {
            "date": dates,
            "blocks": [144] * N_DAYS,
            "subsidy_btc": [450.0] * N_DAYS,
            "fees_btc": fees,
            "difficulty_mean": [DIFFICULTY] * N_DAYS,
            "difficulty_eod": [DIFFICULTY] * N_DAYS,
            "work_eh": [144 * DIFFICULTY * WORK] * N_DAYS,
            "height_last": [903_000 + 144 * (i + 1) for i in range(N_DAYS)],
        }
    )
    if drop is not None:
        network = network.filter(pl.col("date") != dates[drop])
    prices = pl.DataFrame({"date": dates, "close_usd": [100_000.0 + 100 * i for i in range(N_DAYS)]})
    epochs = pl.DataFrame(
        {
            "start_height": [903_000],
            "start_at": [dt.datetime(2025, 7, 1, tzinfo=dt.UTC)],
            "difficulty": [DIFFICULTY],
        }
    )
    return network, prices, epochs


def months(**options: int) -> pl.DataFrame:
    network, prices, epochs = facts(**options)
    return network_monthly(network_days(network, prices), epochs, months_between(FIRST, dt.date(2025, 9, 1)))


def test_a_steady_chain_gives_the_implied_hashrate_every_month() -> None:
    table = months()
    expected = DIFFICULTY * 2**48 / 65_535 / 600 / 1e18
    for column in ("network_hashrate_ehs", "network_hashrate_implied_ehs", "network_hashrate_mean_of_days_ehs"):
        assert table[column].to_numpy() == pytest.approx(expected)


def test_revenue_uses_the_trailing_week_of_prices() -> None:
    august = months().row(1, named=True)
    # The price climbs by 100 a day, so its trailing seven-day mean stands 300 below the close.
    assert august["btc_price_7d_usd"] == pytest.approx(august["btc_price_usd"] - 300)
    expected = 450 * august["btc_price_7d_usd"] / august["network_hashrate_ehs"]
    assert august["block_reward_revenue_usd_per_ehs_day"] == pytest.approx(expected)
    month_mean = 450 * august["btc_price_usd"] / august["network_hashrate_ehs"]
    assert august["revenue_month_mean_usd_per_ehs_day"] == pytest.approx(month_mean)


def test_every_definition_agrees_on_a_steady_chain_up_to_fees_and_price() -> None:
    august = months().row(1, named=True)
    with_fees = august["revenue_month_mean_usd_per_ehs_day"] * (450 + 2.88) / 450
    for column in (
        "revenue_with_fees_usd_per_ehs_day",
        "revenue_issued_usd_per_ehs_day",
        "revenue_expected_usd_per_ehs_day",
    ):
        assert august[column] == pytest.approx(with_fees)


def test_the_interval_of_revenue_is_that_of_hashrate_turned_round() -> None:
    august = months().row(1, named=True)
    for end, other in (("low", "high"), ("high", "low")):
        revenue = august[f"block_reward_revenue_usd_per_ehs_day_{end}"] / august["block_reward_revenue_usd_per_ehs_day"]
        hashrate = august[f"network_hashrate_ehs_{other}"] / august["network_hashrate_ehs"]
        assert revenue == pytest.approx(1 / hashrate)


def test_a_missing_day_leaves_the_month_missing_and_the_others_whole() -> None:
    table = months(drop=40)
    assert table["network_hashrate_ehs"].is_null().to_list() == [False, True, False]
    assert table["block_reward_revenue_usd_per_ehs_day"].is_null().to_list() == [True, True, False]
    assert table["n_days_known"].to_list() == [31, 30, 30]


def test_unknown_fees_of_a_day_leave_hashprice_on_the_other_days() -> None:
    table = months(no_fees=40)
    assert table["n_days_fees"].to_list() == [31, 30, 30]
    assert table["hashprice_usd_per_phs_day"].null_count() == 0
    assert table["block_reward_revenue_usd_per_ehs_day"][1] is not None


def test_a_part_of_a_month_stops_at_its_last_day() -> None:
    network, prices, epochs = facts()
    periods = [month_period(dt.date(2025, 8, 1)), month_period(dt.date(2025, 9, 1), dt.date(2025, 9, 15))]
    table = network_monthly(network_days(network, prices), epochs, periods)
    assert table["n_blocks"].to_list() == [31 * 144, 15 * 144]
    assert table["btc_price_end_usd"][1] == 100_000 + 100 * 76


def test_blocks_on_target_expect_no_change_but_the_rule_s_off_by_one() -> None:
    table = months()
    assert table["next_difficulty_change_frac"].to_numpy() == pytest.approx(2016 / 2015 - 1, abs=1e-9)


def test_a_period_without_any_data_is_a_row_of_nulls() -> None:
    network, prices, epochs = facts()
    table = network_monthly(network_days(network, prices), epochs, [Period(dt.date(2026, 1, 1), dt.date(2026, 2, 1))])
    assert table["network_hashrate_ehs"].to_list() == [None]


def test_a_z_stands_beside_every_figure_that_counts_blocks() -> None:
    table = months()
    for name in ("network_hashrate_ehs", "network_hashrate_7d_ehs"):
        assert table[f"{name}_z"].to_list()[1:] == pytest.approx([0.0, 0.0], abs=1e-9)
        assert table[f"{name}_z"][0] is None
