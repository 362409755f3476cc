"""One small chart for each company's page: coins mined, and the hashrate that they stand for."""

from __future__ import annotations

from hashdesk.note.chart_parts import (
    BAND,
    HALF_WIDTH_PX,
    PRIMARY,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    history,
    layered,
    month_axis,
    month_label,
    table_records,
    tooltip,
    value_axis,
    where_known,
)
from hashdesk.note.company_pages import section_id
from hashdesk.note.company_section import TREND_MONTHS
from hashdesk.note.format import format_month, format_value
from hashdesk.note.model import Note

TABLE_ID = "company_operations"


def company_charts(note: Note) -> list[Chart]:
    """A chart for every company of the note's table, by ticker; one without data says so and is not drawn."""
    tickers = sorted({str(row["ticker"]) for row in table_records(note, TABLE_ID, "ticker")})
    return [company_chart(note, ticker) for ticker in tickers]


def company_chart(note: Note, ticker: str) -> Chart:
    """Energised and realised hashrate of one company by month."""
    subtitle = "Energised at month end as the company counts it (bars) and realised from coins (line); EH/s"
    draft = Draft(
        f"company_{ticker.lower()}",
        section_id(ticker),
        TABLE_ID,
        "EH/s",
        subtitle,
        data_sources(note, TABLE_ID),
        note.as_of,
    )
    rows = [row for row in table_records(note, TABLE_ID, "period_start", "ticker") if row["ticker"] == ticker]
    rows = history(rows, note, "period_start", TREND_MONTHS)
    points: list[Row] = [
        {
            "month": month_label(row["period_start"]),
            "energized": (energized := _of_month(row, "energized")),
            "realized": (realized := _of_month(row, "realized")),
            "energized_text": format_value(energized, "EH/s"),
            "realized_text": format_value(realized, "EH/s"),
            "coins": format_value(row["production_btc"], "BTC"),
            "name": format_month(row["period_start"]),
        }
        for row in rows
    ]
    known = [point for point in points if point["realized"] is not None or point["energized"] is not None]
    if len(known) < 2:
        return draft.missing("Hashrate", "The company disclosed too little in these months.")
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"], every=3)
    tips = tooltip(
        ("name", "Month"), ("energized_text", "Energised"), ("realized_text", "Realised"), ("coins", "Mined")
    )

    def y(field: str) -> Spec:
        return {"field": field, "type": "quantitative", "axis": value_axis("EH/s"), "scale": {"zero": True}}

    line: Spec = {
        "mark": {"type": "line", "color": PRIMARY, "point": {"color": PRIMARY, "size": 20}},
        "encoding": {"x": x, "y": y("realized"), "tooltip": tips},
    }
    layers = [
        *where_known(
            points,
            "energized",
            {"mark": {"type": "bar", "color": BAND}, "encoding": {"x": x, "y": y("energized"), "tooltip": tips}},
        ),
        *where_known(points, "realized", line),
    ]
    last = known[-1]
    title = f"{last['name']}: energised {last['energized_text']}, realised {last['realized_text']}"
    alt = "By month: " + "; ".join(
        f"{point['name']} energised {point['energized_text']}, realised {point['realized_text']}" for point in known
    )
    return draft.drawn(title, alt, layered(points, layers, height_px=100, width_px=HALF_WIDTH_PX))


def _of_month(row: Row, kind: str) -> float | None:
    """A hashrate where it is about this very month; an older one that still counts is not drawn again."""
    value, as_of, month = row[f"{kind}_hashrate_ehs"], row[f"{kind}_as_of"], row["period_start"]
    is_new = value is not None and (as_of.year, as_of.month) == (month.year, month.month)
    return float(value) if is_new else None
