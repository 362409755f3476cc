"""Every format of a note from its model; charts are drawn once for the page and the PDF."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from hashdesk.note.model import Note, to_json
from hashdesk.progress import Progress

FORMATS = ("html", "pdf", "xlsx", "json", "md")


def render_note(note: Note, formats: Sequence[str], progress: Progress) -> dict[str, bytes]:
    """Bytes of each format, in the order asked for.

    Parameters
    ----------
    note : Note
        What to render.
    formats : sequence of str
        Of ``FORMATS``.
    progress : Progress
        Told before each format.

    Returns
    -------
    dict of str to bytes
    """
    has_charts = not {"html", "pdf"}.isdisjoint(formats)
    total = len(formats) + has_charts
    done = 0
    charts, svgs = [], {}
    if has_charts:
        from hashdesk.note.charts import build_charts, render_svgs

        progress.step("charts", done, total)
        charts = build_charts(note)
        svgs = render_svgs(charts)
        done += 1

    def html() -> bytes:
        from hashdesk.note.html import render_html

        return render_html(note, charts, svgs).encode()

    def pdf() -> bytes:
        from hashdesk.note.pdf import render_pdf

        return render_pdf(note, charts, svgs)

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
    # The page comes last: its script is bundled by another process in the meantime.
    for name in sorted(formats, key=lambda name: name == "html"):
        progress.step(name, done, total)
        contents[name] = renderers[name]()
        done += 1
    return {name: contents[name] for name in formats}


def json_bytes(value: object) -> bytes:
    """A JSON value as indented UTF-8 text; NaN is an error, for unknown is null."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
