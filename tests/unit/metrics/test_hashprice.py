"""Income of hashrate and the split of its change."""

import numpy as np
import pytest

from hashdesk.errors import InputError
from hashdesk.metrics.hashprice import block_reward_revenue_usd_per_ehs_day, hashprice_usd_per_phs_day, revenue_split


def test_hashprice_of_the_worked_vector() -> None:
    assert hashprice_usd_per_phs_day(142.34e12, 3.145, 113_000) == pytest.approx(50.226, abs=2e-3)
    # The printed vector rests on 2^32 hashes per unit of difficulty, 15 ppm below the exact work.
    assert hashprice_usd_per_phs_day(142.34e12, 3.145, 1.0) == pytest.approx(0.00044448, abs=1.5e-8)


def test_a_pool_fee_lowers_hashprice_in_proportion() -> None:
    gross = hashprice_usd_per_phs_day(1e14, 3.125, 100_000)
    assert hashprice_usd_per_phs_day(1e14, 3.125, 100_000, pool_fee_frac=0.02) == pytest.approx(0.98 * gross)


@pytest.mark.parametrize("fee", [-0.1, 1.0])
def test_an_impossible_pool_fee_is_refused(fee: float) -> None:
    with pytest.raises(InputError, match="pool_fee_frac"):
        hashprice_usd_per_phs_day(1e14, 3.125, 100_000, pool_fee_frac=fee)


def test_a_difficulty_that_is_not_positive_is_refused() -> None:
    with pytest.raises(InputError, match="difficulty"):
        hashprice_usd_per_phs_day([1e14, 0.0], 3.125, 100_000)


def test_an_unknown_price_gives_an_unknown_hashprice() -> None:
    values = hashprice_usd_per_phs_day([1e14, 1e14], 3.125, [np.nan, 100_000])
    assert np.isnan(values[0])
    assert values[1] > 0


def test_hashprice_and_revenue_meet_where_blocks_come_on_target() -> None:
    difficulty, price = 142.34e12, 113_000
    hashrate = difficulty * 2**48 / 65_535 / 600 / 1e18
    revenue = block_reward_revenue_usd_per_ehs_day(3.125, price, hashrate)
    assert revenue == pytest.approx(1_000 * hashprice_usd_per_phs_day(difficulty, 3.125, price))


def test_the_split_adds_up_in_logs_and_in_fractions() -> None:
    rng = np.random.default_rng(7)
    split = revenue_split(rng.uniform(3e4, 1e5, 50), rng.uniform(2e4, 1.2e5, 50), rng.choice([450.0, 900.0], 50))
    assert split.price_log + split.reward_log + split.hashrate_log == pytest.approx(split.change_log, abs=1e-12)
    assert split.price_frac + split.reward_frac + split.hashrate_frac == pytest.approx(split.change_frac, abs=1e-12)


def test_a_month_that_did_not_move_splits_into_zeros() -> None:
    split = revenue_split([5e4, 5e4], [1e5, 1e5], [450, 450])
    assert split.change_frac.tolist() == split.price_frac.tolist() == split.hashrate_frac.tolist() == [0.0]
