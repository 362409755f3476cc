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
from hashdesk.note import attribution_section, company_pages, company_section, pivot_section
from hashdesk.note.build import source_refs
from hashdesk.note.model import Note, Section, Table
from hashdesk.note.theme_takeaways import placed, theme_takeaways

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

    def _with_themes(
        self, note: Note, period: Period, known_by: dt.date | None, begun: Callable[[Note], None] | None = None
    ) -> Note:
        """A note with its themes; one that cannot be computed says why in its place.

        ``begun`` is handed the note without its outlook, which takes as long as the other themes together.
        """
        as_of = None if known_by is None else known_by.isoformat()
        built = [
            _guarded("valuation-apart", period, lambda: self._valued(period, known_by)),
            _guarded("attribution", period, lambda: self._moved(period, as_of)),
            _guarded("pivot", period, lambda: self._pivot(period)),
        ]
        if begun is not None:
            begun(self._joined(note, period, built))
        return self._joined(note, period, [*built, self._outlook_theme(period)])

    def _joined(self, note: Note, period: Period, built: Sequence[Theme]) -> Note:
        """A note and some of its themes."""
        tables = {name: table for found, _ in built for name, table in found.items()}
        sections = [section for _, found in built for section in found]
        used = {s for table in tables.values() for s in table.sources}
        used |= {s for section in sections for table in section.tables for s in table.sources}
        known = {source.id for source in note.sources}
        return dataclasses.replace(
            note,
            sections=tuple(sorted(sections, key=lambda section: section.kind == "appendix")),
            tables={**note.tables, **tables},
            takeaways=placed(note.takeaways, theme_takeaways(tables, period.start, period.last_day)),
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
        """Also of a part of a month."""
        try:
            sections, tables = self.note_outlook(period)
        except HashdeskError as error:
            return _absent("outlook", str(error))
        return tables, sections


def _guarded(section_id: str, period: Period, build: Callable[[], Theme]) -> Theme:
    """A theme of a whole month, or a section that says why there is none."""
    if period.is_partial:
        return _absent(section_id, "Computed for whole months only.")
    try:
        return build()
    except HashdeskError as error:
        return _absent(section_id, str(error))


def _absent(section_id: str, reason: str) -> Theme:
    return {}, [Section(section_id, TITLES[section_id], missing=(reason,))]
