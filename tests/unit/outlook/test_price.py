"""Price and fees: moments against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from hashdesk.errors import InputError
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.model import (
    FeeModel,
    FilteredHistoricalPrice,
    GbmPrice,
    Model,
    Price,
    Start,
    StochasticVolatilityPrice,
    UserPrice,
    Windows,
    daily_windows,
)

N = 20_000


def end_prices(start: Start, model: Model, price: Price, days: int = 365) -> np.ndarray:
    outlook = simulate(start, replace(model, price=price), Windows((days,)), n_paths=N, keep=("btc_price_end_usd",))
    return outlook.path("btc_price_end_usd")[:, 0].astype(np.float64)


def test_random_walk_has_the_moments_of_a_log_normal(start: Start, still: Model) -> None:
    mu, sd = 0.1, 0.6
    log = np.log(end_prices(start, still, GbmPrice(mu, 0.0, sd)) / start.btc_price_usd)
    assert abs(log.mean() - mu) < 3 * sd / np.sqrt(N)
    assert log.std() == pytest.approx(sd, rel=3 / np.sqrt(2 * N))
    growth = np.exp(log)
    assert abs(growth.mean() - np.exp(mu + sd**2 / 2)) < 3 * growth.std() / np.sqrt(N)
    uncertain = np.log(end_prices(start, still, GbmPrice(mu, 0.8, sd)) / start.btc_price_usd)
    assert uncertain.var() == pytest.approx(sd**2 + 0.8**2, rel=3 * np.sqrt(2 / N))


def test_stochastic_volatility_without_shocks_is_the_random_walk(start: Start, still: Model) -> None:
    constant = StochasticVolatilityPrice(0.1, 0.0, 0.6, 0.6, 0.0, 0.0)
    np.testing.assert_array_equal(end_prices(start, still, constant), end_prices(start, still, GbmPrice(0.1, 0.0, 0.6)))


def test_stochastic_volatility_fattens_the_tails(start: Start, still: Model) -> None:
    log = np.log(end_prices(start, still, StochasticVolatilityPrice(0.0, 0.0, 0.6, 0.6, 0.02, 0.1), 60))
    assert np.mean(((log - log.mean()) / log.std()) ** 4) > 3.3


def test_filtered_history_has_the_long_variance(start: Start, still: Model) -> None:
    residuals = np.random.default_rng(0).standard_t(5, 2000)
    residuals = (residuals - residuals.mean()) / residuals.std()
    price = FilteredHistoricalPrice(residuals, 0.001, 0.001, 0.05, 0.9)
    log = np.log(end_prices(start, still, price, 100) / start.btc_price_usd)
    assert abs(log.mean()) < 3 * log.std() / np.sqrt(N)
    fourth = np.mean((log - log.mean()) ** 4) / log.var() ** 2
    assert log.var() == pytest.approx(0.1, rel=3 * np.sqrt((fourth - 1) / N))


def test_given_prices_are_used_as_they_are(start: Start, still: Model) -> None:
    given = np.linspace(50_000.0, 60_000.0, 5)
    model = replace(still, price=UserPrice(given))
    np.testing.assert_allclose(simulate(start, model, daily_windows(5), n_paths=2).path("btc_price_usd")[1], given)
    each = replace(still, price=UserPrice(np.array([given, 2 * given])))
    np.testing.assert_allclose(simulate(start, each, daily_windows(5), n_paths=2).path("btc_price_usd")[1], 2 * given)


def test_given_prices_must_reach_the_horizon(start: Start, still: Model) -> None:
    model = replace(still, price=UserPrice(np.full(10, 1.0)))
    with pytest.raises(InputError, match="at least 11 days"):
        simulate(start, model, Windows((11,)), n_paths=1)


def test_fees_revert_with_the_stationary_spread(start: Start, still: Model) -> None:
    reversion, sd = 0.1, 0.2
    model = replace(still, fees=FeeModel(0.5, 0.05, reversion, sd, 0.0, 0.0, 1.0))
    outlook = simulate(start, model, daily_windows(200), n_paths=N, keep=("fees_btc",))
    log = np.log(outlook.path("fees_btc")[:, -1])
    stationary = sd / np.sqrt(1 - (1 - reversion) ** 2)
    assert abs(log.mean() - np.log(0.05)) < 3 * stationary / np.sqrt(N)
    assert log.std() == pytest.approx(stationary, rel=3 / np.sqrt(2 * N))


def test_surges_last_and_lift_as_stated(start: Start, still: Model) -> None:
    model = replace(still, fees=FeeModel(0.05, 0.05, 0.0, 0.0, np.log(4.0), 0.02, 0.08))
    fees = simulate(start, model, daily_windows(300), n_paths=N, keep=("fees_btc",)).path("fees_btc")[:, -1]
    is_surge = np.isclose(fees, 0.2)
    assert np.all(is_surge | np.isclose(fees, 0.05))
    assert abs(is_surge.mean() - 0.2) < 3 * np.sqrt(0.2 * 0.8 / N)


def test_network_without_fees_stays_without(start: Start, still: Model) -> None:
    model = replace(still, fees=FeeModel.constant(0.0))
    assert np.all(simulate(start, model, daily_windows(3), n_paths=2).path("fees_btc") == 0)
