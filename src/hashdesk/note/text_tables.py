"""Tables of finished text, shared by the Markdown and the PDF: both say the same and only place it differently."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from hashdesk.calendar import Period, previous_month
from hashdesk.catalog.figures import FIGURES
from hashdesk.metrics.reconcile import PUBLISHED_METRICS
from hashdesk.note.format import (
    EVENT_RETURNS,
    MISSING,
    NO_EVENT_RETURNS,
    contract_marks,
    event_headline,
    format_backstop,
    format_contract_rate,
    format_date,
    format_megawatts,
    format_month,
    format_number,
    format_value,
    format_with_unit,
    has_event_returns,
    label_with_unit,
)
from hashdesk.note.model import Figure, Note, ReconciliationRow, Scalar, SourceRef

TREND_MONTHS = 6
DEALS_FOR_COMPARISON = 6
Z_NOTE = "z: the change in standard errors of the estimate; noise: it does not stand out at the 5% level."
CAP_NOTE = (
    "Market cap, upper end: shares that later filings showed to exist already; counts public at the time have never "
    "been too high."
)

THEME_TITLES = {
    "valuation": "Valuation",
    "network": "Network",
    "profitability": "Profitability",
    "context": "Market context",
}


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of finished strings; a row with a single cell is the heading of the rows below it."""

    title: str
    headers: tuple[str, ...]
    align: str
    """One letter per column: ``l`` or ``r``."""
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def period_label(note: Note) -> str:
    """Short name of the note's period: ``Sep 2025`` or ``1-15 Oct 2025``."""
    period = Period(note.period_start, note.period_end)
    month = format_month(note.period_start, short=True)
    return f"1-{period.last_day.day} {month}" if period.is_partial else month


def prior_label(note: Note) -> str:
    """Short name of the month before: ``Aug 2025``."""
    return format_month(previous_month(note.period_start), short=True)


def grouped_figures(note: Note) -> list[tuple[str, list[Figure]]]:
    """Put the note's figures under the heading where readers look for them; one without a place comes last."""
    groups: dict[str, list[Figure]] = {title: [] for title in THEME_TITLES.values()}
    for figure in note.figures:
        spec = FIGURES.get(figure.id)
        groups.setdefault(THEME_TITLES[spec.theme] if spec else "Other", []).append(figure)
    return [(title, figures) for title, figures in groups.items() if figures]


def performer_text(figure: Figure) -> str:
    """Value of a figure; a best or worst performer with the return behind it."""
    text = format_value(figure.value, figure.unit)
    if figure.return_frac is None:
        return text
    return f"{text} {format_value(figure.return_frac, 'fraction', signed=True)}"


def records(note: Note, table_id: str) -> list[dict[str, Scalar]]:
    """Rows of a table of the note as dictionaries; none where the note has no such table."""
    table = note.tables.get(table_id)
    return table.records() if table else []


def published_text(note: Note, figure: Figure) -> str:
    """Show what others published for a figure of this period, its change in brackets, or nothing."""
    found: dict[str, str] = {}
    for row in note.reconciliation:
        if row.figure_id == figure.id:
            aspect = PUBLISHED_METRICS[row.metric].aspect
            value = row.published if isinstance(row.published, str) else row.published / _scale(row)
            unit = "fraction" if aspect in {"change_frac", "return"} else figure.unit
            found[aspect] = format_value(value, unit, signed=aspect not in {"value", "text"})
    level = found.get("value") or found.get("text") or ""
    change = found.get("change_frac") or found.get("return") or found.get("change") or ""
    if level and change:
        return f"{level} ({change})"
    return level or change


def _scale(row: ReconciliationRow) -> float:
    """Give the published unit over ours: a published percentage is 100 of our fractions."""
    return PUBLISHED_METRICS[row.metric].scale


def z_text(figure: Figure) -> str:
    """Show a change in standard errors of its estimate, and say where it does not stand out."""
    if figure.z is None:
        return ""
    return format_number(figure.z, "z", signed=True) + (" noise" if figure.is_significant is False else "")


def summary_note(note: Note, text: str = Z_NOTE) -> str:
    """Footnote of the summary; says what the one-sided interval of the market cap is, where there is one."""
    return f"{text} {CAP_NOTE}" if any(f.id == "market_cap_usd" and f.interval for f in note.figures) else text


def company_table(note: Note) -> TextTable:
    """Market value, return and what moved the value of every tracked company, largest first."""
    rows = []
    for company in sorted(note.companies, key=lambda company: -(company.market_cap_usd or 0.0)):
        known = format_date(company.shares_known_at)
        rows.append(
            (
                company.ticker,
                company.name,
                format_number(company.close_usd, "USD"),
                format_number(company.market_cap_usd, "USD"),
                format_number(company.return_frac, "fraction", signed=True),
                format_number(company.excess_return_frac, "fraction", signed=True),
                format_number(company.contribution_usd, "USD", signed=True),
                format_number(company.price_effect_usd, "USD", signed=True),
                format_number(company.share_effect_usd, "USD", signed=True),
                format_number(company.shares_outstanding, "shares"),
                f"{known} (stale)" if company.is_shares_stale else known,
            )
        )
    return TextTable(
        title="Companies: market value and what moved it",
        headers=(
            "Ticker",
            "Company",
            "Close, USD",
            "Market cap, USD",
            "Return",
            "Against bitcoin",
            "Change, USD",
            "From price",
            "From shares",
            "Shares",
            "Count known",
        ),
        align="llrrrrrrrrl",
        rows=tuple(rows),
        note="The change of market value is the price effect plus the share-count effect, exactly.",
    )


def market_cap_bridge_table(note: Note) -> TextTable:
    """Split the change of combined market value into price, share counts and the tracked list."""
    rows = tuple(
        (
            format_value(row["period_start"], "month"),
            format_number(row["market_cap_usd"], "USD"),
            *(format_number(row[f"{part}_effect_usd"], "USD", signed=True) for part in ("price", "share", "universe")),
        )
        for row in records(note, "market_cap")[-TREND_MONTHS:]
    )
    return TextTable(
        title="What moved the combined market cap, USD",
        headers=("Month", "Market cap", "Price", "Shares", "List"),
        align="lrrrr",
        rows=rows,
        note="Shares: change of share counts. List: companies that joined or left the tracked list.",
    )


def network_trend_table(note: Note) -> TextTable:
    """Hashrate, its interval and difficulty of the last months."""
    rows = [
        (
            format_value(row["period_start"], "month"),
            format_number(row.get("network_hashrate_ehs"), "EH/s"),
            format_number(row.get("network_hashrate_ehs_low"), "EH/s"),
            format_number(row.get("network_hashrate_ehs_high"), "EH/s"),
            format_number(row.get("network_hashrate_implied_ehs"), "EH/s"),
            format_number(row.get("difficulty"), "difficulty"),
        )
        for row in records(note, "monthly")[-TREND_MONTHS:]
    ]
    return TextTable(
        title="Network hashrate and difficulty",
        headers=("Month", "Hashrate, EH/s", "95% low", "95% high", "From difficulty", "Difficulty, T"),
        align="lrrrrr",
        rows=tuple(rows),
    )


def profitability_trend_table(note: Note) -> TextTable:
    """Revenue, cost and gross profit of 1 EH/s over the last months."""
    rows = [
        (
            format_value(row["period_start"], "month"),
            format_number(row.get("btc_price_usd"), "USD/BTC"),
            format_number(row.get("block_reward_revenue_usd_per_ehs_day"), "USD/EH/s/day"),
            format_number(row.get("power_cost_usd_per_ehs_day"), "USD/EH/s/day"),
            format_number(row.get("block_reward_gross_profit_usd_per_ehs_day"), "USD/EH/s/day"),
            format_number(row.get("gross_margin_frac"), "fraction"),
        )
        for row in records(note, "monthly")[-TREND_MONTHS:]
    ]
    return TextTable(
        title="Earnings of 1 EH/s, USD a day",
        headers=("Month", "Bitcoin, USD", "Revenue", "Power cost", "Gross profit", "Margin"),
        align="lrrrrr",
        rows=tuple(rows),
    )


def revenue_split_table(note: Note) -> TextTable:
    """Split the change of revenue into price, reward and hashrate."""
    rows = [
        (
            format_value(row["period_start"], "month"),
            *(
                format_number(row[f"{part}_frac"], "fraction", signed=True)
                for part in ("price", "reward", "hashrate", "change")
            ),
        )
        for row in records(note, "revenue_split")[-TREND_MONTHS:]
    ]
    return TextTable(
        title="What moved revenue per EH/s",
        headers=("Month", "Price", "Reward", "Hashrate", "Change"),
        align="lrrrr",
        rows=tuple(rows),
        note="The split is exact in logarithms; the parts are scaled to add up to the change.",
    )


def deals_table(note: Note) -> TextTable:
    """Set the period's AI and HPC contracts, per MW and year, beside earlier ones."""
    deals = sorted(records(note, "hpc_contracts"), key=lambda row: str(row["announced_on"]), reverse=True)
    current = [row for row in deals if row["is_in_period"]]
    earlier = [row for row in deals if not row["is_in_period"] and _before(row["announced_on"], note.period_start)]
    rows: list[tuple[str, ...]] = []
    for title, part in ((period_label(note), current), ("Earlier", earlier[:DEALS_FOR_COMPARISON])):
        if part:
            rows.append((title,))
            rows.extend(_deal_row(row) for row in part)
    return TextTable(
        title="AI and HPC contracts",
        headers=("Date", "Ticker", "Tenant", "MW", "Years", "Value, USD", "Revenue", "NOI", "Backstop"),
        align="lllrrrrrr",
        rows=tuple(rows),
        note="Revenue and net operating income (NOI) in USD m per MW of critical IT load and year. A GPU cloud "
        "contract includes the hardware and does not compare with a lease.",
    )


def _before(day: Scalar, limit: dt.date) -> bool:
    return isinstance(day, dt.date) and day < limit


def _deal_row(row: dict[str, Scalar]) -> tuple[str, ...]:
    low, high = row["noi_usd_m_per_mw_year_low"], row["noi_usd_m_per_mw_year_high"]
    noi = [format_number(bound, "USDm/MW-year") for bound in (low, high) if bound is not None]
    marks = ["GPU cloud"] * bool(row["is_cloud"]) + contract_marks(row)
    return (
        format_value(row["announced_on"], "date"),
        str(row["ticker"]),
        str(row["counterparty"] or MISSING) + (f" ({', '.join(marks)})" if marks else ""),
        format_megawatts(row),
        format_number(row["term_years"], "years"),
        format_number(row["contract_value_usd"], "USD"),
        format_contract_rate(row),
        "-".join(dict.fromkeys(noi)) or MISSING,
        format_backstop(row, with_cover=True),
    )


def events_table(note: Note) -> TextTable:
    """Events of the period with the return of the first session that could trade on them, where any is known."""
    has_returns = has_event_returns(note)
    rows = []
    for event in note.events:
        moves = (event.return_1d_frac, event.btc_return_1d_frac, event.excess_return_1d_frac) if has_returns else ()
        texts = (format_number(move, "fraction", signed=True) for move in moves)
        rows.append((format_date(event.date), ", ".join(event.tickers), event_headline(event), *texts))
    return TextTable(
        title="Events and the first session after them" if has_returns else "Events of the period",
        headers=("Date", "Ticker", "Event", "Return", "Bitcoin", "Excess")[: 6 if has_returns else 3],
        align="lllrrr"[: 6 if has_returns else 3],
        rows=tuple(rows),
        note=EVENT_RETURNS if has_returns else NO_EVENT_RETURNS,
    )


def reconciliation_table(note: Note) -> TextTable:
    """Our figures beside published ones, in the order of the note's figures."""
    figures = {figure.id: figure for figure in note.figures}
    order = {figure_id: i for i, figure_id in enumerate(figures)}
    aspects = tuple(_ASPECT_NAMES)
    rows = []
    for row in sorted(
        note.reconciliation,
        key=lambda row: (order.get(row.figure_id, len(order)), aspects.index(PUBLISHED_METRICS[row.metric].aspect)),
    ):
        figure = figures.get(row.figure_id)
        variants = {variant.id: variant.label for variant in figure.variants} if figure else {}
        rows.append(
            (
                (label_with_unit(figure.label, figure.unit) if figure else row.figure_id)
                + _ASPECT_NAMES[PUBLISHED_METRICS[row.metric].aspect],
                *reconciled_texts(row, figure.unit if figure else row.unit),
                {True: "yes", False: "no", None: ""}[row.is_within_rounding_and_interval],
                variants.get(row.best_definition, row.best_definition.capitalize()),
                row.publisher,
            )
        )
    return TextTable(
        title="Our figures beside published ones",
        headers=("Figure", "Ours", "Published", "Difference", "Agrees", "Closest definition", "Publisher"),
        align="lrrrlll",
        rows=tuple(rows),
        note="Agrees: the difference lies within the rounding of the published figure and our 95% interval.",
    )


_ASPECT_NAMES = {"value": "", "text": "", "change": ", change", "change_frac": ", % change", "return": ", return"}


def reconciled_texts(row: ReconciliationRow, figure_unit: str) -> tuple[str, str, str]:
    """Ours, theirs and the difference, in our unit: relative for a level, in points for a share."""
    if isinstance(row.published, str) or isinstance(row.ours, str):
        return (format_value(row.ours, "text"), format_value(row.published, "text"), "")
    aspect, scale = PUBLISHED_METRICS[row.metric].aspect, _scale(row)
    unit = "fraction" if aspect in {"change_frac", "return"} else figure_unit
    is_signed = aspect != "value"
    ours = format_value(None if row.ours is None else row.ours / scale, unit, signed=is_signed)
    published = format_value(row.published / scale, unit, signed=is_signed)
    if row.difference is None:
        return (ours, published, MISSING)
    if unit == "fraction":
        return (ours, published, f"{format_number(row.difference / scale, unit, signed=True).rstrip('%')} pp")
    if aspect == "value" and unit != "count":
        return (ours, published, format_number(row.difference_frac, "fraction", signed=True))
    return (ours, published, format_value(row.difference / scale, unit, signed=True))


def definitions_table(note: Note) -> TextTable:
    """Set the definitions in use beside each other, with their distance from the published figure."""
    labels = {figure.id: label_with_unit(figure.label, figure.unit) for figure in note.figures}
    rows = []
    for row in records(note, "definitions"):
        figure_id, unit, is_headline = str(row["figure_id"]), str(row["unit"]), row["definition_id"] == "headline"
        rows.append(
            (
                labels.get(figure_id, figure_id) if is_headline else f"\N{EN DASH} {row['label']}",
                "Headline, as under Method" if is_headline else str(row["formula"]),
                format_value(row["value"], unit),
                "" if row["published"] is None else format_value(row["published"], unit),
                ""
                if row["difference_frac"] is None
                else format_number(row["difference_frac"], "fraction", signed=True),
            )
        )
    return TextTable(
        title="One quantity, several definitions in use",
        headers=("Definition", "How it is computed", period_label(note), "Published", "Difference"),
        align="llrrr",
        rows=tuple(rows),
    )


def assumptions_table(note: Note) -> TextTable:
    """List what the note assumed; a source that repeats is named once."""
    rows: list[tuple[str, ...]] = []
    last_source = ""
    for item in note.assumptions:
        source = f"{item.source}. {item.note}".rstrip(". ") + "."
        rows.append(
            (
                f"{item.label} (caller's own value)" if item.is_override else item.label,
                format_with_unit(item.value, "" if item.unit == "1" else item.unit),
                item.as_of,
                "As above." if source == last_source else source,
            )
        )
        last_source = source
    return TextTable("Assumptions", ("Assumption", "Value", "As of", "Source"), "lrll", tuple(rows))


def volumes_table(note: Note) -> TextTable:
    """Trading volume of the last months."""
    rows = tuple(
        (
            format_value(row["month"], "month"),
            format_number(row["crypto_trading_volume_usd"], "USD"),
            format_number(row["change_frac"], "fraction", signed=True),
            str(row["basis"] or ""),
            "yes" if row["is_year_high"] else "",
        )
        for row in records(note, "volumes")[-TREND_MONTHS:]
    )
    return TextTable(
        title="Crypto trading volume, spot and derivatives",
        headers=("Month", "Volume, USD", "Change", "Basis", "Year's high"),
        align="lrrll",
        rows=rows,
    )


def etf_rank_table(note: Note) -> TextTable:
    """List the bitcoin ETF's rank among all ETFs, as published."""
    publishers = {source.id: source.publisher for source in note.sources}
    rows = tuple(
        (
            format_value(row["date"], "date"),
            str(row["ticker"]),
            str(row["rank"]),
            format_number(row["aum_usd"], "USD"),
            publishers.get(str(row["source"]), str(row["source"] or "")),
        )
        for row in records(note, "etf_ranks")[-TREND_MONTHS:]
    )
    return TextTable(
        title="The bitcoin ETF's rank by assets among ETFs",
        headers=("Date", "Fund", "Rank", "Assets, USD", "Source"),
        align="llrrl",
        rows=rows,
        note="Quoted as published, unless the source is a whole table of funds.",
    )


def grouped_sources(note: Note) -> list[tuple[str, list[tuple[str, list[SourceRef]]]]]:
    """Group the sources by licence, and within it by publisher: the shape in which a hundred of them can be read."""
    groups: dict[str, dict[str, list[SourceRef]]] = {}
    for source in note.sources:
        groups.setdefault(source.licence, {}).setdefault(source.publisher, []).append(source)
    return [(licence, list(publishers.items())) for licence, publishers in groups.items()]
