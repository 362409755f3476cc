"""A seed fixes every number: whatever runs the paths, in whatever parts, beside whatever other driver."""

import datetime as dt
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashdesk.outlook.engine import simulate
from hashdesk.outlook.model import (
    FeeModel,
    Fleet,
    GbmPrice,
    Model,
    Policy,
    Response,
    Start,
    StochasticVolatilityPrice,
    Windows,
    month_windows,
)
from hashdesk.outlook.results import Outlook

START = Start(dt.date(2025, 10, 1), 917_000, 1.5e14, 1884, 1_069_952.0, 1034.0, 0.02, 114_000.0)
MODEL = Model(
    StochasticVolatilityPrice(0.1, 0.2, 0.6, 0.4),
    FeeModel(0.02, 0.03, 0.05, 0.2, 1.0, 0.01, 0.1),
    Response(0.001, 0.0005, 10.8, 0.1, 0.001, 0.0004, 0.002, 0.0008, 45.0, 0.02, 3.0, 0.03, 0.1),
    Fleet((38.0, 30.0, 24.0, 19.0, 16.0), (0.1, 0.2, 0.3, 0.2, 0.2), 15.0, 0.0004, 50.0, 0.4),
)
WINDOWS = month_windows(START.date, 6)


def same(a: Outlook, b: Outlook) -> None:
    for name in a.paths:
        np.testing.assert_array_equal(a.path(name), b.path(name), err_msg=name)
    np.testing.assert_array_equal(a.retarget_days, b.retarget_days)
    np.testing.assert_array_equal(a.retarget_difficulty, b.retarget_difficulty)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(-(2**63), 2**63), n_chunks=st.integers(1, 9), n_paths=st.integers(1, 40))
def test_chunks_do_not_matter(seed: int, n_chunks: int, n_paths: int) -> None:
    whole = simulate(START, MODEL, WINDOWS, n_paths=n_paths, seed=seed, n_chunks=1)
    same(whole, simulate(START, MODEL, WINDOWS, n_paths=n_paths, seed=seed, n_chunks=n_chunks))


def test_threads_and_processes_give_the_same_bits() -> None:
    alone = simulate(START, MODEL, WINDOWS, n_paths=60, seed=5, n_chunks=1)
    with ThreadPoolExecutor(4) as threads:
        same(alone, simulate(START, MODEL, WINDOWS, n_paths=60, seed=5, n_chunks=5, executor=threads))
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        same(alone, simulate(START, MODEL, WINDOWS, n_paths=60, seed=5, n_chunks=3, executor=processes))


def test_paths_can_be_added_later() -> None:
    whole = simulate(START, MODEL, WINDOWS, n_paths=50, seed=5)
    rest = simulate(START, MODEL, WINDOWS, n_paths=20, seed=5, first_path=30)
    np.testing.assert_array_equal(whole.path("difficulty")[30:], rest.path("difficulty"))


def test_stored_windows_do_not_change_the_paths() -> None:
    months = simulate(START, MODEL, WINDOWS, n_paths=20, seed=5)
    last = simulate(START, MODEL, Windows(WINDOWS.days[-1:]), n_paths=20, seed=5, keep=("difficulty",))
    np.testing.assert_array_equal(months.path("difficulty")[:, -1], last.path("difficulty")[:, 0])


def test_another_seed_gives_other_paths() -> None:
    a, b = (simulate(START, MODEL, WINDOWS, n_paths=20, seed=seed) for seed in (5, 6))
    assert not np.any(a.path("btc_price_end_usd") == b.path("btc_price_end_usd"))


@pytest.mark.parametrize(
    ("change", "unmoved"),
    [
        ({"price": GbmPrice()}, "fees_btc"),
        ({"fees": FeeModel.constant(0.1)}, "btc_price_end_usd"),
        ({"response": Response.none()}, "btc_price_end_usd"),
        ({"response": replace(MODEL.response, noise_dof=8.0)}, "fees_btc"),
        ({"policy": Policy(power_price_factor=np.full(200, 2.0))}, "btc_price_end_usd"),
    ],
)
def test_one_driver_never_moves_anothers_draws(change: dict[str, object], unmoved: str) -> None:
    base = simulate(START, MODEL, WINDOWS, n_paths=30, seed=5)
    changed = simulate(START, replace(MODEL, **change), WINDOWS, n_paths=30, seed=5)
    np.testing.assert_array_equal(base.path(unmoved), changed.path(unmoved))
    assert np.any(base.path("difficulty") != changed.path("difficulty"))


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(0.1, 10.0))
def test_units_of_hashrate_do_not_matter(scale: float) -> None:
    """Hashrate, difficulty and the entry's revenue scaled together: the same epochs, the same coins."""
    quiet = replace(MODEL, fleet=Fleet.single(20.0))
    a = simulate(START, quiet, WINDOWS, n_paths=10, seed=5)
    larger = replace(START, network_hashrate_ehs=scale * 1034.0, difficulty=scale * 1.5e14)
    entry = quiet.response.entry_log_usd_per_ehs_day - float(np.log(scale))
    model = replace(quiet, response=replace(quiet.response, entry_log_usd_per_ehs_day=entry))
    b = simulate(larger, model, WINDOWS, n_paths=10, seed=5)
    ratio = b.path("network_hashrate_ehs") / a.path("network_hashrate_ehs")
    # The bits of the difficulty round differently, by 15 ppm at most, so a block may fall on another day.
    np.testing.assert_allclose(ratio, scale, rtol=2e-3)
