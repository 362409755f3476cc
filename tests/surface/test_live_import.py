"""A live store made by ``import`` alone, or after ``init``: the same facts as the pack, every command at work."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from hashdesk import Desk
from hashdesk.catalog.derived_tables import DERIVED_SPECS
from hashdesk.cli import run
from hashdesk.config import load_settings
from hashdesk.errors import InputError
from hashdesk.note.model import to_json
from hashdesk.store.delta import DeltaStore

MONTH = "2025-09"

RESTS_ON_WHAT_NO_RAW_FILE_HAS = {
    "company_value",
    "market_cap_parts",
    "attribution",
    "event_study",
    "hpc_registry",
    "hpc_companies",
    "hpc_sensitivity",
}
"""Delivery dates under AI/HPC contracts and the stored basket come with the pack only: without them a date is that of
the contract, and the basket is computed from the closes."""


@pytest.fixture(scope="module")
def imported(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that was never initialised."""
    at = str(tmp_path_factory.mktemp("only") / "store")
    Desk(load_settings(store=at)).import_folder(data_dir)
    return at


@pytest.fixture(scope="module")
def packed() -> dict[str, Any]:
    return to_json(Desk().note(MONTH))


def note_of(at: str) -> dict[str, Any]:
    told: dict[str, Any] = to_json(Desk(load_settings(store=at)).note(MONTH))
    return told


def test_an_import_alone_tells_the_same_facts_as_the_pack(imported: str, packed: dict[str, Any]) -> None:
    told = note_of(imported)
    for part in ("headline", "figures", "takeaways", "companies", "events", "reconciliation", "assumptions"):
        assert told[part] == packed[part], part
    assert [line for line in packed["caveats"] if line not in told["caveats"]] == []
    differing = {name for name in packed["tables"] if told["tables"].get(name) != packed["tables"][name]}
    assert differing <= RESTS_ON_WHAT_NO_RAW_FILE_HAS
    assert {source["id"] for source in told["sources"]} <= {source["id"] for source in packed["sources"]}


def test_an_import_into_a_loaded_store_changes_nothing_in_the_note(
    data_dir: Path, tmp_path: Path, packed: dict[str, Any]
) -> None:
    at = str(tmp_path / "store")
    desk = Desk(load_settings(store=at))
    desk.init()
    desk.import_folder(data_dir)
    told = note_of(at)
    # A sentence of the sections says whether the facts came with the package.
    assert {name for name in packed if told[name] != packed[name]} <= {"sections"}
    assert [part["tables"] for part in told["sections"]] == [part["tables"] for part in packed["sections"]]


def test_init_after_an_import_adds_what_only_the_pack_has(
    imported: str, packed: dict[str, Any], tmp_path: Path
) -> None:
    at = str(tmp_path / "store")
    shutil.copytree(imported, at)
    rows = {row["table"]: row["new"] for row in Desk(load_settings(store=at)).init().to_dicts()}
    assert all(rows[spec.name] > 0 for spec in DERIVED_SPECS)


def test_tables_that_no_raw_file_gives_are_there_and_empty(imported: str) -> None:
    store = DeltaStore(imported)
    for spec in DERIVED_SPECS:
        frame = store.read(spec.name)
        assert (frame.height, frame.columns) == (0, list(spec.column_names))


@pytest.mark.parametrize(
    "command",
    [("attribution", MONTH), ("hpc",), ("companies", MONTH), ("company", "MARA"), ("outlook", "--horizon", "3m")],
)
def test_every_command_works_on_a_store_that_was_only_imported(
    imported: str, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(("--store", imported, *command))
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert len(said.out.splitlines()) > 5


def test_one_damaged_file_is_refused_and_the_others_are_taken(data_dir: Path, tmp_path: Path) -> None:
    folder, at = tmp_path / "data", str(tmp_path / "store")
    (folder / "market").mkdir(parents=True)
    for name in ("volumes.csv", "btc_etf_flows.csv", "etf.csv"):
        shutil.copyfile(data_dir / "market" / name, folder / "market" / name)
    (folder / "market" / "volumes.csv").write_bytes(b"\x00\xff" * 300)
    report = Desk(load_settings(store=at)).import_folder(folder)
    status = {file.file: (file.status, file.reason) for file in report.files}
    assert status["market/volumes.csv"][0] == "refused"
    assert status["market/volumes.csv"][1]
    assert status["market/btc_etf_flows.csv"][0] in ("taken", "in part")
    store = DeltaStore(at)
    assert store.n_rows("volumes") == 0
    assert store.n_rows("etf_flows") > 0
    assert store.quarantine()["origin"].to_list().count("market/volumes.csv") == 1
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    shutil.copyfile(data_dir / "market" / "volumes.csv", whole / "market" / "volumes.csv")
    Desk(load_settings(store=at)).import_folder(whole)
    assert DeltaStore(at).n_rows("volumes") > 0


def test_an_import_of_nothing_makes_no_store(tmp_path: Path) -> None:
    at = tmp_path / "store"
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds none of the"):
        Desk(load_settings(store=str(at))).import_folder(tmp_path / "empty")
    assert not at.exists()
