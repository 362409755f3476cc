"""The note as an Excel workbook that calculates: inputs in blue, formulas in black, a name on every figure's cell."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence

from hashdesk.note.format import format_date
from hashdesk.note.model import Column, Note, Scalar, Table
from hashdesk.note.xlsx_assumptions import write_assumptions
from hashdesk.note.xlsx_book import INK, Book, TableSheet
from hashdesk.note.xlsx_calc import SHEET, agrees, prior_bounds, write_calculation
from hashdesk.note.xlsx_charts import write_charts
from hashdesk.note.xlsx_checks import Identity, write_checks
from hashdesk.note.xlsx_companies import Holding, holdings, write_companies, write_ranking
from hashdesk.note.xlsx_contents import theme_identities, write_contents
from hashdesk.note.xlsx_derived import derived_formulas
from hashdesk.note.xlsx_equity import equity_lines
from hashdesk.note.xlsx_income import network_lines
from hashdesk.note.xlsx_margin import fleet_lines, margin_lines, middle, opportunity_lines
from hashdesk.note.xlsx_monthly import efficiency_bands, efficiency_on, write_monthly
from hashdesk.note.xlsx_network import write_network
from hashdesk.note.xlsx_summary import Lookup, write_legend, write_summary
from hashdesk.note.xlsx_tables import write_table

_LONGEST_CLOSED_MARKET_DAYS = 5

_SHEETS: Mapping[str, tuple[str, str | None]] = {
    "market_cap": ("Market cap", None),
    "breadth": ("Breadth", None),
    "revenue_split": ("Revenue split", None),
    "breakeven_curve": ("Breakeven", None),
    "fleet_models": ("Fleet", "fleet"),
    "listed_hashrate": ("Listed hashrate", "listed"),
    "hpc_contracts": ("AI-HPC contracts", None),
    "volumes": ("Volumes", None),
    "etf_flows": ("ETF flows", None),
    "etf_assets": ("ETF assets", None),
    "etf_ranks": ("ETF ranks", None),
    "definitions": ("Definitions", None),
    "market_cap_parts": ("Market cap parts", "parts"),
    "attribution": ("Attribution", "attribution"),
    "hpc_registry": ("AI-HPC registry", None),
    "hpc_companies": ("AI-HPC companies", None),
    "hpc_backlog": ("AI-HPC backlog", None),
    "hpc_sensitivity": ("AI-HPC sensitivity", None),
}
"""Sheet name and prefix of the column names, by table; a table not named here follows under its own id."""


def render_xlsx(note: Note) -> bytes:
    """The workbook of a note.

    Every headline figure is reached by formulas from the inputs in the workbook; where the inputs are not in it, the
    figure is itself an input. Formulas carry the note's values as cached results, and a sheet of checks compares the
    two. Two renderings of one note give the same bytes.

    Parameters
    ----------
    note : Note
        What to write.

    Returns
    -------
    bytes
        An ``.xlsx`` file.
    """
    book = Book(note)
    _set_properties(book)
    period = book.period
    facts = f"{period.title}; as known on {format_date(note.as_of)}; hashdesk {note.code_version}"
    summary = book.sheet("Summary", note.title, facts, tab=INK)
    contents = book.sheet("Contents", "What is where", "Click a name to go there.")
    charts = book.sheet(
        "Charts", f"Charts, {period.title}", "Drawn from the sheets of this workbook; they follow its inputs."
    )
    assumptions = book.sheet("Assumptions", "Assumptions, periods and constants", facts, tab="#F2C037")

    calculation = book.sheet(
        SHEET, "Calculation: from the inputs to the figures", "Each line uses the lines above it and the data sheets."
    )
    checking = book.sheet(
        "Checks",
        "Checks: the workbook against the note",
        "FAIL: the workbook and the note disagree on the note's own assumptions. moved: an assumption was changed.",
    )

    daily = note.tables.get("network_daily")
    found = holdings(note)
    trading_days = _trading_days(note, daily)
    write_assumptions(assumptions, trading_days)
    sections = (
        ("Network and income of hashrate", network_lines()),
        ("Cost and gross profit", margin_lines()),
        ("Fleet, bottom-up", fleet_lines()),
        ("Listed companies", equity_lines(found) if found else []),
        ("Four-year block-reward opportunity", opportunity_lines()),
    )
    network = write_network(book, daily) if daily else None
    days = {column.name: network.table.column(column.name) for column in network.table.columns} if network else {}
    steps = write_calculation(calculation, sections, days, _given(note, days, trading_days))
    monthly_table = note.tables.get("monthly")
    monthly = write_monthly(book, monthly_table, days) if monthly_table else None
    companies = write_companies(book, found) if found else None
    btc_return = steps.this.get("btc_return_frac")
    ranking = write_ranking(book, found, btc_return if isinstance(btc_return, float) else None)
    places: dict[str, TableSheet | None] = {
        "network_daily": network,
        "monthly": monthly,
        "companies": companies,
        "ranking": ranking,
    }
    for table_id, table in note.tables.items():
        if table_id not in places:
            name, prefix = _SHEETS.get(table_id, (table_id.replace("_", " ").capitalize()[:31], None))
            places[table_id] = write_table(book, table, name, formulas=derived_formulas(table, note), prefix=prefix)
    for table, name in _record_tables(note):
        write_table(book, table, name, formulas=derived_formulas(table, note))
    identities = [*_identities(found), *theme_identities(note)]
    checks = write_summary(book, summary, Lookup(steps, monthly_table))
    write_checks(checking, checks, identities)
    write_legend(summary, len(checks.rows) + len(identities))
    write_contents(contents, book.titles)
    write_charts(book, charts, {key: place for key, place in places.items() if place is not None})
    summary.worksheet.activate()
    return book.close()


def _set_properties(book: Book) -> None:
    note = book.note
    book.workbook.set_properties(
        {
            "title": note.title,
            "subject": note.headline,
            "author": "hashdesk",
            "comments": f"Open research desk for Bitcoin mining. Facts as known on {note.as_of}.",
            "keywords": "bitcoin mining, hashrate, market cap, gross profit",
            # A fixed date, so that the same note gives the same bytes.
            "created": dt.datetime(note.as_of.year, note.as_of.month, note.as_of.day),
        }
    )
    book.workbook.set_size(2400, 1500)


def _trading_days(note: Note, daily: Table | None) -> tuple[dt.date | None, dt.date | None]:
    """Last trading days in the period and before it.

    The day before is the one whose bitcoin close gives the note's return of bitcoin, among the last few days before
    the period: the longest the exchanges stay shut is a long weekend.
    """
    last = max((company.close_date for company in note.companies if company.close_date), default=None)
    stated = next((figure.value for figure in note.figures if figure.id == "btc_return_frac"), None)
    if last is None or daily is None:
        return last, None
    prices = dict(zip(daily.column("date"), daily.column("btc_price_usd"), strict=True))
    close = prices.get(last)
    for offset in range(1, _LONGEST_CLOSED_MARKET_DAYS + 1):
        day = note.period_start - dt.timedelta(days=offset)
        price = prices.get(day)
        if isinstance(close, float) and isinstance(price, float) and agrees(close / price - 1, stated):
            return last, day
    return last, None


def _given(
    note: Note, days: Mapping[str, list[Scalar]], trading_days: tuple[dt.date | None, dt.date | None]
) -> dict[str, tuple[float | None, float | None]]:
    """Values that the calculation reads from other sheets: (this month, the month before)."""
    assumed = {item.id: item for item in note.assumptions}
    prices = dict(zip(days.get("date", []), days.get("btc_price_usd", []), strict=True))
    monthly = note.tables["monthly"].records() if "monthly" in note.tables else []

    def ratio(row: int, bound: str, value: str) -> float | None:
        if len(monthly) < -row:
            return None
        top, below = monthly[row].get(bound), monthly[row].get(value)
        return top / below if isinstance(top, float) and isinstance(below, float) and below else None

    def band(row: int, bound: str) -> float | None:
        if len(monthly) < -row:
            return None
        return efficiency_bands(monthly[row]).get(bound)

    def both(bound: str, value: str) -> tuple[float | None, float | None]:
        return ratio(-1, bound, value), ratio(-2, bound, value)

    def one(value: float | None) -> tuple[float | None, float | None]:
        return value, value

    closes = [prices.get(day) if day else None for day in trading_days]
    price, pue = assumed.get("power_price_usd_per_mwh"), assumed.get("pue")
    given = {
        "efficiency": (
            efficiency_on(assumed, middle(note.period_start, note.period_end)),
            efficiency_on(assumed, middle(*prior_bounds(note))),
        ),
        "power_price": one(price.value if price else None),
        "pue": one(pue.value if pue else None),
        "last_trading_close": (_number(closes[0]), _number(closes[1])),
        "fleet_efficiency": (_fleet_efficiency(note), None),
        "listed_hashrate": (_listed_hashrate(note), None),
    }
    for bound in ("low", "high"):
        given[f"efficiency_band_{bound}"] = band(-1, bound), band(-2, bound)
        given[f"market_cap_revision_{bound}"] = both(f"market_cap_usd_{bound}", "market_cap_usd")
    return given


def _number(value: Scalar) -> float | None:
    return float(value) if isinstance(value, float | int) else None


def _fleet_efficiency(note: Note) -> float | None:
    models = note.tables["fleet_models"].records() if "fleet_models" in note.tables else []
    pairs = [(_number(row["weight"]), _number(row["efficiency_j_per_th"])) for row in models if row["is_profitable"]]
    known = [(weight, efficiency) for weight, efficiency in pairs if weight is not None and efficiency is not None]
    total = math.fsum(weight for weight, _ in known)
    return math.fsum(weight * efficiency for weight, efficiency in known) / total if total else None


def _listed_hashrate(note: Note) -> float | None:
    rows = note.tables["listed_hashrate"].records() if "listed_hashrate" in note.tables else []
    counted = [_number(row["value"]) for row in rows if row["is_counted"]]
    return math.fsum(value for value in counted if value is not None) if counted else None


def _record_tables(note: Note) -> list[tuple[Table, str]]:
    """The note's records that are not tables yet: events, reconciliation, sources, caveats."""
    events = Table(
        "events",
        "Events of the period and the first session that could trade on them",
        (
            Column("date", "Date", "date"),
            Column("tickers", "Tickers", "text"),
            Column("kind", "Kind", "text"),
            Column("headline", "What happened", "text"),
            Column("return_1d_frac", "Return of the session", "fraction"),
            Column("btc_return_1d_frac", "Bitcoin's", "fraction"),
            Column("excess_return_1d_frac", "Excess", "fraction"),
            Column("confidence", "Confidence", "text"),
            Column("source", "Source", "text"),
            Column("note", "Note", "text"),
        ),
        tuple(
            (
                event.date, ", ".join(event.tickers), event.kind, event.headline, event.return_1d_frac,
                event.btc_return_1d_frac, event.excess_return_1d_frac, event.confidence, event.source, event.note,
            )
            for event in note.events
        ),
    )  # fmt: skip
    reconciliation = Table(
        "reconciliation",
        "Our figures beside published ones",
        (
            Column("figure_id", "Figure", "text"),
            Column("metric", "Published metric", "text"),
            Column("period", "Period", "text"),
            Column("ours", "Ours", "number"),
            Column("published", "Published", "number"),
            Column("unit", "Unit", "text"),
            Column("difference", "Difference", "number"),
            Column("difference_frac", "Difference", "fraction"),
            Column("rounding", "Rounding of the published figure, +/-", "number"),
            Column("interval_low", "Our 95% low", "number"),
            Column("interval_high", "Our 95% high", "number"),
            Column("is_within", "Within rounding and interval", "flag"),
            Column("best_definition", "Closest definition", "text"),
            Column("publisher", "Publisher", "text"),
            Column("published_on", "Published on", "date"),
            Column("source", "Source", "text"),
            Column("note", "Note", "text"),
        ),
        tuple(
            (
                row.figure_id, row.metric, row.period, row.ours, row.published, row.unit, row.difference,
                row.difference_frac, row.rounding, row.interval.low if row.interval else None,
                row.interval.high if row.interval else None, row.is_within_rounding_and_interval, row.best_definition,
                row.publisher, row.published_on, row.source, row.note,
            )
            for row in note.reconciliation
        ),
    )  # fmt: skip
    sources = Table(
        "sources",
        "Sources",
        tuple(
            Column(name, label, "url" if name == "url" else "text")
            for name, label in (
                ("id", "Id"), ("title", "Title"), ("publisher", "Publisher"), ("url", "Address"),
                ("licence", "Licence"), ("retrieved_at", "Retrieved"),
            )
        ),
        tuple((ref.id, ref.title, ref.publisher, ref.url, ref.licence, ref.retrieved_at) for ref in note.sources),
    )  # fmt: skip
    caveats = Table(
        "caveats", "Caveats", (Column("caveat", "Caveat", "text"),), tuple((caveat,) for caveat in note.caveats)
    )
    return [(events, "Events"), (reconciliation, "Reconciliation"), (sources, "Sources"), (caveats, "Caveats")]


def _identities(found: Sequence[Holding]) -> list[Identity]:
    """Sums that hold whatever the inputs are."""
    changes = [holding.company.contribution_usd for holding in found]
    identities = []
    if changes and None not in changes:
        total = sum(change for change in changes if change is not None)
        identities.append(
            Identity(
                "Price, share-count and list effects add up to the change of market cap",
                "=SUM(company_price_effect_usd)+SUM(company_share_effect_usd)+SUM(company_universe_effect_usd)",
                "=SUMPRODUCT(company_is_tracked,company_market_cap_usd)"
                "-SUMPRODUCT(company_was_tracked,company_prior_market_cap_usd)",
                total,
                "USD",
            )
        )
    return identities
