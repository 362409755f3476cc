"""Sentences of the themes on the front page: there only where the tables bear them out."""

import datetime as dt

import pytest

from hashdesk.note.model import Column, Table, Takeaway
from hashdesk.note.theme_takeaways import placed, theme_takeaways

AUGUST, SEPTEMBER, LAST = dt.date(2025, 8, 1), dt.date(2025, 9, 1), dt.date(2025, 9, 30)
MONTHS = tuple(dt.date(2025, month, 1) for month in range(3, 10))


def table(table_id: str, rows: list[dict[str, object]]) -> Table:
    columns = tuple(Column(name, name, "fraction") for name in rows[0])
    return Table(table_id, table_id, columns, tuple(tuple(row.values()) for row in rows))


def parts(*shares: float | None) -> dict[str, Table]:
    months = MONTHS[-len(shares) :]
    rows = [{"period_start": m, "divergence_frac": s} for m, s in zip(months, shares, strict=True)]
    return {"market_cap_parts": table("market_cap_parts", rows)}


def texts(tables: dict[str, Table]) -> list[str]:
    return [item.text for item in theme_takeaways(tables, SEPTEMBER, LAST)]


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ((0.2, 0.3, 0.2, 0.3, 0.2, 0.3, 0.5), "the most of 7 months"),
        ((0.6, 0.5, 0.6, 0.5, 0.6, 0.5, 0.4), "the least of 7 months"),
        ((0.2, 0.6, 0.4), "60.0% the month before"),
        ((0.2, 0.3, 0.5), "30.0% the month before"),
    ],
)
def test_the_uncovered_share_is_set_against_its_history(shares: tuple[float, ...], words: str) -> None:
    (text,) = texts(parts(*shares))
    assert words in text and f"{100 * shares[-1]:.1f}% of the market cap uncovered" in text


def test_an_unknown_or_negative_share_is_no_sentence() -> None:
    assert texts(parts(0.2, None)) == [] and texts(parts(0.2, -0.1)) == [] and texts({}) == []


def test_a_share_without_history_is_not_compared() -> None:
    assert texts(parts(None, 0.4)) == [
        "Four years of mining, the bitcoin held and signed leases leave 40.0% of the market cap uncovered."
    ]


def test_the_move_of_the_group_names_its_parts_and_leaves_out_the_unknown() -> None:
    row = {
        "ticker": "All", "return_frac": 0.4, "btc_frac": 0.1, "ai_frac": 0.2, "events_frac": None,
        "residual_frac": 0.1, "residual_frac_low": -0.05, "residual_frac_high": 0.25,
    }  # fmt: skip
    (text,) = texts({"attribution": table("attribution", [row])})
    assert "+40.0%: +10.0% bitcoin, +20.0% the AI basket, +10.0% none of these" in text
    assert "95%" in text and "dated news" not in text
    assert texts({"attribution": table("attribution", [{**row, "ticker": "IREN"}])}) == []
    assert texts({"attribution": table("attribution", [{**row, "residual_frac": None}])}) == []


def test_the_outlook_states_its_first_chance_and_the_day_it_knew() -> None:
    row = {"statement": "difficulty above 1 T in March 2026", "probability_frac": 0.25}
    (text,) = texts({"outlook_statements": table("outlook_statements", [row])})
    assert "30 Sep 2025" in text and "25.0% of difficulty above 1 T in March 2026" in text


def test_themes_stand_after_the_tension_that_they_explain() -> None:
    first, tension, last = Takeaway("a", ()), Takeaway("b", (), "tension"), Takeaway("c", ())
    more = [Takeaway("new", ())]
    assert [t.text for t in placed((first, tension, last), more)] == ["a", "b", "new", "c"]
    assert [t.text for t in placed((first, last), more)] == ["a", "c", "new"]
