"""The whole raw folder: taken in time, taken once, and the same facts as the reference pack."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hashdesk.archive.importing import import_folder
from hashdesk.archive.report import ImportReport
from hashdesk.catalog.derived_tables import DERIVED_SPECS
from hashdesk.catalog.tables import TABLES
from hashdesk.config import Settings
from hashdesk.desk import Desk
from hashdesk.note.model import to_json
from hashdesk.store.delta import DeltaStore
from hashdesk.store.pack import ReferencePack

Store = Any
"""The store in memory of conftest.py."""


@pytest.fixture(scope="module")
def imported(data_dir: Path, new_store: type[Store], import_time: dt.datetime) -> tuple[Store, ImportReport]:
    store = new_store()
    return store, import_folder(data_dir, store, retrieved_at=import_time)


@pytest.fixture(scope="module")
def whole(data_dir: Path, import_time: dt.datetime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A live store that holds the reference pack, and the whole archive over it."""
    folder = tmp_path_factory.mktemp("live") / "store"
    store = DeltaStore.create(str(folder))
    for name in TABLES:
        store.append(name, ReferencePack().read(name), retrieved_at=import_time - dt.timedelta(days=1))
    report = import_folder(data_dir, store, retrieved_at=import_time)
    assert sum(outcome.rows_restated for outcome in report.tables) == 0
    assert import_folder(data_dir, store, retrieved_at=import_time + dt.timedelta(days=1)).rows_written == 0
    return folder


def test_everything_is_taken_and_the_second_time_nothing(
    data_dir: Path, new_store: type[Store], import_time: dt.datetime
) -> None:
    store = new_store()
    first = import_folder(data_dir, store, retrieved_at=import_time)
    assert {outcome.status for outcome in first.files} == {"taken", "not stored"}
    assert {outcome.status for outcome in first.tables} == {"written"}
    assert first.problems == []
    assert first.remarks == []
    assert import_folder(data_dir, store, retrieved_at=import_time + dt.timedelta(days=1)).rows_written == 0


def test_every_block_of_the_folder_is_there(imported: tuple[Store, ImportReport]) -> None:
    blocks = imported[0].tables["blocks"]
    assert blocks.height == 377_735 + 25_000
    assert blocks["hash"].null_count() == 25_000
    assert (blocks["fees_sat"].null_count(), int(blocks["weight"].min()) > 0) == (286_621, True)


def test_every_fact_of_the_pack_is_in_the_archive_with_the_same_source_and_days(
    imported: tuple[Store, ImportReport],
) -> None:
    pack = ReferencePack()
    derived = {spec.name for spec in DERIVED_SPECS}
    for name in TABLES.keys() - derived:
        facts = pack.read(name)
        if name == "sources":
            # Who the derived tables come from is told where those tables are.
            facts = facts.filter(pl.col("id") != "derived-returns")
        lost = facts.join(imported[0].tables[name], on=facts.columns, how="anti", nulls_equal=True)
        assert lost.is_empty(), f"{name}: {lost.head(3)}"


@pytest.mark.parametrize(
    ("month", "gains"),
    [("2025-09", set()), ("2024-03", {"tables"}), ("2025-12", {"events", "tables"})],
)
def test_a_note_says_the_same_from_the_archive_as_from_the_pack(whole: Path, month: str, gains: set[str]) -> None:
    """Only what needs closes outside the pack's window is added: returns around events, tables of daily values."""
    ours, theirs = note(None, month), note(whole, month)
    assert ours.keys() == theirs.keys()
    assert list(contradictions(ours, theirs, month)) == []
    assert {part for part in ours if ours[part] != theirs[part]} <= gains


def note(store: Path | None, month: str) -> dict[str, Any]:
    """A note as JSON without its added sections, whose sentences name what the store at hand lacks."""
    whole_note = dict(to_json(Desk(settings=Settings(store=str(store) if store else None)).note(month)))
    del whole_note["sections"]
    return whole_note


def contradictions(ours: Any, theirs: Any, place: str) -> Iterator[str]:
    """Where two notes differ, apart from values that one of them lacks."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours:
            yield from contradictions(ours[name], theirs.get(name), f"{place}/{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for n, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from contradictions(one, other, f"{place}[{n}]")
    elif ours is not None and ours != theirs and (ours, theirs) != ("stored moments", "daily closes"):
        yield f"{place}: {ours!r} against {theirs!r}"


def test_closes_are_whole_and_renamed_companies_go_on(imported: tuple[Store, ImportReport]) -> None:
    closes = imported[0].tables["equity_closes"]
    spans = {
        ticker: (first, last)
        for ticker, first, last in closes.group_by("ticker")
        .agg(first=pl.col("date").min(), last=pl.col("date").max())
        .iter_rows()
    }
    assert spans["MARA"] == (dt.date(2021, 1, 29), dt.date(2026, 8, 21))
    assert spans["BITF"][1] == dt.date(2026, 8, 21)
    assert spans["SDIG"][1] == dt.date(2025, 3, 13)
    assert "KEEL" not in spans
    assert (
        closes.filter(pl.col("date") < dt.date(2023, 11, 1), pl.col("basis") == "unadjusted")[
            "adjustment_factor"
        ].null_count()
        == closes.filter(pl.col("date") < dt.date(2023, 11, 1), pl.col("basis") == "unadjusted").height
    )


def test_a_missing_snapshot_is_derived_and_never_filled_without_a_factor(
    imported: tuple[Store, ImportReport],
) -> None:
    closes = imported[0].tables["equity_closes"]
    october = closes.filter(pl.col("date") == dt.date(2025, 10, 31))
    assert set(october.filter(pl.col("ticker").is_in(["MARA", "IREN", "CANG"]))["basis"]) == {"derived"}
    assert not october["ticker"].is_in(["COIN", "CRWV", "NBIS", "CAN", "SLNH"]).any()
