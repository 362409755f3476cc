"""The reference pack: read, checked by hash, cut to what was known, small, true to the chain."""

import datetime as dt
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from hashdesk.calendar import subsidy_sat
from hashdesk.catalog.tables import TABLES
from hashdesk.errors import DataError, InputError
from hashdesk.store.pack import PACK_DIR, ReferencePack
from hashdesk.units import BLOCKS_PER_EPOCH, SAT_PER_BTC, WORK_PER_DIFFICULTY

MAX_BYTES = 1_500_000
SUM_ERROR = 1e-9
"""Room for the order of floating-point sums."""


@pytest.fixture(scope="module")
def pack() -> ReferencePack:
    return ReferencePack()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the pack to damage."""
    return Path(shutil.copytree(PACK_DIR, tmp_path / "pack"))


@pytest.fixture(scope="module")
def builder(root: Path) -> ModuleType:
    """The script that builds the pack."""
    tools = str(root / "tools")
    sys.path.insert(0, tools)
    try:
        spec = importlib.util.spec_from_file_location("build_reference", root / "tools/build_reference.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(tools)
    return module


def test_importing_the_loader_does_not_import_polars(root: Path) -> None:
    code = "import sys, hashdesk.store.pack; sys.exit('polars' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(root / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0


def test_pack_is_small() -> None:
    assert sum(path.stat().st_size for path in PACK_DIR.iterdir()) < MAX_BYTES


def test_list_states_rows_hashes_and_days(pack: ReferencePack) -> None:
    for name, entry in json.loads((PACK_DIR / "pack.json").read_text(encoding="utf-8"))["tables"].items():
        assert entry["rows"] == pack.read(name).height
        assert entry["sha256"] == hashlib.sha256((PACK_DIR / f"{name}.parquet").read_bytes()).hexdigest()
        assert pack.versions()[name] == entry["sha256"]
    assert pack.coverage()["network_daily"][0] == dt.date(2009, 1, 3)
    assert "sources" not in pack.coverage()


def test_a_frame_is_read_once(pack: ReferencePack) -> None:
    assert pack.read("epochs") is pack.read("epochs")


def test_damaged_file_is_found_before_it_is_used(copied: Path) -> None:
    path = copied / "volumes.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"volumes\.parquet: damaged or changed; expected SHA-256 \w+, got \w+"):
        ReferencePack(copied).read("volumes")
    assert ReferencePack(copied).read("epochs").height


def test_missing_file_is_named(copied: Path) -> None:
    (copied / "volumes.parquet").unlink()
    with pytest.raises(DataError, match=r"volumes\.parquet: the file of table 'volumes' cannot be read"):
        ReferencePack(copied).read("volumes")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": "1"}', '{"tables": 1}', '{"tables": {"volumes": 1}}', '{"tables": {"volumes": {}}}'],
)
def test_broken_list_is_named(copied: Path, text: str) -> None:
    (copied / "pack.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"pack\.json: the list of the reference pack cannot be read"):
        ReferencePack(copied).coverage()


def test_missing_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"pack\.json: the list of the reference pack is missing"):
        ReferencePack(tmp_path).read("volumes")


def test_table_that_the_list_lacks_is_named(copied: Path) -> None:
    listed = json.loads((copied / "pack.json").read_text(encoding="utf-8"))
    del listed["tables"]["volumes"]
    (copied / "pack.json").write_text(json.dumps(listed), encoding="utf-8")
    for use in (lambda pack: pack.read("epochs"), ReferencePack.coverage, ReferencePack.versions):
        with pytest.raises(DataError, match="table 'volumes' is not listed") as caught:
            use(ReferencePack(copied))
        assert caught.value.exit_code == 4
        assert "\n" not in str(caught.value)


def test_list_without_tables_is_a_data_error(copied: Path) -> None:
    (copied / "pack.json").write_text('{"tables":{}}', encoding="utf-8")
    with pytest.raises(DataError, match="is not listed"):
        ReferencePack(copied).coverage()


def test_versions_are_hashes_that_were_checked(copied: Path) -> None:
    pack = ReferencePack(copied)
    pack.read("volumes")
    (copied / "milestones.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"milestones\.parquet: damaged or changed"):
        pack.versions()


def test_unknown_table_is_the_callers_error(pack: ReferencePack) -> None:
    with pytest.raises(InputError, match="no table is called 'volume'"):
        pack.read("volume")


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"sources"}))
def test_as_of_never_looks_ahead(pack: ReferencePack, name: str) -> None:
    whole = pack.read(name)
    for day in (dt.date(2024, 3, 15), dt.date(2025, 9, 30), dt.date(2026, 1, 31)):
        known = pack.read(name, as_of=day)
        assert (known["known_at"] <= day).all()
        assert known.height == (whole["known_at"] <= day).sum()


@pytest.mark.parametrize("name", ["network_daily", "btc_price_daily", "etf_flows"])
def test_a_day_is_known_only_after_it_ended(pack: ReferencePack, name: str) -> None:
    frame = pack.read(name)
    assert (frame["known_at"] > frame["date"]).all()


def test_a_month_is_known_only_after_it_ended(pack: ReferencePack) -> None:
    for name in ("production", "volumes"):
        frame = pack.read(name)
        assert (frame["known_at"] >= frame["month"].dt.offset_by("1mo")).all(), name
    published = pack.read("published")
    assert (published["known_at"] >= published["period_end"].dt.offset_by("-1d")).all()


def test_days_are_complete(pack: ReferencePack) -> None:
    for name in ("network_daily", "btc_price_daily"):
        days = pack.read(name)["date"]
        assert days.equals(pl.date_range(days[0], days[-1], eager=True).alias("date")), name


def test_blocks_add_up_to_heights(pack: ReferencePack) -> None:
    days = pack.read("network_daily")
    steps = days["height_last"].diff().fill_null(0)
    gap = days.with_columns(gap=pl.col("blocks") - steps).filter(pl.col("gap") != 0)
    # Blocks counted twice where median-time days give way to header-time days.
    assert gap.select("date", "gap").rows() == [(dt.date(2019, 4, 16), 5)]


def test_subsidy_follows_from_heights(pack: ReferencePack) -> None:
    days = pack.read("network_daily").filter(pl.col("blocks") > 0)
    for row in days.iter_rows(named=True):
        last = row["height_last"]
        first = last - row["blocks"] + 1
        middle = max(first, last // 210_000 * 210_000)
        expected = (middle - first) * subsidy_sat(first) + (last - middle + 1) * subsidy_sat(last)
        assert row["subsidy_btc"] == pytest.approx(expected / SAT_PER_BTC, rel=SUM_ERROR), row["date"]


def test_work_is_blocks_times_difficulty(pack: ReferencePack) -> None:
    days = pack.read("network_daily").filter(pl.col("blocks") > 0)
    expected = days["blocks"] * days["difficulty_mean"] * WORK_PER_DIFFICULTY / 1e18
    assert ((days["work_eh"] / expected - 1).abs() < SUM_ERROR).all()


def test_difficulty_of_a_day_is_that_of_its_epochs(pack: ReferencePack) -> None:
    by_epoch = dict(pack.read("epochs").select("epoch", "difficulty").iter_rows())
    for row in pack.read("network_daily").filter(pl.col("day_basis") == "header_time").iter_rows(named=True):
        last = row["height_last"]
        heights = range(last - row["blocks"] + 1, last + 1)
        shares = {epoch: 0 for epoch in (heights[0] // BLOCKS_PER_EPOCH, heights[-1] // BLOCKS_PER_EPOCH)}
        for height in heights:
            shares[height // BLOCKS_PER_EPOCH] += 1
        mean = sum(by_epoch[epoch] * n for epoch, n in shares.items()) / len(heights)
        assert row["difficulty_mean"] == pytest.approx(mean, rel=SUM_ERROR), row["date"]
        assert row["difficulty_eod"] == by_epoch[(last + 1) // BLOCKS_PER_EPOCH], row["date"]


def test_retargets_stay_within_a_factor_of_four(pack: ReferencePack) -> None:
    change = pack.read("epochs")["difficulty"].pct_change().drop_nulls() + 1
    # The compact encoding rounds a target down by up to one part in 2^15.
    assert (change <= 4 * (1 + 2**-15)).all()
    assert (change >= 0.25 / (1 + 2**-15)).all()


def test_fees_that_are_unknown_are_null_not_zero(pack: ReferencePack) -> None:
    recent = pack.read("network_daily").filter(pl.col("date") >= dt.date(2019, 4, 16))
    assert (recent["fees_btc"].drop_nulls() > 0).all()


def test_second_venue_agrees_with_the_close(pack: ReferencePack) -> None:
    prices = pack.read("btc_price_daily").filter(pl.col("date") >= dt.date(2023, 12, 1))
    gap = (prices["close_usd"] / prices["close_usd_bitstamp"] - 1).abs()
    assert gap.median() < 0.001
    assert gap.max() < 0.015


def test_every_tracked_company_has_a_close_at_every_month_end(pack: ReferencePack) -> None:
    closes = pack.read("equity_closes").select("ticker", "date")
    months = closes.filter(pl.col("ticker") == "SPY").group_by(pl.col("date").dt.month_start().alias("month"))
    ends = months.agg(pl.col("date").max())["date"].sort()
    assert (ends[0], ends[-1], len(ends)) == (dt.date(2023, 12, 29), dt.date(2026, 1, 30), 26)
    held = set(closes.iter_rows())
    for row in pack.read("universe").iter_rows(named=True):
        inside = ends.filter((ends >= row["tracked_from"]) & (ends < (row["tracked_to"] or dt.date.max)))
        assert all((row["ticker"], day) in held for day in inside), row["ticker"]


def test_returns_over_a_unit_change_are_those_of_the_holder(pack: ReferencePack) -> None:
    closes = pack.read("equity_closes").filter(pl.col("ticker") == "CANG").sort("date")
    before, after = closes.filter(pl.col("date").is_in([dt.date(2025, 10, 31), dt.date(2025, 11, 28)])).to_dicts()
    plain = after["close_usd"] / before["close_usd"] - 1
    adjusted = after["close_usd"] * after["adjustment_factor"] / (before["close_usd"] * before["adjustment_factor"]) - 1
    assert plain < -0.5
    assert adjusted == pytest.approx(2 * (1 + plain) - 1)


def test_rows_that_restate_contracts_name_rows_that_exist(pack: ReferencePack) -> None:
    contracts = pack.read("hpc_contracts")
    known = {f"{ticker} {day}" for ticker, day in contracts.select("ticker", "announced_on").iter_rows()}
    named = contracts["replaces"].drop_nulls().str.split("; ").explode()
    assert len(named) == 4
    assert set(named) <= known


def test_the_universe_is_the_one_that_was_known(pack: ReferencePack) -> None:
    whole = pack.read("universe")
    assert (whole["tracked_to"].is_null() == whole["tracked_to_known_at"].is_null()).all()
    assert "CANG" not in pack.read("universe", as_of=dt.date(2025, 9, 30))["ticker"]
    assert "CANG" in pack.read("universe", as_of=dt.date(2025, 10, 1))["ticker"]
    ends = {
        day: pack.read("universe", as_of=day).filter(pl.col("ticker") == "SDIG")["tracked_to"].item()
        for day in (dt.date(2025, 3, 13), dt.date(2025, 3, 14))
    }
    assert list(ends.values()) == [None, dt.date(2025, 3, 1)]


def test_rows_are_not_known_before_their_page(pack: ReferencePack) -> None:
    contracts = pack.read("hpc_contracts")
    leases = contracts.filter((pl.col("ticker") == "WULF") & pl.col("counterparty").str.starts_with("Core42"))
    assert leases["known_at"].to_list() == [dt.date(2025, 11, 10)]
    printed = pl.col("url").str.extract(r"(20\d\d[/-]\d\d[/-]\d\d)(?:\D|$)").str.replace_all("/", "-")
    pages = pack.read("sources").select("id", day=printed.str.to_date("%Y-%m-%d"))
    for frame, column in ((contracts, "announced_on"), (pack.read("events"), "date")):
        dated = frame.join(pages, left_on="source", right_on="id")
        assert (dated["known_at"] >= dated[column]).all()
        assert (dated["known_at"] >= dated["day"]).drop_nulls().all()


def test_guarantors_are_named_without_an_amount_too(pack: ReferencePack) -> None:
    contracts = pack.read("hpc_contracts")
    assert contracts.filter(pl.col("backstop_usd").is_not_null())["backstop_by"].null_count() == 0
    river_bend = contracts.filter((pl.col("ticker") == "HUT") & (pl.col("announced_on") == dt.date(2025, 12, 17)))
    assert river_bend.select("backstop_by", "backstop_usd").row(0) == ("Google", None)


def test_sources_are_called_by_plain_words(pack: ReferencePack) -> None:
    titles = pack.read("sources")["title"]
    assert not titles.str.contains("SECTOR|;[A-Z]| none").any()
    published = pack.read("published").join(pack.read("sources"), left_on="source", right_on="id")
    for row in published.iter_rows(named=True):
        assert row["title"] == f"{row['publisher']}, as quoted by {row['reported_by']}"


def test_weak_pages_lower_confidence_and_price_moves_are_no_news(pack: ReferencePack) -> None:
    events = pack.read("events")
    weak = events.filter(pl.col("source").str.starts_with("namegenerator.biz"))
    assert weak["confidence"].to_list() == ["low"]
    moves = events.filter(pl.col("kind") == "price_move")
    assert {(dt.date(2025, 9, 16), "BITF"), (dt.date(2025, 12, 19), "IREN")} <= set(
        moves.select("date", "tickers").iter_rows()
    )


def test_september_2025_contract_reads_as_published(pack: ReferencePack) -> None:
    """Cipher Mining, 25 September 2025: 168 MW, 3.0bn USD, ten years, Google guarantees 1.4bn (SEC exhibit 99.1)."""
    row = pack.read("hpc_contracts").filter(
        (pl.col("ticker") == "CIFR") & (pl.col("announced_on") == dt.date(2025, 9, 25))
    )
    assert row.select("critical_it_mw", "contract_value_usd", "term_years", "backstop_usd").row(0) == (
        168.0,
        3.0e9,
        10.0,
        1.4e9,
    )
    assert row.select("is_cloud", "is_contract").row(0) == (False, True)


def test_a_rebuild_gives_the_same_bytes_and_the_same_tables(
    pack: ReferencePack, builder: ModuleType, data_dir: Path, tmp_path: Path
) -> None:
    # Bytes depend on the version of the writer, so the committed pack is compared by value.
    for name in ("first", "second"):
        builder.write_pack(builder.build_tables(data_dir, builder.Checks()), tmp_path / name)
    for path in sorted((tmp_path / "first").iterdir()):
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name
    rebuilt = ReferencePack(tmp_path / "first")
    for name in TABLES:
        assert rebuilt.read(name).equals(pack.read(name)), name
