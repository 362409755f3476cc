"""Charts say what their data say, are valid Vega-Lite, and are never empty."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import json
import math
import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hashdesk.calendar import months_between
from hashdesk.note import chart_parts
from hashdesk.note.chart_hpc import mining_revenue_usd_m_per_mw_year
from hashdesk.note.chart_valuation import first_crossed_threshold
from hashdesk.note.charts import Chart, build_charts, render_svgs
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

START, END = dt.date(2025, 9, 1), dt.date(2025, 10, 1)
TICKERS = (
    "IREN", "CIFR", "BITF", "RIOT", "MARA", "CLSK", "WULF", "HUT", "CORZ", "BTDR", "BTBT", "GREE", "ARBK", "CANG",
)  # fmt: skip


def table(table_id: str, rows: Sequence[Mapping[str, Any]], units: Mapping[str, str] | None = None) -> Table:
    """Table from records; every unit that is not given is guessed as a count."""
    names = list(rows[0])
    columns = tuple(Column(name, name.replace("_", " "), (units or {}).get(name, "count")) for name in names)
    return Table(
        table_id, f"Table {table_id}", columns, tuple(tuple(row[n] for n in names) for row in rows), ("chain", "prices")
    )


def synthetic_note(**changes: Any) -> Note:
    """A made-up month that has every table, with numbers of a realistic size."""
    draw = random.Random(7)
    months = [period.start for period in months_between(dt.date(2023, 12, 1), START)]
    monthly, market_cap, breadth, split = [], [], [], []
    hashrate, price, cap = 500.0, 42_000.0, 14e9
    for month in months:
        hashrate *= 1 + draw.uniform(0.0, 0.07)
        price *= 1 + draw.uniform(-0.06, 0.13)
        cap *= 1 + draw.uniform(-0.08, 0.16)
        revenue = 450 * price / hashrate
        cost = 24 * 50 * 20.0 * math.exp(-0.0115 * len(monthly))
        monthly.append(
            {
                "period_start": month,
                "network_hashrate_ehs": hashrate,
                "network_hashrate_ehs_low": hashrate * 0.97,
                "network_hashrate_ehs_high": hashrate * 1.03,
                "block_reward_revenue_usd_per_ehs_day": revenue,
                "block_reward_revenue_usd_per_ehs_day_low": revenue * 0.97,
                "block_reward_revenue_usd_per_ehs_day_high": revenue * 1.03,
                "power_cost_usd_per_ehs_day": cost,
                "block_reward_gross_profit_usd_per_ehs_day": revenue - cost,
                "block_reward_gross_profit_usd_per_ehs_day_low": revenue * 0.97 - cost,
                "block_reward_gross_profit_usd_per_ehs_day_high": revenue * 1.03 - cost,
                "market_cap_usd": cap,
            }
        )
        market_cap.append(
            {"period_start": month, "market_cap_usd": cap, "n_companies": 14, "price_effect_usd": 1e9,
             "share_effect_usd": 1e8, "universe_effect_usd": 0.0}
        )  # fmt: skip
        breadth.append(
            {"period_start": month, "n_outperforming_btc": draw.randint(1, 11), "n_companies": 14,
             "btc_return_frac": draw.uniform(-0.1, 0.2), "median_return_frac": draw.uniform(-0.2, 0.4)}
        )  # fmt: skip
        if len(monthly) > 1:
            before = monthly[-2]["block_reward_revenue_usd_per_ehs_day"]
            change = revenue / before - 1
            split.append({"period_start": month, "change_log": math.log1p(change), "change_frac": change,
                          "price_frac": change + 0.05, "reward_frac": 0.01, "hashrate_frac": -0.06})  # fmt: skip
    breadth[-1]["n_outperforming_btc"] = 12
    daily = []
    for i in range(400):
        day = END - dt.timedelta(days=400 - i)
        level = 700 * math.exp(0.001 * i)
        value = level * draw.gauss(1, 0.08)
        daily.append(
            {"date": day, "blocks": 144, "network_hashrate_ehs": value, "network_hashrate_low_ehs": value * 0.84,
             "network_hashrate_high_ehs": value * 1.17, "network_hashrate_7d_ehs": level if i > 6 else None,
             "network_hashrate_implied_ehs": 700 * math.exp(0.001 * (i // 14 * 14 - 10))}
        )  # fmt: skip
    curve = [
        {"efficiency_j_per_th": float(e), "breakeven_power_price_usd_per_mwh": 49_500 / (24 * e)}
        for e in range(10, 61, 2)
    ]
    fleet = [
        {"model": f"Model {e}", "efficiency_j_per_th": float(e), "released_on": dt.date(2023, 1, 1), "weight": 1.0,
         "breakeven_power_price_usd_per_mwh": 49_500 / (24 * e), "is_profitable": 49_500 / (24 * e) > 50}
        for e in (13.5, 15.0, 17.5, 18.5, 21.5, 23.0, 29.5, 34.0, 45.0)
    ]  # fmt: skip
    deals = [
        _deal("2025-06-02", "APLD", "CoreWeave", 250, 15, 7.0e9, None, False),
        _deal("2025-08-14", "WULF", "Fluidstack", 200, 10, 3.7e9, 0.85, False),
        _deal("2025-09-25", "CIFR", "Fluidstack", 168, 10, 3.0e9, 0.8, False, is_new=True),
        _deal("2025-11-03", "IREN", "Microsoft", 200, 5, 9.7e9, None, True),
        _deal("2025-09-10", "IREN", "several", 20, 2, 0.3e9, None, True, is_new=True),
    ]
    volumes = [
        {"month": month, "crypto_trading_volume_usd": draw.uniform(5e12, 9e12), "change_frac": 0.05,
         "basis": "reported", "is_year_high": False}
        for month in months[1:-1]
    ]  # fmt: skip
    volumes[-1] |= {"crypto_trading_volume_usd": 9.72e12, "is_year_high": True}
    flows = [
        {
            "period_start": m,
            "btc_etf_net_flow_usd": draw.uniform(-2e9, 6e9),
            "ibit_net_flow_usd": draw.uniform(-1e9, 4e9),
        }
        for m in months[1:]
    ]
    assets = [
        {"period_start": m, "ibit_aum_usd": 3e9 + 3.6e9 * i, "basis": "estimated"} for i, m in enumerate(months[1:])
    ]
    tables = {
        "monthly": table(
            "monthly", monthly,
            {"period_start": "month", "network_hashrate_ehs": "EH/s", "market_cap_usd": "USD"},
        ),
        "market_cap": table("market_cap", market_cap),
        "breadth": table("breadth", breadth),
        "network_daily": table("network_daily", daily, {"date": "date"}),
        "revenue_split": table("revenue_split", split),
        "breakeven_curve": table("breakeven_curve", curve),
        "fleet_models": table("fleet_models", fleet),
        "hpc_contracts": table("hpc_contracts", deals),
        "volumes": table("volumes", volumes),
        "etf_flows": table("etf_flows", flows),
        "etf_assets": table("etf_assets", assets),
        "definitions": table(
            "definitions",
            [
                {"figure_id": "network_hashrate_ehs", "definition_id": "pooled", "label": "Pooled",
                 "formula": "sum(W)/t", "value": 1034.7, "unit": "EH/s", "published": 1031.0, "difference_frac": 0.0036}
            ],
        ),
    }  # fmt: skip
    last, before = monthly[-1], monthly[-2]
    figures = [
        _figure("network_hashrate_ehs", "EH/s", last, before, z=3.9),
        _figure("block_reward_revenue_usd_per_ehs_day", "USD/EH/s/day", last, before, z=-0.7),
        _figure("power_cost_usd_per_ehs_day", "USD/EH/s/day", last, before),
        _figure("block_reward_gross_profit_usd_per_ehs_day", "USD/EH/s/day", last, before, z=-0.6),
        _figure("market_cap_usd", "USD", last, before),
        Figure("n_outperforming_btc", "Companies that beat bitcoin", 12, "count", START, END, prior=6, change=6.0),
        Figure("n_companies", "Companies tracked", 14, "count", START, END, prior=13, change=1.0),
        Figure("top_performer", "Best performer", "BITF", "ticker", START, END, return_frac=1.1),
        Figure("btc_return_frac", "Bitcoin return", 0.054, "fraction", START, END, prior=-0.06, change=0.114),
        Figure("gross_margin_frac", "Gross margin", 0.541, "fraction", START, END, prior=0.588, change=-0.047,
               interval=Interval(0.52, 0.56)),
        Figure("breakeven_efficiency_j_per_th", "Breakeven efficiency", 41.2, "J/TH", START, END),
        Figure("network_efficiency_j_per_th", "Network efficiency", 19.0, "J/TH", START, END),
        Figure("difficulty", "Difficulty", 142.34e12, "difficulty", START, END, prior=136e12, change=6.34e12,
               change_frac=0.0466),
        Figure("ibit_aum_usd", "IBIT assets", None, "USD", START, END, caveats=("missing: the table ends before",)),
    ]  # fmt: skip
    companies = []
    for i, ticker in enumerate(TICKERS):
        gain = 1.1 - 0.0931 * i
        companies.append(
            Company(
                ticker, f"{ticker.title()} <Holdings> & Co", 20.0, END, 15.0, 4e9, 3e9, gain, gain - 0.054,
                2e9 - 0.16e9 * i, 1.9e9 - 0.16e9 * i, 0.1e9, 2e8, START, START, "10-Q", "high", i == 3, ("prices",),
            )
        )  # fmt: skip
    events = tuple(
        Event(dt.date(2025, 9, 2 + 3 * i), (ticker,), "hpc_contract", f"{ticker} signs </script> a lease", "prices",
              "high", 0.12 - 0.05 * i, 0.01, 0.11 - 0.05 * i)
        for i, ticker in enumerate(TICKERS[:5])
    )  # fmt: skip
    reconciliation = (
        ReconciliationRow("network_hashrate_ehs", "Hashrate", "2025-09", 1034.7, 1031.0, "EH/s", 3.7, 0.0036, 0.5,
                          Interval(1005.0, 1065.0), True, "pooled", "A bank", dt.date(2025, 10, 1), "prices"),
        ReconciliationRow("block_reward_revenue_usd_per_ehs_day", "Revenue", "2025-09", 49_900.0, 49_700.0,
                          "USD/EH/s/day", 200.0, 0.004, 50.0, None, False, "mean", "A bank", None, "prices"),
        ReconciliationRow("top_performer", "Best", "2025-09", "BITF", "BITF", "ticker", None, None, None, None, True,
                          "", "A bank", None, "prices"),
    )  # fmt: skip
    note = Note(
        month="2025-09",
        title="Bitcoin mining: September 2025",
        headline="Record value, thinner profit",
        period_start=START,
        period_end=END,
        as_of=END,
        figures=tuple(figures),
        takeaways=(
            Takeaway("Combined market cap rose.", ("market_cap_usd",), "headline"),
            Takeaway("Revenue moved within noise.", ("block_reward_revenue_usd_per_ehs_day",), "noise"),
        ),
        companies=tuple(companies),
        events=events,
        reconciliation=reconciliation,
        caveats=("Share counts run late.",),
        tables=tables,
        assumptions=(
            AssumptionRef("power_price_usd_per_mwh", "Power price", 50.0, "USD/MWh", "2024-09-30", "An index"),
        ),
        sources=(
            SourceRef("chain", "Block headers", "Bitcoin network", "https://example.org/chain", "public domain"),
            SourceRef("prices", "Closing prices", "An exchange", "javascript:alert(1)", "", "2026-01-31"),
        ),
        code_version="0.1.0",
    )
    return dataclasses.replace(note, **changes)


def _deal(
    day: str, ticker: str, partner: str, mw: float, years: float, value: float, margin: float | None, is_cloud: bool,
    *, is_new: bool = False,
) -> dict[str, Any]:  # fmt: skip
    revenue = value / 1e6 / mw / years
    return {
        "announced_on": dt.date.fromisoformat(day),
        "ticker": ticker,
        "company": ticker.title(),
        "counterparty": partner,
        "critical_it_mw": float(mw),
        "term_years": float(years),
        "contract_value_usd": value,
        "revenue_usd_m_per_mw_year": revenue,
        "noi_usd_m_per_mw_year_low": None if margin is None else revenue * margin,
        "noi_usd_m_per_mw_year_high": None if margin is None else revenue * (margin + 0.05),
        "backstop_usd": 1.4e9 if is_new else None,
        "backstop_cover_frac": 0.47 if is_new else None,
        "warrants": None,
        "is_cloud": is_cloud,
        "is_in_period": is_new,
        "note": "",
    }


def _figure(
    figure_id: str, unit: str, last: Mapping[str, Any], before: Mapping[str, Any], z: float | None = None
) -> Figure:
    value, prior = last[figure_id], before[figure_id]
    low, high = last.get(f"{figure_id}_low"), last.get(f"{figure_id}_high")
    return Figure(
        figure_id, figure_id.replace("_", " "), value, unit, START, END, prior=prior, change=value - prior,
        change_frac=value / prior - 1, interval=None if low is None else Interval(low, high), z=z,
        is_significant=None if z is None else abs(z) > 1.96, sources=("chain",), definition="sum(W)/t",
    )  # fmt: skip


@pytest.fixture(scope="module")
def note() -> Note:
    return synthetic_note()


@pytest.fixture(scope="module")
def charts(note: Note) -> list[Chart]:
    return build_charts(note)


def by_id(charts: Sequence[Chart], chart_id: str) -> Chart:
    return next(chart for chart in charts if chart.id == chart_id)


def test_every_chart_of_a_full_note_is_drawn(charts: list[Chart]) -> None:
    assert [chart.id for chart in charts if chart.spec is None] == []
    assert len({chart.id for chart in charts}) == len(charts) == 17
    assert {chart.section for chart in charts} == {
        "valuation", "network", "profitability", "hpc", "market", "reconciliation",
    }  # fmt: skip


def test_every_chart_says_source_date_unit_and_what_it_shows(charts: list[Chart]) -> None:
    for chart in charts:
        assert chart.source and chart.unit and chart.subtitle and chart.alt_text, chart.id
        assert chart.as_of == END
        assert any(character.isdigit() for character in chart.title), chart.id


def test_a_note_without_tables_says_what_is_missing_and_draws_nothing() -> None:
    bare = build_charts(synthetic_note(tables={}, companies=(), events=(), reconciliation=()))
    assert all(chart.spec is None and chart.missing.endswith(".") for chart in bare)
    assert render_svgs(bare) == {}


def test_a_table_without_rows_is_missing_too(note: Note) -> None:
    tables = {name: dataclasses.replace(item, rows=()) for name, item in note.tables.items()}
    charts = build_charts(dataclasses.replace(note, tables=tables))
    drawn = {chart.id for chart in charts if chart.spec is not None}
    assert drawn == {"contribution", "returns", "event_returns", "reconciliation_differences"}


def test_nothing_after_the_period_is_drawn(charts: list[Chart]) -> None:
    text = json.dumps([chart.spec for chart in charts])
    assert "Microsoft" not in text  # the contract of November
    assert "Oct 25" not in text


def test_titles_are_computed(note: Note, charts: list[Chart]) -> None:
    assert by_id(charts, "returns").title == (
        "12 of 14 miners beat bitcoin's +5.4%: IREN led with +110.0%, CANG came last with -11.0%"
    )
    assert "9.72tn in August 2025, the highest of the year so far" in by_id(charts, "volumes").title
    losers = tuple(dataclasses.replace(c, return_frac=-0.2, excess_return_frac=-0.25) for c in note.companies)
    fallen = dataclasses.replace(note, companies=losers)
    assert by_id(build_charts(fallen), "returns").title.startswith("0 of 14 miners beat bitcoin's +5.0%")


def test_a_month_of_losses_is_told_as_one(note: Note) -> None:
    losers = tuple(dataclasses.replace(c, contribution_usd=-1e9 - i, price_effect_usd=-1e9 - i, share_effect_usd=0.0)
                   for i, c in enumerate(note.companies))  # fmt: skip
    title = by_id(build_charts(dataclasses.replace(note, companies=losers)), "contribution").title
    assert title == "CANG and ARBK took off USD 2.0bn of the combined change of -USD 14.0bn"


def test_a_month_without_figure_leaves_a_gap_on_the_axis(note: Note) -> None:
    volumes = note.tables["volumes"]
    rows = tuple(row for row in volumes.rows if row[0] != dt.date(2025, 5, 1))
    tables = {**note.tables, "volumes": dataclasses.replace(volumes, rows=rows)}
    spec = by_id(build_charts(dataclasses.replace(note, tables=tables)), "volumes").spec
    assert spec is not None
    assert "May 25" in spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert "May 25" not in [point["month"] for point in spec["data"]["values"]]


def test_svgs_are_whole_and_keep_to_the_palette(charts: list[Chart]) -> None:
    svgs = render_svgs(charts)
    assert set(svgs) == {chart.id for chart in charts}
    for chart_id, svg in svgs.items():
        assert svg.startswith("<svg") and svg.endswith("</svg>"), chart_id
        assert "NaN" not in svg and "undefined" not in svg and "null" not in svg, chart_id
    colours = {colour for svg in svgs.values() for colour in re.findall(r"#[0-9a-f]{6}", svg)}
    assert colours <= set(chart_parts.THEME_COLOURS)


def test_two_runs_draw_the_same_bytes(note: Note, charts: list[Chart]) -> None:
    first = charts[:3]
    assert render_svgs(first) == render_svgs(build_charts(note)[:3])


def test_palette_is_told_apart_in_grey() -> None:
    tones = sorted(_lightness(colour) for colour in (chart_parts.PRIMARY, chart_parts.SECONDARY, chart_parts.TERTIARY))
    assert tones[1] - tones[0] > 20 and tones[2] - tones[1] > 20


def _lightness(colour: str) -> float:
    """CIE L* of a colour."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * luminance ** (1 / 3) - 16


@pytest.mark.parametrize(
    ("values", "threshold"),
    [
        ([31e9, 39e9, 55.9e9], 50e9),
        ([51e9, 55.9e9], None),
        ([55e9, 40e9], None),
        ([9.5e9, 10.2e9], 10e9),
    ],
)
def test_threshold_is_the_highest_round_level_passed_for_the_first_time(
    values: list[float], threshold: float | None
) -> None:
    assert first_crossed_threshold(values) == threshold


def test_labels_at_line_ends_keep_their_distance_and_stay_inside() -> None:
    places = chart_parts.spread_labels([99.0, 98.0, 97.0], (0.0, 100.0), 200, 20)
    assert places == pytest.approx([99.0, 89.0, 79.0], abs=1.01)
    ordered = sorted(places)
    assert all(upper - lower >= 10 - 1e-9 for lower, upper in itertools.pairwise(ordered))
    assert max(places) <= 100
    assert chart_parts.spread_labels([80.0, 20.0], (0.0, 100.0), 200, 20) == [80.0, 20.0]
    assert chart_parts.spread_labels([], (0.0, 1.0), 200, 20) == []


def test_mining_on_the_same_megawatt_is_read_from_the_monthly_table() -> None:
    column = Column("mining_revenue_usd_m_per_mw_year", "Mining revenue", "USDm/MW-year")
    monthly = Table("monthly", "Monthly", (column,), ((0.9,), (0.956,)))
    note = synthetic_note()
    with_table = dataclasses.replace(note, tables={**note.tables, "monthly": monthly})
    unknown = dataclasses.replace(note, tables={"monthly": dataclasses.replace(monthly, rows=((0.9,), (None,)))})
    without = dataclasses.replace(note, tables={})
    assert mining_revenue_usd_m_per_mw_year(unknown) is None
    assert mining_revenue_usd_m_per_mw_year(with_table) == 0.956
    assert mining_revenue_usd_m_per_mw_year(without) is None


def test_the_breakeven_chart_reaches_beyond_the_crossing_at_the_assumed_price() -> None:
    note = synthetic_note()
    breakeven = next(figure.value for figure in note.figures if figure.id == "breakeven_efficiency_j_per_th")
    short = note.tables["breakeven_curve"]
    short = dataclasses.replace(short, rows=tuple(row for row in short.rows if row[0] <= 40))
    note = dataclasses.replace(note, tables={**note.tables, "breakeven_curve": short})
    spec = next(chart.spec for chart in build_charts(note) if chart.id == "breakeven")
    assert spec is not None
    rows = spec["data"]["values"]
    assert max(row["efficiency_j_per_th"] for row in rows) >= 1.15 * breakeven
    products = [row["efficiency_j_per_th"] * row["breakeven_power_price_usd_per_mwh"] for row in rows]
    assert products == pytest.approx([products[0]] * len(rows))


def test_the_events_chart_prefers_news_of_the_pivot_and_leaves_out_mere_price_moves() -> None:
    note = synthetic_note()
    base = dataclasses.replace(note.events[0], excess_return_1d_frac=0.5)
    others = [dataclasses.replace(base, kind="other", headline=f"Other {i}") for i in range(9)]
    lease = dataclasses.replace(
        base, kind="hpc_contract", headline="Lease", excess_return_1d_frac=0.01, n_same_session=2
    )
    move = dataclasses.replace(base, kind="price_move", headline="Gains 40%", excess_return_1d_frac=0.9)
    note = dataclasses.replace(note, events=(*others, lease, move))
    chart = next(chart for chart in build_charts(note) if chart.id == "event_returns")
    assert chart.spec is not None
    headlines = [row["headline"] for row in chart.spec["data"]["values"]]
    assert len(headlines) == 8
    assert "Lease (two news items in this session)" in headlines
    assert "Gains 40%" not in headlines
    assert "on the news of" not in chart.title
