"""What every chart shares: the record, the palette, the Vega-Lite configuration and small builders of layers.

Specifications are plain Vega-Lite dictionaries, so building them costs no import and they travel as JSON. Numbers in
tooltips and labels are written by :mod:`hashdesk.note.format`, so a chart reads like the text around it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hashdesk.calendar import Period, months_between
from hashdesk.catalog.figures import FIGURES
from hashdesk.note.format import format_date, format_month, with_true_minus
from hashdesk.note.model import Figure, Note, ReconciliationRow, Scalar

Spec: TypeAlias = dict[str, Any]
Row: TypeAlias = dict[str, Any]

VEGA_LITE_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FONT = "Arial, Helvetica, sans-serif"
FULL_WIDTH_PX = 660
HALF_WIDTH_PX = 400
"""Width of the static drawing; two half charts share a row of the page."""
AXIS_PX = 42
"""Room for the labels of a vertical axis."""
MAX_PUBLISHERS = 4
BAR_ROW_PX = 20
NAMED_ROW_PX = 36
ROW_OFFSET_PX = 8
"""Height of a ranked bar; of a row with its name above the bar; and how far bar and name move from the middle."""

HISTORY_MONTHS = 25
"""Two years back and the month itself."""

# Three tones 25 or more apart in lightness: told apart by colour-blind readers and on a grey print.
PRIMARY = "#0b3c5d"
SECONDARY = "#b84f18"
TERTIARY = "#efb94a"
MUTED = "#9aa7b4"
BAND = "#cfdbe7"
INK = "#1b2530"
SOFT_INK = "#5b6875"
GRID = "#e3e8ed"
PAPER = "#ffffff"

THEME_COLOURS: dict[str, str] = {
    PRIMARY: "--chart-primary",
    SECONDARY: "--chart-secondary",
    TERTIARY: "--chart-tertiary",
    MUTED: "--chart-muted",
    BAND: "--chart-band",
    INK: "--chart-ink",
    SOFT_INK: "--chart-soft-ink",
    GRID: "--chart-grid",
    PAPER: "--chart-paper",
}
"""Palette colour to the CSS variable that stands for it on the page, where the reader's theme decides."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: what it says, what it is drawn from, and its Vega-Lite specification.

    The specification holds no title: the renderer prints title, subtitle, source and as-of date around the drawing.
    """

    id: str
    section: str
    """valuation, network, profitability, hpc, market or reconciliation."""
    title: str
    """What the chart shows, computed from its data; carries no figure number."""
    subtitle: str
    """Quantity, definition and span."""
    unit: str
    source: str
    as_of: dt.date
    alt_text: str
    table_id: str
    """Table of the note (or ``companies``, ``events``, ``reconciliation``) that the chart is drawn from."""
    spec: Spec | None = None
    missing: str = ""
    """Why there is no drawing; empty where there is one."""

    @property
    def is_half(self) -> bool:
        """True where the chart is drawn for half a row."""
        return self.spec is not None and self.spec["config"]["view"]["continuousWidth"] <= HALF_WIDTH_PX


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known about a chart before its data are read."""

    id: str
    section: str
    table_id: str
    unit: str
    subtitle: str
    source: str
    as_of: dt.date

    def missing(self, subject: str, reason: str) -> Chart:
        """Entry without a drawing: ``subject`` names what would be shown, ``reason`` says why it is not."""
        return self._chart(subject, reason, None, reason)

    def drawn(self, title: str, alt_text: str, spec: Spec) -> Chart:
        """Finish the chart."""
        return self._chart(title, alt_text, spec, "")

    def _chart(self, title: str, alt_text: str, spec: Spec | None, missing: str) -> Chart:
        return Chart(
            id=self.id,
            section=self.section,
            title=title,
            subtitle=self.subtitle,
            unit=self.unit,
            source=self.source,
            as_of=self.as_of,
            alt_text=alt_text,
            table_id=self.table_id,
            spec=spec,
            missing=missing,
        )


def _config(width_px: int) -> Spec:
    """Typography, grid and sizes shared by all charts."""
    axis = {
        "labelColor": SOFT_INK,
        "titleColor": SOFT_INK,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "tickSize": 4,
        "labelPadding": 4,
    }
    return {
        "font": FONT,
        "aria": False,
        "background": "transparent",
        "view": {"stroke": None, "continuousWidth": width_px, "discreteWidth": width_px},
        "axis": axis,
        "axisY": {"domain": False, "ticks": False},
        "axisX": {"grid": False},
        "text": {"color": INK, "fontSize": 11, "font": FONT},
        "legend": {"labelColor": INK, "titleColor": SOFT_INK, "orient": "top", "symbolType": "square", "offset": 24},
        "tick": {"opacity": 1},
        "line": {"strokeWidth": 2, "strokeCap": "round", "strokeJoin": "round"},
        "bar": {"color": PRIMARY},
        "rule": {"color": SOFT_INK},
    }


def layered(
    rows: Sequence[Row],
    layers: Sequence[Spec],
    *,
    height_px: int = 250,
    width_px: int = FULL_WIDTH_PX,
    beside_px: int = AXIS_PX,
) -> Spec:
    """One plot of layers over shared rows, as wide as its container.

    Parameters
    ----------
    rows : sequence of dict
        Data that the layers share.
    layers : sequence of dict
        Vega-Lite layers, the lowest first.
    height_px : int, default 250
        Height of the plot. [px]
    width_px : int, default FULL_WIDTH_PX
        Width of the static drawing. [px]
    beside_px : int, default AXIS_PX
        Part of that width for what stands beside the plot: axis labels and labels at line ends. [px]

    Returns
    -------
    dict
        Vega-Lite specification.
    """
    spec: Spec = {
        "$schema": VEGA_LITE_SCHEMA,
        "usermeta": {"width_px": width_px, "beside_px": beside_px},
        "width": "container",
        "height": height_px,
        "padding": {"left": 2, "right": 6, "top": 6, "bottom": 2},
        "data": {"values": list(rows)},
        "layer": list(layers),
        "config": _config(width_px),
    }
    finished: Spec = _with_true_minus(spec)
    return finished


def static(spec: Spec) -> Spec:
    """Specification of the same chart at the fixed width of its view.

    A plot that is not fitted into a container is laid out in one pass, and at the width that the chart was made for its
    labels are known neither to overlap nor to need cutting, which takes a measurement of each: that halves the time of
    drawing. A narrower drawing keeps all of these checks. A specification of another make stays as it is.
    """
    if "usermeta" not in spec:
        return spec
    made_for, width_px = spec["usermeta"], spec["config"]["view"]["continuousWidth"]
    checks = set() if width_px < made_for["width_px"] else {"limit", "labelOverlap", "labelSeparation"}
    return {**spec, "width": width_px - made_for["beside_px"], "layer": _without(spec["layer"], checks)}


def _without(value: Any, dropped: set[str]) -> Any:
    """A part of a specification without some keys, its data left alone."""
    if isinstance(value, dict):
        return {
            key: item if key == "data" else _without(item, dropped) for key, item in value.items() if key not in dropped
        }
    if isinstance(value, list):
        return [_without(item, dropped) for item in value]
    return value


def _with_true_minus(value: Any) -> Any:
    """Every finished text inside a specification with a true minus, as the axes write it."""
    if isinstance(value, str):
        return with_true_minus(value)
    if isinstance(value, dict):
        return {key: _with_true_minus(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_true_minus(item) for item in value]
    return value


def value_axis(title: str, **extra: Any) -> Spec:
    """Vertical axis with its unit written flat above the labels."""
    return {
        "title": title,
        "titleAngle": 0,
        "titleAlign": "left",
        "titleBaseline": "bottom",
        "titleX": 0,
        "titleY": -8,
        "tickCount": 5,
        **extra,
    }


def flat_axis(title: str) -> Spec:
    """Horizontal axis of values under ranked bars."""
    return {"title": title, "titleAnchor": "end", "grid": True, "tickCount": 6, "domain": False, "ticks": False}


def names_axis(field: str, names: Sequence[str]) -> Spec:
    """Vertical axis of short names, such as tickers, in the order given."""
    return {"field": field, "type": "nominal", "sort": list(names), "axis": {"title": None, "labelColor": INK}}


def numbered(rows: Iterable[Row]) -> list[Row]:
    """Rows with their place from the top in ``row``, the vertical position of charts whose names stand above bars."""
    return [{**row, "row": place} for place, row in enumerate(rows)]


def row_axis() -> Spec:
    """Vertical position of numbered rows; their names are written above the bars, where long names cost no width."""
    return {"field": "row", "type": "ordinal", "axis": None}


def row_names(rows: Sequence[Row], field: str) -> Spec:
    """Names above the bars, cut at the width of the plot."""
    return {
        "data": {"values": [{"row": row["row"], field: row[field]} for row in rows]},
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "middle",
            "dy": -ROW_OFFSET_PX - 2,
            "x": 0,
            "limit": {"expr": "width"},
        },
        "encoding": {"y": row_axis(), "text": {"field": field, "type": "nominal"}},
    }


def month_axis(first: dt.date, last: dt.date, *, every: int = 2) -> Spec:
    """Horizontal axis of all months from first to last, so that a gap in the data stays a gap in the plot.

    Every second month is named, counted back from the latest. Where the page is too narrow, every second name drops
    out, from the first on: an odd number of names keeps the latest one.
    """
    months = [month_label(period.start) for period in months_between(first, last)]
    named = months[::-every][::-1]
    axis = {
        "title": None,
        "values": named if len(named) % 2 else named[1:],
        "labelAngle": 0,
        "labelOverlap": "parity",
        "labelSeparation": 8,
        "ticks": False,
    }
    return {"field": "month", "type": "ordinal", "sort": None, "scale": {"domain": months}, "axis": axis}


def tooltip(*fields: tuple[str, str]) -> list[Spec]:
    """Tooltip lines from (field, label); the fields hold finished text."""
    return [{"field": name, "type": "nominal", "title": label} for name, label in fields]


def text_layer(rows: Sequence[Row], x: Spec, y: Spec, *, field: str = "label", **mark: Any) -> Spec:
    """Direct labels: each row writes its ``field`` at its point."""
    return {
        "data": {"values": list(rows)},
        "mark": {"type": "text", "align": "left", "baseline": "middle", "dx": 7, **mark},
        "encoding": {"x": x, "y": y, "text": {"field": field, "type": "nominal"}},
    }


def with_halo(label: Spec) -> Spec:
    """Text on a ground of paper, so that no line behind it strikes it through."""
    ground = {**label["mark"], "stroke": PAPER, "strokeWidth": 6, "strokeJoin": "round"}
    return {"layer": [{**label, "mark": ground}, label]}


def month_label(day: Scalar) -> str:
    """Month for an axis: ``Sep 25``."""
    assert isinstance(day, dt.date)
    name = format_month(day, short=True)
    return f"{name[:3]} {name[-2:]}"


def where_known(rows: Sequence[Row], field: str, layer: Spec) -> list[Spec]:
    """Restrict a layer to the rows that know ``field``; no layer at all where none does."""
    if all(row[field] is None for row in rows):
        return []
    return [{"transform": [{"filter": f"isValid(datum.{field})"}], **layer}]


def spread_labels(values: Sequence[float], domain: tuple[float, float], height_px: float, gap_px: float) -> list[float]:
    """Positions for labels at the ends of lines, moved apart until they are ``gap_px`` away from each other.

    Parameters
    ----------
    values : sequence of float, shape (n_lines,)
        Ends of the lines. [unit of the axis]
    domain : tuple of float
        Bottom and top of the axis. [unit of the axis]
    height_px : float
        Height of the plot. [px]
    gap_px : float
        Distance to keep. [px]

    Returns
    -------
    list of float, shape (n_lines,)
        Positions in the order given. [unit of the axis]
    """
    gap = gap_px * (domain[1] - domain[0]) / height_px
    order = sorted(range(len(values)), key=lambda i: values[i])
    placed: list[float] = []
    for i in order:
        placed.append(max(values[i], placed[-1] + gap) if placed else values[i])
    overshoot = max(0.0, placed[-1] - domain[1]) if placed else 0.0
    for j in range(len(placed) - 1, -1, -1):
        ceiling = placed[j] - overshoot if j == len(placed) - 1 else min(placed[j], placed[j + 1] - gap)
        placed[j] = ceiling
    result = [0.0] * len(values)
    for position, i in zip(placed, order, strict=True):
        result[i] = position
    return result


def table_records(note: Note, table_id: str, *required: str) -> list[Row]:
    """Rows of a table that have every required column filled; empty where the table is absent or lacks a column."""
    table = note.tables.get(table_id)
    if table is None or not set(required) <= {column.name for column in table.columns}:
        return []
    return [row for row in table.records() if all(row[name] is not None for name in required)]


def history(rows: Sequence[Row], note: Note, column: str, n_months: int = HISTORY_MONTHS) -> list[Row]:
    """Take the last rows up to the note's period, by the date in ``column``."""
    return sorted((row for row in rows if row[column] < note.period_end), key=lambda row: row[column])[-n_months:]


def find_figure(note: Note, figure_id: str) -> Figure | None:
    """Find the figure with this id, or None."""
    return next((figure for figure in note.figures if figure.id == figure_id), None)


def figure_number(note: Note, figure_id: str) -> float | None:
    """Value of a numeric figure, or None where it is not known."""
    figure = find_figure(note, figure_id)
    if figure is None or isinstance(figure.value, str) or figure.value is None:
        return None
    return float(figure.value)


def publishers(note: Note, source_ids: Iterable[str]) -> str:
    """Name the publishers behind source ids, each once; where there are many, the first few and how many more."""
    by_id = {source.id: source.publisher or source.title for source in note.sources}
    names = list(dict.fromkeys(by_id.get(source_id, source_id) for source_id in source_ids))
    more = len(names) - MAX_PUBLISHERS
    if more > 1:
        names = [*names[:MAX_PUBLISHERS], f"{more} more, listed under Sources"]
    return "; ".join([*names, "hashdesk calculations"])


def data_sources(note: Note, *ids: str) -> str:
    """Publishers behind tables and figures of the note, by their ids."""
    found = [note.tables[item].sources for item in ids if item in note.tables]
    found += [figure.sources for figure in note.figures if figure.id in ids]
    return publishers(note, (source for sources in found for source in sources))


def during(note: Note) -> str:
    """Name the period in a sentence: ``in September 2025``, ``from 1 to 15 October 2025``."""
    period = Period(note.period_start, note.period_end)
    if period.is_partial:
        return f"from 1 to {format_date(period.last_day, long=True)}"
    return f"in {period.title}"


def period_close(note: Note) -> str:
    """Name the period by its end: ``September 2025``, ``15 October 2025``."""
    period = Period(note.period_start, note.period_end)
    return format_date(period.last_day, long=True) if period.is_partial else period.title


def moved(change: float, up: str = "rose", down: str = "fell") -> str:
    """Verb for a change by its sign."""
    return up if change > 0 else down


def is_change(row: ReconciliationRow) -> bool:
    """True where the published number is a change, not a level."""
    return "change" in row.metric or "return" in row.metric


def published_name(row: ReconciliationRow) -> str:
    """Name of a published number: our figure's label, and whether it is its change or its return."""
    spec = FIGURES.get(row.figure_id)
    label = spec.label if spec is not None else row.metric.replace("_", " ")
    if "change" in row.metric:
        return f"{label}, change"
    return f"{label}, return" if "return" in row.metric and spec is not None and spec.unit == "ticker" else label
