"""The parts of a note beyond its fixed ones: valuation taken apart, what moved the shares, the pivot, the outlook."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from hashdesk.calendar import Period
from hashdesk.desk.attribution import AttributionDesk
from hashdesk.desk.companies import CompanyDesk
from hashdesk.desk.outlook import OutlookDesk
from hashdesk.errors import HashdeskError
from hashdesk.note import attribution_section, company_pages, company_section, outlook_section, pivot_section
from hashdesk.note.build import source_refs
from hashdesk.note.model import Note, Section, Table

NOTE_SCENARIOS = ("base", "bear", "bull", "hashrate_shock", "ai_pull", "energy_spike")
NOTE_PATHS = 4_000
"""Enough for quantiles that are read to two digits; the outlook's own command takes more. [paths]"""

TITLES = {
    "valuation-apart": "Valuation and profitability apart",
    "attribution": "What moved the shares",
    "pivot": "The AI/HPC pivot, priced",
    "outlook": "Outlook",
}
"""Themes by the id of their section, in reading order."""

Theme = tuple[Mapping[str, Table], Sequence[Section]]


class ThemeDesk(CompanyDesk, AttributionDesk, OutlookDesk):
    """What a note says beyond figures, network and market context."""

    def _with_themes(self, note: Note, period: Period, known_by: dt.date | None) -> Note:
        """A note with its themes; one that cannot be computed says why in its place."""
        if period.is_partial:
            reason = "Computed for whole months only."
            whole = tuple(Section(name, title, missing=(reason,)) for name, title in TITLES.items())
            return dataclasses.replace(note, sections=whole)
        as_of = None if known_by is None else known_by.isoformat()
        built = [
            _guarded("valuation-apart", lambda: self._valued(period, known_by)),
            _guarded("attribution", lambda: self._moved(period, as_of)),
            _guarded("pivot", lambda: self._pivot(period)),
            _guarded("outlook", lambda: self._outlook_theme(period)),
        ]
        tables = {name: table for found, _ in built for name, table in found.items()}
        sections = [section for _, found in built for section in found]
        used = {s for table in tables.values() for s in table.sources}
        used |= {s for section in sections for table in section.tables for s in table.sources}
        known = {source.id for source in note.sources}
        return dataclasses.replace(
            note,
            sections=tuple(sorted(sections, key=lambda section: section.kind == "appendix")),
            tables={**note.tables, **tables},
            sources=(*note.sources, *source_refs(self.store.read("sources"), used - known)),
        )

    def _valued(self, period: Period, known_by: dt.date | None) -> Theme:
        companies = self._companies(period, known_by)
        return company_section.company_tables(companies, period), company_pages.company_sections(companies, period)

    def _moved(self, period: Period, as_of: str | None) -> Theme:
        result = self.attribution(period.month, as_of=as_of)
        return attribution_section.attribution_tables(result), attribution_section.attribution_sections(result)

    def _pivot(self, period: Period) -> Theme:
        result = self.hpc(as_of=period.last_day.isoformat())
        return pivot_section.pivot_tables(result), pivot_section.pivot_sections(result)

    def _outlook_theme(self, period: Period) -> Theme:
        report = self.outlook(period.month, paths=NOTE_PATHS, scenarios=NOTE_SCENARIOS)
        card = self.shipped_scorecard(period.month)
        return outlook_section.outlook_tables(report, card), outlook_section.outlook_sections(report, card)


def _guarded(section_id: str, build: Callable[[], Theme]) -> Theme:
    """A theme, or a section that says why there is none."""
    try:
        return build()
    except HashdeskError as error:
        return {}, [Section(section_id, TITLES[section_id], missing=(str(error),))]
