"""The outlook: hashrate now, the next retargets, simulated scenarios, a fleet's cash, and the scorecard."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hashdesk.calendar import Period, month_period, parse_day, parse_month
from hashdesk.desk.core import NEEDED_DAILY
from hashdesk.desk.moments import months_ahead, other_estimates, state_at
from hashdesk.desk.reader_files import SCENARIOS, load_scenario, read_text
from hashdesk.desk.scorecard import SCORECARD_TABLES, ScorecardDesk
from hashdesk.errors import DataError, InputError
from hashdesk.metrics.sector import COSTS_FROM
from hashdesk.note import outlook_tables as draw
from hashdesk.note.model import Section, Table
from hashdesk.note.outlook_reports import (
    AdjustmentScores,
    DifficultyReport,
    FleetReport,
    OutlookReport,
)
from hashdesk.note.outlook_section import (
    NOTE_MONTHS,
    NOTE_PATHS,
    NOTE_SCENARIOS,
    outlook_sections,
    outlook_tables,
    short_section,
)
from hashdesk.outlook.adjustment import day_states, predict_adjustment, score_history
from hashdesk.outlook.company_risk import CompanyPlan, company_frame, disclosed_companies, parse_plans
from hashdesk.outlook.model import month_windows
from hashdesk.outlook.nowcast import filter_days, nowcast
from hashdesk.outlook.scenario import Scenario, apply_scenario, describe_scenario
from hashdesk.outlook.statements import (
    FAN_FIGURES,
    STORED_FIGURES,
    ScenarioRun,
    comparison_frame,
    default_statements,
    fan_frame,
    parse_statement,
)
from hashdesk.progress import Progress, Silent

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.outlook.calibration import Calibration

N_PATHS = 20_000
PRICED_DAYS = 400
"""History that a calibration needs [days]."""
N_PATHS_FLEET = 4_000
SCORE_FROM = dt.date(2014, 1, 1)


class OutlookDesk(ScorecardDesk):
    """Nowcast, retargets, scenarios, fleets and the scorecard."""

    def difficulty(self, at: str | int | None = None, *, seed: int = 0) -> DifficultyReport:
        """Hashrate now and the next two retargets.

        Parameters
        ----------
        at : str or int, optional
            A day (its end, ``YYYY-MM-DD``) or a block height: what could be said then. The last day in the store when
            left out.
        seed : int, default 0
            Seed of the draws.

        Returns
        -------
        DifficultyReport

        Raises
        ------
        InputError
            Not a day or height, or one that the store does not cover.
        """
        network, epochs = self.store.read("network_daily"), self.store.read("epochs")
        states = day_states(network, epochs)
        state, caveats = state_at(states, at)
        day = (state.at - dt.timedelta(days=1)).date()
        filters = filter_days(network, day)
        estimate = nowcast(filters, day)
        adjustment = predict_adjustment(state, filters, seed=seed)
        known = epochs.filter(epochs["start_height"] == state.start_height)
        if known["is_start_estimated"][0]:
            caveats.append("The start of the epoch is inferred from the next retarget, not read from its header.")
        other = other_estimates(network, day, state.difficulty)
        sources = [*known["source"].to_list(), *network.filter(network["date"] == day)["source"].to_list()]
        tables = {
            "outlook_nowcast": draw.nowcast_table(estimate, other),
            "outlook_retargets": draw.retarget_table(adjustment, sources),
        }
        return DifficultyReport(estimate, adjustment, other, tables, tuple(caveats))

    def difficulty_scores(self, first: str | None = None) -> AdjustmentScores:
        """How well retargets would have been predicted, over all epochs that began on or after a day.

        Parameters
        ----------
        first : str, optional
            Day as ``YYYY-MM-DD``; 1 January 2014 when left out.

        Returns
        -------
        AdjustmentScores

        Raises
        ------
        InputError
            Not a day.
        """
        since = parse_day(first, what="from") if first else SCORE_FROM
        network, epochs = self.store.read("network_daily"), self.store.read("epochs")
        filters = filter_days(network, network["date"].sort()[-1], None)
        scores = score_history(network, epochs, filters, since)
        return AdjustmentScores(tuple(scores), {"outlook_retarget_scores": draw.adjustment_score_table(scores)})

    def outlook(
        self,
        month: str | None = None,
        *,
        horizon: str | int = 24,
        paths: int = N_PATHS,
        scenarios: Sequence[str | Path] = ("base",),
        seed: int | None = None,
        statements: Sequence[str] = (),
        companies: str | Path | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
    ) -> OutlookReport:
        """Simulate scenarios from the end of a month.

        Parameters
        ----------
        month : str, optional
            Last month that is known, ``YYYY-MM``; nothing after it is used. The latest that chain and prices cover
            when left out.
        horizon : str or int, default 24
            Months ahead: ``24``, ``"24m"`` or ``"2y"``; at most 60.
        paths : int, default 20,000
            Paths of each scenario.
        scenarios : sequence of str or Path, default base
            Names of scenarios that come with the package, or TOML files; the first is what others are held against.
        seed : int, optional
            Seed; that of the month (``202509``) when left out, so that two runs agree.
        statements : sequence of str, optional
            Further statements, as ``figure<threshold@month``.
        companies : str or Path, optional
            TOML file of what companies plan: hashrate on dates, efficiency, power price.
        executor : Executor, optional
            Runs the paths: any ``concurrent.futures.Executor``; threads of this process when left out.
        progress : Progress, optional
            Told before each scenario.

        Returns
        -------
        OutlookReport

        Raises
        ------
        InputError
            An argument or a scenario that cannot be.
        DataError
            The store does not cover the month.
        """
        if not 1 <= paths <= 1_000_000:
            raise InputError(f"paths: expected 1 to 1,000,000, got {paths}.", hint="20,000 is a good start.")
        loaded = [load_scenario(name) for name in scenarios]
        if not loaded:
            raise InputError("scenarios: expected at least one.", hint=f"Known: {', '.join(SCENARIOS)}.")
        if len({scenario.name for scenario, _ in loaded}) < len(loaded):
            raise InputError("scenarios: two have the same name.", hint="Names tell them apart: change one.")
        file = None if companies is None else Path(companies)
        plans = None if file is None else parse_plans(read_text(file, "companies"), file.name)
        return self._simulated(
            self._outlook_month(month),
            months_ahead(horizon),
            paths,
            loaded,
            seed,
            statements,
            plans,
            executor,
            progress,
        )

    def note_outlook(self, period: Period) -> tuple[list[Section], dict[str, Table]]:
        """The theme "Outlook" of a note, and its tables: what could be said when the period ended.

        Parameters
        ----------
        period : Period
            The note's month, or the part of it.

        Returns
        -------
        list of Section
            One; before the cost line is calibrated it holds the next retargets only, and says why.
        dict of str to Table
            For the note's workbook and JSON.
        """
        if period.start < COSTS_FROM:
            reason = f"the cost line that gross profit rests on is not calibrated before {COSTS_FROM:%Y-%m}."
            difficulty = self.difficulty(period.last_day.isoformat())
            return [short_section(difficulty, reason)], dict(difficulty.tables)
        calibration = self._calibration(period.end)
        loaded, left_out = [], []
        n_days = month_windows(period.end, NOTE_MONTHS).n_days
        for name in NOTE_SCENARIOS:
            scenario, file = load_scenario(name)
            try:
                apply_scenario(scenario, calibration.start, calibration.model, n_days, origin=file)
            except InputError as error:  # such as more megawatts than miners drew in those days
                left_out.append(f"{error.message} The scenario is left out.")
            else:
                loaded.append((scenario, file))
        report = self._simulated(period, NOTE_MONTHS, NOTE_PATHS, loaded)
        card = self._shipped_by(period.end)
        sections = outlook_sections(report, card)
        sections = [replace(section, missing=(*section.missing, *left_out)) for section in sections]
        return sections, outlook_tables(report, card)

    def _simulated(
        self,
        period: Period,
        n_months: int,
        paths: int,
        loaded: Sequence[tuple[Scenario, str]],
        seed: int | None = None,
        statements: Sequence[str] = (),
        plans: Mapping[str, CompanyPlan] | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
    ) -> OutlookReport:
        from hashdesk.outlook.engine import simulate

        calibration = self._calibration(period.end)
        windows = month_windows(period.end, n_months)
        number = int(period.month.replace("-", "")) if seed is None else seed
        teller = progress or Silent()
        applied = [
            apply_scenario(scenario, calibration.start, calibration.model, windows.n_days, origin=name)
            for scenario, name in loaded
        ]
        runs = []
        for done, item in enumerate(applied):
            teller.step(f"simulating {item.scenario.name}", done, len(applied))
            simulated = simulate(
                calibration.start,
                item.model,
                windows,
                n_paths=paths,
                seed=number,
                keep=STORED_FIGURES,
                executor=executor,
            )
            runs.append(ScenarioRun(item.scenario, simulated, describe_scenario(item.scenario), item.caveats))
        teller.step("reading the paths", len(applied), len(applied))
        return self._report(period, runs, statements, plans or {}, number, paths)

    def _report(
        self,
        period: Period,
        runs: Sequence[ScenarioRun],
        texts: Sequence[str],
        plans: Mapping[str, CompanyPlan],
        seed: int,
        paths: int,
    ) -> OutlookReport:
        import polars as pl

        months = runs[0].months
        shown = [months[at - 1] for at in (3, 6, 12, 24, 36, 48, 60) if at <= len(months)] or [months[-1]]
        sector = self._sector(period, None)
        row = sector.monthly.row(-1, named=True)
        now = {name: float(row[name]) for name in FAN_FIGURES if row.get(name) is not None}
        made = default_statements(runs[0], now)
        made += [parse_statement(text, run) for text in texts for run in runs]
        companies = self._companies_at_risk(period.end, runs[0], plans)
        fan = pl.concat([fan_frame(run) for run in runs])
        difficulty = self.difficulty(period.last_day.isoformat())
        other = {**difficulty.other_estimates_ehs, draw.PERIOD_MEAN: now.get("network_hashrate_ehs")}
        tables = {
            **difficulty.tables,
            "outlook_nowcast": draw.nowcast_table(difficulty.nowcast, other, runs[0].outlook.start),
            "outlook_fan": draw.fan_table(fan, runs[0].scenario.name),
            "outlook_scenario_months": draw.scenario_months_table(fan),
            "outlook_scenarios": draw.scenario_table(comparison_frame(runs, shown)),
            "outlook_statements": draw.statement_table(made),
            "outlook_companies": draw.company_table(companies, min(12, len(months))),
        }
        described = tuple(
            {
                "name": run.scenario.name,
                "label": run.scenario.label,
                "description": run.description,
                "note": run.scenario.note,
                "source": run.scenario.source,
                "as_of": run.scenario.as_of.isoformat(),
            }
            for run in runs
        )
        early = f"Costs rest on the list of machines alone: the cost line is not calibrated before {COSTS_FROM:%Y-%m}."
        caveats = [early] if period.start < COSTS_FROM else []
        caveats += [f"{run.scenario.name}: {caveat}" for run in runs for caveat in run.caveats]
        return OutlookReport(
            month=period.month,
            origin=period.end,
            horizon_months=len(months),
            n_paths=paths,
            seed=seed,
            scenarios=described,
            statements=tuple(made),
            tables=tables,
            caveats=(*caveats, *difficulty.caveats),
            difficulty=difficulty,
            runs=tuple(runs),
            fan=fan,
        )

    def _companies_at_risk(self, origin: dt.date, run: ScenarioRun, plans: Mapping[str, CompanyPlan]) -> pl.DataFrame:
        tables = {name: self.store.read(name) for name in ("production", "production_quarterly", "power_costs")}
        universe = self.store.read("universe", as_of=origin)
        tracked = universe.filter(
            (universe["tracked_from"] < origin)
            & (universe["tracked_to"].is_null() | (universe["tracked_to"] >= origin))
        )
        return company_frame(
            disclosed_companies(tables, sorted(tracked["ticker"].to_list()), origin),
            run,
            run.outlook.model.policy.power_price_factor,
            network_efficiency_j_per_th=self.assumptions.efficiency(origin).value,
            network_power_price_usd_per_mwh=self.assumptions.power_price_usd_per_mwh,
            plans=plans,
        )

    def fleet(
        self,
        path: str | Path,
        month: str | None = None,
        *,
        scenario: str | Path = "base",
        paths: int = N_PATHS_FLEET,
        seed: int | None = None,
        executor: Executor | None = None,
    ) -> FleetReport:
        """Cash flows, net present value and payback of the fleet that a file describes.

        Parameters
        ----------
        path : str or Path
            TOML file.
        month : str, optional
            Last month that is known; the fleet starts on the day after. The latest when left out.
        scenario : str or Path, default base
            Name of a scenario, or a TOML file.
        paths : int, default 4,000
            Paths; every day of each is kept.
        seed : int, optional
            Seed; that of the month when left out.
        executor : Executor, optional
            Runs the paths.

        Returns
        -------
        FleetReport

        Raises
        ------
        InputError
            A file that cannot be read, an unknown key or machine, a value that cannot be.
        DataError
            The store does not cover the month.
        """
        from hashdesk.desk.fleet_report import build_fleet_report
        from hashdesk.outlook.fleet_cash import assemble_fleet, parse_fleet

        if not 30 <= paths <= 20_000:
            raise InputError(f"paths: expected 30 to 20,000, got {paths}: every day of each is kept in memory.")
        file = Path(path)
        fleet = assemble_fleet(parse_fleet(read_text(file, "fleet"), file.name), self.store.read("asic_models"))
        period = self._outlook_month(month)
        loaded, name = load_scenario(scenario)
        number = int(period.month.replace("-", "")) if seed is None else seed
        network = self.store.read("network_daily")
        return build_fleet_report(fleet, self._calibration(period.end), loaded, name, network, paths, number, executor)

    def _outlook_month(self, month: str | None) -> Period:
        latest = self._covered_month(NEEDED_DAILY)
        start = latest if month is None else parse_month(month)
        period = month_period(start)
        if not self._is_covered(period):
            raise DataError(self._uncovered(period), hint=f"The latest month for an outlook is {latest:%Y-%m}.")
        first = self.store.read("btc_price_daily")["date"].min()
        assert isinstance(first, dt.date)
        if (period.end - first).days < PRICED_DAYS:
            raise DataError(
                f"outlook: {period.month} is too early: prices begin on {first}, and {PRICED_DAYS} days are needed.",
                hint="Take a later month.",
            )
        return period

    def _calibration(self, origin: dt.date) -> Calibration:
        from hashdesk.outlook.calibration import calibrate_history
        from hashdesk.outlook.fleet import fleet_at
        from hashdesk.outlook.history import build_history

        if origin not in self._calibrations:
            history = build_history(*(self.store.read(name, as_of=origin) for name in SCORECARD_TABLES[:3])).before(
                origin
            )
            # The desk's cost line stands where it is calibrated; before that, the list of machines speaks alone.
            has_line = origin > COSTS_FROM
            fleet = fleet_at(
                self.store.read("asic_models"),
                origin,
                float(np.nanmean(history.revenue_usd_per_ehs_day[-30:])),
                efficiency_j_per_th=self.assumptions.efficiency(origin).value if has_line else None,
                power_price_usd_per_mwh=self.assumptions.power_price_usd_per_mwh,
            )
            self._calibrations[origin] = calibrate_history(history, origin, fleet)
        return self._calibrations[origin]

    @property
    def _calibrations(self) -> dict[dt.date, Calibration]:
        found: dict[dt.date, Calibration] = self.__dict__.setdefault("_calibration_by_origin", {})
        return found
