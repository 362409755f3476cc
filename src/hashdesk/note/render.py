"""Every format of a note from its model; charts are drawn once for the page and the PDF."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from hashdesk.errors import InputError
from hashdesk.note.model import Note, to_json
from hashdesk.progress import Progress

if TYPE_CHECKING:
    from hashdesk.note.chart_runtime import ChartEngine
    from hashdesk.note.charts import Chart

FORMATS = ("html", "pdf", "xlsx", "json", "md")


def check_formats(formats: Sequence[str]) -> None:
    """Refuse a format that there is none of.

    Raises
    ------
    InputError
        An unknown format.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"format: {unknown[0]!r} is not a format.", hint=f"Choose from {', '.join(FORMATS)}.")


def start_engine(formats: Sequence[str]) -> ChartEngine | None:
    """Start what draws the charts of the formats, best before the note is computed; None where they have no charts."""
    if not {"html", "pdf"} & set(formats):
        return None
    from hashdesk.note.chart_runtime import ChartEngine

    return ChartEngine(has_page="html" in formats)


def render_note(
    note: Note, formats: Sequence[str], progress: Progress, engine: ChartEngine | None = None
) -> dict[str, bytes]:
    """Bytes of each format, in the order asked for.

    Parameters
    ----------
    note : Note
        What to render.
    formats : sequence of str
        Of ``FORMATS``.
    progress : Progress
        Told before each format.
    engine : ChartEngine, optional
        From :func:`start_engine`, begun earlier; the caller ends it. Started and ended here where it is not given.

    Returns
    -------
    dict of str to bytes
    """
    if engine is None:
        with start_engine(formats) or nullcontext() as own:
            return _render_all(note, formats, progress, own)
    return _render_all(note, formats, progress, engine)


def begin_drawings(note: Note, formats: Sequence[str], engine: ChartEngine) -> None:
    """Begin to draw the charts of a note, or of the part of it that is computed so far."""
    _begin_drawings(note, formats, engine)


def _begin_drawings(note: Note, formats: Sequence[str], engine: ChartEngine) -> tuple[list[Chart], list[Chart]]:
    """Charts of the note, and those of them that the PDF waits for."""
    from hashdesk.note.charts import build_charts
    from hashdesk.note.pdf import column_charts

    charts = build_charts(note)
    drawn = [chart for chart in charts if chart.spec is not None]
    # What the PDF is waiting for comes first, so that it is typeset while the page's wide charts are drawn.
    columns = column_charts(charts) if "pdf" in formats else []
    for_pdf = [*columns, *(chart for chart in drawn if chart.is_half)]
    engine.draw([*for_pdf, *(chart for chart in drawn if not chart.is_half)])
    return charts, for_pdf


def _render_all(note: Note, formats: Sequence[str], progress: Progress, engine: ChartEngine | None) -> dict[str, bytes]:
    """Every format; those with charts come last, as the charts are drawn by other processes in the meantime."""
    charts: list[Chart] = []
    for_pdf: list[Chart] = []
    if engine:
        charts, for_pdf = _begin_drawings(note, formats, engine)

    def html() -> bytes:
        from hashdesk.note.html import render_html

        drawn, runtime = (engine.svgs(), engine.runtime()) if engine else (None, None)
        return render_html(note, charts, drawn, runtime=runtime).encode()

    def pdf() -> bytes:
        from hashdesk.note.pdf import render_pdf

        return render_pdf(note, charts, engine.svgs(for_pdf) if engine else {})

    def xlsx() -> bytes:
        from hashdesk.note.xlsx import render_xlsx

        return render_xlsx(note)

    def markdown() -> bytes:
        from hashdesk.note.markdown import render_markdown

        return render_markdown(note).encode()

    renderers: dict[str, Callable[[], bytes]] = {
        "html": html,
        "pdf": pdf,
        "xlsx": xlsx,
        "json": lambda: json_bytes(to_json(note)),
        "md": markdown,
    }
    contents = {}
    last = ("pdf", "html")
    ordered = sorted(formats, key=lambda name: last.index(name) + 1 if name in last else 0)
    for done, name in enumerate(ordered):
        progress.step(name, done, len(formats))
        contents[name] = renderers[name]()
    return {name: contents[name] for name in formats}


def json_bytes(value: object) -> bytes:
    """A JSON value as indented UTF-8 text; NaN is an error, for unknown is null."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
