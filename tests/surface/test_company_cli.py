"""The commands of the companies print what the desk returns, fail in one line, and are quick once warm."""

import csv
import io
import json
from collections.abc import Callable

import pytest

from hashdesk import Desk
from hashdesk.cli import run
from hashdesk.metrics.companies import ROW_SCHEMA
from hashdesk.note.model import to_json

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hashdesk(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_json_of_a_company_is_the_desks_page(hashdesk: Run) -> None:
    code, out, _ = hashdesk("company", "CIFR", "2025-09", "--json")
    assert code == 0
    assert json.loads(out) == to_json(Desk().company("CIFR", "2025-09"))


def test_the_page_prints_every_section_with_age_and_source(hashdesk: Run) -> None:
    code, out, _ = hashdesk("company", "cifr", "2025-09")
    assert code == 0
    for words in ("Operations", "Hashcost ladder", "From market cap to enterprise value", "New shares", "Forecast of"):
        assert f"\n{words}" in out
    mined = next(line for line in out.splitlines() if line.startswith("Bitcoin mined"))
    assert "251 BTC" in mined
    assert "investors.ciphermining" in mined or "investors.cipherdigital" in mined


@pytest.mark.parametrize("ticker", ["SDIG", "GREE", "ABTC", "KEEL", "ARBK"])
def test_a_company_with_gaps_prints_a_page(hashdesk: Run, ticker: str) -> None:
    code, out, err = hashdesk("company", ticker, "2025-09")
    assert (code, err) == (0, "")
    assert "missing or too old" in out


def test_an_unknown_company_is_one_line_with_the_nearest(hashdesk: Run) -> None:
    code, out, err = hashdesk("company", "CIFER", "2025-09")
    assert (code, out) == (3, "")
    assert err.count("\n") == 1
    assert "Did you mean CIFR?" in err


def test_csv_and_json_of_all_companies_hold_every_column(hashdesk: Run) -> None:
    frame = Desk().companies("2025-09")
    rows = list(csv.DictReader(io.StringIO(hashdesk("companies", "2025-09", "--format", "csv")[1])))
    assert list(rows[0]) == list(ROW_SCHEMA) == frame.columns
    assert len(rows) == frame.height == 14
    listed = json.loads(hashdesk("companies", "2025-09", "--format", "json", "--sort", "ticker")[1])
    assert listed == to_json(frame.to_dicts())


def test_sorting_puts_the_largest_first_and_the_unknown_last(hashdesk: Run) -> None:
    rows = json.loads(hashdesk("companies", "2025-09", "--sort", "mnav_x", "--format", "json")[1])
    values = [row["mnav_x"] for row in rows]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=True)
    assert values[len(known) :] == [None] * (len(values) - len(known))


@pytest.mark.parametrize("arguments", [(), ("--parts",), ("--sort", "ev_usd_per_mw"), ("--sort", "name")])
def test_the_table_fits_a_terminal_of_120(hashdesk: Run, arguments: tuple[str, ...]) -> None:
    code, out, _ = hashdesk("companies", "2025-09", *arguments)
    rows = [line for line in out.splitlines() if not line.startswith(("mined,", "silent:"))]
    assert code == 0
    assert max(len(line) for line in rows) <= 120


def test_every_column_sorts_both_ways_with_the_unknown_last(hashdesk: Run) -> None:
    frame = Desk().companies("2025-09")
    for column in frame.columns:
        one, other = (
            [row[column] for row in json.loads(hashdesk("companies", "2025-09", "--format", "json", *options)[1])]
            for options in (("--sort", column), ("--sort", column, "--reverse"))
        )
        known = [value for value in one if value is not None]
        assert one[len(known) :] == [None] * (len(one) - len(known)) == other[len(known) :]
        assert known == other[: len(known)][::-1]


def test_a_month_before_the_list_says_so(hashdesk: Run) -> None:
    code, out, _ = hashdesk("companies", "2019-05")
    assert code == 0
    assert "No company was tracked" in out


def test_an_unknown_column_is_one_line(hashdesk: Run) -> None:
    code, out, err = hashdesk("companies", "2025-09", "--sort", "market_cap")
    assert (code, out) == (2, "")
    assert "Did you mean market_cap_usd?" in err


def test_the_group_and_the_scores_are_those_of_the_desk(hashdesk: Run) -> None:
    desk = Desk()
    parts = json.loads(hashdesk("companies", "2025-09", "--parts", "--format", "json")[1])
    assert parts == to_json(desk.market_cap_parts("2025-09").to_dicts())
    scores = json.loads(hashdesk("companies", "2025-09", "--scores", "--format", "json")[1])
    assert scores == to_json(desk.disclosure_scores("2025-09").to_dicts())
    code, out, _ = hashdesk("companies", "2025-09", "--parts")
    assert code == 0
    assert any(line.startswith("Sep 2025") for line in out.splitlines())


def test_two_tables_at_once_are_refused(hashdesk: Run) -> None:
    code, out, err = hashdesk("companies", "--parts", "--scores")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
