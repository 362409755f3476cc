"""Write docs/data-dictionary.md from the catalog and the list of the reference pack.

python tools/build_data_dictionary.py [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from hashdesk.catalog.tables import TABLES, Column, TableSpec  # noqa: E402

PAGE = ROOT / "docs/data-dictionary.md"
PACK = ROOT / "src/hashdesk/reference/pack.json"

HEAD = """\
# Data dictionary

Written by `python tools/build_data_dictionary.py` from `hashdesk.catalog`; do not edit by hand. How the tables were
made, and where they are weak, is told in [the reference pack](reference-pack.md).

Null means not known; zero is a measured zero. Days are UTC days, except trading days, which are New York's. A fact
counts as known from the day in `known_at` on, and `source` leads to its publisher and address in the table `sources`.
Types: `f64` and `i64` are 64-bit numbers, `?` marks a column that may be empty.
"""


def limits(column: Column) -> str:
    """What a value may be, in words."""
    if column.allowed:
        return " \\| ".join(f"`{value}`" for value in column.allowed)
    low = "" if column.low is None else f"{column.low:,.10g}"
    high = "" if column.high is None else f"{column.high:,.10g}"
    if low and high:
        return f"{low} to {high}"
    return f"{low} or more" if low else f"{high} or less" if high else ""


def section(spec: TableSpec, entry: dict[str, Any]) -> str:
    """One table of the dictionary."""
    span = f", {entry['first']} to {entry['last']} by `{spec.fact_date}`" if entry["first"] else ""
    key = ", ".join(f"`{name}`" for name in spec.key)
    lines = [
        f"## {spec.name}",
        "",
        spec.description,
        "",
        f"{entry['rows']:,} rows{span}. Key: {key}.",
        "",
        "| column | type | unit | meaning | limits |",
        "|---|---|---|---|---|",
    ]
    for column in spec.columns:
        dtype = column.dtype + ("?" if column.nullable else "")
        lines.append(f"| `{column.name}` | {dtype} | {column.unit} | {column.description} | {limits(column)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole dictionary."""
    entries = json.loads(PACK.read_text(encoding="utf-8"))["tables"]
    links = "\n".join(f"- [{name}](#{name}): {TABLES[name].description}" for name in sorted(TABLES))
    return "\n".join([HEAD, links, "", *(section(TABLES[name], entries[name]) for name in sorted(TABLES))])


def main() -> None:
    """Write the page, or check that it is current."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail where the page is out of date")
    if parser.parse_args().check:
        if PAGE.read_text(encoding="utf-8") != page():
            raise SystemExit(f"{PAGE}: out of date; run tools/build_data_dictionary.py")
        return
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
