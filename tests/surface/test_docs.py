"""The documentation: complete, links lead somewhere, commands run, examples and generated pages are current."""

import importlib
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

import polars as pl
import pytest
from typer.main import get_command

from hashdesk.catalog.figures import FIGURES
from hashdesk.catalog.live_tables import STORE_TABLES
from hashdesk.checks.run import CHECKS
from hashdesk.cli import app, run
from hashdesk.config import ENV_PREFIX, Settings
from hashdesk.desk import Desk
from hashdesk.desk.outlook import SCENARIOS
from hashdesk.sources.registry import SOURCES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
EXAMPLES = [ROOT / "README.md", DOCS / "tutorial.md"]
WALKED = [*EXAMPLES, DOCS / "outlook.md", DOCS / "store.md"]
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]

QUICK = {"note": ["--format", "md"], "outlook": ["--paths", "400"], "fleet": ["--paths", "400"]}
"""Options that shorten a command of a page: that every format and many paths work is claimed elsewhere."""

VOLUMES = """\
month,combined_usd_tn,spot_usd_tn,derivatives_usd_tn,published_change,source
2025-08,9.72,2.35,7.37,,a page of the test
2025-09,8.12,2.02,6.10,,a page of the test
"""
"""A file of the archive layout, for pages that import a folder."""

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def anchors(text: str) -> set[str]:
    """Anchors of a page's headings, as Markdown viewers make them."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{target} does not exist"
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal.read_text(encoding="utf-8")), f"{target} has no such heading"


@pytest.mark.parametrize(("page", "maker"), [("cli.md", "command_line_page"), ("index.md", "index_page")])
def test_generated_pages_are_current(page: str, maker: str, generate: types.ModuleType) -> None:
    assert (DOCS / page).read_text(encoding="utf-8") == getattr(generate, maker)(), "run `make docs`"


def test_every_figure_has_its_page() -> None:
    pages = {path.stem for path in (DOCS / "methods").glob("*.md")}
    assert set(FIGURES) - pages == set()


@pytest.mark.parametrize("folder", ["methods", "sources"])
def test_the_index_of_a_folder_leads_to_each_of_its_pages(folder: str) -> None:
    linked = set(LINK.findall((DOCS / folder / "index.md").read_text(encoding="utf-8")))
    assert {path.name for path in (DOCS / folder).glob("*.md")} - {"index.md"} - linked == set()


def make_archive(folder: Path) -> None:
    (folder / "market").mkdir(parents=True)
    (folder / "market" / "volumes.csv").write_text(VOLUMES, encoding="utf-8")


@pytest.fixture
def generate(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("generate")


@pytest.mark.parametrize("page", WALKED, ids=name_of)
def test_the_commands_of_the_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generate: types.ModuleType
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, body in generate.FILE.findall(page.read_text(encoding="utf-8")):
        (tmp_path / name).write_text(body, encoding="utf-8")
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    # Beside the text stand commands that read a file; they run where the page shows it.
    beside = re.findall(r"^    (hashdesk .+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    lines += [line for line in beside if all((tmp_path / name).exists() for name in re.findall(r"\w+\.toml", line))]
    n_run = 0
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[:1] == ["export"]:
            monkeypatch.setenv(*words[1].split("=", 1))
        if words[:1] != ["hashdesk"]:
            continue
        command = words[1:]
        if command[0] == "sync":
            # A network is needed: that each source can be asked is claimed by the tests of the sources.
            assert set(command[1:]) <= set(SOURCES)
            continue
        if command[0] == "import":
            make_archive(tmp_path / command[1])
        assert run([*command, *QUICK.get(command[0], [])]) == 0, command
        n_run += 1
    assert n_run


@pytest.mark.parametrize("page", EXAMPLES, ids=name_of)
def test_the_examples_are_what_the_commands_print(page: Path, generate: types.ModuleType) -> None:
    assert generate.CONSOLE.findall(page.read_text(encoding="utf-8"))
    assert generate.with_examples(page) == page.read_text(encoding="utf-8"), "run `make docs`"


@pytest.mark.parametrize("page", [*EXAMPLES, DOCS / "outlook.md"], ids=name_of)
def test_the_python_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    assert blocks(page, "python")
    for body in blocks(page, "python"):
        done = subprocess.run([sys.executable, "-c", body], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_options_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`hashdesk ([a-z]+)([^`]*)`", text) + re.findall(
        r"^(?:\$ | {4})?hashdesk ([a-z]+)(.*)$", text, re.M
    )
    for name, rest in named:
        assert name in COMMANDS, f"hashdesk {name}"
        options = {option for parameter in COMMANDS[name].params for option in parameter.opts} | {"--help"}
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest.split(" | ")[0])) <= options, f"hashdesk {name}{rest}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_or_a_page_beside_its_help(name: str) -> None:
    pages = [path for path in PAGES if path != DOCS / "cli.md"]
    assert any(f"hashdesk {name}" in path.read_text(encoding="utf-8") for path in pages)


def test_every_setting_is_in_the_table_of_settings() -> None:
    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        row = re.search(rf"^\| `{name}` \| `{ENV_PREFIX}{name.upper()}` \|.*\| (.+) \| (\S.+) \|$", text, re.MULTILINE)
        assert row, name


def test_every_setting_that_a_page_names_exists() -> None:
    known = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    for page in PAGES:
        named = set(re.findall(r"\bHASHDESK_[A-Z_]+\b", page.read_text(encoding="utf-8")))
        assert {name for name in named if not name.startswith("HASHDESK_TEST_")} <= known, page.name


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_has_its_page_and_its_tables_in_the_list(name: str) -> None:
    page = (DOCS / "sources" / f"{name}.md").read_text(encoding="utf-8")
    assert f"`{name}`" in page or f"hashdesk sync {name}" in page
    index = (DOCS / "sources" / "index.md").read_text(encoding="utf-8")
    row = next(line for line in index.splitlines() if line.startswith(f"| `{name}` |"))
    assert f"]({name}.md)" in row
    assert {table for table in SOURCES[name].tables if f"`{table}`" not in row} == set()


def test_every_check_is_on_the_page_of_checks_and_no_other() -> None:
    text = (DOCS / "checks.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([a-z]+\.[a-z-]+)` \|", text, re.MULTILINE))
    assert told == {check.id for check in CHECKS}


def test_every_scenario_is_told_where_scenarios_are() -> None:
    text = (DOCS / "methods" / "scenarios.md").read_text(encoding="utf-8")
    assert {name for name in SCENARIOS if f"`{name}`" not in text} == set()


def test_every_table_is_in_the_data_dictionary() -> None:
    text = (DOCS / "data-dictionary.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^### (\w+)$", text, re.MULTILINE)) == sorted(STORE_TABLES)


def test_what_the_readme_says_of_the_scorecard_is_so() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert "Since 2020 the outlook's lead over the best simple forecast is small, and sometimes there is none." in text
    card = Desk().shipped_scorecard()
    assert card is not None
    leads = pl.Series(card.tables["outlook_scorecard"].column("skill_from_2020_frac"))
    assert leads.min() < 0 < leads.max() < 0.25  # type: ignore[operator]


def test_the_readme_has_two_commands_to_start_with() -> None:
    first = blocks(ROOT / "README.md", "sh")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make note", "make test"]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"note", "test"} <= set(targets)


def test_every_part_of_the_package_is_in_the_architecture_table() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    parts = {path.stem for path in (ROOT / "src" / "hashdesk").iterdir() if path.suffix == ".py" or path.is_dir()}
    own = {part for part in parts if not part.startswith("_")}
    assert {part for part in own if f"| `{part}` |" not in text} == set()


def test_the_architecture_table_tells_the_rules_that_the_imports_are_held_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    rules = importlib.import_module("test_import_rules").MAY_IMPORT
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", text, re.MULTILINE))
    base = set(rules["catalog"])
    for part in ("catalog", "chain", "sources", "checks", "archive", "store", "metrics", "outlook", "note", "cli"):
        told = set(re.findall(r"`([\w.]+)`", rows[part]))
        assert told == set(rules[part]) - base, part
        assert rows[part].startswith("base"), part


def test_every_command_and_its_module_are_in_the_architecture() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        module = command.callback.__module__.rpartition(".")[2]
        row = next(line for line in text.splitlines() if f"| `{module}`: " in line)
        assert f"`{name}`" in row


def test_requirements_are_hashed_and_name_no_index() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        pins = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
        entries = re.split(r"\n(?=\S)", text.strip())
        assert len(entries) == len(pins), f"{path.name}: a line is not a pin"
        assert all("--hash=sha256:" in entry for entry in entries)
        assert "://" not in text
