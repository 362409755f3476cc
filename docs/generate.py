"""Writes docs/cli.md from the commands and docs/index.md from the pages that there are.

Run by ``make docs``; a test checks that both are current.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from typer.main import get_command

from hashdesk import errors
from hashdesk.cli import app

HERE = Path(__file__).resolve().parent

STARTERS = {
    "tutorial.md": "the first note in ten minutes",
    "cli.md": "every command, option, setting and exit code",
    "api.md": "the library, and the JSON of figures and notes",
    "architecture.md": "how the parts fit, and which part may import which",
    "methods/index.md": "every figure: what it says, how it is computed, what limits it",
    "data-dictionary.md": "every table and column of the reference pack",
    "reference-pack.md": "how the reference pack was made, and where it is weak",
    "development.md": "set up, test, measure, rebuild the reference pack, release",
}
"""The pages to start with, in order, and what each is for."""

HEAD = """\
# Command line

Written by `make docs` from the commands; do not edit by hand. A first walk through them is in the
[tutorial](tutorial.md).

Results go to standard output, the progress bar and errors to standard error. Colours, folding and the progress bar
appear only in a terminal; `NO_COLOR` switches colours off. In a pipe, tables are aligned plain text of one line a row.
"""

TAIL = """\
## Settings

A flag beats an environment variable, which beats the file `hashdesk.toml` in the working folder, which beats the
default. An unknown key or variable is an error, not ignored.

| key in `hashdesk.toml` | variable | flag | default |
|---|---|---|---|
| `store` | `HASHDESK_STORE` | `--store` | the reference pack inside the package |
| `out_dir` | `HASHDESK_OUT_DIR` | `--out` of `hashdesk note` | `notes` |
| `debug` | `HASHDESK_DEBUG` | `--debug` | `false` |

## Completion

`hashdesk --install-completion` installs completion of commands, options, figures and formats for the current shell;
`hashdesk --show-completion` prints the script instead.
"""


def help_text(*command: str) -> str:
    """Return what ``hashdesk COMMAND --help`` prints into a pipe."""
    # The width is fixed, so that the page does not depend on the terminal it was written from.
    environment = os.environ | {"COLUMNS": "100", "TERMINAL_WIDTH": "100"}
    call = [sys.executable, "-m", "hashdesk", *command, "--help"]
    return subprocess.run(call, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def exit_codes() -> str:
    """Return the table of exit codes."""
    rows = [("0", "done"), ("1", "an error that nobody foresaw; `--debug` shows its traceback")]
    by_code: dict[int, list[str]] = {}
    for kind in errors.HashdeskError.__subclasses__():
        by_code.setdefault(kind.exit_code, []).append(f"`{kind.__name__}`: {(kind.__doc__ or '').rstrip('.')}")
    rows += [(str(code), "; ".join(texts)) for code, texts in sorted(by_code.items())]
    rows += [("130", "interrupted"), ("141", "the reader of the output left, as in `hashdesk figures \\| head -1`")]
    body = "\n".join(f"| {code} | {text} |" for code, text in rows)
    return f"## Exit codes\n\nAn error is one line on standard error.\n\n| code | meaning |\n|---:|---|\n{body}\n"


def command_line_page() -> str:
    """Return the whole page."""
    commands = list(get_command(app).commands)  # type: ignore[attr-defined]
    parts = [HEAD, f"```text\n{help_text()}\n```\n"]
    parts += [f"## hashdesk {name}\n\n```text\n{help_text(name)}\n```\n" for name in commands]
    return "\n".join([*parts, exit_codes(), TAIL])


def title(page: Path) -> str:
    """Return the heading of a page."""
    return page.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")


def index_page() -> str:
    """Return the list of all pages: the ones to start with, then the others by title.

    A folder with an index of its own lists its pages there.
    """
    starters = {name: purpose for name, purpose in STARTERS.items() if (HERE / name).is_file()}
    rows = [f"| [{title(HERE / name)}]({name}) | {purpose} |" for name, purpose in starters.items()]
    parts = ["# Documentation\n", "\n".join(["| page | what it is for |", "|---|---|", *rows]) + "\n"]
    others = []
    for page in sorted(HERE.rglob("*.md")):
        name = page.relative_to(HERE).as_posix()
        has_own_index = page.parent != HERE and (page.parent / "index.md").is_file()
        if name != "index.md" and name not in starters and not has_own_index:
            others.append(f"- [{title(page)}]({name})")
    if others:
        parts.append("## More\n\n" + "\n".join(others) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Write every generated page."""
    (HERE / "cli.md").write_text(command_line_page(), encoding="utf-8")
    (HERE / "index.md").write_text(index_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
