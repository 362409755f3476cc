"""Looking into a store: SQL, export, gaps, differences."""

import datetime as dt
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from hashdesk.catalog.live_tables import store_spec
from hashdesk.errors import InputError
from hashdesk.store.delta import DeltaStore
from hashdesk.store.export import write_table
from hashdesk.store.sql import query
from hashdesk.store.status import store_status, table_status
from hashdesk.store.vintages import differences, in_month

T0 = dt.datetime(2025, 10, 1, 12, tzinfo=dt.UTC)
DAYS = [dt.date(2025, 9, n) for n in (1, 2, 5)]


def prices(values: list[float]) -> pl.DataFrame:
    known = [day + dt.timedelta(days=1) for day in DAYS]
    return pl.DataFrame({"date": DAYS, "close_usd": values, "source": ["coinbase"] * 3, "known_at": known})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    store = DeltaStore.create(str(tmp_path_factory.mktemp("look") / "store"))
    store.append("btc_price_daily", prices([1.0, 2.0, 3.0]), retrieved_at=T0)
    store.append("btc_price_daily", prices([1.0, 2.5, 3.0]), retrieved_at=T0 + dt.timedelta(hours=1))
    volumes = pl.DataFrame(
        {
            "month": [dt.date(2025, 6, 1), dt.date(2025, 9, 1)],
            "basis": ["reported"] * 2,
            "source": ["x"] * 2,
            "known_at": [dt.date(2025, 9, 10)] * 2,
        }
    )
    store.append("volumes", volumes, retrieved_at=T0)
    return store


# SQL


def test_a_table_is_its_facts_and_vintages_are_every_row(store: DeltaStore) -> None:
    assert query(store, "select sum(close_usd) s from btc_price_daily")["s"].to_list() == [6.5]
    assert query(store, "SELECT count(*) n FROM btc_price_daily_vintages")["n"].to_list() == [4]


@pytest.mark.parametrize(
    "text",
    [
        "with t as (select * from btc_price_daily) select * from t",
        "describe btc_price_daily",
        "show tables",
        "-- why\nselect 1",
        "from btc_price_daily",
        "select timestamptz '2025-01-01 00:00:00+00', 1.5::decimal(4,1), null, [1, 2]",
    ],
)
def test_a_question_is_answered(store: DeltaStore, text: str) -> None:
    assert query(store, text).height > 0


def test_show_tables_lists_every_table_and_its_vintages(store: DeltaStore) -> None:
    names = query(store, "show tables")["name"].to_list()
    assert {"blocks", "blocks_vintages", "btc_price_daily", "quarantine"} <= set(names)


@pytest.mark.parametrize(
    "text",
    [
        "delete from btc_price_daily",
        "insert into btc_price_daily values (1)",
        "copy btc_price_daily to 'x.csv'",
        "attach 'x.db'",
        "create table t as select 1",
        "set threads = 1",
        "pragma version",
        "call pragma_version()",
        "install httpfs",
        "export database 'x'",
        "select 1; select 2",
        "select 1; copy (select 1) to 'x.csv'",
        "select * from read_csv('/etc/hostname')",
        "select * from read_text('/etc/hostname')",
        "select * from '/etc/hostname'",
        "select * from glob('/*')",
        "with t as (delete from btc_price_daily returning *) select * from t",
        "select * from store",
        "selec 1",
        "",
        "select * from no_such_table",
    ],
)
def test_what_is_no_question_about_the_tables_is_refused_in_one_line(
    store: DeltaStore, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        query(store, text)
    assert str(caught.value).startswith("sql: ")
    assert "\n" not in caught.value.message
    assert list(tmp_path.iterdir()) == []


# Export


def test_every_format_gives_the_facts_back(store: DeltaStore, tmp_path: Path) -> None:
    frame = store.read("btc_price_daily")
    for suffix in ("parquet", "csv", "xlsx"):
        write_table(frame, tmp_path / f"t.{suffix}")
    assert pl.read_parquet(tmp_path / "t.parquet").equals(frame)
    assert pl.read_csv(tmp_path / "t.csv", try_parse_dates=True)["close_usd"].to_list() == [1.0, 2.5, 3.0]
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert sheet is not None
    assert [cell.value for cell in sheet[1]] == frame.columns
    assert sheet["B3"].value == 2.5
    assert len(list(tmp_path.iterdir())) == 3


def test_times_and_bytes_have_a_place_in_every_format(store: DeltaStore, tmp_path: Path) -> None:
    frame = pl.DataFrame({"at": [T0], "body": [b"x"], "text": ["=1+1"]})
    for suffix in ("parquet", "csv", "xlsx"):
        write_table(frame, tmp_path / f"t.{suffix}")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert sheet is not None
    assert sheet["A2"].value == T0.replace(tzinfo=None)
    assert (sheet["B2"].value, sheet["B2"].data_type) == ("=1+1", "s")


@pytest.mark.parametrize("name", ["t.txt", "no/such/folder/t.csv"])
def test_an_export_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"^export: "):
        write_table(prices([1.0, 2.0, 3.0]), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_export_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "t.csv"
    target.write_text("old", encoding="utf-8")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_csv", full)
    with pytest.raises(InputError, match="No space left on device"):
        write_table(prices([1.0, 2.0, 3.0]), target)
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    assert target.read_text(encoding="utf-8") == "old"


# Status


def test_gaps_age_and_rows_are_told(store: DeltaStore) -> None:
    status = table_status(store, "btc_price_daily", dt.date(2025, 10, 1))
    assert (status.rows, status.vintages, status.age_days, status.is_late) == (3, 4, 26, True)
    assert (status.gaps, status.gap_examples) == (2, "2025-09-03, 2025-09-04")
    months = table_status(store, "volumes", dt.date(2025, 10, 1))
    assert (months.gaps, months.gap_examples) == (2, "2025-07-01, 2025-08-01")


def test_a_gap_in_numbers_is_told_by_its_ends(store: DeltaStore, tmp_path: Path) -> None:
    own = DeltaStore.create(str(tmp_path / "store"))
    heights = [0, 1, 5, 500_000]
    frame = pl.DataFrame({"height": heights}).with_columns(
        time=pl.lit(T0),
        bits=pl.lit("1d00ffff"),
        difficulty=pl.lit(1.0),
        subsidy_sat=pl.lit(5_000_000_000),
        source=pl.lit("bitcoin-node"),
        known_at=pl.lit(T0.date()),
    )
    own.append("blocks", frame, retrieved_at=T0)
    status = table_status(own, "blocks", T0.date())
    assert (status.gaps, status.gap_examples) == (3 + 499_994, "2 to 4; 6 to 499999")


def test_every_table_has_a_status(store: DeltaStore) -> None:
    states = {state.table: state for state in store_status(store, T0.date())}
    assert states["etf_flows"].rows == 0
    assert states["etf_flows"].last is None
    assert states["etf_flows"].is_late is None


# Differences


def test_two_readings_differ_by_cell_and_by_row() -> None:
    spec = store_spec("btc_price_daily")
    columns = [*spec.column_names]
    full = prices([1.0, 2.0, 3.0]).with_columns(close_usd_bitstamp=pl.lit(None, dtype=pl.Float64)).select(columns)
    later = prices([1.0, 2.5, 3.0]).with_columns(close_usd_bitstamp=pl.lit(None, dtype=pl.Float64)).select(columns)
    told = differences(full.head(2), later.tail(2), spec).sort("key").to_dicts()
    assert [(row["key"], row["column"], row["then"], row["now"]) for row in told] == [
        ("2025-09-01", "row", "close_usd 1.0", None),
        ("2025-09-02", "close_usd", "2.0", "2.5"),
        ("2025-09-05", "row", None, "close_usd 3.0"),
    ]
    assert differences(full, full, spec).height == 0


def test_rows_of_a_month_are_those_dated_in_it_or_touching_it() -> None:
    spec = store_spec("production_quarterly")
    frame = pl.DataFrame(
        {
            "period_start": [dt.date(2025, 7, 1), dt.date(2025, 10, 1)],
            "period_end": [dt.date(2025, 10, 1), dt.date(2026, 1, 1)],
        }
    )
    assert in_month(frame, spec, dt.date(2025, 9, 1)).height == 1
    assert in_month(prices([1.0, 2.0, 3.0]), store_spec("btc_price_daily"), dt.date(2025, 8, 1)).height == 0
