"""Streaks, records and round thresholds."""

import pytest

from hashdesk.metrics.changes import extreme, round_threshold_crossed, streak


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 3.0], 2),
        ([3.0, 4.0, 2.0], 1),
        ([3.0, 3.0], 0),
        ([1.0], None),
        ([1.0, None], None),
        ([5.0, None, 4.0, 3.0], 1),
    ],
)
def test_streak_counts_changes_in_the_latest_direction(values: list[float | None], expected: int | None) -> None:
    assert streak(values) == expected


def test_a_value_above_all_others_is_a_high_of_the_whole_history() -> None:
    found = extreme([1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 9.0])
    assert found is not None
    assert (found.kind, found.since_index, found.n_values) == ("high", None, 7)


def test_a_gap_ends_the_history_because_it_may_hide_a_higher_value() -> None:
    found = extreme([99.0, None, 1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 9.0])
    assert found is not None
    assert (found.since_index, found.first_index) == (None, 2)


def test_a_low_names_the_last_month_that_was_as_low() -> None:
    found = extreme([1.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 2.0])
    assert found is not None
    assert (found.kind, found.since_index) == ("low", 0)


def test_an_everyday_value_is_no_record() -> None:
    assert extreme([1.0, 9.0, 1.0, 9.0, 1.0, 9.0, 5.0]) is None
    assert extreme([1.0, 2.0]) is None
    assert extreme([1.0, None]) is None


@pytest.mark.parametrize(
    ("value", "before", "threshold"),
    [
        (1035.0, 949.0, 1000.0),
        (55.9e9, 39.2e9, 50e9),
        (5.1e9, 4.9e9, 5e9),
        (655.0, 643.0, None),
        (703.0, 643.0, 700.0),
        (649.0, 641.0, None),
        (900.0, 950.0, None),
        (100.0, 0.0, None),
    ],
)
def test_the_roundest_number_passed_is_named(value: float, before: float, threshold: float | None) -> None:
    assert round_threshold_crossed(value, before) == threshold
