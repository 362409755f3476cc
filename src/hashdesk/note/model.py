"""What a note claims: figures, tables, takeaways. Renderers decide only how it looks.

Every number carries unit, period, sources and caveats; an estimate carries an interval. ``None`` means not known.
The dataclasses turn into the JSON contract through :func:`to_json`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Scalar: TypeAlias = float | int | str | bool | dt.date | None


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of an estimate at a level (0.95 = 95%)."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Record:
    """The highest or lowest value since some month of our history."""

    kind: str
    """``high`` or ``low``."""
    since: str | None
    """Last month that was higher (lower); None where the whole history is beaten."""
    history_start: str
    history_months: int
    text: str
    previous: float | None = None
    """The highest (lowest) value of the history before this one."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The same quantity under another live definition."""

    id: str
    label: str
    value: float | None
    unit: str
    definition: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One headline number of the note; the fields are the JSON contract."""

    id: str
    label: str
    value: float | int | str | None
    unit: str
    period_start: dt.date
    period_end: dt.date
    """Exclusive."""
    prior: float | int | str | None = None
    change: float | None = None
    change_frac: float | None = None
    interval: Interval | None = None
    z: float | None = None
    """Change against its noise, in standard errors; None where there is no noise model."""
    is_significant: bool | None = None
    streak: int | None = None
    """Months in a row in the direction of the latest change."""
    record: Record | None = None
    basis: str = "derived"
    """reported, derived, estimated or assumed."""
    definition: str = ""
    sources: tuple[str, ...] = ()
    """Ids of entries of ``Note.sources``."""
    caveats: tuple[str, ...] = ()
    return_frac: float | None = None
    """Best and worst performer only: the return behind the ticker."""
    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True, slots=True)
class Takeaway:
    """A sentence that is true only because its figures say so."""

    text: str
    figure_ids: tuple[str, ...]
    kind: str = "fact"
    """headline, fact, noise (a change that does not stand out) or tension."""


@dataclass(frozen=True, slots=True)
class Company:
    """One tracked company in the month."""

    ticker: str
    name: str
    close_usd: float | None
    close_date: dt.date | None
    prior_close_usd: float | None
    market_cap_usd: float | None
    prior_market_cap_usd: float | None
    return_frac: float | None
    excess_return_frac: float | None
    contribution_usd: float | None
    """Change of market cap over the month."""
    price_effect_usd: float | None
    share_effect_usd: float | None
    """Price effect and share effect add up to the contribution."""
    shares_outstanding: float | None
    shares_as_of: dt.date | None
    shares_known_at: dt.date | None
    shares_form: str
    shares_confidence: str
    is_shares_stale: bool
    sources: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    universe_effect_usd: float | None = None
    """Part of the share effect that comes from joining or leaving the tracked list; 0 for the others."""


@dataclass(frozen=True, slots=True)
class Event:
    """A dated, price-moving event."""

    date: dt.date
    tickers: tuple[str, ...]
    kind: str
    headline: str
    source: str
    confidence: str
    return_1d_frac: float | None = None
    """Close before to close of the first session that could trade on it; of several shares the median."""
    btc_return_1d_frac: float | None = None
    excess_return_1d_frac: float | None = None
    note: str = ""
    n_same_session: int = 1
    """Events of the same share whose first session is the same: the move cannot be told apart between them."""


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """Our figure beside a published one."""

    figure_id: str
    metric: str
    period: str
    ours: float | str | None
    published: float | str
    unit: str
    difference: float | None
    difference_frac: float | None
    rounding: float | None
    """Half a unit in the last digit that was published."""
    interval: Interval | None
    is_within_rounding_and_interval: bool | None
    best_definition: str
    """The live definition that comes closest to the published figure in this period."""
    publisher: str
    published_on: dt.date | None
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its name carries the unit; the label is what people read."""

    name: str
    label: str
    unit: str
    """Unit as in the names guide: EH/s, USD, USD/EH/s/day, fraction, date, text, ..."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the note; charts and sheets are drawn from it. Rows are in column order; None is unknown."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    sources: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()

    def records(self) -> list[dict[str, Scalar]]:
        """Rows as dictionaries keyed by column name."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def column(self, name: str) -> list[Scalar]:
        """All values of one column."""
        index = [column.name for column in self.columns].index(name)
        return [row[index] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the note that is drawn alike in every format: paragraphs, then charts, then tables.

    Charts whose ``section`` is this id stand in it. Its tables are printed here only; a table that deserves a sheet of
    the workbook and a place in the JSON stands in ``Note.tables``.
    """

    id: str
    """Anchor: letters, digits and dashes."""
    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    kind: str = "theme"
    """``theme``: after the market context. ``appendix``: after the reconciliation, a page of its own in the PDF."""
    missing: tuple[str, ...] = ()
    """What this part cannot say, and why; printed as such."""


@dataclass(frozen=True, slots=True)
class SourceRef:
    """Where numbers came from."""

    id: str
    title: str
    publisher: str
    url: str
    licence: str = ""
    retrieved_at: str = ""


@dataclass(frozen=True, slots=True)
class AssumptionRef:
    """What the note assumed: value, unit, date and source; ``is_override`` marks the caller's own value."""

    id: str
    label: str
    value: float
    unit: str
    as_of: str
    source: str
    is_override: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """The whole note of one period."""

    month: str
    title: str
    headline: str
    period_start: dt.date
    period_end: dt.date
    as_of: dt.date
    figures: tuple[Figure, ...]
    takeaways: tuple[Takeaway, ...]
    companies: tuple[Company, ...]
    events: tuple[Event, ...]
    reconciliation: tuple[ReconciliationRow, ...]
    caveats: tuple[str, ...]
    tables: Mapping[str, Table] = field(default_factory=dict)
    assumptions: tuple[AssumptionRef, ...] = ()
    sources: tuple[SourceRef, ...] = ()
    code_version: str = ""
    sections: tuple[Section, ...] = ()
    """Themes and appendix pages beyond the fixed parts of the note, in reading order."""

    def figure(self, figure_id: str) -> Figure:
        """The figure with this id; KeyError where the note has none."""
        for figure in self.figures:
            if figure.id == figure_id:
                return figure
        raise KeyError(figure_id)


def to_json(value: object) -> Any:
    """Plain JSON values: dates as ISO text, NaN never, dataclasses as objects, tables as column names and rows."""
    if isinstance(value, Table):
        return {
            "id": value.id,
            "title": value.title,
            "columns": [to_json(column) for column in value.columns],
            "rows": [[to_json(cell) for cell in row] for row in value.rows],
            "sources": list(value.sources),
            "caveats": list(value.caveats),
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str | int | bool) or value is None:
        return value
    if isinstance(value, Sequence):
        return [to_json(item) for item in value]
    raise TypeError(f"no JSON form for {type(value).__name__}")
