"""The store on the command line, and as a library: the same numbers, one clear line where something is wrong."""

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hashdesk import Desk
from hashdesk.catalog.live_tables import STORE_TABLES
from hashdesk.catalog.tables import TABLES
from hashdesk.cli import run
from hashdesk.cli.facts import emit_restatements
from hashdesk.config import load_settings
from hashdesk.desk import syncing
from hashdesk.errors import DataError, SourceError
from hashdesk.note.model import Note, to_json
from hashdesk.sources import registry
from hashdesk.sources.base import Batch, RawPayload, SyncContext
from hashdesk.store.delta import DeltaStore

Run = Callable[..., tuple[int, str, str]]



@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    at = str(tmp_path_factory.mktemp("desk") / "store")
    Desk(load_settings(store=at)).init()
    return at


@pytest.fixture
def hashdesk(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def one_line(text: str) -> str:
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    return text


def test_init_loads_the_pack_once(hashdesk: Run, tmp_path: Path) -> None:
    at = str(tmp_path / "new")
    code, out, err = hashdesk("--store", at, "init", "--format", "json")
    first = json.loads(out)
    assert (code, err) == (0, "")
    assert {row["table"] for row in first} == set(TABLES)
    assert all(row["new"] > 0 and row["quarantined"] == 0 for row in first)
    second = json.loads(hashdesk("--store", at, "init", "--format", "json")[1])
    assert all(row["new"] == row["restated"] == 0 for row in second)
    assert [row["unchanged"] for row in second] == [row["new"] for row in first]


def shared(note: Note) -> dict[str, Any]:
    """A note without the sentences of its sections: one says whether its facts came with the package."""
    told = to_json(note)
    told["sections"] = [section["tables"] for section in told["sections"]]
    return told


def test_a_note_from_the_store_equals_the_note_from_the_pack(address: str) -> None:
    live, pack = Desk(load_settings(store=address)), Desk()
    for as_of in (None, "2025-10-31"):
        assert shared(live.note("2025-09", as_of=as_of)) == shared(pack.note("2025-09", as_of=as_of))


def test_status_has_a_line_for_every_table(hashdesk: Run, address: str) -> None:
    desk = Desk(load_settings(store=address))
    frame = desk.status()
    assert frame["table"].to_list() == list(STORE_TABLES)
    code, out, _ = hashdesk("--store", address, "status", "--format", "json")
    assert code == 0
    assert [row["rows"] for row in json.loads(out)] == frame["rows"].to_list()
    assert "volumes: 2 missing: 2025-05-01, 2025-06-01" in hashdesk("--store", address, "status")[1]


def test_sql_prints_what_the_library_returns(hashdesk: Run, address: str) -> None:
    text = "select date, close_usd from btc_price_daily order by date desc limit 3"
    code, out, _ = hashdesk("--store", address, "sql", text, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    answer = Desk(load_settings(store=address)).sql(text)
    assert [float(row["close_usd"]) for row in rows] == answer["close_usd"].to_list()


def test_sql_leaves_standard_error_empty(address: str) -> None:
    source = str(Path(__file__).parents[2] / "src")
    command = [sys.executable, "-m", "hashdesk", "--store", address, "sql", "select count(*) n from epochs"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": source}, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_sql_refuses_to_write(hashdesk: Run, address: str) -> None:
    code, out, err = hashdesk("--store", address, "sql", "delete from epochs")
    assert (code, out) == (2, "")
    assert "the store is read only" in one_line(err)


def test_export_writes_a_table(hashdesk: Run, address: str, tmp_path: Path) -> None:
    code, out, _ = hashdesk("--store", address, "export", "volumes", "--to", "v.parquet")
    assert (code, out) == (0, "v.parquet: 22 rows\n")
    assert pl.read_parquet(tmp_path / "v.parquet").equals(DeltaStore(address).read("volumes"))
    hashdesk("--store", address, "export", "volumes", "--to", "old.parquet", "--as-of", "2025-01-31")
    assert pl.read_parquet(tmp_path / "old.parquet").equals(DeltaStore(address).read("volumes", dt.date(2025, 1, 31)))
    hashdesk("--store", address, "export", "volumes", "--to", "all.parquet", "--vintages")
    assert "_retrieved_at" in pl.read_parquet(tmp_path / "all.parquet").columns


def test_vintages_of_a_table_are_its_rows_of_the_month(hashdesk: Run, address: str) -> None:
    code, out, _ = hashdesk("--store", address, "vintages", "production", "2025-09", "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert {row["month"] for row in rows} == {"2025-09-01"}
    assert all(row["_retrieved_at"] for row in rows)


def test_vintages_of_a_figure_start_at_the_month_s_end_and_end_at_what_is_known(address: str) -> None:
    desk = Desk(load_settings(store=address))
    frame = desk.vintages("market_cap_usd", "2025-09")
    assert frame["known_at"][0] == dt.date(2025, 10, 1)
    assert frame["known_at"].is_sorted()
    assert frame.height > 1
    assert frame["value"][-1] == desk.figure("market_cap_usd", "2025-09").value
    assert frame["value"][0] == desk.figure("market_cap_usd", "2025-09", as_of="2025-10-01").value


def test_restatements_name_figures_and_the_facts_behind_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = str(tmp_path / "store")
    desk = Desk(load_settings(store=at))
    desk.init()
    day = dt.date(2025, 9, 15)
    row = desk.live_store("test").read("btc_price_daily").filter(pl.col("date") == day)
    restated = row.with_columns(close_usd=pl.col("close_usd") + 31.0, known_at=pl.lit(dt.date(2026, 10, 1)))
    desk.live_store("test").append("btc_price_daily", restated, retrieved_at=dt.datetime(2026, 10, 1, tzinfo=dt.UTC))
    told = Desk(load_settings(store=at)).restatements("2025-09", "2026-09-30")
    assert told.facts.select("table", "key", "column").rows() == [("btc_price_daily", "2025-09-15", "close_usd")]
    assert float(told.facts["now"][0]) - float(told.facts["then"][0]) == pytest.approx(31.0)
    figures = dict(told.figures.select("figure", "change").iter_rows())
    assert figures["block_reward_revenue_usd_per_ehs_day"] > 0
    assert "difficulty" not in figures
    emit_restatements(told)
    printed = capsys.readouterr().out
    assert all(figure in printed for figure in figures)
    assert "2025-09-15" in printed


def test_nothing_restated_is_two_empty_tables(address: str) -> None:
    told = Desk(load_settings(store=address)).restatements("2025-09", f"{dt.datetime.now(dt.UTC).date()}")
    assert (told.figures.height, told.facts.height) == (0, 0)


# Without a store, and with a wrong one


@pytest.mark.parametrize(
    "command",
    [
        ("init",),
        ("status",),
        ("sync",),
        ("sql", "select 1"),
        ("export", "blocks", "--to", "b.csv"),
        ("vintages", "blocks", "2025-09"),
        ("import", "."),
    ],
)
def test_without_a_store_one_line_says_how_to_set_one(hashdesk: Run, command: tuple[str, ...]) -> None:
    code, out, err = hashdesk(*command)
    assert (code, out) == (2, "")
    assert "HASHDESK_STORE or --store" in one_line(err)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--store", "file", "status"), "is a file"),
        (("--store", "nothing", "status"), "there is no hashdesk store"),
        (("--store", "nothing", "note", "2025-09"), "there is no hashdesk store"),
        (("--store", ".", "init"), "not empty"),
        (("--store", "LIVE", "export", "blocs", "--to", "b.csv"), "Did you mean 'blocks'"),
        (("--store", "LIVE", "export", "blocks", "--to", "b.doc"), "ends in .parquet, .csv, .xlsx"),
        (("--store", "LIVE", "vintages", "market_cap_us", "2025-09"), "Did you mean market_cap_usd"),
        (("--store", "LIVE", "vintages", "production", "2025-13"), "expected YYYY-MM"),
        (("--store", "LIVE", "import", "no-such-folder"), "no-such-folder"),
        (("--store", "LIVE", "sync", "nod"), "Did you mean 'node'"),
    ],
)
def test_a_mistake_is_one_line(
    hashdesk: Run, address: str, tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    code, out, err = hashdesk(*(address if text == "LIVE" else text for text in arguments))
    assert (code, out) == (2, "")
    assert expected in one_line(err)


# Import


def test_an_import_takes_the_folder_once(hashdesk: Run, data_dir: Path, tmp_path: Path) -> None:
    at = str(tmp_path / "store")
    desk = Desk(load_settings(store=at))
    desk.init()
    report = desk.import_folder(data_dir)
    assert report.rows_written > 400_000
    imported, packed = Desk(load_settings(store=at)).note("2025-09"), Desk().note("2025-09")
    assert to_json(imported)["figures"] == to_json(packed)["figures"]
    before = {name: DeltaStore(at).n_rows(name) for name in STORE_TABLES}
    code, out, _ = hashdesk("--store", at, "import", str(data_dir))
    assert code == 0
    assert "0 rows written" in out
    assert {name: DeltaStore(at).n_rows(name) for name in STORE_TABLES} == before


# Sync


class Entry:
    """A source of the registry that does what a test wants."""

    def __init__(self, name: str, batches: list[Batch], error: Exception | None = None) -> None:
        self.id, self.batches, self.error = name, batches, error

    def sync(self, context: SyncContext) -> Iterator[Batch]:
        yield from self.batches
        if self.error:
            raise self.error


def pools(name: str) -> Batch:
    frame = pl.DataFrame({"name": [name], "source": ["test"], "known_at": [dt.date(2025, 9, 1)]})
    payload = RawPayload(name.encode(), f"https://example.org/{name}", "test", dt.datetime(2025, 10, 1, tzinfo=dt.UTC))
    return Batch("mining_pools", frame, (payload,), ("only one pool",))


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> dict[str, Entry]:
    entries = {
        "bad": Entry("bad", [pools("first")], SourceError("bad: no answer.", hint="Try later.")),
        "worse": Entry("worse", [], DataError("worse: nonsense.")),
        "broken": Entry("broken", [], KeyError("x")),
        "good": Entry("good", [pools("second"), pools("third")]),
    }
    monkeypatch.setattr(registry, "SOURCES", entries)
    return entries


def test_a_source_that_fails_does_not_stop_the_others(hashdesk: Run, tmp_path: Path, sources: dict[str, Entry]) -> None:
    at = str(tmp_path / "store")
    DeltaStore.create(at)
    code, out, err = hashdesk("--store", at, "sync", "--format", "json")
    assert code == 4
    assert err.splitlines() == [
        "error: bad: no answer. Try later.",
        "error: worse: nonsense.",
        "error: broken: unforeseen KeyError: 'x'. --debug shows where.",
    ]
    assert [(row["source"], row["outcome"], row["new"]) for row in json.loads(out)] == [
        ("bad", "failed", 1),
        ("worse", "failed", 0),
        ("broken", "failed", 0),
        ("good", "ok", 2),
    ]
    store = DeltaStore(at)
    assert store.read("mining_pools")["name"].to_list() == ["first", "second", "third"]
    runs = store.read("sync_runs")
    assert dict(runs.select("source", "outcome").iter_rows())["good"] == "ok"
    assert runs["run_id"].n_unique() == 1
    assert [payload.body for payload in store.raw.iterate("test")] == [b"first", b"second", b"third"]


def test_a_second_sync_writes_nothing_new(hashdesk: Run, tmp_path: Path, sources: dict[str, Entry]) -> None:
    at = str(tmp_path / "store")
    DeltaStore.create(at)
    hashdesk("--store", at, "sync", "good")
    code, out, err = hashdesk("--store", at, "sync", "good", "--format", "json")
    assert (code, err) == (0, "")
    assert (json.loads(out)[0]["new"], json.loads(out)[0]["unchanged"]) == (0, 2)


def test_a_clock_that_runs_behind_stops_a_sync(
    hashdesk: Run, tmp_path: Path, sources: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = str(tmp_path / "store")
    DeltaStore.create(at)
    hashdesk("--store", at, "sync", "good")
    monkeypatch.setattr(syncing, "CLOCK_SLACK", dt.timedelta(hours=-1))
    code, _, err = hashdesk("--store", at, "sync", "good")
    assert code == 4
    assert "Set the clock" in one_line(err)
