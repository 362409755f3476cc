"""The scorecard: shipped with the package, cut at what was known, or computed again where the facts are others."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
from concurrent.futures import Executor
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

from hashdesk.calendar import next_month, parse_month
from hashdesk.desk.core import DeskCore
from hashdesk.errors import InputError
from hashdesk.note import outlook_tables as draw
from hashdesk.note.outlook_reports import ScorecardReport
from hashdesk.progress import Progress, Silent

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.outlook.scorecard import Scorecard

SCORECARD_TABLES = ("network_daily", "btc_price_daily", "epochs", "asic_models")
"""Facts that forecasts and their scores rest on."""
SCORECARD_FILE = "scorecard.json.gz"
"""Written by tools/build_scorecard.py."""


class ScorecardDesk(DeskCore):
    """How forecasts of the past fared."""

    def scorecard(
        self, month: str | None = None, *, executor: Executor | None = None, progress: Progress | None = None
    ) -> ScorecardReport:
        """Forecasts of the past, made at every month since 2014 from what was known, against what came.

        The scorecard that comes with the package is used where it rests on the store's own facts; otherwise the
        forecasts are made and scored again, which takes a minute or two.

        Parameters
        ----------
        month : str, optional
            Count only forecasts whose outcome was known at the end of this month, ``YYYY-MM``; all when left out.
        executor : Executor, optional
            Runs the origins, where they have to run.
        progress : Progress, optional
            Told before the scoring begins.

        Returns
        -------
        ScorecardReport

        Raises
        ------
        InputError
            A month that does not exist, or before any outcome.
        """
        card = self._shipped_scorecard()
        key = self.scorecard_key()
        if card is None or card.digest != key:
            from hashdesk.outlook.scorecard import scorecard

            (progress or Silent()).step("scoring past forecasts", 0, 1)
            tables = (self.store.read(name) for name in SCORECARD_TABLES)
            card = replace(scorecard(*tables, executor=executor), digest=key)
        return self._scorecard_report(card, None if month is None else next_month(parse_month(month)))

    def shipped_scorecard(self, month: str | None = None) -> ScorecardReport | None:
        """The scorecard that comes with the package, without any computing: what a note prints.

        Parameters
        ----------
        month : str, optional
            As for :meth:`scorecard`.

        Returns
        -------
        ScorecardReport or None
            None where the package has none, or no outcome was known by then. A caveat says where it rests on other
            facts than the store's.
        """
        return self._shipped_by(None if month is None else next_month(parse_month(month)))

    def _shipped_by(self, day: dt.date | None) -> ScorecardReport | None:
        card = self._shipped_scorecard()
        if card is None or (day is not None and not len(scored_by(card, day))):
            return None
        report = self._scorecard_report(card, day)
        if card.digest == self.scorecard_key():
            return report
        caveat = "The scorecard came with the package; the facts or the method in use differ from those it rests on."
        return replace(report, caveats=(*report.caveats, caveat))

    def _scorecard_report(self, card: Scorecard, day: dt.date | None) -> ScorecardReport:
        if day is not None:
            scores = scored_by(card, day)
            if not len(scores):
                raise InputError(
                    f"scorecard: no forecast had an outcome by {day}.", hint=f"The first is of {card.first_origin}."
                )
            # Sums are built again from the scores that are left.
            last = scores["origin"].sort()[-1]
            card = type(card).from_bytes(replace(card, scores=scores, last_origin=last).to_bytes())
        tables = {
            "outlook_scorecard": draw.scorecard_table(card.table),
            "outlook_scores": draw.scores_table(card.table),
        }
        return ScorecardReport(card.first_origin, card.last_origin, card.n_paths, card.seed, tables, (), card)

    def _shipped_scorecard(self) -> Scorecard | None:
        from hashdesk.outlook.scorecard import Scorecard

        file = files("hashdesk.outlook").joinpath(SCORECARD_FILE)
        return Scorecard.from_bytes(gzip.decompress(file.read_bytes())) if file.is_file() else None

    def scorecard_key(self) -> str:
        """What a scorecard rests on: the facts behind it, how the past is read, and the code."""
        from hashdesk.outlook.calibration import Recipe
        from hashdesk.outlook.scorecard import code_digest

        versions = self.store.versions()
        facts = "|".join(f"{name}={versions[name]}" for name in SCORECARD_TABLES)
        return hashlib.sha256(f"{facts}|{Recipe()!r}|{code_digest()}".encode()).hexdigest()


def scored_by(card: Scorecard, day: dt.date) -> pl.DataFrame:
    """Scores of a scorecard whose outcome was known on a day: the month that a forecast is of has ended by then."""
    import polars as pl

    ends = pl.col("origin").dt.offset_by(pl.format("{}mo", pl.col("horizon_months")))
    return card.scores.filter(ends <= day)
