"""Fans, scenarios side by side, probabilities and companies: read off paths whose answer is known."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from hashdesk.errors import InputError
from hashdesk.outlook.company_risk import company_frame, disclosed_companies, parse_plans
from hashdesk.outlook.engine import simulate
from hashdesk.outlook.model import FeeModel, Fleet, GbmPrice, Model, Response, Start, month_windows
from hashdesk.outlook.scenario import apply_scenario, parse_scenario
from hashdesk.outlook.statements import (
    FAN_FIGURES,
    GROSS_PROFIT,
    REVENUE,
    STORED_FIGURES,
    ScenarioRun,
    comparison_frame,
    default_statements,
    fan_frame,
    parse_statement,
    state,
)
from hashdesk.store.pack import ReferencePack

START = Start(dt.date(2025, 10, 1), 917_149, 1.42e14, 1_885, 1_069_952.0, 1_050.0, 0.0, 114_000.0)
MODEL = Model(GbmPrice(), FeeModel.constant(0.02), Response.none(0.0005), Fleet.single(19.0))
HEAD = 'label = "X"\nsource = "test"\nas_of = 2025-09-30\n'
YEAR = dt.date(2026, 9, 1)


def run(text: str = "", name: str = "base", n_paths: int = 2_000) -> ScenarioRun:
    windows = month_windows(START.date, 12)
    applied = apply_scenario(parse_scenario(f'name = "{name}"\n{HEAD}{text}', "f.toml"), START, MODEL, windows.n_days)
    outlook = simulate(START, applied.model, windows, n_paths=n_paths, seed=7, keep=STORED_FIGURES)
    return ScenarioRun(applied.scenario, outlook, "")


@pytest.fixture(scope="module")
def base() -> ScenarioRun:
    return run()


def test_fan_has_every_figure_and_month_in_order(base: ScenarioRun) -> None:
    fan = fan_frame(base)
    assert len(fan) == 12 * len(FAN_FIGURES)
    assert fan["month"].min() == START.date
    cuts = fan.select("p5", "p25", "p50", "p75", "p95").to_numpy()
    assert (np.diff(cuts, axis=1) >= 0).all()
    assert np.isfinite(cuts).all()


def test_probability_is_the_share_of_paths_with_its_error(base: ScenarioRun) -> None:
    profit = base.outlook.path(GROSS_PROFIT)[:, -1]
    found = state(base, GROSS_PROFIT, 20_000.0, YEAR, is_below=True)
    assert found.probability == pytest.approx(float(np.mean(profit < 20_000)))
    assert found.standard_error == pytest.approx((found.probability * (1 - found.probability) / 2_000) ** 0.5)
    above = state(base, GROSS_PROFIT, 20_000.0, YEAR, is_below=False)
    assert found.probability + above.probability == pytest.approx(1)
    ever = state(base, GROSS_PROFIT, 20_000.0, YEAR, is_below=True, is_ever=True)
    assert ever.probability >= found.probability


def test_price_probability_is_that_of_the_closed_form() -> None:
    # The mean over a month of a lognormal walk is not lognormal; over the first days of it the two agree closely.
    found = state(run(n_paths=20_000), "btc_price_usd", 114_000.0, YEAR, is_below=True)
    assert abs(found.probability - 0.5) < 0.02


def test_a_written_statement_reads_as_the_call(base: ScenarioRun) -> None:
    assert parse_statement(f"{GROSS_PROFIT} < 15,000 @ 2026-09", base) == state(
        base, GROSS_PROFIT, 15_000.0, YEAR, is_below=True
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profit is low", "expected FIGURE<NUMBER@MONTH"),
        ("gross_profit<1@2026-06", "unknown figure"),
        ("network_hashrate<1@2026-06", "Did you mean network_hashrate_ehs"),
        ("difficulty<1@2029-06", "outside this outlook"),
    ],
)
def test_a_statement_that_cannot_be_is_refused(base: ScenarioRun, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_statement(text, base)


def test_scenarios_share_their_draws_so_a_change_without_effect_differs_by_nothing(base: ScenarioRun) -> None:
    same = run('[[power.spike]]\nstart = "+11m"\ndays = 7\nfactor = 2', "same")
    early = dt.date(2026, 3, 1)
    table = comparison_frame([base, same], [early])
    assert table[f"{GROSS_PROFIT}_difference_p50"].to_list() == [None, 0.0]


def test_dear_power_lowers_gross_profit_by_its_cost(base: ScenarioRun) -> None:
    dear = run("[power]\nfactor = 2", "dear")
    difference = dear.outlook.path(GROSS_PROFIT) - base.outlook.path(GROSS_PROFIT)
    np.testing.assert_allclose(difference, -24 * 19.0 * 50.0, rtol=1e-3)


def test_statements_of_a_note_need_the_values_they_stand_on(base: ScenarioRun) -> None:
    now = {
        GROSS_PROFIT: 27_000.0,
        "network_hashrate_ehs": 1_035.0,
        "hashprice_usd_per_phs_day": 52.0,
        "difficulty": 1.4e14,
    }
    made = default_statements(base, now)
    assert len(made) == 8
    assert {s.threshold for s in made if s.figure == "network_hashrate_ehs"} == {1_200.0, 1_035.0}
    assert default_statements(base, {}) == []
    assert all(s.figure == "difficulty" for s in default_statements(base, {"difficulty": 1.4e14}))


def companies(**values: float | None) -> pl.DataFrame:
    facts = {"hashrate_ehs": 10.0, "efficiency_j_per_th": 20.0, "power_price_usd_per_mwh": 50.0, **values}
    return pl.DataFrame({"ticker": ["X"], **{name: [value] for name, value in facts.items()}})


def risk(base: ScenarioRun, table: pl.DataFrame, plan: str = "") -> dict[str, object]:
    return company_frame(
        table,
        base,
        None,
        network_efficiency_j_per_th=18.5,
        network_power_price_usd_per_mwh=50.0,
        plans=parse_plans(plan, "plans.toml") if plan else None,
    ).row(-1, named=True)


def test_company_profit_is_its_hashrate_times_the_margin_of_its_machines(base: ScenarioRun) -> None:
    row = risk(base, companies())
    days = np.diff([0, *base.outlook.windows.days])
    year = (base.outlook.path(REVENUE).astype(float) - 24 * 20 * 50) @ days * 10
    assert row["gross_profit_usd_p50"] == pytest.approx(float(np.median(year)))
    assert row["breakeven_hashprice_usd_per_phs_day"] == pytest.approx(24.0)
    assert row["assumed"] is None


def test_one_missing_input_is_assumed_and_named_two_leave_nothing(base: ScenarioRun) -> None:
    one = risk(base, companies(efficiency_j_per_th=None))
    assert one["assumed"] == "efficiency"
    assert one["breakeven_hashprice_usd_per_phs_day"] == pytest.approx(0.024 * 18.5 * 50)
    two = risk(base, companies(efficiency_j_per_th=None, power_price_usd_per_mwh=None))
    assert two["assumed"] is None
    assert two["loss_month_frac"] is None
    none = risk(base, companies(hashrate_ehs=None))
    assert none["gross_profit_usd_p50"] is None
    assert none["loss_month_frac"] is not None


def test_a_plan_of_hashrate_weighs_each_month_by_its_size(base: ScenarioRun) -> None:
    doubled = risk(base, companies(), '[[company]]\nticker = "X"\nplan_ehs = { "+0d" = 20 }')
    held = risk(base, companies())
    assert doubled["gross_profit_usd_p50"] == pytest.approx(2 * held["gross_profit_usd_p50"])  # type: ignore[operator]
    assert doubled["loss_year_frac"] == held["loss_year_frac"]
    growing = risk(base, companies(), '[[company]]\nticker = "X"\nplan_ehs = { "+12m" = 40 }')
    days = np.diff([0, *base.outlook.windows.days])
    path = 10 * 4 ** (np.arange(1, 366) / 366)
    size = np.add.reduceat(path, [0, *base.outlook.windows.days[:-1]]) / days
    year = (base.outlook.path(REVENUE).astype(float) - 24 * 20 * 50) @ (days * size)
    assert growing["gross_profit_usd_p50"] == pytest.approx(float(np.median(year)), rel=1e-3)


def test_a_plan_may_add_a_company_or_say_what_one_did_not_disclose(base: ScenarioRun) -> None:
    text = '[[company]]\nticker = "OWN"\nhashrate_ehs = 1\nefficiency_j_per_th = 20\npower_price_usd_per_mwh = 50'
    own = risk(base, companies(), text)
    assert own["gross_profit_usd_p50"] == pytest.approx(risk(base, companies())["gross_profit_usd_p50"] / 10)  # type: ignore[operator]
    filled = risk(base, companies(efficiency_j_per_th=None), text.replace("OWN", "X"))
    assert filled["assumed"] is None
    assert filled["missing"] is None
    assert filled["planned"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[company]]\nplan = 1", "Did you mean company.0.plan_ehs?"),
        ('[[company]]\nticker = "X"\nhashrate_ehs = -1', "company.0.hashrate_ehs: expected a value greater than 0"),
        ('[[company]]\nticker = "X"\n[[company]]\nticker = "x"', "stands there twice"),
        ("company = []", "expected at least one entry"),
        ('[[company]]\nticker = "X"\nplan_ehs = { "2020-01" = 1 }', "before the outlook begins"),
        ('[[company]]\nticker = "NEW"\nplan_ehs = { "+3m" = 1 }', "Add hashrate_ehs"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(base: ScenarioRun, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        risk(base, companies(), text)
    assert said in str(caught.value)


def test_power_is_the_mean_over_the_year_and_machines_are_the_latest() -> None:
    day = dt.date(2025, 9, 1)
    power = pl.DataFrame(
        {
            "ticker": ["X"] * 3,
            "period": ["2025-Q2", "2025-07", "2023-Q1"],
            "period_start": [dt.date(2025, 4, 1), dt.date(2025, 7, 1), dt.date(2023, 1, 1)],
            "period_end": [dt.date(2025, 7, 1), dt.date(2025, 8, 1), dt.date(2023, 4, 1)],
            "power_price_usd_per_mwh": [40.0, 20.0, 99.0],
            "basis": ["power"] * 3,
            "known_at": [day] * 3,
        }
    )
    pack = ReferencePack()
    tables = {name: pack.read(name) for name in ("production", "production_quarterly")} | {"power_costs": power}
    row = disclosed_companies(tables, ["X"], dt.date(2025, 10, 1)).row(0, named=True)
    assert row["power_price_usd_per_mwh"] == pytest.approx((91 * 40 + 31 * 20) / 122)
    assert row["power_price_usd_per_mwh_month"] == dt.date(2025, 7, 1)


def test_only_what_was_known_by_then_is_read() -> None:
    pack = ReferencePack()
    tables = {name: pack.read(name) for name in ("production", "production_quarterly", "power_costs")}
    origin = dt.date(2025, 10, 1)
    found = disclosed_companies(tables, ["RIOT", "CORZ"], origin)
    cut = {name: frame.filter(pl.col("known_at") < origin) for name, frame in tables.items()}
    assert found.equals(disclosed_companies(cut, ["RIOT", "CORZ"], origin))
    riot, corz = found.to_dicts()
    assert riot["hashrate_ehs"] == 36.4
    assert riot["efficiency_j_per_th"] == 21.0
    assert corz["hashrate_ehs"] is None
