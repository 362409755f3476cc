"""The live store: what a read tells, what an append writes, and what it sets aside."""

import datetime as dt
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from hashdesk.catalog.live_tables import LIVE_TABLES, STORE_RULES, STORE_TABLES
from hashdesk.catalog.tables import TABLES
from hashdesk.errors import DataError, InputError
from hashdesk.store import tables as store_tables
from hashdesk.store.append import AppendResult
from hashdesk.store.delta import DeltaStore
from hashdesk.store.facts import open_facts
from hashdesk.store.pack import ReferencePack
from hashdesk.store.status import table_status
from hashdesk.store.tables import MARKER, MAX_FILES

T0 = dt.datetime(2025, 10, 1, 12, tzinfo=dt.UTC)
LOADED_AT = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.date(2025, 9, 1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "empty"
    DeltaStore.create(str(path))
    return path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> DeltaStore:
    return DeltaStore(str(shutil.copytree(template, tmp_path / "store")))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    store = DeltaStore.create(str(tmp_path_factory.mktemp("loaded") / "store"))
    pack = ReferencePack()
    for name in TABLES:
        store.append(name, pack.read(name), retrieved_at=LOADED_AT)
    return store


def price(
    close: float | None, day: dt.date = DAY, source: str = "coinbase", known_at: dt.date | None = None
) -> pl.DataFrame:
    return pl.DataFrame(
        {"date": [day], "close_usd": [close], "source": [source], "known_at": [known_at or day + dt.timedelta(days=1)]},
        schema_overrides={"close_usd": pl.Float64},
    )


def closes(store: DeltaStore, as_of: dt.date | None = None) -> list[float]:
    return store.read("btc_price_daily", as_of)["close_usd"].to_list()


def put(store: DeltaStore, frame: pl.DataFrame, retrieved_at: dt.datetime = T0) -> AppendResult:
    return store.append("btc_price_daily", frame, retrieved_at=retrieved_at)


# The same as the pack


def test_every_table_of_the_pack_reads_the_same_from_a_store(loaded: DeltaStore) -> None:
    pack = ReferencePack()
    for name in TABLES:
        assert loaded.read(name).equals(pack.read(name)), name


@pytest.mark.parametrize("day", [dt.date(2024, 6, 30), dt.date(2025, 9, 30), dt.date(2025, 10, 31)])
def test_every_table_reads_the_same_as_of_a_day(loaded: DeltaStore, day: dt.date) -> None:
    pack = ReferencePack()
    for name in TABLES:
        assert loaded.read(name, day).equals(pack.read(name, day)), name


def test_coverage_is_that_of_the_pack(loaded: DeltaStore) -> None:
    assert loaded.coverage() == ReferencePack().coverage()


def test_loading_the_pack_again_writes_nothing(loaded: DeltaStore) -> None:
    versions = loaded.versions()
    pack = ReferencePack()
    for name in TABLES:
        result = loaded.append(name, pack.read(name), retrieved_at=LOADED_AT + HOUR)
        assert (result.n_unchanged, result.version) == (pack.read(name).height, None)
    loaded.refresh()
    assert loaded.versions() == versions


def test_open_facts_tells_pack_and_store_apart(loaded: DeltaStore, store: DeltaStore, tmp_path: Path) -> None:
    assert isinstance(open_facts(None), ReferencePack)
    assert isinstance(open_facts(str(ReferencePack().path)), ReferencePack)
    assert isinstance(open_facts(loaded.address), DeltaStore)
    with pytest.raises(DataError, match=r"has no facts yet.*hashdesk init"):
        open_facts(store.address)


# Vintages


def test_a_restated_fact_is_a_new_vintage_and_the_old_one_stays(store: DeltaStore) -> None:
    assert put(store, price(100.0)).n_new == 1
    result = put(store, price(101.0, known_at=dt.date(2025, 9, 10)), T0 + HOUR)
    assert (result.n_new, result.n_restated) == (0, 1)
    assert closes(store) == [101.0]
    assert closes(store, dt.date(2025, 9, 9)) == [100.0]
    assert store.vintages("btc_price_daily")["close_usd"].to_list() == [100.0, 101.0]


def test_with_one_day_of_knowledge_the_later_retrieval_wins(store: DeltaStore) -> None:
    put(store, price(100.0))
    put(store, price(101.0), T0 + HOUR)
    assert closes(store) == [101.0]


def test_a_clock_that_ran_backwards_adds_a_vintage_but_does_not_win(store: DeltaStore) -> None:
    put(store, price(100.0))
    assert put(store, price(90.0), T0 - HOUR).n_restated == 1
    assert put(store, price(90.0), T0 - HOUR).n_unchanged == 1
    assert closes(store) == [100.0]
    put(store, price(90.0), T0 + HOUR)
    assert closes(store) == [90.0]


def test_an_old_vintage_imported_again_is_not_written_again(store: DeltaStore) -> None:
    put(store, price(100.0))
    put(store, price(101.0, known_at=dt.date(2025, 9, 10)), T0 + HOUR)
    assert put(store, price(100.0), T0 + 2 * HOUR).n_unchanged == 1
    assert closes(store) == [101.0]


def test_a_value_that_comes_back_is_a_vintage_of_its_own(store: DeltaStore) -> None:
    for n, value in enumerate([100.0, 101.0, 100.0]):
        put(store, price(value), T0 + n * HOUR)
    assert closes(store) == [100.0]
    assert store.vintages("btc_price_daily").height == 3


def test_the_same_fact_published_again_later_is_unchanged(store: DeltaStore) -> None:
    put(store, price(100.0))
    assert put(store, price(100.0, known_at=dt.date(2025, 9, 20)), T0 + HOUR).n_unchanged == 1


def test_a_fact_known_earlier_than_thought_is_written(store: DeltaStore) -> None:
    put(store, price(100.0, known_at=dt.date(2025, 9, 20)))
    assert put(store, price(100.0), T0 + HOUR).n_restated == 1
    assert closes(store, dt.date(2025, 9, 3)) == [100.0]


def test_the_preferred_source_wins_even_where_another_came_later(store: DeltaStore) -> None:
    better, worse = STORE_RULES["btc_price_daily"].prefer[:2]
    put(store, price(100.0, source=better))
    put(store, price(99.0, source=worse, known_at=dt.date(2025, 9, 20)), T0 + HOUR)
    put(store, price(98.0, source="nobody-listed", known_at=dt.date(2025, 9, 25)), T0 + HOUR)
    assert closes(store) == [100.0]


def test_before_the_preferred_source_knew_the_other_one_tells(store: DeltaStore) -> None:
    better, worse = STORE_RULES["btc_price_daily"].prefer[:2]
    put(store, price(100.0, source=better, known_at=dt.date(2025, 9, 20)))
    put(store, price(99.0, source=worse))
    assert closes(store, dt.date(2025, 9, 10)) == [99.0]
    assert closes(store) == [100.0]


def block(height: int, digest: str, time: dt.datetime) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "height": [height],
            "hash": [digest * 64],
            "time": [time],
            "bits": ["1703a30c"],
            "difficulty": [1e14],
            "subsidy_sat": [312_500_000],
            "source": ["bitcoin-node"],
            "known_at": [time.date()],
        }
    )


def test_an_abandoned_block_is_superseded_even_where_it_was_mined_later(store: DeltaStore) -> None:
    midnight = dt.datetime(2025, 9, 2, tzinfo=dt.UTC)
    store.append("blocks", block(900_000, "a", midnight + HOUR), retrieved_at=T0)
    store.append("blocks", block(900_000, "b", midnight - HOUR), retrieved_at=T0 + HOUR)
    assert store.read("blocks")["hash"].to_list() == ["b" * 64]
    assert sorted(store.vintages("blocks")["hash"].str.head(1)) == ["a", "b"]
    store.append("blocks", block(900_000, "a", midnight + HOUR), retrieved_at=T0 + 2 * HOUR)
    assert store.read("blocks")["hash"].to_list() == ["a" * 64]


def test_null_equals_null_and_floats_are_compared_exactly(store: DeltaStore) -> None:
    put(store, price(0.1 + 0.2))
    assert put(store, price(0.1 + 0.2), T0 + HOUR).n_unchanged == 1
    assert put(store, price(0.3), T0 + 2 * HOUR).n_restated == 1


# What comes in


def test_an_empty_frame_writes_nothing(store: DeltaStore) -> None:
    assert put(store, price(1.0).head(0)) == AppendResult()
    assert put(store, pl.DataFrame()) == AppendResult()


def test_an_unknown_table_or_column_and_a_missing_one_are_errors(store: DeltaStore) -> None:
    with pytest.raises(InputError, match="Did you mean 'btc_price_daily'"):
        store.append("btc_price_dayly", price(1.0), retrieved_at=T0)
    with pytest.raises(InputError, match="has no column 'close'"):
        put(store, price(1.0).with_columns(close=1.0))
    with pytest.raises(InputError, match="needs column 'close_usd'"):
        put(store, price(1.0).drop("close_usd"))
    with pytest.raises(InputError, match="time zone"):
        put(store, price(1.0), T0.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("frame", "check"),
    [
        (price(-5.0), "range"),
        (price(None), "not_null"),
        (price(float("nan")), "finite"),
        (price(float("inf")), "finite"),
        (price(1.0).with_columns(close_usd=pl.lit("many")), "type"),
        (price(1.0, known_at=dt.date(2099, 1, 1)), "known_at_future"),
        (pl.concat([price(1.0), price(2.0)]), "conflict"),
    ],
)
def test_a_row_that_breaks_the_catalog_goes_to_the_quarantine_with_its_reason(
    store: DeltaStore, frame: pl.DataFrame, check: str
) -> None:
    good = price(7.0, dt.date(2025, 9, 5))
    if check == "type":
        good = good.with_columns(pl.col("close_usd").cast(pl.String))
    result = put(store, pl.concat([frame, good]))
    assert (result.n_new, result.n_quarantined) == (1, frame.height)
    assert check in result.failed_checks
    assert closes(store) == [7.0]
    kept = store.quarantine("btc_price_daily")
    assert check in kept["check_id"].to_list()
    assert kept["fact_date"].unique().to_list() == [DAY]
    assert json.loads(kept["row_json"][0])["source"] == "coinbase"
    n_kept = kept.height
    put(store, pl.concat([frame, good]), T0 + HOUR)
    assert store.quarantine().height == n_kept, "the same row is kept once"
    status = table_status(store, "btc_price_daily", T0.date())
    assert status.quarantined == n_kept
    assert check in status.failed_checks


def test_exact_repeats_within_a_batch_are_one_fact(store: DeltaStore) -> None:
    result = put(store, pl.concat([price(1.0), price(1.0)]))
    assert (result.n_new, result.n_unchanged, result.n_quarantined) == (1, 1, 0)


def test_two_vintages_in_one_batch_are_both_kept(store: DeltaStore) -> None:
    result = put(store, pl.concat([price(1.0), price(2.0, known_at=dt.date(2025, 9, 9))]))
    assert result.n_new == 2
    assert closes(store, dt.date(2025, 9, 8)) == [1.0]


def test_a_further_check_sets_rows_aside_and_a_warning_does_not(template: Path, tmp_path: Path) -> None:
    def check(table: str, frame: pl.DataFrame, facts: object) -> pl.DataFrame:
        wild = frame.with_row_index("row").filter(pl.col("close_usd") > 10)
        return wild.select(
            pl.col("row").cast(pl.Int64),
            check_id=pl.lit("jump"),
            severity=pl.when(pl.col("close_usd") > 100).then(pl.lit("quarantine")).otherwise(pl.lit("warning")),
            message=pl.lit("too high"),
        )

    store = DeltaStore(str(shutil.copytree(template, tmp_path / "store")), check)
    frame = pl.concat([price(value, dt.date(2025, 9, n)) for n, value in enumerate([5.0, 50.0, 500.0], 1)])
    result = put(store, frame)
    assert (result.n_new, result.n_quarantined, result.failed_checks) == (2, 1, ("jump",))
    assert sorted(store.quarantine()["severity"]) == ["quarantine", "warning"]
    assert closes(store) == [5.0, 50.0]


def test_a_fraction_is_no_whole_number(store: DeltaStore) -> None:
    frame = block(1, "a", T0).with_columns(subsidy_sat=pl.lit(1.5))
    assert store.append("blocks", frame, retrieved_at=T0).failed_checks[0] == "type"


# The folder


def test_an_append_reads_only_what_it_must(store: DeltaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, pl.concat([price(float(n), DAY + dt.timedelta(days=n)) for n in range(1, 20)]))
    seen: list[int] = []
    scan = store_tables.DeltaTables.scan

    def counted(*args: object, **kwargs: object) -> pl.DataFrame:
        frame = scan(*args, **kwargs)  # type: ignore[arg-type]
        seen.append(frame.height)
        return frame

    monkeypatch.setattr(store_tables.DeltaTables, "scan", counted)
    put(store, price(5.0, DAY + dt.timedelta(days=5)), T0 + HOUR)
    assert seen == [1]


def test_many_small_commits_are_compacted_and_every_vintage_stays(store: DeltaStore) -> None:
    n_commits = 2 * MAX_FILES
    for n in range(n_commits):
        put(store, price(float(n + 1)), T0 + n * HOUR)
    delta = store.newest("btc_price_daily")
    assert delta is not None and len(delta.file_uris()) <= MAX_FILES + 1
    assert store.vintages("btc_price_daily")["close_usd"].to_list() == [float(n + 1) for n in range(n_commits)]
    assert list((Path(store.address) / "btc_price_daily" / "_delta_log").glob("*.checkpoint.parquet"))


def test_a_reader_keeps_its_version_until_it_asks_for_the_newest(store: DeltaStore) -> None:
    reader = DeltaStore(store.address)
    assert closes(reader) == []
    put(store, price(1.0))
    assert closes(reader) == []
    reader.refresh()
    assert closes(reader) == [1.0]


def test_the_hash_of_a_version_is_that_of_the_content(loaded: DeltaStore) -> None:
    entry = loaded.versions()["epochs"]
    version, digest = entry.split(":")
    assert int(version) >= 1
    assert len(digest) == 64


def test_a_column_that_an_older_store_lacks_is_null_and_comes_with_the_next_append(
    tmp_path: Path, store: DeltaStore
) -> None:
    place = Path(store.address) / "btc_price_daily"
    put(store, price(1.0))
    old = pl.DataFrame(DeltaTable(str(place)).scan()).drop("close_usd_bitstamp")
    shutil.rmtree(place)
    write_deltalake(str(place), old)
    older = DeltaStore(store.address)
    assert older.read("btc_price_daily")["close_usd_bitstamp"].to_list() == [None]
    put(older, price(2.0, dt.date(2025, 9, 2)).with_columns(close_usd_bitstamp=2.5), T0 + HOUR)
    assert older.read("btc_price_daily")["close_usd_bitstamp"].to_list() == [None, 2.5]


def test_a_removed_table_is_named_and_init_makes_it_again(store: DeltaStore) -> None:
    shutil.rmtree(Path(store.address) / "epochs")
    fresh = DeltaStore(store.address)
    with pytest.raises(DataError, match=r"table 'epochs' is missing.*hashdesk init"):
        fresh.read("epochs")
    assert DeltaStore.create(store.address).read("epochs").height == 0


def test_a_table_that_the_store_never_had_is_empty(store: DeltaStore) -> None:
    shutil.rmtree(Path(store.address) / "mining_pools")
    assert DeltaStore(store.address).read("mining_pools").columns == list(LIVE_TABLES["mining_pools"].column_names)


def test_what_is_no_store_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no hashdesk store at .*hashdesk init"):
        DeltaStore(str(tmp_path / "nothing"))
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    for call in (DeltaStore, DeltaStore.create):
        with pytest.raises(InputError, match="is a file, expected a folder"):
            call(str(file))
    with pytest.raises(InputError, match="not empty and not a hashdesk store"):
        DeltaStore.create(str(tmp_path))


@pytest.mark.parametrize(("text", "error"), [("hashdesk store, schema 99", DataError), ("sales", InputError)])
def test_a_newer_store_and_somebody_elses_are_told_apart(tmp_path: Path, text: str, error: type[Exception]) -> None:
    write_deltalake(str(tmp_path / MARKER), pl.DataFrame({"note": ["x"]}), description=text)
    with pytest.raises(error, match=r"schema 99, this hashdesk knows|not a hashdesk store"):
        DeltaStore(str(tmp_path))


def test_a_store_cut_short_while_it_was_made_is_finished_by_the_next_try(tmp_path: Path) -> None:
    address = str(tmp_path / "store")
    store_tables.DeltaTables(address).make([TABLES["epochs"]])
    shutil.rmtree(tmp_path / "store" / MARKER)
    with pytest.raises(InputError):
        DeltaStore(address)
    assert DeltaStore.create(address).read("network_daily").height == 0


def test_every_rule_names_a_table_and_its_columns() -> None:
    for name, rule in STORE_RULES.items():
        columns = set(STORE_TABLES[name].column_names) | {"_seq", "_row"}
        assert set(rule.order) <= columns, name
        assert rule.latest_by in ("known_at", "retrieved_at")
        assert rule.calendar in (None, "day", "month", "number")
