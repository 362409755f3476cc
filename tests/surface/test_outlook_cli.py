"""The outlook on the command line: the same numbers as the desk's, one clear line for what cannot be."""

import datetime as dt
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hashdesk import Desk, to_json
from hashdesk.calendar import month_period, parse_month
from hashdesk.cli import run
from hashdesk.desk.reader_files import SCENARIOS
from hashdesk.desk.scorecard import scored_by
from hashdesk.note import chart_outlook
from hashdesk.note.charts import render_svgs
from hashdesk.note.outlook_section import NOTE_SCENARIOS, outlook_sections, outlook_tables

Run = Callable[..., tuple[int, str, str]]
MONTH = "2025-09"
FEW = ("--paths", "400")
FLEET = """
name = "Ten megawatts"
[[machines]]
model = "Antminer S21 XP"
count = 2500
price_usd = 5400
resale_frac = 0.1
[site]
power_price_usd_per_mwh = 45
overhead = 1.05
[finance]
months = 18
"""


@pytest.fixture
def hashdesk(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def test_outlook_prints_what_the_desk_returns(hashdesk: Run, desk: Desk) -> None:
    code, out, err = hashdesk("outlook", "--from", MONTH, "--scenario", "base", "--scenario", "bear", "--json", *FEW)
    assert (code, err) == (0, "")
    report = desk.outlook(MONTH, paths=400, scenarios=["base", "bear"])
    assert json.loads(out) == json.loads(json.dumps(report.document()))
    assert report.seed == 202509


def test_outlook_in_a_terminal_has_fans_scenarios_and_probabilities(hashdesk: Run) -> None:
    code, out, _ = hashdesk(
        "outlook", "--from", MONTH, "--horizon", "1y", "--statement", "network_hashrate_ehs>1200@2026-06", *FEW
    )
    assert code == 0
    for said in ("Network hashrate, month average: base", "Scenarios side by side", "Probabilities", "RIOT",
                 "network hashrate above 1,200 EH/s in June 2026", "efficiency"):  # fmt: skip
        assert said in out


def test_two_runs_agree_and_another_seed_does_not(desk: Desk) -> None:
    one, two, other = (desk.outlook(MONTH, paths=300, horizon=6, seed=seed) for seed in (None, None, 1))
    assert one.fan.equals(two.fan)
    assert not one.fan.equals(other.fan)


def test_facts_after_the_month_change_nothing(desk: Desk) -> None:
    class CutDesk(Desk):
        def __init__(self) -> None:
            super().__init__()
            whole = self.store.read

            def read(table: str, as_of: dt.date | None = None) -> pl.DataFrame:
                frame = whole(table, as_of)
                return (
                    frame.filter(pl.col("known_at") <= dt.date(2025, 10, 1)) if "known_at" in frame.columns else frame
                )

            self.store.read = read  # type: ignore[method-assign]

    cut = CutDesk().outlook(MONTH, paths=300, horizon=6)
    whole = desk.outlook(MONTH, paths=300, horizon=6)
    assert cut.fan.equals(whole.fan)
    assert to_json(cut.tables["outlook_companies"]) == to_json(whole.tables["outlook_companies"])
    assert cut.difficulty.adjustment == whole.difficulty.adjustment


def test_every_built_in_scenario_runs_and_the_bear_is_poorer_than_the_bull(desk: Desk) -> None:
    report = desk.outlook(MONTH, paths=300, scenarios=SCENARIOS)
    profit = {
        row["scenario"]: row["block_reward_gross_profit_usd_per_ehs_day_p50"]
        for row in report.tables["outlook_scenarios"].records()
        if row["month"] == dt.date(2026, 9, 1)
    }
    assert set(profit) == set(SCENARIOS)
    assert profit["bear"] < profit["base"] < profit["bull"]
    assert profit["ai_pull"] > profit["base"]


def test_a_scenario_of_the_readers_own_runs_beside_base(hashdesk: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "mine"\nlabel = "Mine"\nsource = "me"\nas_of = 2025-09-30\n[price]\npath_usd = { "2026-03" = 90000 }\n'
    )
    code, out, _ = hashdesk(
        "outlook", "--from", MONTH, "--horizon", "6m", "--scenario", "base", "--scenario", "mine.toml", *FEW
    )
    assert code == 0
    assert "price on a given path" in out
    assert "90,000" in out


def test_a_plan_of_companies_enters_the_table_and_is_named(hashdesk: Run, tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text('[[company]]\nticker = "RIOT"\nplan_ehs = { "+6m" = 60 }\n')
    code, out, _ = hashdesk("outlook", "--from", MONTH, "--companies", "plans.toml", "--json", *FEW)
    assert code == 0
    table = json.loads(out)["tables"]["outlook_companies"]
    assert "RIOT: as the reader's file says" in table["caveats"][0]


def test_processes_give_the_same_numbers_as_threads(desk: Desk) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(3) as pool:
        spread = desk.outlook(MONTH, paths=301, horizon=6, executor=pool)
    assert spread.fan.equals(desk.outlook(MONTH, paths=301, horizon=6).fan)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("outlook", "--scenario", "bare"), "Did you mean bear?"),
        (("outlook", "--scenario", "no.toml"), "no.toml cannot be read"),
        (("outlook", "--horizon", "61m"), "61 months lie past the model"),
        (("outlook", "--horizon", "soon"), "expected months or years"),
        (("outlook", "--horizon", "0m"), "expected 1 to 60 months"),
        (("outlook", "--companies", "no.toml"), "no.toml cannot be read"),
        (("outlook", "--from", MONTH, *FEW, "--statement", "btc_price_usd<1..5@2026-01"), "is not a number"),
        (("outlook", "--paths", "0"), "expected 1 to 1,000,000"),
        (("outlook", "--executor", "gpu"), "expected threads, processes or the address"),
        (("outlook", "--from", "2025-13"), "expected YYYY-MM"),
        (("outlook", "--from", MONTH, *FEW, "--statement", "x<1@2026-01"), "unknown figure"),
        (("outlook", "--from", MONTH, *FEW, "--scenario", "base", "--scenario", "base"), "same name"),
        (("difficulty", "--at", "tomorrow"), "expected a day"),
        (("difficulty", "--at", "99000000"), "expected a block"),
        (("difficulty", "--at", "2031-01-01"), "covers"),
        (("difficulty", "--at", "2025-01-01", "--score"), "--score looks at all"),
        (("fleet", "no.toml"), "no.toml cannot be read"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(hashdesk: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = hashdesk(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err


def test_a_month_that_the_store_does_not_cover_is_a_data_error(hashdesk: Run) -> None:
    code, _, err = hashdesk("outlook", "--from", "2026-08")
    assert code == 4
    assert "latest month for an outlook" in err


def test_difficulty_by_day_and_by_height_agree(hashdesk: Run, desk: Desk) -> None:
    by_day = desk.difficulty("2025-09-30")
    by_height = desk.difficulty(by_day.adjustment.state.height)
    assert by_day.adjustment == by_height.adjustment
    assert by_height.caveats == ()
    between = desk.difficulty(by_day.adjustment.state.height + 1)
    assert "held by day" in between.caveats[0]
    code, out, _ = hashdesk("difficulty", "--at", "2025-09-30", "--json")
    assert code == 0
    assert json.loads(out) == json.loads(json.dumps(by_day.document()))


def test_the_retarget_of_october_2025_lay_inside_the_intervals(desk: Desk) -> None:
    predicted = desk.difficulty("2025-09-30").adjustment.next
    assert predicted.height == 917_280
    for bounds in predicted.change_bounds:
        assert bounds.low < 0.0597 < bounds.high


def test_difficulty_scores_are_printed(hashdesk: Run) -> None:
    code, out, _ = hashdesk("difficulty", "--score")
    assert code == 0
    assert "Inside 95%" in out


def test_fleet_prints_what_the_desk_returns(hashdesk: Run, desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(FLEET)
    code, out, _ = hashdesk("fleet", str(file), "--from", MONTH, "--json", "--paths", "300")
    assert code == 0
    report = desk.fleet(file, MONTH, paths=300)
    assert json.loads(out) == json.loads(json.dumps(report.document()))
    assert report.strip["option_value_usd"] >= report.strip["simple_value_usd"]
    assert {p.difficulty for p in report.paybacks} == {"flat", "trend", "modelled"}
    flat = next(p for p in report.paybacks if p.difficulty == "flat")
    modelled = next(p for p in report.paybacks if p.difficulty == "modelled")
    assert flat.never_frac <= modelled.never_frac
    assert abs(np.array([option.parity_z for option in report.options])).max() < 4
    code, out, _ = hashdesk("fleet", str(file), "--from", MONTH, "--paths", "300")
    assert code == 0
    for said in ("Net present value", "Payback by view of difficulty", "Hashprice forward", "Cash by month"):
        assert said in out


def test_an_energy_spike_reaches_the_fleets_bill(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(
        FLEET.replace("power_price_usd_per_mwh = 45", 'power_price_usd_per_mwh = 45\ncurtailment = "never"')
    )
    base, spike = (
        desk.fleet(file, MONTH, scenario=name, paths=200).cash.power_cost_usd for name in ("base", "energy_spike")
    )
    np.testing.assert_allclose(spike[:, :3], base[:, :3])
    np.testing.assert_allclose(spike[:, 4:8], 1.5 * base[:, 4:8])


def test_scorecard_of_the_package_is_cut_at_what_was_known(desk: Desk) -> None:
    report = desk.shipped_scorecard()
    assert report is not None, "the package comes with a scorecard: run tools/build_scorecard.py"
    assert report.caveats == (), "the scorecard is older than the facts: run tools/build_scorecard.py"
    cut = desk.shipped_scorecard(MONTH)
    assert cut is not None
    day = dt.date(2025, 10, 1)
    for row in cut.card.scores.select("origin", "horizon_months").unique().iter_rows():
        month = row[0].month - 1 + row[1]
        assert dt.date(row[0].year + month // 12, month % 12 + 1, 1) <= day
    assert len(cut.card.scores) < len(report.card.scores)
    assert len(scored_by(replace(report.card), dt.date(2014, 1, 15))) == 0
    assert desk.shipped_scorecard("2013-01") is None


def test_the_theme_of_the_note_and_its_charts_hold_together(desk: Desk) -> None:
    report = desk.outlook(MONTH, paths=300, scenarios=NOTE_SCENARIOS)
    card = desk.shipped_scorecard(MONTH)
    (section,) = outlook_sections(report, card)
    tables = outlook_tables(report, card)
    text = " ".join(section.paragraphs)
    assert "1,068 EH/s" in text
    assert "917,280" in text
    assert all(len(table.columns) <= 9 for table in section.tables)
    assert any("CORZ" in line for line in section.missing)
    note = desk.note(MONTH)
    note = replace(note, tables={**note.tables, **tables})
    charts = [
        build(note)
        for build in (
            chart_outlook.hashrate_fan_chart,
            chart_outlook.hashprice_fan_chart,
            chart_outlook.gross_profit_fan_chart,
            chart_outlook.scenarios_chart,
        )
    ]
    assert all(chart.section == section.id and chart.spec for chart in charts)
    assert set(render_svgs(charts)) == {chart.id for chart in charts}


def test_charts_say_what_is_missing_where_there_is_no_outlook(desk: Desk) -> None:
    note = replace(desk.note(MONTH), tables={})
    for build in (chart_outlook.gross_profit_fan_chart, chart_outlook.scenarios_chart):
        chart = build(note)
        assert chart.spec is None
        assert chart.missing


@pytest.mark.enable_socket
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_an_address_without_a_scheduler_is_one_line(hashdesk: Run) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code, _, err = hashdesk("outlook", "--from", MONTH, *FEW, "--executor", f"tcp://127.0.0.1:{port}")
    assert code == 2
    assert "no Dask scheduler answers" in err


def test_a_month_before_the_cost_line_has_its_retargets_and_says_what_is_missing(desk: Desk) -> None:
    period = month_period(parse_month("2020-04"))
    (section,), tables = desk.note_outlook(period)
    assert "628,992" in " ".join(section.paragraphs)
    assert "not calibrated" in section.missing[0]
    assert set(tables) == {"outlook_nowcast", "outlook_retargets"}


def test_the_first_part_of_a_month_has_an_outlook_of_its_own(desk: Desk) -> None:
    period = month_period(parse_month("2025-10"), dt.date(2025, 10, 15))
    (section,), tables = desk.note_outlook(period)
    assert "15 October 2025" in " ".join(section.paragraphs)
    assert tables["outlook_fan"].column("month")[0] == dt.date(2025, 10, 1)
