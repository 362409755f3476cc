"""The container, and one clear line for what cannot be simulated."""

import datetime as dt
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from hashdesk.errors import InputError
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.kernels import NAMES
from hashdesk.outlook.model import (
    FeeModel,
    FilteredHistoricalPrice,
    Fleet,
    GbmPrice,
    Model,
    Policy,
    Response,
    Start,
    StochasticVolatilityPrice,
    UserPrice,
    Windows,
    daily_windows,
    month_windows,
    weekly_windows,
)
from hashdesk.outlook.results import DERIVED


def test_outlook_is_frozen_with_its_paths(start: Start, moving: Model) -> None:
    outlook = simulate(start, moving, daily_windows(3), n_paths=4, seed=9)
    with pytest.raises(FrozenInstanceError):
        outlook.seed = 1  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        outlook.path("difficulty")[0, 0] = 1
    with pytest.raises(TypeError):
        outlook.paths["difficulty"] = 1  # type: ignore[index]
    assert outlook.model is moving and outlook.start is start and outlook.seed == 9


def test_every_figure_has_paths_and_ordered_quantiles(start: Start, moving: Model) -> None:
    outlook = simulate(start, moving, month_windows(start.date, 3), n_paths=300)
    for name in (*NAMES, *DERIVED):
        assert outlook.path(name).shape == (300, 3)
        assert np.all(np.diff(outlook.quantiles(name), axis=0) >= 0)
        assert np.all(np.isfinite(outlook.path(name)))
    frame = outlook.frame(["difficulty"])
    assert frame.columns == ["date", "name", "level", "value"] and frame.height == 15
    assert frame["date"].max() == dt.date(2025, 12, 31)


def test_windows_are_means_of_their_days(start: Start, moving: Model) -> None:
    days = simulate(start, moving, daily_windows(61), n_paths=5)
    months = simulate(start, moving, Windows((31, 61)), n_paths=5)
    for name in NAMES:
        values = days.path(name).astype(float)
        parts = (values[:, :31], values[:, 31:])
        how = {"blocks": np.sum, "difficulty": lambda x, axis: x[:, -1], "btc_price_end_usd": lambda x, axis: x[:, -1]}
        expected = np.column_stack([how.get(name, np.mean)(part, axis=1) for part in parts])
        np.testing.assert_allclose(months.path(name), expected, rtol=1e-5, err_msg=name)


def test_probability_counts_paths_with_its_error(start: Start, moving: Model) -> None:
    outlook = simulate(start, moving, month_windows(start.date, 3), n_paths=400)
    values = outlook.path("difficulty")[:, 1]
    threshold = float(np.quantile(values, 0.3))
    p = outlook.probability("difficulty", threshold, date=dt.date(2025, 11, 15))
    assert p.value == np.mean(values < threshold) and p.n_paths == 400
    assert p.standard_error == pytest.approx(np.sqrt(p.value * (1 - p.value) / 400))
    above = outlook.probability("difficulty", threshold, window=1, below=False)
    assert above.value == pytest.approx(1 - p.value, abs=1 / 400)
    with pytest.raises(InputError, match="expected 2025-10-01 to 2025-12-31"):
        outlook.probability("difficulty", 1.0, date=dt.date(2026, 1, 1))


def test_unknown_figure_names_what_there_is(start: Start, still: Model) -> None:
    outlook = simulate(start, still, daily_windows(2), n_paths=2, keep=("difficulty",))
    with pytest.raises(InputError, match="expected one of difficulty"):
        outlook.path("gross_margin_frac")
    with pytest.raises(InputError, match="keep: expected names among"):
        simulate(start, still, daily_windows(2), n_paths=2, keep=("hash",))
    with pytest.raises(InputError, match="levels"):
        outlook.quantiles("difficulty", (1.2,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": GbmPrice(volatility_per_year=-0.1)}, "volatility_per_year: expected a finite value above 0"),
        ({"price": GbmPrice(log_drift_per_year=float("nan"))}, "log_drift_per_year"),
        ({"price": StochasticVolatilityPrice(reversion_per_day=2.0)}, "reversion_per_day: expected 0 to 1"),
        ({"price": FilteredHistoricalPrice(np.zeros(40), 0.001, 0.001, 0.6, 0.6)}, "arch . garch"),
        ({"price": FilteredHistoricalPrice(np.zeros(4), 0.001, 0.001)}, "at least 30"),
        ({"price": UserPrice(np.full(9, -1.0))}, "finite prices above 0"),
        ({"price": UserPrice(np.full((2, 9), 1.0))}, "expected 1 or 3 paths"),
        ({"fees": FeeModel(-0.1, 0.1)}, "fees_btc_now"),
        ({"response": replace(Response.none(), noise_dof=2.0)}, "noise_dof"),
        ({"response": replace(Response.none(), hashrate_path_ehs=np.full(9, -5.0))}, "hashrates above 0"),
        ({"response": replace(Response.none(), delivery_lag_days=0.0)}, "delivery_lag_days"),
        ({"fleet": Fleet((20.0,), (0.5, 0.5), 15.0, 0.0, 50.0, 0.3)}, "a share each"),
        ({"fleet": Fleet((20.0,), (0.0,), 15.0, 0.0, 50.0, 0.3)}, "sum of share_frac"),
        ({"fleet": replace(Fleet.single(20.0), must_run_frac=0.0)}, "never retargets"),
        ({"policy": Policy(offline_frac=np.full(9, 1.0))}, "offline_frac"),
        ({"policy": Policy(power_price_factor=np.zeros(9))}, "power_price_factor"),
        ({"policy": Policy(fee_factor=np.full(3, 1.0))}, "at least 5 days"),
    ],
)
def test_impossible_model_is_refused_in_one_line(
    start: Start, still: Model, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        simulate(start, replace(still, **change), daily_windows(5), n_paths=3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network_hashrate_ehs": -1.0}, "network_hashrate_ehs: expected a finite value above 0, got -1.0"),
        ({"difficulty": 0.0}, "difficulty"),
        ({"btc_price_usd": float("inf")}, "btc_price_usd"),
        ({"blocks_in_epoch": 2016}, "expected 0 to 2015"),
        ({"height": -1}, "height"),
    ],
)
def test_impossible_start_is_refused(start: Start, change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(start, **change)


def test_horizon_past_the_model_is_refused() -> None:
    with pytest.raises(InputError, match="2000 days lie past the model"):
        Windows((2000,))
    with pytest.raises(InputError, match="rising ends"):
        Windows((3, 3))
    with pytest.raises(InputError, match="rising ends"):
        Windows(())


def test_windows_cover_the_calendar() -> None:
    assert month_windows(dt.date(2025, 11, 15), 3).days == (16, 47, 78)
    assert weekly_windows(16).days == (7, 14, 16)
    assert daily_windows(3).days == (1, 2, 3)


def test_number_of_paths_must_be_positive(start: Start, still: Model) -> None:
    with pytest.raises(InputError, match="n_paths"):
        simulate(start, still, daily_windows(2), n_paths=0)
