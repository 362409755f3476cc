"""Ours beside published: rounding, coverage, closest definition."""

import datetime as dt

import polars as pl
import pytest

from hashdesk.metrics.reconcile import closest_definition, compare, definition_fit, rounding_half_width


@pytest.mark.parametrize(
    ("value", "unit", "half"),
    [(49_700.0, "USD/EH/s/day", 50.0), (52_000.0, "USD/EH/s/day", 500.0), (1031.0, "EH/s", 0.5), (38.4, "%", 0.05)],
)
def test_rounding_is_read_off_the_printed_digits(value: float, unit: str, half: float) -> None:
    assert rounding_half_width(value, unit) == pytest.approx(half)


def test_a_published_value_inside_interval_and_rounding_is_covered() -> None:
    result = compare(1034.7, 1031.0, 0.5, 1004.8, 1065.2)
    assert result["difference"] == pytest.approx(3.7)
    assert result["is_within_rounding_and_interval"] is True


def test_a_published_value_outside_is_said_to_be_outside() -> None:
    assert compare(12.0, 14.0, 0.5, None, None)["is_within_rounding_and_interval"] is False


def test_a_missing_figure_compares_to_nothing() -> None:
    assert compare(None, 14.0, 0.5, None, None) == {
        "difference": None,
        "difference_frac": None,
        "is_within_rounding_and_interval": None,
    }


def test_the_closest_definition_wins_and_unknown_ones_do_not_run() -> None:
    assert closest_definition(100.0, {"a": 90.0, "b": 101.0, "c": None}, 1.0) == "b"
    assert closest_definition(100.0, {"c": None}, 1.0) == ""


def test_definitions_are_ranked_by_their_median_error_for_each_publisher() -> None:
    month = dt.date(2025, 9, 1)
    monthly = pl.DataFrame(
        {
            "period_start": [month],
            "block_reward_revenue_usd_per_ehs_day": [101.0],
            "revenue_month_mean_usd_per_ehs_day": [95.0],
            "revenue_with_fees_usd_per_ehs_day": [None],
        }
    )
    row = {"period_start": month, "metric": "revenue_per_ehs_day_usd", "value": 100.0}
    published = pl.DataFrame(
        [
            row | {"period_end": dt.date(2025, 10, 1), "publisher": "bank"},
            row | {"period_end": dt.date(2025, 9, 16), "publisher": "bank"},
            row | {"period_end": dt.date(2025, 10, 1), "publisher": "other", "value": 95.0},
        ]
    )
    fit = definition_fit(monthly, published)
    closest = fit.filter("is_closest").select("publisher", "definition_id", "n_months").rows()
    assert closest == [("bank", "headline", 1), ("other", "revenue_month_mean_usd_per_ehs_day", 1)]
    assert fit.filter(pl.col("publisher") == "bank")["median_abs_error_frac"].to_list() == pytest.approx([0.01, 0.05])
