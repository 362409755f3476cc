"""The desk: the one place where stored facts, assumptions and calculation meet."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

import hashdesk
from hashdesk.calendar import Period, month_period, months_between, next_month, parse_month
from hashdesk.catalog.figures import figure_spec
from hashdesk.desk.core import FIRST_MONTH, NEEDED_DAILY, month_before
from hashdesk.desk.themes import ThemeDesk
from hashdesk.desk.trouble import store_caveats
from hashdesk.errors import InputError, NotFound
from hashdesk.metrics.reconcile import definition_fit
from hashdesk.note.build import build_note, reconcile_period, table_sources
from hashdesk.note.caveats import figure_caveats
from hashdesk.note.explain import Explanation, explain_figure
from hashdesk.note.figures import build_figures, clean, relative_change
from hashdesk.note.model import Figure, Note, to_json
from hashdesk.note.render import FORMATS, check_formats, json_bytes, render_note
from hashdesk.progress import Progress, Silent
from hashdesk.store.facts import store_kind

if TYPE_CHECKING:
    from hashdesk.note.chart_runtime import ChartEngine


class NoteDesk(ThemeDesk):
    """Notes, figures and their explanations."""

    def note(self, month: str | None = None, *, through: str | None = None, as_of: str | None = None) -> Note:
        """The note of a month, or of its first part.

        Parameters
        ----------
        month : str, optional
            ``YYYY-MM``; the latest complete month in the store when left out (or the month of ``through``).
        through : str, optional
            Last day of a month to date, ``YYYY-MM-DD``.
        as_of : str, optional
            Use only what was known by this day; all that is in the store when left out.

        Returns
        -------
        Note

        Raises
        ------
        InputError
            A month or day that does not exist, lies in the future, or comes after ``as_of``.
        DataError
            The store does not cover the period, or is damaged.
        """
        return self.note_in_parts(month, through=through, as_of=as_of)

    def note_in_parts(
        self,
        month: str | None = None,
        *,
        through: str | None = None,
        as_of: str | None = None,
        begun: Callable[[Note], None] | None = None,
    ) -> Note:
        """The note as :meth:`note` gives it; ``begun`` is handed its fixed parts, then all but its outlook."""
        period = self._period(month, through)
        known_by = self._as_of(as_of, period)
        fixed = self._fixed_parts(period, known_by)
        if begun is not None:
            begun(fixed)
        return self._with_themes(fixed, period, known_by, begun)

    def _fixed_parts(self, period: Period, known_by: dt.date | None) -> Note:
        """The note without its themes."""
        sector = self._sector(period, known_by)
        tables = self._tables(known_by)
        note = build_note(
            sector,
            tables,
            self.assumptions,
            self._coverage(known_by),
            as_of=known_by or self._last_known(tables),
            is_cut=known_by is not None,
            code_version=hashdesk.__version__,
        )
        return replace(note, caveats=(*note.caveats, *store_caveats(self.store, period, known_by)))

    def figure(self, figure_id: str, month: str, *, as_of: str | None = None) -> Figure:
        """One figure of a month, with its interval, change, sources and caveats.

        Raises
        ------
        InputError
            An unknown figure or month.
        DataError
            The store does not cover the month.
        """
        figure_spec(figure_id)
        period = self._period(month, None)
        known_by = self._as_of(as_of, period)
        sector = self._sector(period, known_by)
        tables = self._tables(known_by)
        reasons = self._caveats(sector)
        figures = build_figures(sector.monthly, period, reasons, table_sources(tables, sector))
        return next(figure for figure in figures if figure.id == figure_id)

    def figures(self, figure_id: str, first: str | None = None, last: str | None = None) -> pl.DataFrame:
        """The monthly series of a figure.

        Parameters
        ----------
        figure_id : str
            Id from the catalog.
        first, last : str, optional
            Months as ``YYYY-MM``, both included; December 2023 and the latest complete month when left out.

        Returns
        -------
        DataFrame
            month, value, unit, low, high, change_frac, caveats; a missing month is a row with nulls and its reason.

        Raises
        ------
        InputError
            An unknown figure, or months out of order.
        """
        spec = figure_spec(figure_id)
        latest = self.latest_month()
        start, end = parse_month(first or "2023-12"), parse_month(last or latest)
        if start > end:
            raise InputError(f"figures: expected --from before --to, got {start:%Y-%m} and {end:%Y-%m}.")
        covered = self._covered_month(NEEDED_DAILY)
        monthly = self._sector(month_period(min(max(end, FIRST_MONTH), covered)), None).monthly
        by_month = {row["period_start"]: row for row in monthly.iter_rows(named=True)}
        coverage = self.store.coverage()
        rows = []
        prior: Any = None
        for period in months_between(min(start, end), end):
            row = by_month.get(period.start)
            value = clean(row.get(figure_id)) if row else None
            if prior is None and (before := by_month.get(month_before(period.start))):
                prior = clean(before.get(figure_id))
            caveat = (
                figure_caveats(row, coverage, has_own_costs=self.assumptions.has_own_costs).get(figure_id)
                if row
                else self._uncovered(period)
            )
            rows.append(
                {
                    "month": period.month,
                    "value": value,
                    "unit": spec.unit,
                    "low": clean(row.get(f"{figure_id}_low")) if row and spec.has_interval else None,
                    "high": clean(row.get(f"{figure_id}_high")) if row and spec.has_interval else None,
                    "change_frac": relative_change(spec, value, prior),
                    "caveats": [caveat] if caveat else [],
                }
            )
            prior = value
        kinds = {"ticker": pl.String, "count": pl.Int64}
        return pl.DataFrame(
            rows,
            schema={
                "month": pl.String,
                "value": kinds.get(spec.unit, pl.Float64),
                "unit": pl.String,
                "low": pl.Float64,
                "high": pl.Float64,
                "change_frac": pl.Float64,
                "caveats": pl.List(pl.String),
            },
        )

    def reconcile(self, month: str | None = None) -> pl.DataFrame:
        """Our figures beside the published ones, of a month or of every period that has any.

        Returns
        -------
        DataFrame
            One row per published figure: ours, published, difference, rounding, interval, closest definition, source.

        Raises
        ------
        InputError
            A month that does not exist.
        NotFound
            No figure of the month was published, or none that the store knows of.
        """
        tables = self._tables(None)
        published = tables["published"]
        if month is not None:
            start = parse_month(month)
            published = published.filter(pl.col("period_start") == start)
        spans = published.select("period_start", "period_end").unique().sort("period_start", "period_end")
        rows = []
        for start, end in spans.iter_rows():
            if end > next_month(start) or start.day != 1:
                continue
            period = Period(start, end)
            if not self._is_covered(period):
                continue
            sector = self._sector(period, None)
            reasons = self._caveats(sector)
            figures = build_figures(sector.monthly, period, reasons, {})
            rows += [to_json(row) for row in reconcile_period(figures, published, period)]
        for row in rows:
            interval = row.pop("interval")
            row["low"], row["high"] = (interval["low"], interval["high"]) if interval else (None, None)
            row["ours"] = None if row["ours"] is None else str(row["ours"])
            row["published"] = str(row["published"])
        if not rows:
            what = f"of {month}" if month else "at all"
            raise NotFound(
                f"reconcile: no published figure {what} is in the store.", hint="Leave the month out for all."
            )
        return pl.DataFrame(rows, infer_schema_length=None)

    def definition_fit(self) -> pl.DataFrame:
        """Which live definition of a figure stands closest to each publisher's series, over all whole months.

        Returns
        -------
        DataFrame
            As from :func:`hashdesk.metrics.reconcile.definition_fit`.
        """
        monthly = self._sector(month_period(parse_month(self.latest_month())), None).monthly
        return definition_fit(monthly, self._tables(None)["published"])

    def explain(self, figure_id: str, month: str) -> Explanation:
        """Formula, inputs, rows, sources, assumptions and caveats of one figure of a month.

        Raises
        ------
        InputError
            An unknown figure or month.
        DataError
            The store does not cover the month.
        """
        figure_spec(figure_id)
        return explain_figure(figure_id, self._fixed_parts(self._period(month, None), None))

    def write_note(
        self,
        note: Note,
        out: Path,
        formats: Sequence[str] = FORMATS,
        progress: Progress | None = None,
        *,
        engine: ChartEngine | None = None,
    ) -> list[Path]:
        """Write a note in the given formats, and its manifest.

        Each file is written beside its name and moved there whole, so that a note is never half there.

        Parameters
        ----------
        note : Note
            From :meth:`note`.
        out : Path
            Folder; made when it does not exist.
        formats : sequence of str
            Of ``html``, ``pdf``, ``xlsx``, ``json``, ``md``.
        progress : Progress, optional
            Told before each file.
        engine : ChartEngine, optional
            What draws the charts, where it was started earlier.

        Returns
        -------
        list of Path
            The files, the manifest last.

        Raises
        ------
        InputError
            An unknown format, or a folder that cannot be written.
        """
        out, formats = Path(out), [formats] if isinstance(formats, str) else formats
        check_formats(formats)
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(out, error) from None
        paths = []
        digests = {}
        contents = render_note(note, formats, progress or Silent(), engine)
        for name, content in contents.items():
            path = out / f"note-{note.month}.{name}"
            _write_whole(path, content)
            digests[path.name] = hashlib.sha256(content).hexdigest()
            paths.append(path)
        manifest = out / f"manifest-{note.month}.json"
        _write_whole(manifest, json_bytes(self._manifest(note, digests)))
        return [*paths, manifest]

    def _manifest(self, note: Note, digests: Mapping[str, str]) -> dict[str, Any]:
        """What this run rested on; two runs of one manifest give the same bytes."""
        return {
            "note": note.month,
            "as_of": note.as_of.isoformat(),
            "code_version": note.code_version,
            "settings": {"store": store_kind(self.settings.store)},
            "assumptions": to_json(note.assumptions),
            "tables": self.store.versions(),
            "files": dict(digests),
        }


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside the target and move it there."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path.parent, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise _unwritable(path.parent, error) from None


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"out: cannot write into {folder}: {error.strerror}.", hint="Give a folder that you may write with --out."
    )
