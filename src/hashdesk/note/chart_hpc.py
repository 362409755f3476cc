"""Charts of the AI/HPC pivot: contracts for each MW, and what announcements did to share prices."""

from __future__ import annotations

from hashdesk.note.chart_parts import (
    INK,
    MUTED,
    NAMED_ROW_PX,
    PRIMARY,
    ROW_OFFSET_PX,
    SECONDARY,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    during,
    flat_axis,
    history,
    layered,
    numbered,
    publishers,
    row_axis,
    row_names,
    table_records,
    text_layer,
    tooltip,
    where_known,
    with_halo,
)
from hashdesk.note.format import (
    MISSING,
    contract_marks,
    event_headline,
    format_backstop,
    format_bounds,
    format_date,
    format_megawatts,
    format_month,
    format_value,
    is_per_gross_mw,
    session_text,
)
from hashdesk.note.model import Note

_BAR_PX = 13
_MAX_DEALS = 8
_MAX_EVENTS = 8
_PREFERRED_KINDS = frozenset({"hpc_contract", "cloud_expansion", "convertible", "merger"})
"""Kinds that tell of the pivot and its funding: shown first where a period has more events than fit."""
_DEAL_UNIT = "USDm/MW-year"


def hpc_leases_chart(note: Note) -> Chart:
    """Revenue and operating income of AI/HPC leases for each MW and year, beside mining on the same MW."""
    return _deals_chart(
        note,
        "hpc_leases",
        is_cloud=False,
        subject="AI/HPC leases",
        subtitle="Contract revenue (bar) and stated operating income (range) per MW of critical IT and year; USD m",
    )


def hpc_cloud_chart(note: Note) -> Chart:
    """Revenue of GPU cloud contracts for each MW and year: it pays for the hardware too, so it stands apart."""
    return _deals_chart(
        note,
        "hpc_cloud",
        is_cloud=True,
        subject="GPU cloud contracts",
        subtitle="Contract revenue per MW and year, hardware included: not comparable with a lease; USD m",
    )


def _deals_chart(note: Note, name: str, *, is_cloud: bool, subject: str, subtitle: str) -> Chart:
    section, table_id, value = "hpc", "hpc_contracts", "revenue_usd_m_per_mw_year"
    deals = [
        row
        for row in history(table_records(note, table_id, "announced_on", "ticker", value), note, "announced_on", 1_000)
        if bool(row.get("is_cloud")) is is_cloud
    ][-_MAX_DEALS:][::-1]
    draft = Draft(name, section, table_id, _DEAL_UNIT, subtitle, data_sources(note, table_id), note.as_of)
    if not deals:
        missing = f"No {subject} with a value, a term and a size were announced up to the month's end."
        return draft.missing(subject, missing)
    listed: list[Row] = []
    for deal in deals:
        low, high = deal.get("noi_usd_m_per_mw_year_low"), deal.get("noi_usd_m_per_mw_year_high")
        size = format_megawatts(deal)
        gross = " per gross MW" if is_per_gross_mw(deal) else ""
        partner = deal.get("counterparty") or deal.get("company") or ""
        listed.append(
            {
                "deal": f"{deal['ticker']}, {partner}, {format_month(deal['announced_on'], short=True)}"
                + ("" if size == MISSING else f", {size.replace(' gross', '')} MW{' gross' if gross else ''}")
                + "".join(f", {mark}" for mark in contract_marks(deal)),
                "value": deal[value],
                "low": low,
                "high": high if high is not None else low,
                "is_new": bool(deal.get("is_in_period")),
                "label": format_value(deal[value], _DEAL_UNIT).removeprefix("USD ") + gross,
                "text": format_value(deal[value], _DEAL_UNIT) + gross,
                "noi": format_bounds(low, high if high is not None else low, _DEAL_UNIT),
                "term": format_value(deal.get("term_years"), "years"),
                "total": format_value(deal.get("contract_value_usd"), "USD"),
                "backstop": format_backstop(deal),
            }
        )
    rows = numbered(listed)
    y = row_axis()
    x = {"field": "value", "type": "quantitative", "axis": flat_axis("USD m per MW and year")}
    tips = tooltip(
        ("deal", "Contract"),
        ("text", "Revenue per MW and year"),
        ("noi", "Operating income, USD m"),
        ("total", "Contract value"),
        ("term", "Term"),
        ("backstop", "Guaranteed by a third party"),
    )
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "height": _BAR_PX, "yOffset": ROW_OFFSET_PX},
            "encoding": {
                "y": y,
                "x": x,
                "color": {"condition": {"test": "datum.is_new", "value": PRIMARY}, "value": MUTED},
                "tooltip": tips,
            },
        },
        *where_known(
            rows,
            "low",
            {
                "mark": {
                    "type": "bar",
                    "color": SECONDARY,
                    "stroke": SECONDARY,
                    "strokeWidth": 3,
                    "height": 6,
                    "yOffset": ROW_OFFSET_PX,
                },
                "encoding": {"y": y, "x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}},
            },
        ),
    ]
    labels = [text_layer(rows, x, y, dx=5, dy=ROW_OFFSET_PX), row_names(rows, "deal")]
    n_new = sum(row["is_new"] for row in rows)
    newest = [row for row in rows if row["is_new"]] or rows[:1]
    best = max(newest, key=lambda row: row["value"])
    when = f"signed {during(note)}" if n_new else "the latest on record"
    rate = f"{best['text']} a year" if "per gross MW" in best["text"] else f"{best['text']} per MW and year"
    title = f"{best['deal'].split(', ')[0]} with {best['deal'].split(', ')[1]}, {when}: {rate}"
    mining = None if is_cloud else mining_revenue_usd_m_per_mw_year(note)
    if mining is not None:
        text = format_value(mining, _DEAL_UNIT)
        mark = [{"value": mining, "label": f"Mining revenue {text}"}]
        layers += [
            {
                "data": {"values": mark},
                "mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]},
                "encoding": {"x": {"field": "value", "type": "quantitative"}},
            },
            {
                "data": {"values": mark},
                "mark": {"type": "text", "align": "left", "baseline": "bottom", "y": -3, "color": INK},
                "encoding": {"x": {"field": "value", "type": "quantitative"}, "text": {"field": "label"}},
            },
        ]
        title += f", mining on the same MW {text}"
    layers += [with_halo(label) for label in labels]
    alt = (
        f"Bars of revenue per MW and year, newest first: {'; '.join(row['deal'] + ' ' + row['text'] for row in rows)}."
    )
    return draft.drawn(title, alt, layered(rows, layers, height_px=NAMED_ROW_PX * len(rows), beside_px=52))


def mining_revenue_usd_m_per_mw_year(note: Note) -> float | None:
    """Mining revenue of one MW of the assumed fleet over a year, as the monthly table has it for the period."""
    rows = table_records(note, "monthly")
    value = rows[-1].get("mining_revenue_usd_m_per_mw_year") if rows else None
    return value if isinstance(value, float) else None


def events_chart(note: Note) -> Chart:
    """First-session returns after announcements, beyond bitcoin's."""
    name, section, table_id = "event_returns", "hpc", "events"
    subtitle = "Return of the first session that could trade on the news, less bitcoin's; %"
    known = [event for event in note.events if event.excess_return_1d_frac is not None and event.kind != "price_move"]
    draft = Draft(
        name, section, table_id, "fraction", subtitle, publishers(note, (event.source for event in known)), note.as_of
    )
    if not known:
        missing = "No event of the month has a return of its first trading session in the store."
        return draft.missing("Returns around announcements", missing)
    known.sort(key=lambda event: (event.kind not in _PREFERRED_KINDS, -abs(event.excess_return_1d_frac or 0.0)))
    known = sorted(known[:_MAX_EVENTS], key=lambda event: -(event.excess_return_1d_frac or 0.0))
    rows = numbered(
        {
            "event": f"{event.date.day} {format_month(event.date, short=True)[:3]}, {'/'.join(event.tickers)}"
            f"{f' ({session_text(event)})' if session_text(event) else ''}: {event.headline}",
            "value": 100 * (event.excess_return_1d_frac or 0.0),
            "end": max(0.0, 100 * (event.excess_return_1d_frac or 0.0)),
            "text": format_value(event.excess_return_1d_frac, "fraction", signed=True),
            "raw": format_value(event.return_1d_frac, "fraction", signed=True),
            "bitcoin": format_value(event.btc_return_1d_frac, "fraction", signed=True),
            "headline": event_headline(event),
            "is_gain": (event.excess_return_1d_frac or 0.0) > 0,
        }
        for event in known
    )
    y = row_axis()
    x = {"field": "value", "type": "quantitative", "axis": flat_axis("%")}
    tips = tooltip(("headline", "Event"), ("text", "Beyond bitcoin"), ("raw", "Return"), ("bitcoin", "Bitcoin"))
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "height": _BAR_PX, "yOffset": ROW_OFFSET_PX},
            "encoding": {
                "y": y,
                "x": x,
                "color": {"condition": {"test": "datum.is_gain", "value": PRIMARY}, "value": SECONDARY},
                "tooltip": tips,
            },
        },
        text_layer(rows, {"field": "end", "type": "quantitative"}, y, field="text", dx=5, dy=ROW_OFFSET_PX),
        row_names(rows, "event"),
    ]
    top = max(known, key=lambda event: abs(event.excess_return_1d_frac or 0.0))
    title = (
        f"Largest session move among the events shown: {'/'.join(top.tickers)} "
        f"{format_value(top.excess_return_1d_frac, 'fraction', signed=True)} beyond bitcoin, "
        f"{format_date(top.date)} ({event_headline(top)})"
    )
    alt = "Ranked bars of first-session excess returns: " + "; ".join(f"{row['event']} ({row['text']})" for row in rows)
    return draft.drawn(title, alt, layered(rows, layers, height_px=NAMED_ROW_PX * len(rows), beside_px=52))
