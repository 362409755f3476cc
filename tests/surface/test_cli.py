"""The command line: what it prints, how it fails, how fast it starts."""

import csv
import errno
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hashdesk import Desk, __version__, errors
from hashdesk.catalog.figures import FIGURES
from hashdesk.cli import run
from hashdesk.cli.notes import NOTE_FORMATS
from hashdesk.note.model import to_json

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hashdesk(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in an empty folder: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


def one_line(text: str) -> str:
    assert text.startswith("error: ")
    assert text.count("\n") == 1
    assert text.endswith("\n")
    return text


# What it prints


def test_version(hashdesk: Run) -> None:
    assert hashdesk("--version") == (0, f"hashdesk {__version__}\n", "")


def test_without_a_command_help_is_shown(hashdesk: Run) -> None:
    code, out, _ = hashdesk()
    assert code == 0
    assert all(command in out for command in ("note", "figures", "reconcile", "explain", "assumptions"))


def test_formats_are_those_of_the_desk() -> None:
    from hashdesk.note.render import FORMATS

    assert NOTE_FORMATS == FORMATS


def test_note_writes_every_format_and_a_manifest_and_says_so(hashdesk: Run, tmp_path: Path, desk: Desk) -> None:
    code, out, err = hashdesk("note", "2025-09", "--out", "somewhere/new")
    assert (code, err) == (0, "")
    expected = [f"note-2025-09.{name}" for name in NOTE_FORMATS] + ["manifest-2025-09.json"]
    assert sorted(path.name for path in (tmp_path / "somewhere/new").iterdir()) == sorted(expected)
    assert all(str(Path("somewhere/new") / name) in out.splitlines() for name in expected)
    note = desk.note("2025-09")
    assert note.headline in out
    assert all(takeaway.text in out for takeaway in note.takeaways)


def test_note_goes_into_the_folder_notes_unless_told_otherwise(hashdesk: Run, tmp_path: Path) -> None:
    assert hashdesk("note", "2025-09", "--format", "md", "--quiet") == (
        0,
        "notes/note-2025-09.md\nnotes/manifest-2025-09.json\n",
        "",
    )
    assert (tmp_path / "notes/note-2025-09.md").is_file()


def test_json_is_the_model_of_the_library_and_writes_nothing(hashdesk: Run, tmp_path: Path, desk: Desk) -> None:
    code, out, err = hashdesk("note", "2025-09", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(json.dumps(to_json(desk.note("2025-09"))))
    assert list(tmp_path.iterdir()) == []


def test_json_beside_a_format_does_both(hashdesk: Run, tmp_path: Path) -> None:
    code, out, _ = hashdesk("note", "2025-09", "--json", "--format", "json")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "notes/note-2025-09.json").read_text())


def test_note_alone_takes_the_latest_complete_month(hashdesk: Run, desk: Desk) -> None:
    _, out, _ = hashdesk("note", "--json")
    assert json.loads(out)["period_start"] == f"{desk.latest_month()}-01"


def test_a_month_to_date_is_named_after_its_last_day(hashdesk: Run) -> None:
    code, out, _ = hashdesk("note", "--through", "2025-10-15", "-f", "md", "-q")
    assert code == 0
    assert "notes/note-2025-10-15.md" in out.splitlines()


def test_assumptions_can_be_replaced_and_are_marked(hashdesk: Run) -> None:
    _, out, _ = hashdesk("note", "2025-09", "--power-price", "-5", "--efficiency", "17.5", "--json")
    overrides = {entry["id"]: entry["value"] for entry in json.loads(out)["assumptions"] if entry["is_override"]}
    assert overrides == {"power_price_usd_per_mwh": -5.0, "efficiency_j_per_th": 17.5}


def test_figures_without_an_id_lists_all(hashdesk: Run) -> None:
    _, out, _ = hashdesk("figures", "--format", "csv")
    assert [row["id"] for row in csv.DictReader(io.StringIO(out))] == list(FIGURES)


def test_a_series_is_the_same_in_all_formats_and_in_the_library(hashdesk: Run, desk: Desk) -> None:
    arguments = ("figures", "network_hashrate_ehs", "--from", "2025-07", "--to", "2025-09", "--format")
    rows = json.loads(hashdesk(*arguments, "json")[1])
    assert [row["month"] for row in rows] == ["2025-07", "2025-08", "2025-09"]
    assert all(list(row) == ["month", "value", "unit", "low", "high", "change_frac", "caveats"] for row in rows)
    assert rows == desk.figures("network_hashrate_ehs", "2025-07", "2025-09").to_dicts()
    in_csv = list(csv.DictReader(io.StringIO(hashdesk(*arguments, "csv")[1])))
    assert [float(row["value"]) for row in in_csv] == [row["value"] for row in rows]
    table = hashdesk(*arguments, "table")[1].splitlines()
    assert table[0].split()[:3] == ["month", "value", "unit"]
    assert [line.split()[0] for line in table[1:]] == ["2025-07", "2025-08", "2025-09"]


def test_a_missing_month_is_a_row_with_null_and_its_reason(hashdesk: Run, desk: Desk) -> None:
    _, out, _ = hashdesk("figures", "market_cap_usd", "--from", "2026-01", "--to", "2027-12", "--format", "json")
    last = json.loads(out)[-1]
    assert (last["month"], last["value"], last["low"], last["change_frac"]) == ("2027-12", None, None, None)
    assert last["caveats"]


def test_reconcile_names_published_figures_of_the_month(hashdesk: Run) -> None:
    code, out, _ = hashdesk("reconcile", "2025-09", "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert {"network_hashrate_ehs", "market_cap_usd"} <= {row["figure_id"] for row in rows}
    best = next(row for row in rows if row["metric"] == "hashrate_avg_ehs")
    assert abs(best["ours"] / best["published"] - 1) < 0.01
    assert hashdesk("reconcile", "2025-09")[1].splitlines()[0].split()[:3] == ["period", "metric", "ours"]


@pytest.mark.parametrize("figure_id", ["network_hashrate_ehs", "market_cap_usd", "top_performer"])
def test_explain_shows_definition_formula_and_rows(hashdesk: Run, figure_id: str) -> None:
    code, out, err = hashdesk("explain", figure_id, "2025-09")
    assert (code, err) == (0, "")
    spec = FIGURES[figure_id]
    assert spec.definition in out
    assert f"Formula: {spec.formula}" in out
    assert "\nSources\n" in out


def test_explain_as_json_is_the_explanation_of_the_library(hashdesk: Run, desk: Desk) -> None:
    _, out, _ = hashdesk("explain", "market_cap_usd", "2025-09", "--json")
    assert json.loads(out) == json.loads(json.dumps(to_json(desk.explain("market_cap_usd", "2025-09"))))


def test_assumptions_have_value_unit_and_source(hashdesk: Run) -> None:
    rows = json.loads(hashdesk("assumptions", "--format", "json")[1])
    assert {"power_price_usd_per_mwh", "efficiency_j_per_th"} <= {row["id"] for row in rows}
    assert all(row["unit"] and row["source"] and row["as_of"] for row in rows)


# How it fails


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("note", "2025-13"), 2, "2025-13"),
        (("note", "september"), 2, "expected YYYY-MM"),
        (("note", "2999-01"), 2, "2999-01"),
        (("note", "2009-01"), 4, "network_daily"),
        (("note", "2025-09", "--through", "2025-10-02"), 2, "2025-09"),
        (("note", "2025-09", "--through", "yesterday"), 2, "'yesterday'"),
        (("note", "2025-09", "--as-of", "2025-09-10"), 2, "as-of"),
        (("note", "2025-09", "--format", "pfd"), 2, "Did you mean pdf?"),
        (("note", "2025-09", "--efficiency", "0"), 2, "efficiency"),
        (("note", "2025-09", "--efficiency", "nan"), 2, "finite"),
        (("note", "2025-09", "--power-price", "cheap"), 2, "--power-price"),
        (("note", "2025-09", "--fromat", "pdf"), 2, "--format"),
        (("note", "2025-09", "2025-10"), 2, "2025-10"),
        (("nte",), 2, "Did you mean 'note'?"),
        (("figures", "netwrk_hashrate_ehs"), 2, "network_hashrate_ehs"),
        (("figures", "difficulty", "--from", "2025-09", "--to", "2025-03"), 2, "2025-03"),
        (("figures", "difficulty", "--format", "jsno"), 2, "Did you mean json?"),
        (("figures", "--from", "2025-01"), 2, "need a figure"),
        (("explain", "hashprice", "2025-09"), 2, "hashprice_usd_per_phs_day"),
        (("explain", "difficulty"), 2, "MONTH"),
        (("reconcile", "2025-9"), 2, "expected YYYY-MM"),
        (("--store", "no-such-folder", "note", "2025-09"), 2, "no-such-folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line_with_its_exit_code(
    hashdesk: Run, arguments: tuple[str, ...], code: int, said: str
) -> None:
    got, out, err = hashdesk(*arguments)
    assert said in one_line(err)
    assert (got, out) == (code, "")


def test_a_folder_that_cannot_be_written_is_named(hashdesk: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    code, _, err = hashdesk("note", "2025-09", "--format", "md", "--out", "taken")
    assert (code, "cannot write into taken" in one_line(err)) == (2, True)


def test_a_full_disk_leaves_no_half_file(hashdesk: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    code, _, err = hashdesk("note", "2025-09", "--format", "md")
    assert (code, "No space left" in one_line(err)) == (2, True)
    assert list((tmp_path / "notes").iterdir()) == []


def test_a_misspelled_variable_is_refused(hashdesk: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHDESK_OUTDIR", "x")
    code, _, err = hashdesk("assumptions")
    assert (code, "Did you mean HASHDESK_OUT_DIR?" in one_line(err)) == (2, True)


@pytest.mark.parametrize("kind", errors.HashdeskError.__subclasses__())
def test_every_kind_of_error_has_its_exit_code(
    hashdesk: Run, monkeypatch: pytest.MonkeyPatch, kind: type[errors.HashdeskError]
) -> None:
    def fail(*_: object) -> None:
        raise kind("what went wrong.", hint="What to do.")

    monkeypatch.setattr(Desk, "reconcile", fail)
    assert hashdesk("reconcile") == (kind.exit_code, "", "error: what went wrong. What to do.\n")


def test_an_unforeseen_error_is_one_line_that_tells_how_to_see_more(
    hashdesk: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("nobody\nforesaw this")

    monkeypatch.setattr(Desk, "reconcile", fail)
    code, _, err = hashdesk("reconcile", "2025-09")
    assert (code, "hashdesk --debug reconcile 2025-09" in one_line(err)) == (1, True)
    with pytest.raises(KeyError):
        hashdesk("--debug", "reconcile", "2025-09")


# As a program of its own


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hashdesk", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


def test_a_reader_that_leaves_ends_the_command_in_silence() -> None:
    command = [sys.executable, "-m", "hashdesk", "figures"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "hashdesk", "figures"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, "No space left" in one_line(done.stderr)) == (2, True)


def in_a_terminal(*arguments: str, **environment: str) -> str:
    """Return standard output and error of the program when both are a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hashdesk", *arguments]
    settings = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80"} | environment
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=settings):
        os.close(theirs)
        chunks = []
        try:
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
        except OSError:  # Linux reports the end of a terminal as an input error.
            pass
    os.close(ours)
    return b"".join(chunks).decode()


def test_a_terminal_gets_colour_folded_lines_and_a_progress_bar(tmp_path: Path) -> None:
    seen = in_a_terminal("note", "2025-09", "--format", "md", "--out", str(tmp_path))
    assert "\x1b[1m" in seen
    assert "md" in seen and "━" in seen


@pytest.mark.parametrize("columns", ["40", "80", "160"])
def test_a_number_is_never_cut_however_narrow_the_terminal(columns: str) -> None:
    arguments = ("figures", "difficulty", "--from", "2025-08", "--to", "2025-09")
    plain = program(*arguments).stdout
    seen = in_a_terminal(*arguments, COLUMNS=columns, NO_COLOR="1", TERM="dumb")
    rows = [[line.split()[:6] for line in text.splitlines() if line.startswith("2025-")] for text in (seen, plain)]
    numbers = [[cells[:2] + cells[3:] for cells in table] for table in rows]  # A unit is text and may be folded.
    assert numbers[0] == numbers[1] != []


def test_no_color_is_honoured() -> None:
    assert "\x1b[3" not in in_a_terminal("figures", NO_COLOR="1")


def test_a_pipe_gets_plain_text() -> None:
    done = program("figures", "difficulty", "--from", "2025-08", "--to", "2025-09")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "word", "expected"),
    [("hashdesk n", 1, "note"), ("hashdesk explain market", 2, "market_cap_usd"), ("hashdesk note -f x", 3, "xlsx")],
)
def test_the_shell_completes_commands_figures_and_formats(words: str, word: int, expected: str) -> None:
    done = program(_HASHDESK_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(word))
    assert expected in done.stdout.split()


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, hashdesk; print([m for m in ('polars', 'numpy', 'pydantic', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_every_public_name_loads() -> None:
    import hashdesk as package

    assert sorted(package.__all__) == sorted({*package._HOME, "__version__"})
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Dask'"):
        package.Dask  # noqa: B018
