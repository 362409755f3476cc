"""Layouts in which releases come as pages: invented figures, the structure of real filings."""

import datetime as dt

import pytest

from hashdesk.sources.production import holdings_rows, production_rows, quote_rows
from hashdesk.sources.production_update import ProductionUpdate, parse_production_update

TITLE = "<p>CleanSpark, Inc. (Nasdaq: CLSK)</p><h1>Production and Operations Update for June 2025</h1>"


def read(table: str, title: str = TITLE) -> ProductionUpdate:
    return parse_production_update(f"<html><body>{title}{table}</body></html>".encode(), url="https://example.org/ex99")


def values(update: ProductionUpdate) -> dict[str, float | None]:
    return {figure.column: figure.value for figure in update.figures}


def test_spacer_columns_and_lone_signs_do_not_shift_a_row() -> None:
    table = """<table>
      <tr><td></td><td></td><td colspan="3">June 30, 2025</td><td></td><td colspan="3">May 31, 2025</td></tr>
      <tr><td>Bitcoin produced</td><td>&nbsp;</td><td></td><td>685</td><td></td>
        <td>&nbsp;</td><td></td><td>694</td><td></td></tr>
      <tr><td>Bitcoin held</td><td></td><td></td><td>12,608</td><td></td><td></td><td></td><td>12,502</td><td></td></tr>
      <tr><td>Total power credits</td><td></td><td>$</td><td>2.0</td><td>million</td>
        <td></td><td>$</td><td>0.9</td><td>million</td></tr>
      <tr><td>Bitcoin sold</td><td></td><td></td><td>&#8212;</td><td></td><td></td><td></td><td>293.5</td><td></td></tr>
    </table>"""
    assert values(read(table)) == {
        "production_btc": 685.0,
        "holdings_btc": 12_608.0,
        "sold_btc": None,
        "power_credits_usd": 2e6,
    }


def test_an_empty_cell_leaves_the_cell_of_the_month_before_where_it_is() -> None:
    table = """<table>
      <tr><td>Metric</td><td>June 2025</td><td>May 2025</td></tr>
      <tr><td>Bitcoin mined</td><td>685</td><td>694</td></tr>
      <tr><td>Bitcoin sold</td><td></td><td>293.5</td></tr>
      </table>"""
    update = read(table)
    assert update.value("production_btc") == 685.0
    assert update.value("sold_btc") is None


@pytest.mark.parametrize(
    "mark",
    ["<sup>3</sup>", '<font style="vertical-align:super;font-size:60%">3</font>', "\u00b3"],
    ids=["sup", "style", "character"],
)
def test_a_raised_footnote_is_no_digit(mark: str) -> None:
    table = f"""<table><tr><td></td><td>June 2025{mark}</td></tr>
      <tr><td>Bitcoin produced{mark}</td><td>685{mark}</td></tr></table>"""
    assert read(table).value("production_btc") == 685.0


def test_headings_over_two_lines_are_read_together() -> None:
    table = """<table>
      <tr><td></td><td colspan="2">Month ended</td></tr>
      <tr><td></td><td>June 30,</td><td>May 31,</td></tr>
      <tr><td></td><td>2025</td><td>2025</td></tr>
      <tr><td>Bitcoin mined</td><td>685</td><td>694</td></tr>
      </table>"""
    assert read(table).value("production_btc") == 685.0


def test_a_quarter_that_ends_in_the_month_is_not_the_month() -> None:
    table = """<table>
      <tr><td></td><td>Three months ended</td><td>Month ended</td></tr>
      <tr><td></td><td>June 30, 2025</td><td>June 30, 2025</td></tr>
      <tr><td>Bitcoin mined</td><td>2,012</td><td>685</td></tr>
      </table>"""
    assert read(table).value("production_btc") == 685.0


def test_two_columns_of_the_same_month_are_refused() -> None:
    table = """<table>
      <tr><td></td><td>June 2025</td><td>June 2025</td></tr>
      <tr><td>Bitcoin mined</td><td>685</td><td>650</td></tr>
      </table>"""
    figure = read(table).figure("production_btc")
    assert figure is not None
    assert figure.value is None
    assert "2 columns" in figure.reason


def test_a_list_laid_out_as_a_table_is_read_as_sentences() -> None:
    table = """<table>
      <tr><td>&#8226;</td><td>Mined 685 bitcoin in June 2025, down from 694 in May.</td></tr>
      </table>
      <table>
      <tr><td>&#8226;</td><td>Held 12,608 bitcoin as of June 30, 2025.</td></tr>
      </table>"""
    assert values(read(table)) == {"production_btc": 685.0, "holdings_btc": 12_608.0}


def test_labels_with_one_value_each_need_no_header() -> None:
    table = """<table>
      <tr><td>Bitcoin mined</td><td>685</td></tr>
      <tr><td>Average operating hashrate</td><td>45.3 EH/s</td></tr>
      </table>"""
    assert values(read(table)) == {"production_btc": 685.0, "hashrate_avg_operating_ehs": 45.3}


def test_a_list_of_a_quarter_is_not_the_months() -> None:
    table = """<p>Bitcoin held: 12,608</p><p>Second quarter of 2025</p>
      <table><tr><td>Bitcoin mined</td><td>2,012</td></tr></table>"""
    assert values(read(table)) == {"holdings_btc": 12_608.0}


def test_bullets_under_a_quarters_heading_are_not_the_months() -> None:
    page = """<h3>Second quarter highlights</h3><ul><li>Bitcoin mined: 2,012</li></ul>
      <h3>June highlights</h3><ul><li>Bitcoin mined: 685</li></ul>"""
    assert values(read(page)) == {"production_btc": 685.0}


def test_what_stands_under_hosting_is_not_the_companys_own() -> None:
    table = """<table>
      <tr><td></td><td>June 2025</td><td>May 2025</td></tr>
      <tr><td>Self-mining</td></tr>
      <tr><td>Bitcoin produced</td><td>685</td><td>694</td></tr>
      <tr><td>Energized hash rate (EH/s)</td><td>45.0</td><td>44.0</td></tr>
      <tr><td>Hosting services</td></tr>
      <tr><td>Bitcoin produced</td><td>120</td><td>118</td></tr>
      <tr><td>Energized hash rate (EH/s)</td><td>7.0</td><td>7.0</td></tr>
      </table>"""
    assert values(read(table)) == {"production_btc": 685.0, "energized_hashrate_ehs": 45.0}


def test_hidden_parts_and_scripts_are_not_read() -> None:
    table = """<div style="display:none">Bitcoin mined: 999</div><script>var x = "Bitcoin mined: 998";</script>
      <p>Bitcoin mined: 685</p>"""
    assert read(table).value("production_btc") == 685.0


def test_a_page_left_open_is_read_as_far_as_it_goes() -> None:
    assert read("<table><tr><td></td><td>June 2025<tr><td>Bitcoin mined<td>685").value("production_btc") == 685.0


def test_windows_characters_are_read() -> None:
    body = "<p>CleanSpark (Nasdaq: CLSK) \u2013 figures for the month of June 2025</p><p>Bitcoin mined: 685</p>"
    assert parse_production_update(body.encode("cp1252"), url="x").value("production_btc") == 685.0


def test_the_rows_carry_basis_refusals_and_the_filing_day() -> None:
    table = """<table>
      <tr><td></td><td>June 2025</td></tr>
      <tr><td>Bitcoin mined</td><td>685</td></tr>
      <tr><td>Bitcoin held</td><td>12,608</td></tr>
      <tr><td>Bitcoin sold</td><td>N/A</td></tr>
      <tr><td>Deployed hash rate</td><td>50.0 EH/s</td></tr>
      </table>"""
    update = parse_production_update(
        f"<html>{TITLE}{table}</html>", url="https://example.org/ex99", filed_on=dt.date(2025, 7, 3)
    )
    (row,) = production_rows(update)
    assert row["production_btc"] == 685.0
    assert row["sold_btc"] is None
    assert (row["hashrate_month_end_ehs"], row["hashrate_basis"]) == (50.0, "deployed")
    assert row["note"] == "refused: sold_btc"
    assert row["known_at"] == dt.date(2025, 7, 3)
    assert holdings_rows(update)[0]["as_of"] == dt.date(2025, 6, 30)
    assert [(quote["column"], quote["value"], bool(quote["reason"])) for quote in quote_rows(update)] == [
        ("production_btc", 685.0, False),
        ("holdings_btc", 12_608.0, False),
        ("sold_btc", None, True),
        ("deployed_hashrate_ehs", 50.0, False),
    ]
