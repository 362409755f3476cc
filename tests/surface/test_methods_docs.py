"""The methods pages: one per figure, each with its unit and formula, and with numbers that the code still gives."""

import dataclasses
import datetime as dt
import inspect
import re
from pathlib import Path

import polars as pl
import pytest

from hashdesk.archive.reading import Problem
from hashdesk.archive.report import FileOutcome, ImportReport, TableOutcome
from hashdesk.calendar import Period
from hashdesk.catalog.figures import FIGURES, FigureSpec
from hashdesk.desk import Desk
from hashdesk.desk.companies import CompanyMonth, Fact
from hashdesk.desk.facts import Restatements
from hashdesk.desk.syncing import SyncOutcome
from hashdesk.metrics.attribution import Attribution
from hashdesk.metrics.companies import Bought
from hashdesk.metrics.decomposition import CapParts
from hashdesk.metrics.dilution import DilutionMonth
from hashdesk.metrics.disclosure import Forecast, Score
from hashdesk.metrics.enterprise_value import Bridge, BridgeLine
from hashdesk.metrics.event_study import EventStudy
from hashdesk.metrics.hashcost import Rung
from hashdesk.metrics.hpc_pivot import Hpc
from hashdesk.note.format import format_interval, format_value
from hashdesk.note.model import (
    Column,
    Company,
    Event,
    Figure,
    Interval,
    Note,
    ReconciliationRow,
    Record,
    Section,
    Table,
    Variant,
)
from hashdesk.note.outlook_reports import (
    AdjustmentScores,
    DifficultyReport,
    FleetReport,
    OutlookReport,
    ScorecardReport,
)
from hashdesk.outlook.adjustment import Adjustment, AdjustmentScore, Bounds, EpochState, Retarget
from hashdesk.outlook.nowcast import Nowcast
from hashdesk.outlook.statements import Statement
from hashdesk.store.append import AppendResult
from hashdesk.store.status import TableStatus

DOCS = Path(__file__).resolve().parents[2] / "docs"
METHODS = DOCS / "methods"
API = DOCS / "api.md"

UNIT_IN_WORDS = {
    "USD/EH/s/day": "USD per EH/s and day",
    "USD/PH/s/day": "USD per PH/s and day",
    "USD/MWh": "USD per MWh",
    "x": "a multiple",
    "count": "a count",
    "ticker": "a ticker",
    "difficulty": "a plain number",
}
"""How a page may write a unit in words."""

UNIT_OF = {spec.unit: spec.unit for spec in FIGURES.values()} | {words: unit for unit, words in UNIT_IN_WORDS.items()}
"""Unit of the catalog by how a page writes it."""

THEME_HEADING = {
    "network": "Network",
    "profitability": "Profitability",
    "valuation": "Valuation",
    "context": "Market context",
}

RESULTS = (
    CompanyMonth,
    Fact,
    Attribution,
    EventStudy,
    Hpc,
    OutlookReport,
    DifficultyReport,
    AdjustmentScores,
    FleetReport,
    ScorecardReport,
    SyncOutcome,
    ImportReport,
    Restatements,
    TableStatus,
)
"""What methods of the desk give back; each has a section under its name."""

EXAMPLE = "**Worked example, September 2025.**"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def flat(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


WITH_EXAMPLE = [figure_id for figure_id in FIGURES if EXAMPLE in text_of(METHODS / f"{figure_id}.md")]


@pytest.fixture(scope="module")
def note() -> Note:
    """The month of the worked examples."""
    return Desk().note("2025-09")


@pytest.mark.parametrize("figure_id", FIGURES)
def test_every_figure_has_a_page_with_its_unit_and_formula(figure_id: str) -> None:
    text = text_of(METHODS / f"{figure_id}.md")
    title, opening = text.split("\n\n")[:2]
    assert re.fullmatch(r"# \S.*", title)
    assert flat(opening).startswith(f"`{figure_id}`, ")
    assert re.search(r"^    \S.*[=/]", text, re.MULTILINE), "no formula: an indented line"


def stated_unit_and_basis(figure_id: str) -> tuple[str, str]:
    """What the opening line of a page says: unit, more about the unit perhaps, basis."""
    opening = flat(text_of(METHODS / f"{figure_id}.md").split("\n\n")[1])
    stated = opening.removeprefix(f"`{figure_id}`, ")
    # The longest spelling is meant: "USD per EH/s and day" begins with another unit.
    spellings = [words for words in UNIT_OF if re.match(re.escape(words) + r"[ ,]", stated)]
    return UNIT_OF[max(spellings, key=len)], stated.rpartition(", ")[2].removesuffix(".")


@pytest.mark.parametrize("figure_id", FIGURES)
def test_every_page_states_the_unit_and_the_basis_of_the_catalog(figure_id: str) -> None:
    spec = FIGURES[figure_id]
    assert stated_unit_and_basis(figure_id) == (spec.unit, spec.basis)


@pytest.mark.parametrize("figure_id", FIGURES)
def test_every_page_names_code_that_exists(figure_id: str) -> None:
    code = re.findall(r"`hashdesk\.([a-z_.]+)\.(\w+)(?:\.(\w+))?`", text_of(METHODS / f"{figure_id}.md"))
    for module, name, attribute in code:
        found = getattr(__import__(f"hashdesk.{module}", fromlist=[name]), name)
        assert not attribute or hasattr(found, attribute)


@pytest.mark.parametrize("figure_id", WITH_EXAMPLE)
def test_worked_examples_are_what_the_code_gives(figure_id: str, note: Note) -> None:
    text = text_of(METHODS / f"{figure_id}.md")
    figure = note.figure(figure_id)
    example = flat(text.split(EXAMPLE)[1].split("\n\n")[0])
    assert format_value(figure.value, figure.unit) in example
    if "95%: " in example:
        assert f"95%: {format_interval(figure)}" in example
    assert f"`hashdesk explain {figure_id} 2025-09`" in flat(text)


def test_most_figures_have_a_worked_example() -> None:
    assert len(WITH_EXAMPLE) >= 20


def test_the_coverage_of_the_next_retarget_is_what_the_pack_gives() -> None:
    desk = Desk()
    rows = desk.figures("next_difficulty_change_frac", "2020-01").drop_nulls(["low", "high"]).iter_rows(named=True)
    epochs = desk.store.read("epochs").sort("start_height")
    change = pl.col("difficulty").shift(-1) / pl.col("difficulty") - 1
    changes = epochs.select("start_at", change=change).drop_nulls("change")
    inside = []
    for row in rows:
        year, month = map(int, row["month"].split("-"))
        end = dt.datetime(year + month // 12, month % 12 + 1, 1, tzinfo=dt.UTC)
        outcome = changes.filter(pl.col("start_at") < end)["change"][-1]
        inside.append(row["low"] <= outcome <= row["high"])
    text = flat(text_of(METHODS / "next_difficulty_change_frac.md"))
    assert f"Measured over the {len(inside)} month ends since January 2020" in text
    assert f"fell inside in {sum(inside)}, or {sum(inside) / len(inside):.0%}, against the 95%" in text


def test_the_fit_of_the_definitions_is_what_the_code_gives() -> None:
    text = text_of(METHODS / "reconciliation.md")
    fit = Desk().definition_fit()
    for row in fit.iter_rows(named=True):
        name = f"**`{row['definition_id']}`**" if row["is_closest"] else f"`{row['definition_id']}`"
        numbers = (
            f"{row['n_months']} | {row['median_abs_error_frac']:.2%} | {row['max_abs_error_frac']:.2%} "
            f"| {row['mean_error_frac']:+.2%}"
        )
        assert f"| {row['publisher']} | `{row['figure_id']}` | {name} | {numbers} |" in text
    assert len(re.findall(r"^\| \w+ \| `", text, re.MULTILINE)) == fit.height


def test_the_study_of_revenue_is_quoted_as_it_stands() -> None:
    study = text_of(METHODS / "revenue-definitions.md")
    count, months = re.findall(r"^(\d+) definitions, (\d+) whole months", study, re.MULTILINE)[0]
    best, second = re.findall(r"^\|[^|]*\|[^|]*-day price \|[^|]*\| (\S+) \| (\S+) \|", study, re.MULTILINE)[:2]
    text = flat(text_of(METHODS / "block_reward_revenue_usd_per_ehs_day.md"))
    assert f"Out of {count} combinations this one stands closest to the {months} whole months" in text
    quoted = f"{best[0]} apart at the median, {best[1]} at most, where the next best is {second[0]} and {second[1]}."
    assert quoted in text


def test_the_index_lists_every_figure_with_its_unit_and_theme() -> None:
    sections = {block.split("\n", 1)[0]: block for block in text_of(METHODS / "index.md").split("\n## ")[1:]}
    for spec in FIGURES.values():
        row = f"| [{spec.label}]({spec.id}.md) | `{spec.id}` | {spec.unit} |"
        assert row in sections[THEME_HEADING[spec.theme]]


@pytest.mark.parametrize("page", [*sorted(METHODS.glob("*.md")), API], ids=lambda p: p.stem)
def test_internal_links_of_the_methods_pages_resolve(page: Path) -> None:
    for target in LINK.findall(text_of(page)):
        if "://" not in target and not target.startswith("#"):
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Declaration of a figure", FigureSpec),
        ("Note", Note),
        ("Figure", Figure),
        ("Company", Company),
        ("Event", Event),
        ("Reconciliation", ReconciliationRow),
        ("Section", Section),
        ("Table", Table),
        ("Column", Column),
        *((kind.__name__, kind) for kind in RESULTS),
    ],
)
def test_the_json_contract_is_documented_field_by_field(heading: str, kind: type) -> None:
    section = text_of(API).split(f"\n### {heading}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    fields = [field.name for field in dataclasses.fields(kind)]
    assert sorted(documented) == sorted(fields)


@pytest.mark.parametrize(
    ("heading", "field", "kind"),
    [
        ("Figure", "interval", Interval),
        ("Figure", "record", Record),
        ("Figure", "variants", Variant),
        ("CompanyMonth", "period", Period),
        ("CompanyMonth", "hashcost", Rung),
        ("CompanyMonth", "bridge", Bridge),
        ("CompanyMonth", "bridge", BridgeLine),
        ("CompanyMonth", "parts", CapParts),
        ("CompanyMonth", "dilution", DilutionMonth),
        ("CompanyMonth", "bought", Bought),
        ("CompanyMonth", "forecasts", Forecast),
        ("CompanyMonth", "score", Score),
        ("OutlookReport", "statements", Statement),
        ("DifficultyReport", "nowcast", Nowcast),
        ("DifficultyReport", "adjustment", Adjustment),
        ("DifficultyReport", "adjustment", EpochState),
        ("DifficultyReport", "adjustment", Retarget),
        ("DifficultyReport", "adjustment", Bounds),
        ("AdjustmentScores", "scores", AdjustmentScore),
        ("SyncOutcome", "result", AppendResult),
        ("ImportReport", "files", FileOutcome),
        ("ImportReport", "tables", TableOutcome),
        ("ImportReport", "problems", Problem),
    ],
)
def test_the_parts_of_a_result_are_documented_field_by_field(heading: str, field: str, kind: type) -> None:
    section = text_of(API).split(f"\n### {heading}\n")[1].split("\n#")[0]
    row = next(line for line in section.splitlines() if line.startswith(f"| `{field}`"))
    assert {name for name in (part.name for part in dataclasses.fields(kind)) if f"`{name}`" not in row} == set()


def test_every_table_of_a_note_is_documented_and_no_other(note: Note) -> None:
    section = text_of(API).split("\n### Tables of a note\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)) == sorted(note.tables)


def test_every_section_of_a_note_is_named(note: Note) -> None:
    section = text_of(API).split("\n### Section\n")[1].split("\n#")[0]
    assert {part.id for part in note.sections if part.kind == "theme" and f"`{part.id}`" not in section} == set()


@pytest.mark.parametrize("name", [name for name in dir(Desk) if not name.startswith("_")])
def test_every_method_is_documented_with_its_arguments(name: str) -> None:
    text = text_of(API)
    member = inspect.getattr_static(Desk, name)
    if not inspect.isfunction(member):
        assert f"| `{name}` |" in text
        return
    stated = re.search(rf"^\| `{name}\((.*)\)` \|", text, re.MULTILINE)
    assert stated, name
    told = re.findall(r"(?:^|, )(\w+)", re.sub(r"\([^)]*\)", "", stated[1]))
    assert told == [argument for argument in inspect.signature(member).parameters if argument != "self"]


@pytest.mark.parametrize("body", re.findall(r"```python\n(.*?)```", text_of(API), re.DOTALL))
def test_the_python_of_the_page_runs(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(body, {})
    assert capsys.readouterr().out
