"""What the commands print is what the desk returns."""

from __future__ import annotations

import csv
import io
import json

import pytest

from hashdesk.cli import run
from hashdesk.cli.attribution import VIEWS
from hashdesk.desk import Desk
from hashdesk.note.model import to_json


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) == 0
    return capsys.readouterr().out


def test_attribution_prints_the_desk_s_rows_and_the_group(capsys: pytest.CaptureFixture[str]) -> None:
    result = Desk().attribution("2025-09")
    rows = json.loads(printed(capsys, "attribution", "2025-09", "--format", "json"))
    assert rows[:-1] == [to_json(row) for row in result.companies.to_dicts()]
    assert rows[-1]["ticker"] == "GROUP"
    assert rows[-1]["btc_usd"] == result.group["btc_usd"][0]
    table = printed(capsys, "attribution", "2025-09", "--ticker", "bitf")
    assert "BITF" in table and "GROUP" not in table and "110.4%" in table
    records = list(csv.DictReader(io.StringIO(printed(capsys, "attribution", "2025-09", "--format", "csv"))))
    assert [record["ticker"] for record in records] == [row["ticker"] for row in rows]


def test_events_print_the_study(capsys: pytest.CaptureFixture[str]) -> None:
    study = Desk().events_study("2025-09", "2025-09", kind="hpc_contract")
    rows = json.loads(
        printed(capsys, "events", "--from", "2025-09", "--to", "2025-09", "--kind", "hpc_contract", "--format", "json")
    )
    assert rows == [to_json(row) for row in study.events.to_dicts()]
    kinds = json.loads(printed(capsys, "events", "--by-kind", "--format", "json"))
    assert kinds == [to_json(row) for row in Desk().events_study().kinds.to_dicts()]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_of_the_pivot_prints_its_field(view: str, capsys: pytest.CaptureFixture[str]) -> None:
    frame = getattr(Desk().hpc("WULF", as_of="2026-01-31"), view)
    rows = json.loads(printed(capsys, "hpc", "wulf", "--as-of", "2026-01-31", "--view", view, "--format", "json"))
    assert rows == [to_json(row) for row in frame.to_dicts()]
    assert set(VIEWS[view]) <= set(frame.columns)
    assert printed(capsys, "hpc", "WULF", "--view", view)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("attribution", "2023-12"), 2, "returns begin with 2024-01"),
        (("attribution", "2025-13"), 2, "YYYY-MM"),
        (("attribution", "2025-09", "--ticker", "SDIG"), 3, "SDIG is not tracked in 2025-09"),
        (("attribution", "2024-06", "--ticker", "CANG"), 3, "CANG is not tracked in 2024-06"),
        (("attribution", "2025-09", "--format", "xml"), 2, "format"),
        (("events", "--kind", "rumour"), 2, "kind: expected one of"),
        (("events", "--from", "2025-10", "--to", "2025-09"), 2, "first month before the last"),
        (("hpc", "MARA"), 3, "MARA has no AI/HPC contract"),
        (("hpc", "--view", "contract"), 2, "view: expected one of"),
        (("hpc", "--as-of", "2099-01-01"), 2, "future"),
    ],
)
def test_a_wrong_question_ends_in_one_line(
    arguments: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
