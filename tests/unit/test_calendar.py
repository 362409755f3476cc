import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashdesk import calendar
from hashdesk.errors import InputError

DAYS = st.dates(dt.date(2009, 1, 3), dt.date(2140, 1, 1))


@given(DAYS)
def test_next_month_undoes_previous_month(day: dt.date) -> None:
    first = day.replace(day=1)
    assert calendar.next_month(calendar.previous_month(day)) == first
    assert calendar.previous_month(calendar.next_month(day)) == first


@given(DAYS)
def test_a_month_covers_its_days_once(day: dt.date) -> None:
    period = calendar.month_period(day)
    assert period.start <= day < period.end
    assert not period.is_partial
    assert calendar.parse_month(period.month) == period.start


@given(DAYS)
def test_a_month_to_date_ends_after_its_last_day(day: dt.date) -> None:
    period = calendar.month_period(day, through=day)
    assert (period.last_day, period.n_days) == (day, day.day)
    assert period.is_partial == (period.end != calendar.next_month(day))
    assert period.name == (day.isoformat() if period.is_partial else period.month)


def test_names_of_a_month_and_of_its_first_half() -> None:
    whole = calendar.month_period(dt.date(2025, 9, 1))
    half = calendar.month_period(dt.date(2025, 10, 1), dt.date(2025, 10, 15))
    assert (whole.name, whole.title, whole.n_days) == ("2025-09", "September 2025", 30)
    assert (half.name, half.title, half.n_days) == ("2025-10-15", "1-15 October 2025", 15)


def test_months_between_includes_both_ends() -> None:
    months = calendar.months_between(dt.date(2024, 11, 5), dt.date(2025, 2, 28))
    assert [period.month for period in months] == ["2024-11", "2024-12", "2025-01", "2025-02"]
    assert all(left.end == right.start for left, right in pairwise(months))


@pytest.mark.parametrize("text", ["2025-13", "2025-00", "2025-9", "september", "2008-12", "2025-09-01", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected YYYY-MM"):
        calendar.parse_month(text)


@pytest.mark.parametrize("text", ["2025-02-30", "15.10.2025", ""])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="as_of: expected a day"):
        calendar.parse_day(text, what="as_of")


def test_a_day_outside_the_month_is_refused() -> None:
    with pytest.raises(InputError, match="expected a day of 2025-09"):
        calendar.month_period(dt.date(2025, 9, 1), through=dt.date(2025, 10, 1))


def test_subsidy_halves_at_the_height_and_sums_below_21_million() -> None:
    # Heights of the halvings: Bitcoin Core, src/validation.cpp, GetBlockSubsidy.
    assert [calendar.subsidy_sat(height) for height in (0, 209_999, 210_000, 840_000)] == [
        5_000_000_000,
        5_000_000_000,
        2_500_000_000,
        312_500_000,
    ]
    total = sum(calendar.subsidy_sat(halving * 210_000) * 210_000 for halving in range(64))
    assert total == 2_099_999_997_690_000
