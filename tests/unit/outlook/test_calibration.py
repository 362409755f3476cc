"""Parameters from the past: nothing after the origin moves them, and known worlds are read back."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.errors import DataError, InputError
from hashdesk.outlook.baselines import BASELINES, centres
from hashdesk.outlook.calibration import PRICE_MODELS, Recipe, calibrate, calibrate_history, smoothed_log_hashrate
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.fleet import fleet_at
from hashdesk.outlook.history import build_history
from hashdesk.outlook.model import month_windows
from hashdesk.outlook.scorecard import score_origin
from hashdesk.outlook.targets import TARGETS, realised
from hashdesk.store.pack import ReferencePack

ORIGINS = [dt.date(2014, 1, 1), dt.date(2018, 11, 1), dt.date(2021, 7, 1), dt.date(2025, 10, 1)]
Tables = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]


@pytest.fixture(scope="module")
def tables() -> Tables:
    pack = ReferencePack()
    return pack.read("network_daily"), pack.read("btc_price_daily"), pack.read("epochs")


@pytest.fixture(scope="module")
def machines() -> pl.DataFrame:
    return ReferencePack().read("asic_models")


def with_another_future(tables: Tables, origin: dt.date) -> Tables:
    """The same tables with every number from the origin on changed."""
    network, price, epochs = tables
    later = pl.col("date") >= origin
    numbers = [n for n, t in network.schema.items() if t.is_numeric()]
    midnight = pl.lit(origin).cast(epochs.schema["start_at"])
    return (
        network.with_columns(pl.when(later).then(pl.col(n) * 3).otherwise(pl.col(n)).alias(n) for n in numbers),
        price.with_columns(close_usd=pl.when(later).then(pl.col("close_usd") * 7).otherwise("close_usd")),
        epochs.with_columns(difficulty=pl.when(pl.col("start_at") >= midnight).then(9.0).otherwise("difficulty")),
    )


@pytest.mark.parametrize("origin", ORIGINS, ids=str)
def test_the_future_moves_no_parameter(tables: Tables, machines: pl.DataFrame, origin: dt.date) -> None:
    other = with_another_future(tables, origin)
    a, b = (calibrate(*t, origin) for t in (tables, other))
    assert a == b
    windows = month_windows(origin, 12)
    past = [build_history(*t).before(origin) for t in (tables, other)]
    for name in BASELINES:
        for target in TARGETS:
            x, y = (centres(p, origin, windows, 0)[name][target] for p in past)
            np.testing.assert_array_equal(x, y, err_msg=f"{name} {target}")
    known = fleet_at(machines, origin, 1e5)
    later = machines.with_columns(
        efficiency_j_per_th=pl.when(pl.col("known_at") >= origin).then(1.0).otherwise("efficiency_j_per_th")
    )
    assert fleet_at(later, origin, 1e5) == known


@pytest.mark.parametrize("origin", [dt.date(2016, 7, 1), dt.date(2019, 12, 1), dt.date(2023, 2, 1)], ids=str)
def test_paths_are_the_same_where_the_future_does_not_exist(
    tables: Tables, machines: pl.DataFrame, origin: dt.date
) -> None:
    """Every row from the origin on is gone, machines known later too: model, paths and baselines stay to the bit."""
    network, price, epochs = tables
    midnight = pl.lit(origin).cast(epochs.schema["start_at"])
    earlier = (
        network.filter(pl.col("date") < origin),
        price.filter(pl.col("date") < origin),
        epochs.filter(pl.col("start_at") < midnight),
    )
    seen = []
    for facts, list_of_machines in ((tables, machines), (earlier, machines.filter(pl.col("known_at") < origin))):
        past = build_history(*facts).before(origin)
        fleet = fleet_at(list_of_machines, origin, float(np.nanmean(past.revenue_usd_per_ehs_day[-30:])))
        read = calibrate_history(past, origin, fleet)
        seen.append((read, simulate(read.start, read.model, month_windows(origin, 12), n_paths=20)))
    assert seen[0][0] == seen[1][0]
    for name, paths in seen[0][1].paths.items():
        np.testing.assert_array_equal(paths, seen[1][1].paths[name], err_msg=name)


def test_forecast_of_a_month_stays_when_its_future_changes(tables: Tables, machines: pl.DataFrame) -> None:
    """Only the outcome that it is scored with changes: the ranks move, the forecast's median does not."""
    origin = dt.date(2022, 3, 1)
    rows = []
    for t in (tables, with_another_future(tables, origin)):
        history = build_history(*t)
        outcome = realised(history, origin)
        assert outcome is not None
        scored = score_origin(history, machines, (1,), 200, 0, Recipe(), origin)
        rows.append([float(outcome[TARGETS.index(row[1])]) - row[7] for row in scored])
    np.testing.assert_allclose(rows[0], rows[1], atol=2e-6)


def test_start_is_the_chain_at_the_origin(tables: Tables) -> None:
    start = calibrate(*tables, dt.date(2025, 10, 1)).start
    # From the note of September 2025: 1,884 blocks after the epoch's first in 1,069,952 s; 1,034 EH/s over the month.
    assert start.blocks_in_epoch == 1885 and start.seconds_in_epoch == 1_069_952.0
    assert start.difficulty == pytest.approx(142.34e12, rel=1e-4)
    assert start.network_hashrate_ehs == pytest.approx(1050, rel=0.06)
    assert start.hashrate_log_sd == pytest.approx(0.034, abs=0.002)


def test_level_follows_a_growing_hashrate_without_lag(tables: Tables) -> None:
    history = build_history(*tables)
    past = history.before(dt.date(2016, 1, 1))
    growing = 1e-3 * np.exp(0.005 * np.arange(past.n_days))
    object.__setattr__(past, "hashrate_ehs", growing)
    level = smoothed_log_hashrate(past, Recipe())
    assert level[-1] == pytest.approx(np.log(growing[-1]), abs=0.01)


@pytest.mark.parametrize("name", PRICE_MODELS)
def test_every_price_model_can_be_calibrated(tables: Tables, name: str) -> None:
    price = calibrate(*tables, dt.date(2025, 10, 1), price=name).model.price
    assert not hasattr(price, "volatility_per_year") or 0.2 < price.volatility_per_year < 1.0
    if name == "historical":
        residuals = price.residuals  # type: ignore[union-attr]
        assert abs(residuals.mean()) < 1e-9 and residuals.std() == pytest.approx(1)


def test_fleet_is_scaled_to_the_efficiency_that_is_given(machines: pl.DataFrame) -> None:
    fleet = fleet_at(machines, dt.date(2025, 10, 1), 50_000.0, efficiency_j_per_th=19.0)
    assert np.average(fleet.efficiency_j_per_th, weights=fleet.share_frac) == pytest.approx(19.0)
    assert list(fleet.efficiency_j_per_th) == sorted(fleet.efficiency_j_per_th, reverse=True)
    assert 0.0001 <= fleet.frontier_decline_per_day <= 0.003


def test_fleet_that_runs_is_held_to_earn_its_power(machines: pl.DataFrame) -> None:
    fleet = fleet_at(machines, dt.date(2025, 10, 1), 5_000.0)
    cost = 24 * 50 * np.average(fleet.efficiency_j_per_th, weights=fleet.share_frac)
    assert cost == pytest.approx(0.8 * 5_000.0)


def test_fleet_without_a_known_machine_always_runs(machines: pl.DataFrame) -> None:
    assert fleet_at(machines.head(0), dt.date(2014, 1, 1), 1e6).power_price_log_spread == 0


def test_days_without_fees_are_left_out_and_not_taken_as_free(tables: Tables) -> None:
    origin = dt.date(2024, 5, 1)
    gap = pl.col("date").is_between(dt.date(2024, 4, 19), dt.date(2024, 4, 23))
    holes = tables[0].with_columns(fees_btc=pl.when(~gap).then("fees_btc"))
    history = build_history(holes, tables[1], tables[2])
    whole = build_history(*tables)
    revenue = history.revenue_usd_per_ehs_day
    assert np.isnan(revenue).sum() == 5 and np.isfinite(whole.revenue_usd_per_ehs_day).all()
    month, month_whole = realised(history, dt.date(2024, 4, 1)), realised(whole, dt.date(2024, 4, 1))
    assert month is not None and month_whole is not None and month[2] < month_whole[2] and month[1] == month_whole[1]
    assert np.isfinite(calibrate(holes, tables[1], tables[2], origin).model.response.entry_log_usd_per_ehs_day)


def test_origin_outside_the_history_is_refused(tables: Tables) -> None:
    with pytest.raises(DataError, match="before the origin"):
        calibrate(*tables, dt.date(2030, 1, 1))
    with pytest.raises(DataError, match="expected at least 400"):
        calibrate(*tables, dt.date(2012, 1, 1))
    with pytest.raises(InputError, match="price: expected one of"):
        calibrate_history(build_history(*tables), dt.date(2020, 1, 1), price="garch")
    without_fees = tables[0].with_columns(fees_btc=pl.lit(None, pl.Float64))
    with pytest.raises(DataError, match="has price, fees and difficulty"):
        calibrate(without_fees, tables[1], tables[2], dt.date(2020, 1, 1))
    with pytest.raises(DataError, match="share no day"):
        build_history(tables[0].head(0), tables[1], tables[2])
