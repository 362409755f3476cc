"""Charts of the AI/HPC pivot: the hashprice at which each lease loses to mining, and load leased against running."""

from __future__ import annotations

from hashdesk.note.chart_parts import (
    BAND,
    INK,
    MUTED,
    NAMED_ROW_PX,
    PAPER,
    PRIMARY,
    ROW_OFFSET_PX,
    SECONDARY,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    find_figure,
    flat_axis,
    layered,
    names_axis,
    numbered,
    row_axis,
    row_names,
    table_records,
    text_layer,
    tooltip,
    where_known,
    with_halo,
)
from hashdesk.note.format import format_bounds, format_month, format_value
from hashdesk.note.model import Note
from hashdesk.note.pivot_section import SECTION

_UNIT = "USD/PH/s/day"
_MAX_LEASES = 10
_TOP_USD = 120.0
"""Right end of the axis: far beyond it a flip says no more than that mining would have to be very good."""


def exchange_chart(note: Note) -> Chart:
    """Hashprice at which mining overtakes each lease, with the range of one changed belief at a time."""
    subtitle = (
        "Hashprice from which mining on the same grid power is worth more than the lease; bar: one belief at a time at "
        "either end of its range; USD per PH/s and day"
    )
    draft = Draft(
        "hpc_exchange", SECTION, "hpc_registry", _UNIT, subtitle, data_sources(note, "hpc_registry"), note.as_of
    )
    leases = [
        row
        for row in table_records(note, "hpc_registry", "ticker", "announced_on", "exchange_rate_x")
        if row["status"] == "active" and not row["is_cloud"]
    ]
    if not leases:
        return draft.missing("Leases against mining", "No lease with a value, a term and a size is on record.")
    leases = sorted(leases, key=lambda row: row["announced_on"])[-_MAX_LEASES:]
    leases.sort(key=lambda row: -row["exchange_rate_x"])
    listed: list[Row] = []
    for row in leases:
        flip, low, high = (row[name] for name in ("flip_hashprice_usd_per_phs_day", "flip_low", "flip_high"))
        never = row["n_never"] or 0
        # Where some belief makes the lease lose at any hashprice, its range begins at nothing.
        low = 0.0 if never and high is not None else low
        text = "does not earn its capital back" if flip is None else format_value(flip, _UNIT)
        listed.append(
            {
                "lease": f"{row['ticker']}, {row['counterparty']}, {format_month(row['announced_on'], short=True)}"
                + (f", {format_value(row['owned_mw'], 'MW')}" if row["owned_mw"] is not None else ""),
                "flip": None if flip is None else min(flip, _TOP_USD),
                "low": None if low is None else min(low, _TOP_USD),
                "high": None if high is None else min(high, _TOP_USD),
                "end": 0.0 if flip is None and high is None else min(max(flip or 0.0, high or 0.0), _TOP_USD * 0.8),
                "text": text,
                "bounds": format_bounds(low, high, _UNIT),
                "rate": format_value(row["exchange_rate_x"], "x"),
                "lease_value": format_value(row["lease_value_usd_m_per_mw"], "USDm/MW", signed=True),
                "mining_value": format_value(row["mining_value_usd_m_per_mw"], "USDm/MW"),
            }
        )
    rows = numbered(listed)
    y = row_axis()
    x = {
        "field": "flip",
        "type": "quantitative",
        "axis": flat_axis("USD per PH/s and day"),
        "scale": {"domain": [0, _TOP_USD], "nice": False},
    }
    tips = tooltip(
        ("lease", "Lease"),
        ("text", "Flip"),
        ("bounds", "One belief changed"),
        ("rate", "Lease over mining"),
        ("lease_value", "Lease, per MW of grid power"),
        ("mining_value", "Mining, per MW of grid power"),
    )
    layers: list[Spec] = [
        *where_known(
            rows,
            "high",
            {
                "mark": {"type": "bar", "color": BAND, "height": 10, "yOffset": ROW_OFFSET_PX},
                "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "tooltip": tips},
            },
        ),
        *where_known(
            rows,
            "flip",
            {
                "mark": {
                    "type": "point",
                    "filled": True,
                    "size": 90,
                    "opacity": 1,
                    "color": PRIMARY,
                    "stroke": PAPER,
                    "strokeWidth": 1,
                    "yOffset": ROW_OFFSET_PX,
                },
                "encoding": {"y": y, "x": x, "tooltip": tips},
            },
        ),
        with_halo(text_layer(rows, {**x, "field": "end"}, y, field="text", dx=8, dy=ROW_OFFSET_PX)),
        with_halo(row_names(rows, "lease")),
    ]
    ahead = [row for row in leases if row["exchange_rate_x"] > 1]
    verb = "is" if len(ahead) == 1 else "are"
    title = f"{len(ahead)} of the {len(leases)} leases shown {verb} worth more than mining on the same power"
    income = find_figure(note, "block_reward_revenue_usd_per_ehs_day")
    if income is not None and isinstance(income.value, float):
        today = income.value / 1_000
        text = format_value(today, _UNIT)
        mark = [{"value": today, "label": f"Hashprice {text}"}]
        at = {"field": "value", "type": "quantitative"}
        rule: Spec = {
            "data": {"values": mark},
            "mark": {"type": "rule", "color": INK, "strokeDash": [4, 3]},
            "encoding": {"x": at},
        }
        # Below the names, whose ground interrupts it.
        layers.insert(-2, rule)
        layers += [
            {
                "data": {"values": mark},
                "mark": {"type": "text", "align": "left", "baseline": "bottom", "y": -3, "color": INK},
                "encoding": {"x": at, "text": {"field": "label"}},
            },
        ]
        title += f" at a hashprice of {text}"
    alt = f"{title}. Flip of each: " + "; ".join(f"{row['lease']}: {row['text']}" for row in rows)
    return draft.drawn(title, alt, layered(rows, layers, height_px=NAMED_ROW_PX * len(rows), beside_px=52))


def progress_chart(note: Note) -> Chart:
    """Load leased by company, and what of it was reported as running."""
    subtitle = "Load under lease, the company's share (bar); reported as running, where it was (dark bar); MW"
    draft = Draft(
        "hpc_progress", SECTION, "hpc_companies", "MW", subtitle, data_sources(note, "hpc_companies"), note.as_of
    )
    companies = sorted(table_records(note, "hpc_companies", "ticker", "leased_mw"), key=lambda row: -row["leased_mw"])
    if not companies:
        return draft.missing("Load leased and running", "No company has a lease on record.")
    rows: list[Row] = [
        {
            "ticker": row["ticker"],
            "leased": row["leased_mw"],
            "running": row["delivered_mw"],
            "end": max(row["leased_mw"], row["delivered_mw"] or 0.0),
            "label": format_value(row["leased_mw"], "MW")
            + ("" if row["delivered_mw"] is None else f", {format_value(row['delivered_mw'], 'MW')} running"),
            "backlog": format_value(row["backlog_usd"], "USD"),
        }
        for row in companies
    ]
    y = names_axis("ticker", [row["ticker"] for row in rows])
    x = {"field": "leased", "type": "quantitative", "axis": flat_axis("MW")}
    tips = tooltip(("ticker", "Share"), ("label", "Load"), ("backlog", "Backlog"))
    layers: list[Spec] = [
        {"mark": {"type": "bar", "height": 14, "color": MUTED}, "encoding": {"y": y, "x": x, "tooltip": tips}},
        *where_known(
            rows,
            "running",
            {
                "mark": {"type": "bar", "height": 6, "color": SECONDARY},
                "encoding": {"y": y, "x": {"field": "running", "type": "quantitative"}, "tooltip": tips},
            },
        ),
        text_layer(rows, {"field": "end", "type": "quantitative"}, y),
    ]
    leased = sum(row["leased"] for row in rows)
    running = [row for row in rows if row["running"] is not None]
    known = format_value(sum(row["running"] for row in running), "MW") if running else "none"
    title = f"{format_value(leased, 'MW')} leased by {len(rows)} companies; reported as running so far: {known}"
    alt = f"{title}. " + "; ".join(f"{row['ticker']} {row['label']}" for row in rows)
    return draft.drawn(title, alt, layered(rows, layers, height_px=30 * len(rows), beside_px=130))
