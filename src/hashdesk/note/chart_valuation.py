"""Charts of the valuation section: market cap, its change by company, returns against bitcoin's, breadth."""

from __future__ import annotations

import math

from hashdesk.note.chart_parts import (
    AXIS_PX,
    BAND,
    BAR_ROW_PX,
    HALF_WIDTH_PX,
    MUTED,
    PRIMARY,
    SECONDARY,
    Chart,
    Draft,
    Row,
    Spec,
    data_sources,
    during,
    figure_number,
    flat_axis,
    history,
    layered,
    month_axis,
    month_label,
    names_axis,
    period_close,
    publishers,
    table_records,
    text_layer,
    tooltip,
    value_axis,
)
from hashdesk.note.format import format_month, format_value
from hashdesk.note.model import Note

_SECTION = "valuation"


def market_cap_chart(note: Note) -> Chart:
    """Draw the combined market cap at month ends, with the round number that the month crossed for the first time."""
    name, table_id = "market_cap", "market_cap"
    rows = history(table_records(note, table_id, "period_start", "market_cap_usd"), note, "period_start")
    subtitle = "Last close of the month times the shares known that day, all tracked companies; USD bn"
    draft = Draft(name, _SECTION, table_id, "USD", subtitle, data_sources(note, table_id, "market_cap_usd"), note.as_of)
    if len(rows) < 2:
        missing = "Fewer than two months of market cap are in the store."
        return draft.missing("Combined market cap", missing)
    points = [
        {
            "month": month_label(row["period_start"]),
            "value": row["market_cap_usd"] / 1e9,
            "is_latest": row is rows[-1],
            "name": format_month(row["period_start"]),
            "text": format_value(row["market_cap_usd"], "USD"),
            "companies": format_value(row.get("n_companies"), "count"),
            "label": format_value(row["market_cap_usd"] / 1e9, "USD bn").removeprefix("USD "),
        }
        for row in rows
    ]
    values = [float(row["market_cap_usd"]) for row in rows]
    crossed = first_crossed_threshold(values)
    x, y = month_axis(rows[0]["period_start"], rows[-1]["period_start"]), _y("value", "USD bn")
    layers: list[Spec] = [
        {
            "mark": {"type": "bar"},
            "encoding": {
                "x": x,
                "y": y,
                "color": {"condition": {"test": "datum.is_latest", "value": PRIMARY}, "value": MUTED},
                "tooltip": tooltip(("name", "Month"), ("text", "Market cap"), ("companies", "Companies")),
            },
        },
        text_layer([points[-1]], x, y, dx=0, dy=-8, align="center", fontWeight="bold"),
    ]
    if crossed is not None:
        text = f"USD {crossed / 1e9:,.0f}bn, passed for the first time in {format_month(rows[-1]['period_start'])}"
        layers += [
            {
                "data": {"values": [{"level": crossed / 1e9}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": SECONDARY},
                "encoding": {"y": {"field": "level", "type": "quantitative"}},
            },
            {
                "data": {"values": [{"level": crossed / 1e9, "label": text}]},
                "mark": {"type": "text", "align": "left", "baseline": "bottom", "dy": -4, "x": 4, "color": SECONDARY},
                "encoding": {"y": {"field": "level", "type": "quantitative"}, "text": {"field": "label"}},
            },
        ]
    change_frac = values[-1] / values[-2] - 1
    n_companies = rows[-1].get("n_companies")
    who = f"{n_companies} listed miners" if n_companies else "listed miners"
    rank = f", the highest of the {len(values)} months shown" if values[-1] == max(values) else ""
    title = (
        f"Combined market cap of {who} ended {period_close(note)} at {points[-1]['text']}, "
        f"{format_value(change_frac, 'fraction', signed=True)} on the month{rank}"
    )
    alt = (
        f"Bar chart of combined market cap by month, {points[0]['name']} to {points[-1]['name']}: "
        f"from {points[0]['text']} to {points[-1]['text']}."
    )
    return draft.drawn(title, alt, layered(points, layers))


def first_crossed_threshold(values: list[float]) -> float | None:
    """Largest round level that the last value reaches and no earlier value did; None where there is none.

    Round means a whole multiple of the power of ten below the last value: steps of 10bn for 56bn.

    Examples
    --------
    >>> first_crossed_threshold([31e9, 39e9, 55.9e9]), first_crossed_threshold([51e9, 55.9e9])
    (50000000000.0, None)
    """
    step = 10.0 ** math.floor(math.log10(values[-1]))
    level = math.floor(values[-1] / step) * step
    return level if max(values[:-1]) < level else None


def contribution_chart(note: Note) -> Chart:
    """Change of market cap by company, split into price and share count."""
    name, table_id = "contribution", "companies"
    subtitle = "Change of market cap over the month by company: price effect and share-count effect; USD bn"
    known = [company for company in note.companies if company.contribution_usd is not None]
    draft = Draft(
        name,
        _SECTION,
        table_id,
        "USD",
        subtitle,
        publishers(note, (source for company in known for source in company.sources)),
        note.as_of,
    )
    if not known:
        missing = "No company of the month has a market cap at both month ends."
        return draft.missing("Change of market cap by company", missing)
    known.sort(key=lambda company: -(company.contribution_usd or 0.0))
    parts = (("Price", PRIMARY), ("Share count", SECONDARY), ("Joined or left the list", MUTED))
    rows: list[Row] = []
    for company in known:
        total = company.contribution_usd or 0.0
        joined = company.universe_effect_usd or 0.0
        effects = (company.price_effect_usd or 0.0, (company.share_effect_usd or 0.0) - joined, joined)
        rows += [
            {
                "ticker": company.ticker,
                "effect": label,
                "order": i,
                "value": value / 1e9,
                "name": company.name,
                "text": format_value(value, "USD", signed=True),
                "total": format_value(total, "USD", signed=True),
            }
            for i, ((label, _), value) in enumerate(zip(parts, effects, strict=True))
            if value
        ]
    shown = [part for part in parts if any(row["effect"] == part[0] for row in rows)]
    tickers = [company.ticker for company in known]
    totals = [
        {
            "ticker": company.ticker,
            "end": sum(row["value"] for row in rows if row["ticker"] == company.ticker and row["value"] > 0),
            "label": format_value((company.contribution_usd or 0.0) / 1e9, "USD bn", signed=True).replace("USD ", ""),
        }
        for company in known
    ]
    y = names_axis("ticker", tickers)
    x = {"field": "value", "type": "quantitative", "axis": flat_axis("USD bn")}
    layers: list[Spec] = [
        {
            "mark": {"type": "bar"},
            "encoding": {
                "y": y,
                "x": {**x, "stack": "zero"},
                "order": {"field": "order", "type": "quantitative"},
                "color": _legend([label for label, _ in shown], [colour for _, colour in shown]),
                "tooltip": tooltip(("name", "Company"), ("effect", "Effect"), ("text", "USD"), ("total", "In all")),
            },
        },
        text_layer(totals, {**x, "field": "end"}, y, dx=5),
    ]
    total = sum(company.contribution_usd or 0.0 for company in known)
    leaders = known[:2] if total > 0 else known[::-1][:2]
    lead = sum(company.contribution_usd or 0.0 for company in leaders)
    names = " and ".join(company.ticker for company in leaders)
    verb = "added" if lead > 0 else "took off"
    title = (
        f"{names} {verb} {format_value(abs(lead), 'USD')} of the combined change of "
        f"{format_value(total, 'USD', signed=True)}"
    )
    alt = "Ranked bars, one per company: " + "; ".join(
        f"{company.ticker} {format_value(company.contribution_usd, 'USD', signed=True)}" for company in known
    )
    spec = layered(rows, layers, height_px=BAR_ROW_PX * len(known), width_px=HALF_WIDTH_PX, beside_px=AXIS_PX + 46)
    return draft.drawn(title, f"{alt}.", spec)


def returns_chart(note: Note) -> Chart:
    """Month return of each company, ranked, with bitcoin's as the line to beat."""
    name, table_id = "returns", "companies"
    subtitle = "Return from last trading day to last trading day, bitcoin over the same days; %"
    known = sorted(
        (company for company in note.companies if company.return_frac is not None),
        key=lambda company: -(company.return_frac or 0.0),
    )
    draft = Draft(
        name,
        _SECTION,
        table_id,
        "fraction",
        subtitle,
        publishers(note, (source for company in known for source in company.sources)),
        note.as_of,
    )
    if not known:
        missing = "No company of the month has a return."
        return draft.missing("Returns against bitcoin", missing)
    bitcoin = _bitcoin_return(note)
    rows = [
        {
            "ticker": company.ticker,
            "name": company.name,
            "value": 100 * (company.return_frac or 0.0),
            "text": format_value(company.return_frac, "fraction", signed=True),
            "excess": format_value(company.excess_return_frac, "fraction", signed=True),
            "is_ahead": bitcoin is not None and (company.return_frac or 0.0) > bitcoin,
            # Labels start to the right of the bar, of zero and of bitcoin's line, so none of them is crossed.
            "end": 100 * max(0.0, company.return_frac or 0.0, bitcoin or 0.0),
        }
        for company in known
    ]
    tickers = [company.ticker for company in known]
    y = names_axis("ticker", tickers)
    x = {"field": "value", "type": "quantitative", "axis": flat_axis("%")}
    layers: list[Spec] = [
        {
            "mark": {"type": "bar"},
            "encoding": {
                "y": y,
                "x": x,
                "color": {"condition": {"test": "datum.is_ahead", "value": PRIMARY}, "value": MUTED},
                "tooltip": tooltip(("name", "Company"), ("text", "Return"), ("excess", "Less bitcoin's")),
            },
        },
        text_layer(rows, {"field": "end", "type": "quantitative"}, y, field="text", dx=5),
    ]
    best, worst = known[0], known[-1]
    spread = (
        f"{best.ticker} led with {format_value(best.return_frac, 'fraction', signed=True)}, "
        f"{worst.ticker} came last with {format_value(worst.return_frac, 'fraction', signed=True)}"
    )
    title = spread
    if bitcoin is not None:
        text = format_value(bitcoin, "fraction", signed=True)
        # Below the last bars the line meets the fewest labels.
        layers += [
            {
                "data": {"values": [{"value": 100 * bitcoin}]},
                "mark": {"type": "rule", "color": SECONDARY, "strokeWidth": 1.5, "strokeDash": [4, 3]},
                "encoding": {"x": {"field": "value", "type": "quantitative"}},
            },
            {
                "data": {"values": [{"value": 100 * bitcoin, "label": f"Bitcoin {text}"}]},
                "mark": {
                    "type": "text",
                    "align": "left",
                    "baseline": "bottom",
                    "dx": 0,
                    "y": -3,
                    "color": SECONDARY,
                    "fontWeight": "bold",
                },
                "encoding": {"x": {"field": "value", "type": "quantitative"}, "text": {"field": "label"}},
            },
        ]
        n_ahead = sum(bool(row["is_ahead"]) for row in rows)
        title = f"{n_ahead} of {len(rows)} miners beat bitcoin's {text}: {spread}"
    alt = "Ranked bars of month returns: " + ", ".join(f"{row['ticker']} {row['text']}" for row in rows)
    height = BAR_ROW_PX * len(rows)
    spec = layered(rows, layers, height_px=height, width_px=HALF_WIDTH_PX, beside_px=AXIS_PX + 46)
    return draft.drawn(title, f"{alt}.", spec)


def breadth_chart(note: Note) -> Chart:
    """How many of the tracked companies beat bitcoin, month by month."""
    name, table_id = "breadth", "breadth"
    subtitle = "Companies whose month return is above bitcoin's, of all companies tracked in the month; count"
    rows = history(
        table_records(note, table_id, "period_start", "n_outperforming_btc", "n_companies"), note, "period_start"
    )
    draft = Draft(
        name, _SECTION, table_id, "count", subtitle, data_sources(note, table_id, "n_outperforming_btc"), note.as_of
    )
    if not rows:
        missing = "No month has both company returns and bitcoin's."
        return draft.missing("Breadth against bitcoin", missing)
    points = [
        {
            "month": month_label(row["period_start"]),
            "name": format_month(row["period_start"]),
            "value": row["n_outperforming_btc"],
            "n": row["n_companies"],
            "text": f"{row['n_outperforming_btc']} of {row['n_companies']}",
            "label": f"{row['n_outperforming_btc']}",
            "bitcoin": format_value(row.get("btc_return_frac"), "fraction", signed=True),
            "median": format_value(row.get("median_return_frac"), "fraction", signed=True),
            "is_latest": row is rows[-1],
        }
        for row in rows
    ]
    x = month_axis(rows[0]["period_start"], rows[-1]["period_start"], every=4)
    tips = tooltip(("name", "Month"), ("text", "Beat bitcoin"), ("bitcoin", "Bitcoin"), ("median", "Median company"))
    colour = {"condition": {"test": "datum.is_latest", "value": PRIMARY}, "value": MUTED}
    layers: list[Spec] = [
        {"mark": {"type": "bar", "color": BAND}, "encoding": {"x": x, "y": _y("n", "Companies"), "tooltip": tips}},
        {
            "mark": {"type": "bar"},
            "encoding": {"x": x, "y": _y("value", "Companies"), "color": colour, "tooltip": tips},
        },
        text_layer(points[-1:], x, _y("value", "Companies"), dx=0, dy=-7, align="center", fontWeight="bold"),
    ]
    shares = [point["value"] / point["n"] for point in points if point["n"]]
    title = f"{points[-1]['text']} miners beat bitcoin {during(note)}"
    if len(shares) > 1 and points[-1]["n"]:
        broader = [point for point, share in zip(points[:-1], shares, strict=False) if share >= shares[-1]]
        if not broader:
            title += f", the largest share of the {len(points)} months shown"
        else:
            title += f"; {broader[-1]['name']} was the last month at least as broad ({broader[-1]['text']})"
    alt = f"Bars of the number of miners ahead of bitcoin by month; latest {points[-1]['text']}. Pale: all tracked."
    return draft.drawn(title, alt, layered(points, layers, height_px=160, width_px=HALF_WIDTH_PX))


def _bitcoin_return(note: Note) -> float | None:
    """Bitcoin's return over the companies' own days, from return less excess; the month figure where that is absent."""
    for company in note.companies:
        if company.return_frac is not None and company.excess_return_frac is not None:
            return company.return_frac - company.excess_return_frac
    return figure_number(note, "btc_return_frac")


def _y(field: str, title: str) -> Spec:
    return {"field": field, "type": "quantitative", "stack": None, "axis": value_axis(title)}


def _legend(names: list[str], colours: list[str]) -> Spec:
    return {
        "field": "effect",
        "type": "nominal",
        "sort": names,
        "scale": {"domain": names, "range": colours},
        "legend": {"title": None},
    }
