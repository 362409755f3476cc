"""Write docs/data-dictionary.md: the tables of the reference pack, and those that only the live store has.

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

from hashdesk.catalog.derived_tables import DERIVED_SPECS  # noqa: E402
from hashdesk.catalog.live_tables import LIVE_TABLES, store_rule  # noqa: E402
from hashdesk.catalog.schema import Column, TableSpec  # noqa: E402
from hashdesk.catalog.tables import TABLES  # noqa: E402

PAGE = ROOT / "docs/data-dictionary.md"
PACK = ROOT / "src/hashdesk/reference/pack.json"

HEAD = """\
# Data dictionary

Written by `python tools/build_data_dictionary.py` from `hashdesk.catalog`; do not edit by hand. How the tables were
made, and where they are weak, is told in [the reference pack](reference-pack.md).

Null means not known; zero is a measured zero. Days are UTC days, except trading days, which are New York's. A fact
counts as known from the day in `known_at` on, and `source` leads to its publisher and address in the table `sources`.
Types: `f64` and `i64` are 64-bit numbers, `binary` is bytes, `?` marks a column that may be empty.

The [live store](store.md) has all tables of this page and adds `_retrieved_at`, `_batch`, `_seq` and `_row` to each.
Where several rows tell the same fact, its key says which of them belong together. *Preferred* is the order of sources
where several tell one fact; a table is *late* when its newest fact is older than that.
"""

OF_THE_PACK = "## In the reference pack\n"
DERIVED = """\
## Worked out of daily closes and contracts

Also in the reference pack. A store that holds the daily closes themselves works the first four out anew.
"""
OF_THE_STORE = """\
## In the live store only

Filled by [`hashdesk import`](archive-layout.md), by [`hashdesk sync`](sources/index.md) and by the store itself.
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


def rule(name: str) -> str:
    """How the live store reads a table, where there is more to say than its key."""
    stored = store_rule(name)
    parts = [f"Late in the live store after {stored.cadence_days} days."] if stored.cadence_days else []
    if stored.prefer:
        ranks = (" or ".join(f"`{source}`" for source in rank.split("|")) for rank in stored.prefer)
        parts.append(f"Preferred: {', '.join(ranks)}.")
    if stored.latest_by == "retrieved_at":
        parts.append("What was retrieved last holds.")
    return "".join(f" {part}" for part in parts)


def section(spec: TableSpec, entry: dict[str, Any] | None) -> str:
    """One table of the dictionary, with its extent where it is in the pack."""
    extent = ""
    if entry is not None:
        span = f", {entry['first']} to {entry['last']} by `{spec.fact_date}`" if entry["first"] else ""
        extent = f"{entry['rows']:,} rows{span}. "
    key = ", ".join(f"`{name}`" for name in spec.key)
    lines = [
        f"### {spec.name}",
        "",
        spec.description,
        "",
        f"{extent}Key: {key}.{rule(spec.name)}",
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
    derived = {spec.name for spec in DERIVED_SPECS}
    groups = (
        (OF_THE_PACK, {name: spec for name, spec in TABLES.items() if name not in derived}),
        (DERIVED, {spec.name: spec for spec in DERIVED_SPECS}),
        (OF_THE_STORE, LIVE_TABLES),
    )
    parts = [HEAD]
    for head, specs in groups:
        links = "\n".join(f"- [{name}](#{name}): {specs[name].description}" for name in sorted(specs))
        parts += [head, links, "", *(section(specs[name], entries.get(name)) for name in sorted(specs))]
    return "\n".join(parts)


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
