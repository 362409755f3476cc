"""What a model may not be: one clear line for each impossible parameter, before anything is simulated."""

from __future__ import annotations

import numpy as np

from hashdesk.errors import InputError
from hashdesk.outlook.model import (
    MAX_VINTAGES,
    FeeModel,
    FilteredHistoricalPrice,
    Fleet,
    Model,
    Policy,
    Price,
    Response,
    StochasticVolatilityPrice,
    UserPrice,
    check_not_negative,
    check_positive,
)


def check_model(model: Model, n_days: int, n_paths: int) -> None:
    """Refuse a model that cannot be simulated.

    Parameters
    ----------
    model : Model
        Model.
    n_days : int
        Horizon. [days]
    n_paths : int
        Paths.

    Raises
    ------
    InputError
        A parameter is impossible, or an array is too short for the horizon.
    """
    check_price(model.price, n_days, n_paths)
    check_fees(model.fees)
    check_response(model.response, n_days)
    check_fleet(model.fleet)
    check_policy(model.policy, n_days)


def check_price(price: Price, n_days: int, n_paths: int) -> None:
    """Refuse an impossible price model."""
    if isinstance(price, UserPrice):
        given = np.atleast_2d(price.btc_price_usd)
        _check_days("btc_price_usd", given[0], n_days)
        if given.shape[0] not in (1, n_paths) and given.shape[0] < n_paths:
            raise InputError(f"btc_price_usd: expected 1 or {n_paths} paths, got {given.shape[0]}.")
        if not np.all(np.isfinite(given)) or np.any(given <= 0):
            raise InputError("btc_price_usd: expected finite prices above 0 on every day.")
        return
    check_not_negative("log_drift_sd_per_year", price.log_drift_sd_per_year)
    if not np.isfinite(price.log_drift_per_year):
        raise InputError(f"log_drift_per_year: expected a finite rate, got {price.log_drift_per_year}.")
    if isinstance(price, FilteredHistoricalPrice):
        check_positive("variance_now_per_day", price.variance_now_per_day)
        check_positive("variance_long_per_day", price.variance_long_per_day)
        if not (price.arch >= 0 and price.garch >= 0 and price.arch + price.garch < 1):
            raise InputError(f"arch + garch: expected both at least 0, sum below 1; got {price.arch}, {price.garch}.")
        if len(price.residuals) < 30 or not np.all(np.isfinite(price.residuals)):
            raise InputError("residuals: expected at least 30 finite values.")
        return
    check_positive("volatility_per_year", price.volatility_per_year)
    if isinstance(price, StochasticVolatilityPrice):
        check_positive("volatility_now_per_year", price.volatility_now_per_year)
        check_not_negative("volatility_of_log_volatility_per_day", price.volatility_of_log_volatility_per_day)
        check_not_negative("volatility_now_log_sd", price.volatility_now_log_sd)
        _check_fraction("reversion_per_day", price.reversion_per_day)


def check_fees(fees: FeeModel) -> None:
    """Refuse an impossible fee model."""
    check_not_negative("fees_btc_now", fees.fees_btc_now)
    check_not_negative("fees_btc_typical", fees.fees_btc_typical)
    check_not_negative("log_sd_per_day", fees.log_sd_per_day)
    for name in ("reversion_per_day", "surge_start_per_day", "surge_end_per_day"):
        _check_fraction(name, getattr(fees, name))


def check_response(response: Response, n_days: int) -> None:
    """Refuse an impossible response."""
    for name in (
        "growth_sd_per_day", "entry_log_sd", "entry_decline_sd_per_day", "sensitivity_per_day",
        "sensitivity_sd_per_day", "growth_noise_per_week", "outage_log_sd", "outage_reversion_per_day",
    ):  # fmt: skip
        check_not_negative(name, getattr(response, name))
    check_positive("delivery_lag_days", response.delivery_lag_days)
    if response.noise_dof <= 2:
        raise InputError(f"noise_dof: expected more than 2, got {response.noise_dof}.")
    if response.hashrate_path_ehs is not None:
        given = np.asarray(response.hashrate_path_ehs)
        _check_days("hashrate_path_ehs", given, n_days)
        if not np.all(np.isfinite(given)) or np.any(given <= 0):
            raise InputError("hashrate_path_ehs: expected finite hashrates above 0 on every day.")


def check_fleet(fleet: Fleet) -> None:
    """Refuse an impossible fleet."""
    n = len(fleet.efficiency_j_per_th)
    if not 1 <= n <= MAX_VINTAGES or n != len(fleet.share_frac):
        raise InputError(
            f"fleet: expected 1 to {MAX_VINTAGES} vintages with a share each, got {n} and {len(fleet.share_frac)}."
        )
    for value in (*fleet.efficiency_j_per_th, fleet.frontier_j_per_th):
        check_positive("efficiency_j_per_th", value)
    for value in fleet.share_frac:
        check_not_negative("share_frac", value)
    check_positive("sum of share_frac", sum(fleet.share_frac))
    check_positive("power_price_usd_per_mwh", fleet.power_price_usd_per_mwh)
    check_not_negative("power_price_log_spread", fleet.power_price_log_spread)
    _check_fraction("must_run_frac", fleet.must_run_frac)
    if fleet.must_run_frac == 0:
        raise InputError("must_run_frac: expected above 0: a chain without a miner finds no block and never retargets.")
    _check_fraction("retirement_per_day", fleet.retirement_per_day)


def check_policy(policy: Policy, n_days: int) -> None:
    """Refuse an impossible scenario."""
    for name in ("power_price_factor", "capacity_change_ehs", "offline_frac", "fee_factor"):
        values = getattr(policy, name)
        if values is None:
            continue
        _check_days(name, np.asarray(values), n_days)
        if not np.all(np.isfinite(values)):
            raise InputError(f"{name}: expected finite values.")
    if policy.power_price_factor is not None and np.any(np.asarray(policy.power_price_factor) <= 0):
        raise InputError("power_price_factor: expected values above 0.")
    if policy.fee_factor is not None and np.any(np.asarray(policy.fee_factor) < 0):
        raise InputError("fee_factor: expected values of at least 0.")
    offline = policy.offline_frac
    if offline is not None and (np.any(np.asarray(offline) < 0) or np.any(np.asarray(offline) >= 1)):
        raise InputError("offline_frac: expected shares from 0 to below 1.")


def _check_days(name: str, values: np.ndarray, n_days: int) -> None:
    if len(values) < n_days:
        raise InputError(f"{name}: expected at least {n_days} days, the horizon, got {len(values)}.")


def _check_fraction(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise InputError(f"{name}: expected 0 to 1, got {value}.")
