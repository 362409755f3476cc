"""New shares from the ledger of counts, through changes of unit."""

import datetime as dt
from typing import Any

import polars as pl
import pytest

from hashdesk.metrics.dilution import ShareLedger, dilution_months

JUNE, JULY, AUGUST = dt.date(2025, 6, 30), dt.date(2025, 7, 31), dt.date(2025, 8, 31)


def count(as_of: dt.date, shares: float, path: str = "linear", **changes: Any) -> dict[str, Any]:
    return {
        "ticker": "X", "as_of": as_of, "shares_outstanding": shares, "path": path, "use_for": "both", "status": "use",
        "known_at": as_of, "source": "s", "form": "10-Q", **changes,
    }  # fmt: skip


def ledger(*counts: dict[str, Any], action: tuple[dt.date, str, float] | None = None) -> ShareLedger:
    rows = [{"ticker": "X", "date": action[0], "kind": action[1], "ratio": action[2]}] if action else []
    schema = {"ticker": pl.String, "date": pl.Date, "kind": pl.String, "ratio": pl.Float64}
    return ShareLedger(pl.DataFrame(list(counts)), pl.DataFrame(rows, schema=schema))


def test_between_two_counts_shares_grow_along_a_line() -> None:
    found = ledger(count(JUNE, 100.0), count(AUGUST, 162.0)).count("X", JULY)
    assert found is not None
    assert found.shares_outstanding == pytest.approx(131.0)
    assert not found.is_open


def test_a_step_keeps_the_old_count_until_its_day() -> None:
    found = ledger(count(JUNE, 100.0), count(AUGUST, 162.0, "step")).count("X", JULY)
    assert found is not None
    assert found.shares_outstanding == 100.0


@pytest.mark.parametrize(("kind", "ratio"), [("split", 0.1), ("unit-change", 2.0), ("split", 10.0)])
def test_a_change_of_unit_alone_is_no_dilution(kind: str, ratio: float) -> None:
    book = ledger(
        count(JUNE, 100.0), count(JULY, 100.0 * ratio, "unit-change"), action=(dt.date(2025, 7, 15), kind, ratio)
    )
    months = dilution_months(book, "X", [JUNE, JULY], [5.0, 5.0 / ratio])
    assert [m.change_frac for m in months] == pytest.approx([0.0])
    assert [m.new_shares for m in months] == pytest.approx([0.0])
    assert months[0].had_unit_change


def test_shares_issued_beside_a_change_of_unit_are_dilution() -> None:
    book = ledger(count(JUNE, 100.0), count(JULY, 15.0, "unit-change"), action=(dt.date(2025, 7, 15), "split", 0.1))
    found = dilution_months(book, "X", [JUNE, JULY], [5.0, 60.0])[0]
    assert found.change_frac == pytest.approx(0.5)
    assert found.proceeds_estimate_usd == pytest.approx(5.0 * (50.0 + 60.0) / 2)


def test_an_old_count_is_carried_over_a_change_of_unit_without_a_new_count() -> None:
    book = ledger(count(JUNE, 100.0), action=(dt.date(2025, 7, 15), "split", 0.1))
    months = dilution_months(book, "X", [JUNE, JULY], [5.0, 50.0])
    assert months[0].shares_end == pytest.approx(10.0)
    assert months[0].change_frac == pytest.approx(0.0)
    assert months[0].is_open


def test_counts_that_are_wrong_or_were_only_known_then_are_left_out() -> None:
    book = ledger(count(JUNE, 100.0), count(JULY, 900.0, status="wrong"), count(JULY, 50.0, use_for="known-then"))
    found = book.count("X", AUGUST)
    assert found is not None
    assert found.shares_outstanding == 100.0


def test_before_the_first_count_nothing_is_known() -> None:
    assert ledger(count(JULY, 100.0)).count("X", JUNE) is None
    assert dilution_months(ledger(count(JULY, 100.0)), "X", [JUNE, JULY], [1.0, 1.0]) == []
