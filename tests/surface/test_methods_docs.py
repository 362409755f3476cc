"""The methods pages: one per figure, each with its unit and formula, and with numbers that the code still gives."""

import dataclasses
import re
from pathlib import Path

import pytest

from hashdesk.catalog.figures import FIGURES
from hashdesk.desk import Desk
from hashdesk.note.format import format_value
from hashdesk.note.model import Company, Event, Figure, Note, ReconciliationRow

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

THEME_HEADING = {
    "network": "Network",
    "profitability": "Profitability",
    "valuation": "Valuation",
    "context": "Market context",
}

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
    unit = FIGURES[figure_id].unit
    spellings = (f"`{figure_id}`, {unit}", f"`{figure_id}`, {UNIT_IN_WORDS.get(unit, unit)}")
    assert flat(opening).startswith(spellings)
    assert re.search(r"^    \S.*[=/]", text, re.MULTILINE), "no formula: an indented line"


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
    assert f"`hashdesk explain {figure_id} 2025-09`" in flat(text)


def test_most_figures_have_a_worked_example() -> None:
    assert len(WITH_EXAMPLE) >= 20


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
    [("Note", Note), ("Figure", Figure), ("Company", Company), ("Event", Event), ("Reconciliation", ReconciliationRow)],
)
def test_the_json_contract_is_documented_field_by_field(heading: str, kind: type) -> None:
    section = text_of(API).split(f"\n### {heading}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    fields = [field.name for field in dataclasses.fields(kind)]
    assert sorted(documented) == sorted(fields)


def test_every_table_and_method_is_documented(note: Note) -> None:
    text = text_of(API)
    assert {table for table in note.tables if f"`{table}`" not in text} == set()
    public = [name for name in vars(Desk) if not name.startswith("_")]
    assert {name for name in public if f"| `{name}(" not in text} == set()


@pytest.mark.parametrize("body", re.findall(r"```python\n(.*?)```", text_of(API), re.DOTALL))
def test_the_python_of_the_page_runs(body: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(body, {})
    assert capsys.readouterr().out
