"""The documentation: links lead somewhere, commands run, generated pages are current."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hashdesk.catalog.figures import FIGURES
from hashdesk.cli import run

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
WALKED = [ROOT / "README.md", ROOT / "docs" / "tutorial.md"]

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
def test_generated_pages_are_current(page: str, maker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    generate = importlib.import_module("generate")
    assert (ROOT / "docs" / page).read_text(encoding="utf-8") == getattr(generate, maker)(), "run `make docs`"


def test_every_figure_has_its_page() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "methods").glob("*.md")}
    assert set(FIGURES) - pages == set()


@pytest.mark.parametrize("page", WALKED, ids=name_of)
def test_the_commands_of_the_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("hashdesk ")]
    assert commands
    for command in commands:
        # One format is enough here: that each can be written is claimed elsewhere.
        quick = [*command, "--format", "md"] if command[0] == "note" and "--format" not in command else command
        assert run(quick) == 0, command


@pytest.mark.parametrize("page", WALKED, ids=name_of)
def test_the_python_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    for body in blocks(page, "python"):
        done = subprocess.run([sys.executable, "-c", body], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout


def test_the_readme_has_two_commands_to_start_with() -> None:
    first = blocks(ROOT / "README.md", "sh")[0]
    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["make note", "make test"]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert {"note", "test"} <= set(targets)


def test_every_part_of_the_package_is_in_the_architecture_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    parts = {path.stem for path in (ROOT / "src" / "hashdesk").iterdir() if path.suffix == ".py" or path.is_dir()}
    own = {part for part in parts if not part.startswith(("_", "cli_"))}
    assert {part for part in own if f"| `{part}` |" not in text} == set()


def test_requirements_are_hashed_and_name_no_index() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        pins = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
        entries = re.split(r"\n(?=\S)", text.strip())
        assert len(entries) == len(pins), f"{path.name}: a line is not a pin"
        assert all("--hash=sha256:" in entry for entry in entries)
        assert "://" not in text
