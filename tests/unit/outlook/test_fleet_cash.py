"""A fleet's cash: hand-worked days, curtailment, treasury, payback and what cannot be."""

import math

import numpy as np
import pytest

from hashdesk.errors import InputError
from hashdesk.outlook.fleet_cash import (
    Fleet,
    FleetCash,
    assemble_fleet,
    fleet_cash,
    hashprice_at_difficulty,
    parse_fleet,
    site_power_price,
    summarise_payback,
)
from hashdesk.store.pack import ReferencePack

MODELS = ReferencePack().read("asic_models")
ENDS = (30, 60)


def fleet(site: str = "", finance: str = "", machine: str = "") -> Fleet:
    """1,000 machines of 200 TH/s at 20 J/TH: 0.2 EH/s, 4 MW, USD 400,000."""
    text = f"""
name = "test"
[[machines]]
hashrate_ths = 200
efficiency_j_per_th = 20
count = 1000
price_usd = 400
{machine}
[site]
power_price_usd_per_mwh = 50
{site}
[finance]
pool_fee_frac = 0
discount_frac_per_year = 0
months = 2
{finance}
"""
    return assemble_fleet(parse_fleet(text, "f.toml"), MODELS)


def run(item: Fleet, hashprice: float | np.ndarray, price: float | np.ndarray = 100_000.0, power: float = 50.0):
    days = np.broadcast_to(np.asarray(hashprice, dtype=np.float64), (1, 60))
    return fleet_cash(
        item, days, np.broadcast_to(np.asarray(price, dtype=np.float64), (1, 60)), np.full((1, 60), power), ENDS
    )


def test_a_month_worked_by_hand() -> None:
    # 200 PH/s x USD 50 = 10,000 a day; 4 MW x 24 h x USD 50 = 4,800 a day.
    cash = run(fleet(), 50.0)
    np.testing.assert_allclose(cash.revenue_usd, [[300_000, 300_000]])
    np.testing.assert_allclose(cash.power_cost_usd, [[144_000, 144_000]])
    np.testing.assert_allclose(cash.net_cash_usd, [[156_000, 156_000]])
    np.testing.assert_allclose(cash.production_btc, [[3, 3]])
    assert cash.npv_usd[0] == pytest.approx(2 * 156_000 - 400_000)
    assert math.isinf(cash.payback_days[0])


def test_fee_uptime_overhead_fixed_cost_and_resale_enter_once_each() -> None:
    item = fleet(
        "uptime_frac = 0.9\noverhead = 1.1\nfixed_cost_usd_per_month = 1000\ncapex_usd = 5000",
        machine="resale_frac = 0.5",
    )
    cash = run(item, 50.0)
    np.testing.assert_allclose(cash.revenue_usd[0], 0.9 * 300_000)
    np.testing.assert_allclose(cash.power_cost_usd[0], 0.9 * 1.1 * 144_000)
    net = 0.9 * 300_000 - 0.99 * 144_000 - 1000
    assert cash.npv_usd[0] == pytest.approx(2 * net + 200_000 - 405_000)
    np.testing.assert_allclose(cash.online_frac, 0.9)


def test_losing_days_are_switched_off_unless_the_fleet_never_does() -> None:
    hashprice = np.where(np.arange(60) < 30, 50.0, 20.0)  # 24 USD/PH/s/day is break-even
    off, on = run(fleet(), hashprice), run(fleet('curtailment = "never"'), hashprice)
    np.testing.assert_allclose(off.net_cash_usd, [[156_000, 0]])
    np.testing.assert_allclose(on.net_cash_usd, [[156_000, -24_000]])
    np.testing.assert_allclose(off.online_frac, [[1, 0]])
    assert off.strip.option.value == pytest.approx(156_000)
    assert off.strip.simple.value == pytest.approx(132_000)
    assert off.strip.off_frac == pytest.approx(0.5)


def test_a_strike_switches_off_dear_power_even_where_mining_would_pay() -> None:
    cash = run(fleet("strike_usd_per_mwh = 60"), 500.0, power=61.0)
    np.testing.assert_allclose(cash.net_cash_usd, 0)
    assert run(fleet("strike_usd_per_mwh = 60"), 500.0, power=60.0).net_cash_usd[0, 0] > 0


def test_coins_kept_are_worth_the_last_days_price() -> None:
    price = np.where(np.arange(60) < 59, 100_000.0, 200_000.0)
    cash = run(fleet(finance="hodl_frac = 1"), 50.0, price)
    np.testing.assert_allclose(cash.net_cash_usd, -144_000)
    coins = 59 * 0.1 + 0.05
    assert cash.npv_usd[0] == pytest.approx(coins * 200_000 - 288_000 - 400_000)


def test_payback_is_the_first_day_on_which_cash_covers_the_capital() -> None:
    cash = run(fleet(), 90.0)  # 13,200 a day: USD 400,000 on day 31
    assert cash.payback_days[0] == 31
    payback = summarise_payback("flat", cash)
    assert payback.never_frac == 0
    assert payback.months_p50 == pytest.approx(31 / (365.25 / 12))


def test_never_is_an_answer_with_its_probability() -> None:
    item = fleet()
    hashprice = np.vstack([np.full(60, 90.0)] * 30 + [np.full(60, 10.0)] * 70)
    cash = fleet_cash(item, hashprice, np.full((100, 60), 1e5), np.full((1, 60), 50.0), ENDS)
    payback = summarise_payback("modelled", cash)
    assert payback.never_frac == pytest.approx(0.7)
    assert payback.standard_error == pytest.approx(math.sqrt(0.7 * 0.3 / 100))
    assert payback.months_p5 is not None
    assert payback.months_p50 is None


def test_spot_prices_have_the_mean_of_the_site_and_streams_of_their_own() -> None:
    item = fleet("power_price_log_sd = 0.5")
    prices = site_power_price(item, np.ones(60), 5_000, seed=3)
    assert prices.mean() == pytest.approx(50, rel=0.01)
    np.testing.assert_array_equal(prices, site_power_price(item, np.ones(60), 5_000, seed=3))
    np.testing.assert_allclose(site_power_price(fleet(), np.full(60, 1.5), 5_000, seed=3), 75)


def test_paths_run_in_parts_add_up_to_the_whole() -> None:
    item = fleet("power_price_log_sd = 0.4")
    rng = np.random.default_rng(2)
    hashprice, price = 40 * np.exp(0.3 * rng.standard_normal((50, 60))), np.full((50, 60), 1e5)
    power = site_power_price(item, np.ones(60), 50, seed=-1)
    whole = fleet_cash(item, hashprice, price, power, ENDS)
    parts = [fleet_cash(item, hashprice[a:b], price[a:b], power[a:b], ENDS) for a, b in ((0, 20), (20, 50))]
    joined = FleetCash.joined(parts)
    for name in ("npv_usd", "payback_days", "net_cash_usd", "margin_usd", "saved_usd"):
        np.testing.assert_allclose(getattr(joined, name), getattr(whole, name))
    assert joined.strip.option.value == pytest.approx(whole.strip.option.value)
    assert not np.array_equal(power, site_power_price(item, np.ones(60), 50, seed=-1, part=1))


def test_a_ledger_kept_day_by_day_agrees() -> None:
    item = fleet(
        "power_price_log_sd = 0.4\nuptime_frac = 0.95\noverhead = 1.06\nstrike_usd_per_mwh = 70\n"
        "fixed_cost_usd_per_month = 900",
        "hodl_frac = 0.25",
        "resale_frac = 0.2",
    )
    rng = np.random.default_rng(1)
    hashprice = 45 * np.exp(np.cumsum(0.03 * rng.standard_normal((1, 60)), axis=1))
    price = 1.1e5 * np.exp(np.cumsum(0.03 * rng.standard_normal((1, 60)), axis=1))
    power = site_power_price(item, np.ones(60), 1, seed=7)
    cash = fleet_cash(item, hashprice, price, power, ENDS)
    npv, coins = -400_000.0, 0.0
    for day in range(60):
        income = 0.95 * 200 * hashprice[0, day]
        bill = 24 * 0.95 * 4 * 1.06 * power[0, day]
        is_on = power[0, day] <= 70 and income >= bill
        sold = (0.75 * income - bill if is_on else 0.0) - 900 / 30
        coins += 0.25 * income / price[0, day] if is_on else 0.0
        npv += sold
    npv += 80_000 + coins * price[0, -1]
    assert cash.npv_usd[0] == pytest.approx(npv)


def test_dear_and_cheap_days_make_the_right_to_switch_off_worth_more() -> None:
    fixed, spot = fleet(), fleet("power_price_log_sd = 0.8")
    hashprice, price = np.full((2_000, 60), 30.0), np.full((2_000, 60), 1e5)
    values = [
        fleet_cash(item, hashprice, price, site_power_price(item, np.ones(60), 2_000, 1), ENDS).strip
        for item in (fixed, spot)
    ]
    assert values[0].option_premium.value == 0
    assert values[1].option_premium.value > 0
    assert values[1].option.value > values[0].option.value


def test_hashprice_at_a_given_difficulty_is_that_of_the_metrics() -> None:
    found = hashprice_at_difficulty(np.array([[142.34e12]]), *(np.array([[x]]) for x in (3.125, 0.02, 113_000.0)))
    assert float(found[0, 0]) == pytest.approx(50.22, abs=0.01)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[site]\npower_price_usd_per_mwh = 50\nupime_frac = 0.9", "Did you mean site.uptime_frac?"),
        ("[site]\npower_price_usd_per_mwh = 1e6", "site.power_price_usd_per_mwh"),
        ("[site]\npower_price_usd_per_mwh = 50\nuptime_frac = 0", "site.uptime_frac"),
        ("[site]\npower_price_usd_per_mwh = 50\n[finance]\nmonths = 61", "finance.months"),
        ("[site]\npower_price_usd_per_mwh = 50\n[finance]\nhodl_frac = -0.1", "finance.hodl_frac"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(text: str, said: str) -> None:
    head = 'name = "x"\n[[machines]]\nmodel = "Antminer S21"\ncount = 1\nprice_usd = 1\n'
    with pytest.raises(InputError) as caught:
        parse_fleet(head + text, "f.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_machine_needs_a_model_or_its_own_numbers_not_both() -> None:
    site = "\n[site]\npower_price_usd_per_mwh = 50\n"
    with pytest.raises(InputError, match="expected a model"):
        parse_fleet('name = "x"\n[[machines]]\ncount = 1\nprice_usd = 1' + site, "f.toml")
    with pytest.raises(InputError, match="got both"):
        parse_fleet(
            'name = "x"\n[[machines]]\nmodel = "S21"\nhashrate_ths = 1\nefficiency_j_per_th = 20\ncount = 1\n'
            "price_usd = 1" + site,
            "f.toml",
        )
    with pytest.raises(InputError, match="machines"):
        parse_fleet('name = "x"\nmachines = []' + site, "f.toml")
