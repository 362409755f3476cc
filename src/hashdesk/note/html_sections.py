"""The tables that stand in the sections of the page, each with its anchors and its links to sources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from hashdesk.catalog.figures import FIGURES
from hashdesk.note.chart_parts import is_change, published_name
from hashdesk.note.format import (
    EVENT_RETURNS,
    MISSING,
    NO_EVENT_RETURNS,
    contract_marks,
    event_headline,
    format_backstop,
    format_bounds,
    format_change,
    format_contract_rate,
    format_date,
    format_interval,
    format_megawatts,
    format_month,
    format_number,
    format_significance,
    format_value,
    format_with_unit,
    has_event_returns,
    label_with_unit,
    unit_label,
    with_true_minus,
)
from hashdesk.note.html_tables import Cell, Group, Head, PageTable, Row, text_cell, value_cell
from hashdesk.note.model import Figure, Note, Scalar
from hashdesk.note.text_tables import (
    grouped_figures,
    performer_text,
    period_label,
    prior_label,
    reconciled_texts,
    records,
    summary_note,
)

_LINKS_SHOWN, _EARLIER_DEALS = 3, 8


def source_links(note: Note, source_ids: Iterable[str], *, rest_at: str = "") -> Markup:
    """Numbered links to the list of sources; with ``rest_at``, the first few and a link to where all of them stand."""
    numbers = {source.id: place for place, source in enumerate(note.sources, start=1)}
    places = sorted({numbers[source_id] for source_id in source_ids if source_id in numbers})
    links = [Markup('<a href="#source-{0}">{0}</a>').format(place) for place in places]
    n_more = len(links) - _LINKS_SHOWN
    if rest_at and n_more > 1:
        links = [*links[:_LINKS_SHOWN], Markup('<a href="#{}">{} more</a>').format(rest_at, n_more)]
    return Markup(", ").join(links)


def summary_table(note: Note) -> PageTable:
    """Every figure: this month, prior, change, interval, significance, run, published, sources."""
    heads = [
        Head("Figure"),
        Head(period_label(note), is_number=True),
        Head(prior_label(note), is_number=True),
        Head("Change", is_number=True),
        Head("95% interval", is_number=True),
        Head("Change against noise"),
        Head("Run and record"),
        Head("Published", is_number=True),
        Head("Sources"),
    ]
    groups = [
        Group([_summary_row(note, figure) for figure in figures], title) for title, figures in grouped_figures(note)
    ]
    return PageTable(
        "summary",
        "All figures of the period, with the month before",
        heads,
        groups,
        summary_note(
            note,
            "Intervals are at 95%. A change within noise does not stand out from the chance in finding blocks. "
            "Published figures are those of others, in their own rounding.",
        ),
    )


def _summary_row(note: Note, figure: Figure) -> Row:
    label = Markup('<a class="anchor" href="#method-{}">{}</a>').format(
        figure.id, label_with_unit(figure.label, figure.unit)
    )
    if figure.basis in {"assumed", "estimated", "reported"}:
        label += Markup(' <span class="basis">{}</span>').format(figure.basis)
    for caveat in figure.caveats:
        label += Markup('<span class="caveat">{}</span>').format(with_true_minus(caveat))
    published = [row for row in note.reconciliation if row.figure_id == figure.id and not is_change(row)]
    return Row(
        [
            text_cell(label, figure.label),
            _number(performer_text(figure), figure.value),
            _number(format_value(figure.prior, figure.unit), figure.prior),
            _number(format_change(figure), figure.change),
            _number(format_interval(figure) if figure.interval else "", None),
            _significance(figure),
            text_cell(_run(figure)),
            _number(format_value(published[0].published, published[0].unit) if published else "", None),
            text_cell(source_links(note, figure.sources, rest_at=f"method-{figure.id}"), " ".join(figure.sources)),
        ],
        anchor=figure.id,
    )


def _number(text: str, raw: Scalar) -> Cell:
    return Cell("" if text == MISSING and raw is None else with_true_minus(text), raw, is_number=True)


def _significance(figure: Figure) -> Cell:
    """Verdict in sight, the standard errors behind it on hover and in the CSV."""
    words, _, detail = format_significance(figure).partition(" (")
    if not words:
        return text_cell("")
    kind = "clear" if figure.is_significant else "noise"
    tag = Markup('<span class="tag {}" title="{}">{}</span>').format(kind, with_true_minus(detail.rstrip(")")), words)
    return Cell(tag, figure.z)


def _run(figure: Figure) -> str:
    parts = []
    if figure.streak is not None and abs(figure.streak) > 1:
        direction = "up" if (figure.change or 0) > 0 else "down"
        parts.append(f"{abs(figure.streak)} months {direction}")
    record = figure.record
    if record is not None and record.since is None:
        parts.append(f"record {record.kind} of {record.history_months} months")
    elif record is not None:
        parts.append(f"{record.kind}est since {format_month(record.since, short=True)}")
    return "; ".join(parts)


def companies_table(note: Note) -> PageTable:
    """Market cap, return and the parts of the change for every tracked company, largest first."""
    heads = [
        Head("Ticker"),
        Head("Company"),
        Head("Close", "USD", True),
        Head("Market cap", "USD", True),
        Head("Return", "", True),
        Head("Less bitcoin's", "", True),
        Head("Change", "USD", True),
        Head("from price", "USD", True),
        Head("from shares", "USD", True),
        Head("Shares", "", True),
        Head("Count known"),
        Head("Sources"),
    ]
    rows = []
    for company in sorted(note.companies, key=lambda company: -(company.market_cap_usd or 0.0)):
        name = Markup("{}").format(company.name)
        for caveat in company.caveats:
            name += Markup('<span class="caveat">{}</span>').format(caveat)
        form = f"{company.shares_form} (stale)" if company.is_shares_stale else company.shares_form
        known = Markup('{}<span class="caveat">{}</span>').format(format_date(company.shares_known_at), form)
        rows.append(
            Row(
                [
                    value_cell(company.ticker, "ticker"),
                    text_cell(name, company.name),
                    value_cell(company.close_usd, "USD"),
                    value_cell(company.market_cap_usd, "USD"),
                    value_cell(company.return_frac, "fraction", signed=True),
                    value_cell(company.excess_return_frac, "fraction", signed=True),
                    value_cell(company.contribution_usd, "USD", signed=True),
                    value_cell(company.price_effect_usd, "USD", signed=True),
                    value_cell(company.share_effect_usd, "USD", signed=True),
                    value_cell(company.shares_outstanding, "shares"),
                    text_cell(known, company.shares_known_at),
                    text_cell(source_links(note, company.sources), " ".join(company.sources)),
                ],
                anchor=f"company-{company.ticker}",
            )
        )
    return PageTable(
        "companies",
        "Tracked companies at the period's last close",
        heads,
        [Group(rows)],
        "The change of market cap is its price effect plus its share-count effect, exactly. A share count is the "
        "latest one public on the day, all classes, in the unit that trades.",
    )


def deals_table(note: Note) -> PageTable | None:
    """AI/HPC contracts of the period, then the latest earlier ones; None where none is on record."""
    deals = sorted(records(note, "hpc_contracts"), key=lambda row: str(row["announced_on"]), reverse=True)
    deals = [row for row in deals if str(row["announced_on"]) < note.period_end.isoformat()]
    if not deals:
        return None
    current = [row for row in deals if row.get("is_in_period")]
    earlier = [row for row in deals if not row.get("is_in_period")][:_EARLIER_DEALS]
    heads = [
        Head("Announced"),
        Head("Ticker"),
        Head("Tenant"),
        Head("Kind"),
        Head("Critical IT", "MW", True),
        Head("Term", "years", True),
        Head("Value", "USD", True),
        Head("Revenue", "USD m per MW-year", True),
        Head("Operating income", "USD m per MW-year", True),
        Head("Backstop", "USD", True),
        Head("Cover", "", True),
        Head("Warrants"),
    ]
    groups = [
        Group([_deal_row(row) for row in rows], title)
        for title, rows in ((period_label(note), current), ("Earlier, for comparison", earlier))
        if rows
    ]
    return PageTable(
        "deals",
        "AI and HPC contracts for each MW of critical IT load",
        heads,
        groups,
        "A cloud contract pays for the hardware too and does not compare with a lease. Operating income is shown where "
        "the announcement states a margin.",
    )


def _deal_row(row: dict[str, Scalar]) -> Row:
    low, high = row.get("noi_usd_m_per_mw_year_low"), row.get("noi_usd_m_per_mw_year_high")
    income = Cell(MISSING, None, is_number=True)
    if isinstance(low, int | float) and isinstance(high, int | float):
        text = format_number(low, "USDm/MW-year") if low == high else format_bounds(low, high, "USDm/MW-year")
        income = Cell(text, low, is_number=True)
    elif isinstance(low, int | float):
        income = value_cell(low, "USDm/MW-year")
    marks, backstop, size = contract_marks(row), row.get("backstop_usd"), row.get("critical_it_mw")
    return Row(
        [
            value_cell(row.get("announced_on"), "date"),
            value_cell(row.get("ticker"), "ticker"),
            text_cell(str(row.get("counterparty") or MISSING) + (f" ({', '.join(marks)})" if marks else "")),
            text_cell("cloud" if row.get("is_cloud") else "lease"),
            Cell(format_megawatts(row), row.get("gross_mw") if size is None else size, is_number=True),
            value_cell(row.get("term_years"), "years"),
            value_cell(row.get("contract_value_usd"), "USD"),
            Cell(format_contract_rate(row), row.get("revenue_usd_m_per_mw_year"), is_number=True),
            income,
            Cell(format_backstop(row), backstop, is_number=backstop is not None or not row.get("backstop_by")),
            value_cell(row.get("backstop_cover_frac"), "fraction"),
            value_cell(row.get("warrants"), "text"),
        ]
    )


def events_table(note: Note) -> PageTable | None:
    """Events of the period with the returns of their first session; None where there is none."""
    if not note.events:
        return None
    has_returns = has_event_returns(note)
    heads = [
        Head("Date"),
        Head("Ticker"),
        Head("Event"),
        Head("Kind"),
        *(
            [Head("Return", "", True), Head("Bitcoin", "", True), Head("Less bitcoin's", "", True)]
            if has_returns
            else []
        ),
        Head("Source"),
    ]
    rows = [
        Row(
            [
                value_cell(event.date, "date"),
                text_cell(", ".join(event.tickers)),
                text_cell(event_headline(event)),
                text_cell(event.kind.replace("_", " ")),
                *(
                    value_cell(move, "fraction", signed=True)
                    for move in (event.return_1d_frac, event.btc_return_1d_frac, event.excess_return_1d_frac)
                    if has_returns
                ),
                text_cell(source_links(note, [event.source]), event.source),
            ]
        )
        for event in note.events
    ]
    return PageTable(
        "events",
        "Events of the period and the first session that could trade on them"
        if has_returns
        else "Events of the period",
        heads,
        [Group(rows)],
        EVENT_RETURNS if has_returns else NO_EVENT_RETURNS,
    )


def reconciliation_table(note: Note) -> PageTable | None:
    """Our figures beside published ones; None where nothing was published."""
    if not note.reconciliation:
        return None
    heads = [
        Head("Figure"),
        Head("Period"),
        Head("Ours", "", True),
        Head("Published", "", True),
        Head("Difference", "", True),
        Head("Rounding", "", True),
        Head("Our 95% interval", "", True),
        Head("Explained"),
        Head("Closest definition"),
        Head("Publisher"),
        Head("Source"),
    ]
    definitions = {variant.id: variant.label for figure in note.figures for variant in figure.variants}
    units = {figure.id: figure.unit for figure in note.figures}
    rows = []
    for row in note.reconciliation:
        ours, published, difference = reconciled_texts(row, units.get(row.figure_id, row.unit))
        unit = "pp" if row.unit == "%" else unit_label(row.unit)
        rounding = "" if row.rounding is None else f"\N{PLUS-MINUS SIGN}{row.rounding:g} {unit}"
        name = Markup("{}").format(published_name(row))
        if row.note:
            name += Markup('<span class="caveat">{}</span>').format(row.note)
        rows.append(
            Row(
                [
                    text_cell(name, published_name(row)),
                    text_cell(row.period),
                    _number(ours, row.ours),
                    _number(published, row.published),
                    _number(difference, row.difference),
                    _number(rounding, row.rounding),
                    _number(format_interval(row.interval, row.unit) if row.interval else "", None),
                    _verdict(row.is_within_rounding_and_interval),
                    text_cell(definitions.get(row.best_definition, row.best_definition)),
                    text_cell(row.publisher),
                    text_cell(source_links(note, [row.source]), row.source),
                ]
            )
        )  # fmt: skip
    return PageTable(
        "reconciliation",
        "Our figures beside published ones",
        heads,
        [Group(rows)],
        "Explained: rounding of the published figure and our 95% interval together cover the difference. Published "
        "accounts are rounded and at times restated; both numbers stay as they are.",
    )


def _verdict(is_within: bool | None) -> Cell:
    if is_within is None:
        return text_cell("")
    kind, word = ("clear", "yes") if is_within else ("noise", "no")
    return Cell(Markup('<span class="tag {}">{}</span>').format(kind, word), word)


def definitions_table(note: Note) -> PageTable | None:
    """Live definitions of each figure beside each other, the one nearest to the published number marked."""
    rows = records(note, "definitions")
    if not rows:
        return None
    labels = {figure.id: label_with_unit(figure.label, figure.unit) for figure in note.figures}
    heads = [
        Head("Definition"),
        Head("How it is computed"),
        Head("Value", "", True),
        Head("Published", "", True),
        Head("Difference", "", True),
    ]
    groups = []
    for figure_id in dict.fromkeys(str(row["figure_id"]) for row in rows):
        own = [row for row in rows if row["figure_id"] == figure_id]
        gaps = [abs(float(row["difference_frac"])) for row in own if isinstance(row["difference_frac"], int | float)]
        definitions = [_definition_row(row, min(gaps, default=None)) for row in own]
        groups.append(Group(definitions, labels.get(figure_id, figure_id)))
    return PageTable(
        "definitions",
        "One quantity, several definitions in use",
        heads,
        groups,
        "The headline definition is the one in the summary; nearest is the one closest to what was published.",
    )


def _definition_row(row: dict[str, Scalar], smallest_gap: float | None) -> Row:
    gap, unit = row["difference_frac"], str(row["unit"])
    label = Markup("{}").format(str(row["label"]))
    if isinstance(gap, int | float) and smallest_gap is not None and abs(gap) == smallest_gap:
        label += Markup(' <span class="tag clear">nearest</span>')
    return Row(
        [
            text_cell(label, str(row["label"])),
            text_cell(str(row["formula"])),
            _number(format_value(row["value"], unit), row["value"]),
            _number(format_value(row["published"], unit), row["published"]),
            _number(format_value(gap, "fraction", signed=True), gap),
        ],
        is_marked=row["definition_id"] == "headline",
    )


def method_entries(note: Note) -> list[dict[str, Any]]:
    """Formula, definition, basis, sources and caveats of every figure."""
    return [
        {
            "id": figure.id,
            "label": figure.label,
            "formula": FIGURES[figure.id].formula if figure.id in FIGURES else "",
            "definition": figure.definition,
            "basis": figure.basis,
            "sources": source_links(note, figure.sources),
            "caveats": [with_true_minus(caveat) for caveat in figure.caveats],
        }
        for figure in note.figures
    ]


def assumptions_table(note: Note) -> PageTable | None:
    """What the note assumed; None where it assumed nothing."""
    if not note.assumptions:
        return None
    rows = []
    for item in note.assumptions:
        label = Markup("{}").format(item.label)
        if item.is_override:
            label += Markup(' <span class="tag noise">caller\'s own value</span>')
        if item.note:
            label += Markup('<span class="caveat">{}</span>').format(item.note)
        value = with_true_minus(format_with_unit(item.value, item.unit))
        rows.append(
            Row(
                [
                    text_cell(label, item.label),
                    Cell(value, item.value, is_number=True),
                    text_cell(item.as_of),
                    text_cell(item.source),
                ],
                anchor=f"assumption-{item.id}",
            )
        )
    heads = [Head("Assumption"), Head("Value", "", True), Head("As of"), Head("Source")]
    return PageTable("assumptions", "What the note assumed", heads, [Group(rows)])
