"""The companies' part of the note: tables, section, pages and charts say the same as the desk."""

import dataclasses
import datetime as dt

import pytest

from hashdesk.calendar import Period, month_period
from hashdesk.desk import Desk
from hashdesk.metrics.companies import Companies
from hashdesk.note.chart_company import company_charts
from hashdesk.note.chart_decomposition import CHARTS, divergence_number_chart
from hashdesk.note.company_pages import company_sections
from hashdesk.note.company_section import TREND_MONTHS, company_tables
from hashdesk.note.model import Note, Section, Table

SEPTEMBER = month_period(dt.date(2025, 9, 1))


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="module")
def companies(desk: Desk) -> Companies:
    return desk._companies(SEPTEMBER, None)


@pytest.fixture(scope="module")
def tables(companies: Companies) -> dict[str, Table]:
    return company_tables(companies, SEPTEMBER)


@pytest.fixture(scope="module")
def sections(companies: Companies) -> list[Section]:
    return company_sections(companies, SEPTEMBER)


@pytest.fixture(scope="module")
def note(desk: Desk, tables: dict[str, Table], sections: list[Section]) -> Note:
    plain = desk.note("2025-09")
    return dataclasses.replace(plain, tables={**plain.tables, **tables}, sections=tuple(sections))


def test_the_tables_hold_a_year_of_months_for_every_tracked_company(tables: dict[str, Table]) -> None:
    for name in ("company_operations", "company_value"):
        assert len(tables[name].rows) == 14 * TREND_MONTHS
        assert (
            max(month for month in tables[name].column("period_start") if isinstance(month, dt.date)) == SEPTEMBER.start
        )


def test_the_values_of_the_table_are_those_of_the_desk(desk: Desk, tables: dict[str, Table]) -> None:
    frame = {row["ticker"]: row for row in desk.companies("2025-09").iter_rows(named=True)}
    for row in tables["company_value"].records():
        if row["period_start"] == SEPTEMBER.start:
            assert {name: value for name, value in row.items() if name != "period_start"} == {
                name: frame[row["ticker"]][name] for name in row if name != "period_start"
            }


def test_there_is_one_theme_and_a_page_for_each_tracked_company(sections: list[Section]) -> None:
    assert [section.kind for section in sections] == ["theme"] + ["appendix"] * 14
    assert len({section.id for section in sections}) == 15


def test_every_page_names_age_and_source_of_what_it_knows(sections: list[Section]) -> None:
    for section in sections[1:]:
        for table in section.tables[:1]:
            for row in table.records():
                assert row["value"] is None or ("d)" in str(row["as_of"]) and row["source"]), (section.id, row)
                assert row["value"] is not None or row["remark"], (section.id, row)


def test_tables_fit_a_printed_page(sections: list[Section]) -> None:
    assert all(len(table.columns) <= 9 for section in sections for table in section.tables)


def test_the_theme_quotes_the_group_of_the_month(companies: Companies, sections: list[Section]) -> None:
    row = companies.group.row(-1, named=True)
    text = " ".join(sections[0].paragraphs)
    assert f"{100 * row['divergence_frac']:.1f}%" in text
    assert f"USD {row['market_cap_usd'] / 1e9:.1f}bn" in text
    assert any("WULF" in line for line in sections[0].missing)


def test_the_charts_stand_in_sections_of_the_note_and_draw_its_tables(note: Note) -> None:
    charts = [build(note) for build in CHARTS] + company_charts(note)
    ids = {section.id for section in note.sections}
    assert len(charts) == 2 + 14
    for chart in charts:
        assert chart.section in ids
        assert chart.table_id in note.tables
        assert (chart.spec is None) == bool(chart.missing)


def test_the_stack_of_a_month_is_its_market_cap(note: Note) -> None:
    chart = CHARTS[0](note)
    assert chart.spec is not None
    values = [row["value"] for row in chart.spec["data"]["values"] if row["month"] == "Sep 25"]
    cap = note.figure("market_cap_usd").value
    assert isinstance(cap, float)
    assert sum(values) == pytest.approx(cap / 1e9)


def test_a_company_that_disclosed_nothing_lately_has_no_drawing(note: Note) -> None:
    greenidge = next(chart for chart in company_charts(note) if chart.id == "company_gree")
    assert greenidge.spec is None
    assert "disclosed too little" in greenidge.missing


def test_without_the_table_the_chart_says_what_is_missing(note: Note) -> None:
    bare = dataclasses.replace(note, tables={})
    assert divergence_number_chart(bare).missing


def test_an_early_month_has_no_divergence_number_and_says_why(desk: Desk) -> None:
    period = month_period(dt.date(2024, 3, 1))
    theme = company_sections(desk._companies(period, None), period)[0]
    assert any("There is no divergence number" in text for text in theme.paragraphs)


def test_a_month_in_progress_is_valued_on_its_last_day(desk: Desk) -> None:
    period = Period(dt.date(2025, 9, 1), dt.date(2025, 9, 16))
    built = company_tables(desk._companies(period, None), period)
    last = [row for row in built["market_cap_parts"].records() if row["period_start"] == period.start]
    month = desk.market_cap_parts("2025-09").row(-1, named=True)
    assert len(last) == 1
    assert isinstance(last[0]["market_cap_usd"], float)
    assert last[0]["market_cap_usd"] < month["market_cap_usd"]
