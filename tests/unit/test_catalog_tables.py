"""The data dictionary as code: complete, consistent, and what the pack holds."""

import json
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from hashdesk.catalog.tables import TABLES, table_spec
from hashdesk.errors import InputError
from hashdesk.metrics.reconcile import PUBLISHED_METRICS
from hashdesk.store.pack import PACK_DIR, ReferencePack

DTYPES = {
    "date": pl.Date,
    "datetime": pl.Datetime("us", "UTC"),
    "f64": pl.Float64,
    "i64": pl.Int64,
    "str": pl.String,
    "bool": pl.Boolean,
}
UNIT_SUFFIXES = {
    "_usd_per_btc": "USD/BTC",
    "_usd_per_mw": "USD/MW",
    "_btc": "BTC",
    "_ehs": "EH/s",
    "_j_per_th": "J/TH",
    "_frac": "fraction",
    "_mw": "MW",
    "_ths": "TH/s",
    "_usd_per_mwh": "USD/MWh",
}


@pytest.fixture(scope="module")
def pack() -> ReferencePack:
    return ReferencePack()


def test_every_declared_table_is_in_the_pack_and_no_other() -> None:
    listed = json.loads((PACK_DIR / "pack.json").read_text(encoding="utf-8"))["tables"]
    assert listed.keys() == TABLES.keys()
    assert {path.stem for path in PACK_DIR.glob("*.parquet")} == TABLES.keys()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_table_has_the_declared_columns_types_and_limits(pack: ReferencePack, name: str) -> None:
    spec, frame = TABLES[name], pack.read(name)
    assert frame.columns == list(spec.column_names)
    for column in spec.columns:
        values = frame[column.name]
        assert values.dtype == DTYPES[column.dtype], column.name
        assert column.nullable or not values.null_count(), f"{column.name} has nulls"
        if column.dtype == "f64":
            assert not values.is_nan().any(), f"{column.name} has NaN; a gap is null"
        known = values.drop_nulls()
        if column.low is not None:
            assert (known >= column.low).all(), column.name
        if column.high is not None:
            assert (known <= column.high).all(), column.name
        if column.allowed:
            assert set(known.unique().to_list()) <= set(column.allowed), column.name


@pytest.mark.parametrize("name", sorted(TABLES))
def test_key_names_one_row(pack: ReferencePack, name: str) -> None:
    spec = TABLES[name]
    assert not pack.read(name).select(pl.struct(spec.key).is_duplicated().any()).item()


@pytest.mark.parametrize("name", sorted(set(TABLES) - {"sources"}))
def test_every_row_names_a_source_that_is_described(pack: ReferencePack, name: str) -> None:
    described = set(pack.read("sources")["id"])
    assert set(pack.read(name)["source"]) <= described


def test_every_source_is_used(pack: ReferencePack) -> None:
    used = {source for name in TABLES if name != "sources" for source in pack.read(name)["source"].unique()}
    assert set(pack.read("sources")["id"]) == used


def test_unit_of_a_column_follows_its_suffix() -> None:
    for spec in TABLES.values():
        for column in spec.columns:
            unit = next((unit for suffix, unit in UNIT_SUFFIXES.items() if column.name.endswith(suffix)), None)
            if unit is not None:
                assert column.unit.startswith(unit), f"{spec.name}.{column.name}: {column.unit!r}"


def test_keys_and_dates_are_columns() -> None:
    for spec in TABLES.values():
        assert set(spec.key) <= set(spec.column_names), spec.name
        assert spec.fact_date is None or spec.fact_date in spec.column_names, spec.name


def test_published_metrics_point_at_the_figures_that_reconciliation_uses(pack: ReferencePack) -> None:
    ours = dict(pack.read("published").select("metric", "figure_id").unique().iter_rows())
    expected = {metric: target.figure_id for metric, target in PUBLISHED_METRICS.items() if metric in ours}
    assert {metric: ours[metric] for metric in expected} == expected


def test_unknown_table_is_an_input_error_that_names_the_nearest() -> None:
    with pytest.raises(InputError, match=re.escape("Did you mean 'network_daily'?")):
        table_spec("network_dayly")


def test_data_dictionary_page_is_current(root: Path) -> None:
    script = root / "tools/build_data_dictionary.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
