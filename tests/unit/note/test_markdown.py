"""The Markdown note: complete, aligned, and safe whatever the text in the data."""

import dataclasses
import datetime as dt
import re

import pytest

from hashdesk.note.markdown import LINE_WIDTH, escape_markdown, render_markdown, render_table
from hashdesk.note.model import (
    AssumptionRef,
    Column,
    Company,
    Event,
    Figure,
    Interval,
    Note,
    ReconciliationRow,
    SourceRef,
    Table,
    Takeaway,
)
from hashdesk.note.text_tables import TextTable, period_label, prior_label, reconciliation_table

START, END = dt.date(2025, 9, 1), dt.date(2025, 10, 1)
SECTIONS = (
    "Key takeaways",
    "Summary",
    "Valuation",
    "Network",
    "Profitability",
    "AI and HPC pivot",
    "Market context",
    "Reconciliation",
    "Assumptions",
    "Caveats",
    "Sources",
)


def make_company(ticker: str, market_cap_usd: float | None) -> Company:
    return Company(
        ticker=ticker,
        name=f"{ticker} Inc.",
        close_usd=10.0,
        close_date=dt.date(2025, 9, 30),
        prior_close_usd=8.0,
        market_cap_usd=market_cap_usd,
        prior_market_cap_usd=1e9,
        return_frac=0.25,
        excess_return_frac=0.2,
        contribution_usd=0.5e9,
        price_effect_usd=0.4e9,
        share_effect_usd=0.1e9,
        shares_outstanding=1.5e8,
        shares_as_of=dt.date(2025, 7, 31),
        shares_known_at=dt.date(2025, 8, 7),
        shares_form="10-Q",
        shares_confidence="high",
        is_shares_stale=False,
    )


def make_reconciliation(metric: str, ours: float, published: float, unit: str) -> ReconciliationRow:
    return ReconciliationRow(
        figure_id="network_hashrate_ehs",
        metric=metric,
        period="2025-09",
        ours=ours,
        published=published,
        unit=unit,
        difference=ours - published,
        difference_frac=ours / published - 1,
        rounding=0.5,
        interval=None,
        is_within_rounding_and_interval=True,
        best_definition="",
        publisher="A bank",
        published_on=dt.date(2025, 10, 1),
        source="s",
    )


def make_note(**changes: object) -> Note:
    hashrate = Figure(
        id="network_hashrate_ehs",
        label="Network hashrate, month average",
        value=1034.7,
        unit="EH/s",
        period_start=START,
        period_end=END,
        prior=950.2,
        change=84.5,
        change_frac=0.0889,
        interval=Interval(1005.0, 1065.2),
        z=3.9,
        is_significant=True,
    )
    missing = Figure("ibit_aum_usd", "iShares Bitcoin Trust assets", None, "USD", START, END)
    monthly = Table(
        "monthly",
        "Monthly",
        (Column("period_start", "Month", "date"), Column("network_hashrate_ehs", "Hashrate", "EH/s")),
        ((dt.date(2025, 8, 1), 950.2), (START, 1034.7)),
    )
    note = Note(
        month="2025-09",
        title="Bitcoin mining in September 2025",
        headline="A record above USD 50bn",
        period_start=START,
        period_end=END,
        as_of=END,
        figures=(hashrate, missing),
        takeaways=(Takeaway("Hashrate rose 8.9%.", ("network_hashrate_ehs",)),),
        companies=(make_company("AAA", 1.5e9), make_company("BBB", 3e9), make_company("CCC", None)),
        events=(Event(dt.date(2025, 9, 25), ("AAA",), "hpc", "Signed a lease.", "s", "high", 0.1, -0.02, 0.12),),
        reconciliation=(
            make_reconciliation("hashrate_avg_ehs", 1034.7, 1031.0, "EH/s"),
            make_reconciliation("hashrate_change_pct", 8.9, 9.0, "%"),
        ),
        caveats=("ibit_aum_usd: the store ends in August 2025.",),
        tables={"monthly": monthly},
        assumptions=(AssumptionRef("pue", "Power usage effectiveness", 1.1, "x", "2025-01", "A study"),),
        sources=(SourceRef("s", "Block headers", "Bitcoin network", "https://example.org/headers"),),
        code_version="1.2.3",
    )
    return dataclasses.replace(note, **changes)


def pipe_tables(text: str) -> list[list[str]]:
    """Runs of lines that start with a pipe."""
    return [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]


def cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip())[1:-1]


def test_every_section_stands_in_order() -> None:
    assert re.findall(r"^## (.*)$", render_markdown(make_note()), re.MULTILINE) == list(SECTIONS)


def test_figures_show_value_change_interval_and_published() -> None:
    text = render_markdown(make_note())
    for words in ("1,035 EH/s", "+84 EH/s (+8.9%)", "1,005 to 1,065", "+3.9", "1,031 EH/s (+9.0%)"):
        assert words in text


def test_published_percentages_read_as_percentages() -> None:
    rows = reconciliation_table(make_note()).rows
    assert [row[1:4] for row in rows] == [("1,035 EH/s", "1,031 EH/s", "+0.4%"), ("+8.9%", "+9.0%", "-0.1 pp")]


def test_a_missing_value_reads_as_not_available_and_its_reason_is_a_caveat() -> None:
    text = render_markdown(make_note())
    row = next(line for line in text.splitlines() if "iShares Bitcoin Trust assets" in line)
    assert cells(row)[1].strip() == "n/a"
    assert "- ibit_aum_usd: the store ends in August 2025." in text


def test_companies_come_by_market_value_with_the_unknown_last() -> None:
    text = render_markdown(make_note())
    assert text.index("| BBB") < text.index("| AAA") < text.index("| CCC")


@pytest.mark.parametrize("hostile", ["", "a | b", "back\\slash|", "new\nline", "\u4e2d\u6587 | \u20ac", "`|`"])
def test_tables_are_rectangular_and_aligned(hostile: str) -> None:
    company = dataclasses.replace(make_company("AAA", 1e9), ticker=hostile)
    tables = pipe_tables(render_markdown(make_note(companies=(company,))))
    assert len(tables) >= 5
    for lines in tables:
        assert len({len(line) for line in lines}) == 1
        assert len({len(cells(line)) for line in lines}) == 1
        assert set(lines[1]) <= set("|-: ")


@pytest.mark.parametrize(
    "line", ["# title", "- item", "+ item", "> quote", "1. first", "2) second", "---", "===", "~~~"]
)
def test_text_from_the_data_opens_no_block(line: str) -> None:
    text = render_markdown(make_note(caveats=(f"{line} and more", "word " * 19 + line, line)))
    caveats = text.split("## Caveats\n\n")[1].split("\n\n## ")[0]
    for part in caveats.splitlines():
        assert re.match(r"^(- |  )(?!(#{1,6}|[-+>]|\d+[.)])(\s|$)|=+$|-+$|~~~|>)", part), part


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "**bold**", "[a](javascript:b)", "`code`", "![i](u)"])
def test_text_from_the_data_is_no_markup(text: str) -> None:
    assert escape_markdown(text) in render_markdown(make_note(headline=text))
    assert not re.search(r"(?<!\\)[`*<\[\]]", escape_markdown(text))


def test_lines_stay_within_the_width_of_a_terminal() -> None:
    note = make_note(caveats=("A caveat that goes on. " * 20,))
    assert max(len(line) for line in render_markdown(note).splitlines()) <= LINE_WIDTH


def test_a_note_without_tables_still_reads() -> None:
    note = make_note(tables={}, companies=(), events=(), reconciliation=(), assumptions=(), caveats=(), figures=())
    text = render_markdown(note)
    assert "No company is tracked" in text
    assert "None" not in text.replace("None.", "")


def test_render_table_keeps_the_columns_asked_for() -> None:
    table = TextTable("t", ("a", "b", "c"), "lrl", (("heading",), ("x", "1", "y")))
    assert render_table(table, ("a", "b")).splitlines() == [
        "| a       |   b |",
        "| ------- | --: |",
        "| heading |     |",
        "| x       |   1 |",
    ]


def test_labels_name_the_month_or_its_part() -> None:
    assert (period_label(make_note()), prior_label(make_note())) == ("Sep 2025", "Aug 2025")
    part = make_note(period_start=dt.date(2025, 10, 1), period_end=dt.date(2025, 10, 16))
    assert (period_label(part), prior_label(part)) == ("1-15 Oct 2025", "Sep 2025")
