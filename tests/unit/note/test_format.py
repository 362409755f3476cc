"""Numbers become text in one place, by unit."""

from __future__ import annotations

import datetime as dt

import pytest

from hashdesk.note.format import (
    MISSING,
    contract_marks,
    format_backstop,
    format_bounds,
    format_change,
    format_contract_rate,
    format_date,
    format_interval,
    format_megawatts,
    format_month,
    format_number,
    format_power_price,
    format_significance,
    format_value,
    format_with_unit,
    label_with_unit,
    unit_label,
    with_true_minus,
)
from hashdesk.note.model import Figure, Interval, Scalar

DAY = dt.date(2025, 9, 1)


def figure(value: float | str | None, unit: str, **fields: object) -> Figure:
    return Figure("id", "Label", value, unit, DAY, dt.date(2025, 10, 1), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (55.93e9, "USD", "USD 55.9bn"),
        (9.72e12, "USD", "USD 9.72tn"),
        (751.4e6, "USD", "USD 751.4m"),
        (-3.2e9, "USD", "-USD 3.2bn"),
        (3.05, "USD", "USD 3.05"),
        (0.0, "USD", "USD 0"),
        (1034.7, "EH/s", "1,035 EH/s"),
        (36.24, "EH/s", "36.2 EH/s"),
        (49_499.4, "USD/EH/s/day", "USD 49,499"),
        (50.226, "USD/PH/s/day", "USD 50.23"),
        (0.091, "fraction", "9.1%"),
        (9.0, "%", "9.0%"),
        (18.93, "J/TH", "18.9 J/TH"),
        (19.6, "GW", "19.6 GW"),
        (142.34e12, "difficulty", "142.34 T"),
        (3.125, "BTC", "3.125 BTC"),
        (13_512.0, "BTC", "13,512 BTC"),
        (1.786, "USDm/MW-year", "USD 1.79m"),
        (0.914, "x", "0.91x"),
        (10.0, "years", "10 years"),
        (2.5, "years", "2.5 years"),
        (12, "count", "12"),
        ("BITF", "ticker", "BITF"),
        (dt.date(2025, 9, 30), "date", "30 Sep 2025"),
        ("2025-09-30", "date", "30 Sep 2025"),
        (dt.date(2025, 9, 1), "month", "Sep 2025"),
        (True, "flag", "yes"),
        (2.0, "furlong", "2.00 furlong"),
    ],
)
def test_each_unit_has_one_way_of_writing(value: Scalar, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_unknown_is_never_a_number(value: float | None) -> None:
    assert format_value(value, "USD") == format_number(value, "USD") == MISSING


@pytest.mark.parametrize("value", [-0.0004, 0.0004, 0.0, -0.0])
def test_a_value_that_rounds_to_zero_has_no_sign(value: float) -> None:
    assert format_value(value, "fraction", signed=True) == "0.0%"


def test_long_form_spells_out_money_and_adds_a_digit_to_percentages() -> None:
    assert format_value(55_930_000_000.0, "USD", compact=False) == "USD 55,930,000,000"
    assert format_value(0.09123, "fraction", compact=False) == "9.12%"


def test_number_leaves_the_unit_to_the_column_head() -> None:
    assert format_number(49_499.4, "USD/EH/s/day", signed=True) == "+49,499"
    assert format_number(0.5412, "fraction") == "54.1%"
    assert unit_label("USD/EH/s/day") == "USD per EH/s per day"
    assert unit_label("ticker") == unit_label("month") == ""


def test_change_is_absolute_with_relative_beside_it() -> None:
    assert format_change(figure(1034.7, "EH/s", change=85.3, change_frac=0.0898)) == "+85 EH/s (+9.0%)"
    assert format_change(figure(55.9e9, "USD", change=0.4e9, change_frac=0.007)) == "+USD 0.4bn (+0.7%)"


def test_change_of_a_fraction_is_in_points_and_of_a_count_is_plain() -> None:
    assert format_change(figure(0.541, "fraction", change=-0.047, change_frac=-0.08)) == "-4.7 pp"
    assert format_change(figure(12, "count", change=3.0, change_frac=0.33)) == "+3"


def test_change_takes_the_digits_of_its_value() -> None:
    assert format_change(figure(1034.7, "EH/s", change=3.4)) == "+3 EH/s"


def test_no_change_without_a_prior_and_none_of_a_ticker() -> None:
    assert format_change(figure(1.0, "EH/s")) == MISSING
    assert format_change(figure("BITF", "ticker", change=1.0)) == MISSING


def test_interval_names_both_ends_in_one_precision() -> None:
    assert format_interval(figure(1034.7, "EH/s", interval=Interval(1005.2, 1065.3))) == "1,005 to 1,065"
    assert format_interval(Interval(0.9e9, 55.4e9), "USD") == "0.9bn to 55.4bn"
    assert format_bounds(0.512, 0.589, "fraction") == "51.2% to 58.9%"
    assert format_bounds(-0.01, 0.106, "fraction") == "-1.0% to 10.6%"
    assert format_interval(figure(1.0, "EH/s")) == format_bounds(None, 1.0, "EH/s") == MISSING


def test_significance_says_noise_where_it_is_noise() -> None:
    assert format_significance(figure(1.0, "EH/s", z=-0.42, is_significant=False)) == "within noise (z -0.4)"
    assert format_significance(figure(1.0, "EH/s", z=4.1, is_significant=True)) == "beyond noise (z +4.1)"
    assert format_significance(figure(1.0, "EH/s")) == ""


def test_power_price_is_written_in_both_units_and_may_be_negative() -> None:
    assert format_power_price(50.0) == "USD 50.0/MWh (5.0 c/kWh)"
    assert format_power_price(-3.0) == "-USD 3.0/MWh (-0.3 c/kWh)"
    assert format_power_price(None) == MISSING


def test_days_and_months_are_written_out() -> None:
    assert format_date(DAY) == "1 Sep 2025"
    assert format_date("2025-09-30", long=True) == "30 September 2025"
    assert format_month("2025-09") == format_month(DAY) == "September 2025"
    assert format_date(None) == format_month(None) == MISSING


def test_true_minus_stands_before_numbers_only() -> None:
    assert with_true_minus("fell -4.7 pp, 2025-09-30, 10-Q, GPU-cloud, (-USD 1)") == (
        "fell \N{MINUS SIGN}4.7 pp, 2025-09-30, 10-Q, GPU-cloud, (\N{MINUS SIGN}USD 1)"
    )


def test_units_of_assumptions_and_of_daily_rates_are_spelled_out() -> None:
    assert format_with_unit(6.0, "months") == "6 months"
    assert format_with_unit(9.5e6, "USD/MW") == "USD 9.5m per MW"
    assert format_with_unit(100.0, "USD/EH/s/day") == "USD 100 per EH/s a day"
    assert format_with_unit(None, "months") == MISSING
    assert label_with_unit("Hashprice", "USD/PH/s/day") == "Hashprice, per PH/s a day"
    assert label_with_unit("Power cost", "USD/EH/s/day") == "Power cost, per EH/s a day"
    assert label_with_unit("Daily revenue per EH/s", "USD/EH/s/day") == "Daily revenue per EH/s"


@pytest.mark.parametrize(
    ("contract", "text"),
    [
        ({"backstop_usd": 1.4e9, "backstop_by": "Google", "backstop_cover_frac": 0.4667}, "1.4bn (46.7%)"),
        ({"backstop_usd": None, "backstop_by": "Google"}, "Google, amount not stated"),
        ({"backstop_usd": None}, MISSING),
    ],
)
def test_a_backstop_is_an_amount_or_a_guarantor_or_not_known(contract: dict[str, Scalar], text: str) -> None:
    assert format_backstop(contract, with_cover=True) == text


def test_a_rate_per_gross_megawatt_says_so() -> None:
    gross: dict[str, Scalar] = {"gross_mw": 300.0, "mw_basis": "gross", "revenue_usd_m_per_mw_year": 1.222}
    assert (format_megawatts(gross), format_contract_rate(gross)) == ("300 gross", "1.22 per gross MW")
    lease: dict[str, Scalar] = {"critical_it_mw": 168.0, "gross_mw": 244.0, "revenue_usd_m_per_mw_year": 1.786}
    assert (format_megawatts(lease), format_contract_rate(lease)) == ("168", "1.79")


def test_a_contract_names_its_share_of_a_venture_and_its_restatements() -> None:
    contract: dict[str, Scalar] = {"jv_share_frac": 0.51, "is_restatement": True, "is_replaced": True}
    assert contract_marks(contract) == ["51% of the venture", "restated", "replaced"]
    assert contract_marks({"jv_share_frac": None}) == []
