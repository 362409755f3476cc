"""Import of a raw folder: what is taken, what is refused, and in which words."""

import datetime as dt
import gzip
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from hashdesk.archive.importing import import_folder
from hashdesk.archive.layout_company import FILES as FILE_SPECS
from hashdesk.archive.layout_company import OTHER_FILES, OTHER_FOLDERS
from hashdesk.archive.report import ImportReport
from hashdesk.errors import InputError

NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
Store = Any
"""The store in memory of conftest.py."""

PRODUCTION = """\
company,ticker,month,btc_produced,hashrate_eod_ehs,hashrate_avg_operating_ehs,fleet_efficiency_j_th,btc_held,btc_sold,source_url,source_type,confidence,note
MARA Holdings,MARA,2025-01,750,53.2,,,45659,0,https://example.org/2025/02/03/mara,press release,high,energized hashrate
MARA Holdings,MARA,2025-02,706,53.9,,,46374,0,https://example.org/2025/03/03/mara,press release,high,
Riot Platforms,RIOT,2025-01,527,33.5,29.1,21,18221,0,https://example.org/2025/02/04/riot,press release,high,deployed
Riot Platforms,RIOT,2025-02,470,33.6,29.4,21,18692,0,https://example.org/2025/03/04/riot,press release,high,deployed
"""
VOLUMES = """\
month,combined_usd_tn,spot_usd_tn,derivatives_usd_tn,published_change,source,note
2025-01,9.1,2.7,6.4,-,https://example.org/a,
2025-02,7.2,2.0,5.2,-20.9% m/m,https://example.org/a,
2025-03,7.0,2.0,5.0,-2.8% m/m,https://example.org/a,
2025-04,6.8,1.9,4.9,-2.9% m/m,https://example.org/a,
"""
FLOWS = """\
date,IBIT,FBTC,GBTC,ARKB,total
2025-01-02,10.0,5.0,-2.0,1.0,14.0
2025-01-03,11.0,-5.0,0.0,1.0,7.0
2025-01-06,,2.0,-1.0,1.0,2.0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(
        tmp_path / "raw",
        {
            "company/production.csv": PRODUCTION,
            "market/volumes.csv": VOLUMES,
            "market/btc_etf_flows.csv": FLOWS,
        },
    )


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


class Nowhere:
    """A store for reports alone."""

    def append(self, table: str, frame: pl.DataFrame, *, retrieved_at: dt.datetime, batch: str | None = None) -> Any:
        return SimpleNamespace(n_new=frame.height, n_restated=0, n_unchanged=0, n_quarantined=0)


def taken(folder: Path, store: Store | None = None) -> ImportReport:
    return import_folder(folder, store or Nowhere(), retrieved_at=NOW)


def file_line(report: ImportReport, name: str) -> tuple[str, int, str]:
    outcome = next(outcome for outcome in report.files if outcome.file == name)
    return outcome.status, outcome.rows_set_aside, outcome.reason


def test_good_files_are_taken_whole_and_missing_ones_are_said(new_store: type[Store], folder: Path) -> None:
    store = new_store()
    report = taken(folder, store)
    assert file_line(report, "company/production.csv") == ("taken", 0, "")
    status, _, reason = file_line(report, "network/daily.csv")
    assert (status, reason) == ("missing", "not in the folder; it would feed network_daily, btc_price_daily")
    assert store.tables["production"].height == 4
    assert store.tables["etf_flows"].height == 15
    assert store.tables["sources"]["id"].is_in(["farside-flows"]).any()
    skipped = {outcome.table: outcome.reason for outcome in report.tables if outcome.status == "skipped"}
    assert skipped["network_daily"] == "network/daily.csv, network/blocks.csv.gz: missing"


def test_unknown_flow_stays_null(new_store: type[Store], folder: Path) -> None:
    store = new_store()
    taken(folder, store)
    row = store.tables["etf_flows"].filter(pl.col("ticker") == "IBIT", pl.col("date") == dt.date(2025, 1, 6))
    assert row["net_flow_usd"].to_list() == [None]


def test_a_second_import_writes_nothing(new_store: type[Store], folder: Path) -> None:
    store = new_store()
    first = taken(folder, store)
    before = {name: frame.height for name, frame in store.tables.items()}
    second = taken(folder, store)
    assert first.rows_written > 0
    assert second.rows_written == 0
    assert {name: frame.height for name, frame in store.tables.items()} == before
    assert {outcome.status for outcome in second.tables} == {"unchanged", "skipped"}


def test_a_changed_cell_restates_its_row_and_no_other(new_store: type[Store], folder: Path) -> None:
    store = new_store()
    taken(folder, store)
    write(folder, {"company/production.csv": PRODUCTION.replace("2025-02,706", "2025-02,708")})
    outcome = next(outcome for outcome in taken(folder, store).tables if outcome.table == "production")
    assert (outcome.rows_new, outcome.rows_restated, outcome.rows_unchanged) == (0, 1, 3)


ROWS: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a cell that is no number": (
        "company/production.csv",
        lambda text: text.replace("2025-02,706", "2025-02,7O6"),
        "company/production.csv row 3 column btc_produced: expected a number from 0 to 2,000 [BTC], got '7O6'",
    ),
    "a hashrate in PH/s": (
        "company/production.csv",
        lambda text: text.replace(",53.9,", ",53900,"),
        "company/production.csv row 3 column hashrate_eod_ehs: expected a number from 0 to 150 [EH/s], got '53900'",
    ),
    "a month that is none": (
        "company/production.csv",
        lambda text: text.replace("MARA,2025-02", "MARA,2025-13"),
        "company/production.csv row 3 column month: expected a month as YYYY-MM, got '2025-13'",
    ),
    "a word that is not in the list": (
        "company/production.csv",
        lambda text: text.replace("riot,press release,high", "riot,press release,sure", 1),
        "company/production.csv row 4 column confidence: expected high or medium or low, got 'sure'",
    ),
    "a row that names a month twice": (
        "company/production.csv",
        lambda text: text.replace("RIOT,2025-02", "RIOT,2025-01"),
        "company/production.csv row 5 column ticker/month: expected one row of a name, got RIOT, 2025-01 again",
    ),
    "a month out of its place": (
        "market/volumes.csv",
        lambda text: text.replace("2025-02,", "2035-02,"),
        "market/volumes.csv row 3 column month: expected a value between its neighbours', got 2035-02",
    ),
    "a day that is none": (
        "market/btc_etf_flows.csv",
        lambda text: text.replace("2025-01-03", "2025-02-30"),
        "market/btc_etf_flows.csv row 3 column date: expected a day as YYYY-MM-DD, got '2025-02-30'",
    ),
    "a fund that the layout does not name": (
        "market/btc_etf_flows.csv",
        lambda text: text.replace("0.0,1.0,7.0", "0.0,one,7.0"),
        "market/btc_etf_flows.csv row 3 column ARKB: expected a number from -20,000 to 20,000 [USD m], got 'one'",
    ),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_bad_row_is_set_aside_in_one_line_and_the_others_are_taken(
    new_store: type[Store], folder: Path, case: str
) -> None:
    name, change, line = ROWS[case]
    write(folder, {name: change((folder / name).read_text())})
    store = new_store()
    report = taken(folder, store)
    assert file_line(report, name) == ("in part", 1, line)
    kept = store.tables["quarantine"].filter(pl.col("check_id").str.starts_with("layout."))
    assert kept["message"].to_list() == [line]
    assert kept["row_json"].str.contains("source|date").all()
    assert report.rows_quarantined >= 1


FILES: dict[str, tuple[Callable[[str], str], str]] = {
    "a renamed column": (
        lambda text: text.replace("btc_produced", "btc_mined"),
        r"expected column 'btc_produced', got none of that name; columns without a place in the layout: "
        r"'company', 'btc_mined'\.",
    ),
    "a page instead of a table": (lambda _: "<!doctype html><html><body>Not found</body></html>", "expected column"),
    "nothing at all": (lambda _: "", r"expected a CSV table, got a file that is none \(empty CSV\)\."),
    "more cells than the header has": (
        lambda text: text.replace(",deployed", ",deployed,a,b"),
        r"expected a CSV table, got a file that is none",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_not_what_the_layout_says_is_refused(new_store: type[Store], folder: Path, case: str) -> None:
    change, line = FILES[case]
    write(folder, {"company/production.csv": change(PRODUCTION)})
    store = new_store()
    report = taken(folder, store)
    status, _, reason = file_line(report, "company/production.csv")
    assert status == "refused"
    assert re.search(line, reason), reason
    assert reason.startswith("company/production.csv")
    assert "production" not in store.tables
    assert store.tables["volumes"].height == 4


def test_a_column_in_another_unit_refuses_the_file(folder: Path) -> None:
    wrong = PRODUCTION
    for value in ("53.2", "53.9", "33.5", "33.6"):
        wrong = wrong.replace(f",{value},", f",{float(value) * 1000:g},")
    write(folder, {"company/production.csv": wrong})
    status, _, reason = file_line(taken(folder), "company/production.csv")
    assert (status, reason) == (
        "refused",
        "company/production.csv row 2 column hashrate_eod_ehs: expected a number from 0 to 150 [EH/s], got '53200', "
        "and 3 more of 4 - another unit?",
    )


def test_a_truncated_archive_is_refused(folder: Path) -> None:
    header = "date,ticker,close,basis,source\n"
    write(folder, {"equity/closes.csv.gz": header + "2025-01-02,MARA,17.0,unadjusted,x\n" * 500})
    path = folder / "equity/closes.csv.gz"
    path.write_bytes(path.read_bytes()[:60])
    status, _, reason = file_line(taken(folder), "equity/closes.csv.gz")
    assert status == "refused"
    assert reason.startswith("equity/closes.csv.gz: expected a CSV table, got a file that is none")


def test_a_header_without_rows_gives_no_table(folder: Path) -> None:
    write(folder, {"company/production.csv": PRODUCTION.splitlines()[0] + "\n"})
    outcome = next(outcome for outcome in taken(folder).tables if outcome.table == "production")
    assert (outcome.status, outcome.reason) == ("skipped", "company/production.csv: no row is left")


def test_files_without_a_place_are_named(folder: Path) -> None:
    write(folder, {"company/extra.csv": "a\n1\n", "company/press_release_layouts/MARA.txt": "words"})
    report = taken(folder)
    assert file_line(report, "company/extra.csv") == ("unknown", 0, "the layout has no place for it")
    assert file_line(report, "company/press_release_layouts")[0] == "not stored"
    assert all("MARA.txt" not in outcome.file for outcome in report.files)


def test_an_event_of_the_readers_own_keeps_its_headline(new_store: type[Store], folder: Path) -> None:
    events = (
        "date,time_hint,tickers,kind,headline_fact,source_url,confidence,note\n"
        "2026-08-03,,MARA,earnings,Second quarter above forecasts,https://example.org/2026/08/03/mara,high,\n"
    )
    store = new_store()
    taken(write(folder, {"company/events.csv": events}), store)
    assert store.tables["events"]["headline"].to_list() == ["Second quarter above forecasts"]


def test_a_contract_without_a_day_is_set_aside(new_store: type[Store], folder: Path) -> None:
    columns = (
        "ticker,company,counterparty,announced_on,critical_it_mw,gross_mw,term_years,contract_revenue_usd_bn,"
        "annual_revenue_usd_mn,noi_margin_pct,capex_usd_per_mw,backstop_guarantee,site,source_url,confidence,"
        "annual_noi_usd_mn\n"
    )
    rows = (
        "RIOT,Riot,OpenCo,2026-07,100,,10,1.0,,80-85,8-10 M,,Corsicana,https://example.org/a,high,\n"
        "RIOT,Riot,OpenCo,2026-08-04,100,,10,1.0,,80-85,8-10 M,,Corsicana,https://example.org/b,high,\n"
    )
    store = new_store()
    report = taken(write(folder, {"company/hpc_contracts.csv": columns + rows}), store)
    assert store.tables["hpc_contracts"]["announced_on"].to_list() == [dt.date(2026, 8, 4)]
    assert file_line(report, "company/hpc_contracts.csv")[2].startswith(
        "company/hpc_contracts.csv row 2 column announced_on: expected a day as YYYY-MM-DD"
    )


def test_rows_that_fail_a_check_are_kept_out_and_named(new_store: type[Store], folder: Path) -> None:
    flows = FLOWS.replace("10.0,5.0,-2.0,1.0,14.0", "9000.0,5.0,-2.0,1.0,9004.0")
    store = new_store()
    report = taken(write(folder, {"market/btc_etf_flows.csv": flows}), store)
    outcome = next(outcome for outcome in report.tables if outcome.table == "etf_flows")
    assert (outcome.rows, outcome.rows_new, outcome.rows_quarantined) == (15, 13, 2)
    quarantined = store.tables["quarantine"]
    assert set(quarantined["check_id"]) == {"flows.unit"}
    assert quarantined["fact_date"].to_list() == [dt.date(2025, 1, 2)] * 2


@pytest.mark.parametrize("path", ["nowhere", "raw/company/production.csv"])
def test_a_path_that_is_no_folder_is_the_callers_error(tmp_path: Path, folder: Path, path: str) -> None:
    with pytest.raises(InputError, match="expected a folder in the archive layout, got"):
        taken(tmp_path / path)


def test_a_folder_without_a_known_file_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of the 29 files of the archive layout"):
        taken(tmp_path)


def test_the_page_of_the_layout_names_every_file_and_column(root: Path) -> None:
    page = (root / "docs/archive-layout.md").read_text(encoding="utf-8")
    for path, spec in FILE_SPECS.items():
        line = next(
            row for row in page.splitlines() if row.startswith(f"| `{path.partition('/')[2]}` | {spec.holds} |")
        )
        assert [cell.name for cell in spec.cells if f"`{cell.name}`" not in line] == [], path
        assert all(f"`{table}`" in line for table in spec.feeds), path
    assert all(f"`{name}" in page for name in (*OTHER_FILES, *OTHER_FOLDERS))
