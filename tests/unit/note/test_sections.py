"""A section beyond the fixed parts of the note stands in every format."""

import dataclasses
import datetime as dt

import pytest

from hashdesk.note.html import render_html
from hashdesk.note.markdown import render_markdown
from hashdesk.note.model import Column, Note, Section, Table
from hashdesk.note.pdf import render_pdf
from hashdesk.note.section_view import column_widths, text_table

TABLE = Table(
    "facts",
    "Facts of <Acme>",
    (
        Column("label", "Fact", "text"),
        Column("value", "Value", "number"),
        Column("unit", "Unit", "text"),
        Column("as_of", "As of", "date"),
        Column("share_frac", "Share", "fraction"),
        Column("is_stale", "Stale", "flag"),
    ),
    (
        ("Hashrate", 12.5, "EH/s", dt.date(2025, 9, 30), -0.125, True),
        ("Power price", None, "USD/MWh", None, None, None),
    ),
    caveats=("One company.",),
)


@pytest.fixture(scope="module")
def note() -> Note:
    day = dt.date(2025, 9, 1)
    empty = Note(
        "2025-09", "Title", "Headline", day, dt.date(2025, 10, 1), dt.date(2025, 10, 1), (), (), (), (), (), ()
    )
    theme = Section("outlook", "Outlook", ("Hashrate grows by -1.5% a month.",), (TABLE,), missing=("No fees known.",))
    page = Section("company-acme", "Acme (ACME)", ("A company.",), (TABLE,), kind="appendix")
    return dataclasses.replace(empty, sections=(theme, page))


def test_cells_are_written_by_the_unit_of_their_column_or_row() -> None:
    table = text_table(TABLE)
    assert table.headers == ("Fact", "Value", "As of", "Share", "Stale")
    assert table.rows[0] == ("Hashrate", "12.5 EH/s", "30 Sep 2025", "-12.5%", "yes")
    assert table.rows[1] == ("Power price", "n/a", "n/a", "n/a", "n/a")
    assert table.align == "lrlrl"


def test_widths_follow_the_longest_cell_within_bounds() -> None:
    wide = dataclasses.replace(text_table(TABLE), rows=(("x" * 200, "1", "1", "1", "1"),))
    long, short = map(float, column_widths(wide).split()[:2])
    assert long == pytest.approx(61.6) and short == pytest.approx(6.6)


def test_long_texts_give_way_so_that_amounts_stay_whole() -> None:
    texts = dataclasses.replace(text_table(TABLE), rows=(("x " * 60, "USD 1,234.5m", "y " * 60, "z " * 60, "1"),))
    widths = [float(width) for width in column_widths(texts).split()]
    assert sum(widths) <= 139 and widths[1] == pytest.approx(len("USD 1,234.5m") + 1.6)
    assert widths[0] < 46


def test_theme_and_appendix_stand_in_the_page(note: Note) -> None:
    page = render_html(note, [], {}, runtime="")
    assert '<section id="outlook"' in page and 'href="#outlook"' in page
    assert "Hashrate grows by \N{MINUS SIGN}1.5% a month." in page and "No fees known." in page
    assert '<details class="page" id="company-acme">' in page
    assert "Facts of &lt;Acme&gt;" in page


def test_theme_stands_in_the_markdown_and_the_appendix_does_not(note: Note) -> None:
    text = render_markdown(note)
    assert "## Outlook" in text and "- No fees known." in text and "| Hashrate" in text
    assert "Acme (ACME)" not in text


def test_appendix_page_starts_a_page_of_the_pdf(note: Note) -> None:
    with_page = render_pdf(note, [], {})
    without = render_pdf(dataclasses.replace(note, sections=note.sections[:1]), [], {})
    assert b"/Count 2/Kids" in with_page
    assert b"/Count 1/Kids" in without
