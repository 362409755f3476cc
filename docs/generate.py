"""Writes docs/cli.md from the commands, docs/index.md from the pages that there are, and the examples' output.

An example is a block of the language ``console``: a line that begins with ``$``, and what it prints.

Run by ``make docs``; a test checks that all of it is current.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from typer.main import get_command

from hashdesk import errors
from hashdesk.cli import app
from hashdesk.config import ENV_PREFIX, Settings

HERE = Path(__file__).resolve().parent
WALKED = (HERE.parent / "README.md", HERE / "tutorial.md")
"""Pages whose examples are run."""
CONSOLE = re.compile(r"^```console\n\$ (.+)\n(?:.*\n)*?```$", re.MULTILINE)
FILE = re.compile(r"`(\w+\.toml)`:\n\n```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A file that a page shows in full, by the name given just before."""

STARTERS = {
    "tutorial.md": "the first note in ten minutes",
    "cli.md": "every command, option, setting and exit code",
    "api.md": "the library, and the JSON of figures and notes",
    "store.md": "the live store: how it keeps every version of every fact, and what it survives",
    "sources/index.md": "what `hashdesk sync` asks, and how; a page for each source",
    "outlook.md": "the next adjustment, scenarios, fleets, and how well such forecasts did",
    "methods/index.md": "every figure and method: what it says, how it is computed, what limits it",
    "data-dictionary.md": "every table and column of the reference pack and of the live store",
    "reference-pack.md": "how the reference pack was made, and where it is weak",
    "archive-layout.md": "what a folder may hold that `hashdesk import` takes",
    "checks.md": "what an incoming row must meet, and what becomes of one that does not",
    "cluster.md": "simulations on many cores and many machines",
    "architecture.md": "how the parts fit, and which part may import which",
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

SETTINGS = """\
## Settings

A flag beats an environment variable, which beats the file `hashdesk.toml` in the working folder, which beats the
default. An unknown key or variable is an error, not ignored.

| key in `hashdesk.toml` | variable | flag | default | what it says |
|---|---|---|---|---|
"""

FLAGS = {"store": "`--store`", "out_dir": "`--out` of `hashdesk note`", "debug": "`--debug`"}

MEANING = {
    "store": "where the facts are: folder of a pack, folder or address (`s3://bucket/desk`) of a live store",
    "out_dir": "folder that notes are written into",
    "debug": "show the traceback of an error that nobody foresaw",
    "contact": "name and mail address that sources are told; the SEC answers nobody without one",
    "node_url": "JSON-RPC of the [Bitcoin node](sources/node.md), without a password in it",
    "node_user": "log-in at the node",
    "node_password": "password at the node; never shown",
    "node_cookie_file": "file in which the node leaves its log-in; in place of user and password",
    "chain": "chain that the store is about: `main`, `test`, `testnet4`, `signet` or `regtest`",
    "mempool_url": "host that speaks the interface of [mempool.space](sources/mempool.md)",
    "coinmetrics_url": "host of [Coin Metrics](sources/coinmetrics.md)",
    "coinbase_url": "host of the first [exchange](sources/exchanges.md)",
    "bitstamp_url": "host of the exchange that checks it",
    "binance_url": "host of the exchange that stands in for either",
    "sec_url": "host of [EDGAR](sources/edgar.md)'s data",
    "sec_archives_url": "host of EDGAR's filings",
    "yahoo_url": "host of [Yahoo](sources/yahoo.md)'s closes",
    "http_timeout_seconds": "longest wait for a connection, and for the next bytes [s]",
    "http_attempts": "how often a question is asked before giving up",
}
"""What each setting says."""

DEFAULT = {"store": "the reference pack inside the package"}
"""Defaults that are told in words."""

TAIL = """\
## Completion

`hashdesk --install-completion` installs completion of commands, options, figures, tables, sources, scenarios and
formats for the current shell; `hashdesk --show-completion` prints the script instead.
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


def settings() -> str:
    """Return the section on settings: one row a field."""
    rows = []
    for key, field in Settings.model_fields.items():
        default = DEFAULT.get(key) or ("none" if field.default is None else f"`{str(field.default).lower()}`")
        flag = FLAGS.get(key, "")
        rows.append(f"| `{key}` | `{ENV_PREFIX}{key.upper()}` | {flag} | {default} | {MEANING[key]} |\n")
    return SETTINGS + "".join(rows)


def command_line_page() -> str:
    """Return the whole page."""
    commands = list(get_command(app).commands)  # type: ignore[attr-defined]
    parts = [HEAD, f"```text\n{help_text()}\n```\n"]
    parts += [f"## hashdesk {name}\n\n```text\n{help_text(name)}\n```\n" for name in commands]
    return "\n".join([*parts, exit_codes(), settings(), TAIL])


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


def with_examples(page: Path) -> str:
    """Return the text of a page with the output of its examples as the commands print it now.

    The commands run one after the other in an empty folder that holds the files which the page shows, and with a store
    of the name ``desk`` once one of them has made it.
    """
    text = page.read_text(encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    with tempfile.TemporaryDirectory() as name:
        for file, body in FILE.findall(text):
            (Path(name) / file).write_text(body, encoding="utf-8")

        def run(match: re.Match[str]) -> str:
            call = ["bash", "-o", "errexit", "-c", match[1]]
            done = subprocess.run(
                call, cwd=name, env={**kept, "PATH": path}, capture_output=True, text=True, check=False
            )
            if done.returncode or done.stderr:
                raise SystemExit(f"{page.name}: {match[1]}: {done.stderr or done.returncode}")
            lines = "\n".join(line.rstrip() for line in done.stdout.splitlines())
            return f"```console\n$ {match[1]}\n{lines}\n```"

        return CONSOLE.sub(run, text)


def main() -> None:
    """Write every generated page."""
    if shutil.which("hashdesk", path=str(Path(sys.executable).parent)) is None:
        raise SystemExit("hashdesk is not installed beside this Python: run `make docs`.")
    (HERE / "cli.md").write_text(command_line_page(), encoding="utf-8")
    (HERE / "index.md").write_text(index_page(), encoding="utf-8")
    for page in WALKED:
        page.write_text(with_examples(page), encoding="utf-8")


if __name__ == "__main__":
    main()
