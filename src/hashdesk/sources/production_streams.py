"""Tables in plain text: cells between pipes, cells on lines of their own, or figures at the end of a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from hashdesk.sources.production_document import Document
from hashdesk.sources.production_labels import read_label
from hashdesk.sources.production_numbers import NUMBER, clean, is_absent, parse_number
from hashdesk.sources.production_periods import MONTH, NOT_A_MONTH, Header, header_of, months_named

TextRow = tuple[str, str, tuple[str | None, ...]]
"""Label, section and one text per column."""
TextTable = tuple[list[tuple[str, Header]], list[TextRow]]
"""Columns with what they stand for, and rows."""

_UNIT = r"(?:EH/s|PH/s|TH/s|BTC|bitcoin|MW|GW|J/TH|W/TH|c/kWh|%|million|billion|(?:per|/) ?kWh|hours|MWh)"
_HEDGE = r"(?:(?:approximately|approx\.?|appx\.?|~)\s*)?"
_VALUE = re.compile(
    rf"(?<!\S){_HEDGE}[-+]?\(?[-+]?(?:US)?\$?\(?(?:{NUMBER}),?\d*\)?(?:\s?{_UNIT})*\d{{0,2}}(?:\(\d\))?\)?\s?%?(?!\S)|"
    r"(?<!\S)(?:-|N/A|N/M|n/a)(?!\S)",
    re.I,
)
_HEAD_PART = re.compile(
    rf"{MONTH}\s+\d{{1,2}},?\s+20\d\d|{MONTH}[\s,\-']*(?:20\d\d|\d\d)(?!\d)|\d{{1,2}}/\d{{1,2}}/\d{{2,4}}|"
    rf"20\d\d-\d\d-\d\d|"
    r"Q[1-4]\s*'?(?:20)?\d\d|(?:first|second|third|fourth)\s+(?:quarter|qtr\.?)\s+20\d\d|YTD(?:\s+20\d\d)?|"
    r"%\s*change|change|month/month|year/year|m/m|y/y|m-?o-?m|y-?o-?y|%",
    re.I,
)
_HEAD_WORDS = re.compile(
    r"(?i)\b(key|operating|operational|metrics?|summary|unaudited|comparison|highlights|indicators|performance|"
    r"production)\b"
)
_FLAT_HEAD = re.compile(rf"(?:{_HEAD_WORDS.pattern[4:]})[\s\d*|:()]{{0,12}}{MONTH}", re.I)
_NOT_NOW = re.compile(
    r"(?i)\b(?:prior|previous|last|before|ago|targets?|goals?|plans?|planned|forecast|outlook|20\d\d$)\b"
)
_RULE = re.compile(r"^[\s|:\-=+_]*$")


def text_tables(document: Document) -> Iterator[TextTable]:
    """Tables that stand in the lines of a document.

    Parameters
    ----------
    document : Document
        HTML gives only the lines between its tables.

    Yields
    ------
    tuple
        Columns and rows; a row whose figures cannot be laid under the columns one to one holds None in their place.
    """
    for lines in _runs(document):
        yield from _stream(list(_atoms(lines)))
    for line in document.lines:
        table = flat_table(clean(line))
        if table is not None:
            yield table


def text_pairs(document: Document) -> Iterator[TextTable]:
    """Labels and values that stand on lines of their own in turn, without a column header.

    Only a run in which every label has at most one value and a value ends it is taken: where values come first, or
    where a table of several columns lost its header, who belongs to whom would be a guess.
    """
    for lines in _runs(document):
        block: list[Atom] = []
        is_headed = False
        for kind, text in [*_atoms(lines), ("stop", "")]:
            if kind in ("label", "figure"):
                block.append((kind, text))
                continue
            table = _paired(block) if kind == "stop" and not is_headed else None
            if table is not None:
                yield table
            block = []
            # Below a heading of a span or a column the values may not be the month's, until text parts them.
            is_headed = kind != "stop"


def _paired(block: list[Atom]) -> TextTable | None:
    if not block or block[0][0] == "figure" or block[-1][0] == "label":
        return None
    columns = [("", Header("month"))]
    rows: list[TextRow] = []
    section = ""
    for (kind, text), (_, label), (before, heading) in zip(block[1:], block, [("label", ""), *block], strict=False):
        if kind == "label":
            continue
        if (label, kind) == ("", "figure") or before == "stop":
            return None
        if before == "label" and heading:
            section = heading
            named = months_named(heading)
            if NOT_A_MONTH.search(heading) or _NOT_NOW.search(heading) or len(named) > 1:
                return None
            columns = [(heading, Header("month", named[0]))] if named else columns
        rows.append((label, section, (text,)))
    kinds = [kind for kind, _ in block]
    is_paired = all(not (a == "figure" and b == "figure") for a, b in pairwise(kinds))
    first = rows[0][0]
    names_nothing = bool(_HEAD_WORDS.search(first) and not read_label(first)) or bool(months_named(first))
    return (columns, rows) if is_paired and len(rows) > 1 and not names_nothing else None


def flat_table(line: str) -> TextTable | None:
    """A table that was run together into one line: months, then labels with one value for each of them.

    Examples
    --------
    >>> columns, rows = flat_table("Key metrics May 2025 April 2025 Bitcoin mined 2 627 579 Bitcoin sold 10 5")
    >>> rows[0]
    ('Bitcoin mined', '', ('627', '579'))
    """
    if len(line) > MAX_FLAT or not _FLAT_HEAD.search(line):
        return None
    heads: list[re.Match[str]] = []
    for match in _HEAD_PART.finditer(line):
        if heads and not re.fullmatch(r"[\s\d*()|]{0,6}", line[heads[-1].end() : match.start()]):
            if len(heads) > 1 or _ends_in_head_word(line[: heads[0].start()]):
                break
            heads = []
        heads.append(match)
    columns = [(head[0], header_of(head[0]) or Header("other")) for head in heads]
    if (
        not columns
        or not any(header.month for _, header in columns)
        or not _ends_in_head_word(line[: heads[0].start()])
    ):
        return None
    rows: list[TextRow] = []
    at = heads[-1].end()
    figures: list[str] = []
    label = ""
    for value in [*_VALUE.finditer(line, at), None]:
        text = line[at : value.start() if value else len(line)].strip()
        if value is not None and text and value[0] == "-" and re.match(r" [A-Za-z]", line[value.end() :]):
            continue  # The dash of a label: "Hash rate - Total".
        if text.strip("|* ") or value is None:
            if label and figures:
                rows.append((label, "", _fit(figures, columns)))
            label, figures = text.strip("|* "), []
            if len(label) > 70 or re.search(r"(?<!vg)[.;!?]\s+[A-Z]", label):
                break
        if value is not None:
            # "370 Bitcoin Held": the coin opens the next label.
            coin = (
                re.search(r"(?i)\s(?:bitcoin|btc)$", value[0]) if re.match(r" [A-Za-z]", line[value.end() :]) else None
            )
            at = value.start() + coin.start() if coin else value.end()
            figures.append(line[value.start() : at].strip())
    fitting = [cells for _, _, cells in rows if cells[0] is not None]
    return (columns, rows) if len(fitting) >= 2 and len(fitting) * 2 > len(rows) else None


MAX_FLAT = 6_000
"""A longer line is no table run together. [characters]"""


def _ends_in_head_word(text: str) -> bool:
    return _HEAD_WORDS.search(text[-24:].rstrip(" |:0123456789")[-12:]) is not None


def _runs(document: Document) -> Iterator[list[str]]:
    run: list[str] = []
    for block in document.blocks:
        if isinstance(block, str):
            run.append(block)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _is_prose(line: str) -> bool:
    words = line.split()
    return len(line) > 170 or (len(words) >= 8 and line.rstrip().endswith((".", ";", '."')) and "|" not in line)


MAX_HEADS = 30
"""More columns than any table of a release has."""

Atom = tuple[str, str]
"""Kind (``head``, ``label``, ``figure``, ``row``, ``stop``) and text; cells of a ``row`` are joined by tabs."""


def _atoms(lines: list[str]) -> Iterator[Atom]:
    in_pipes: list[str] | None = None
    for line in lines:
        lone = line.count("|") >= 1 and len([part for part in line.split("|") if part.strip()]) <= 1
        if lone and line.strip().endswith("|") and not line.strip().startswith("|") and len(line.strip()) > 1:
            # One cell to a line, the pipe as its right border: what stands above it belongs to it.
            yield from _cell(" ".join([*(in_pipes or []), line.replace("|", " ").strip()]))
            in_pipes = []
            continue
        if lone and not _RULE.fullmatch(line.replace("|", "")):
            # One cell to a line, with the pipe as its border.
            if in_pipes:
                yield from _cell(" ".join(in_pipes))
            in_pipes = [line.replace("|", " ").strip()]
            continue
        if line.strip() == "|" or lone:
            if in_pipes:
                yield from _cell(" ".join(in_pipes))
            in_pipes = []
            continue
        if in_pipes is not None and "|" not in line and not _is_prose(line):
            in_pipes.append(line)
            continue
        if in_pipes:
            yield from _cell(" ".join(in_pipes))
        in_pipes = None
        yield from _line(line)
    if in_pipes:
        yield from _cell(" ".join(in_pipes))


def _cell(text: str) -> Iterator[Atom]:
    text = clean(text)
    if not text:
        return
    if header_of(text) is not None and not _VALUE.fullmatch(text):
        yield "head", text
    elif is_absent(text) or parse_number(text).digits or _VALUE.fullmatch(text):
        yield "figure", text
    else:
        yield ("stop" if _is_prose(text) else "label"), text


def _line(line: str) -> Iterator[Atom]:
    if _RULE.fullmatch(line) and line.strip() not in ("-", "--"):
        return
    cells: list[str] = []
    if re.search(r"\t|\S {2,}\S", line):
        cells = [clean(cell) for cell in re.split(r"\t+| {2,}", line.strip())]
    if len(cells) > 1:
        yield "row", "\t".join(cells)
        return
    text = clean(line)
    if len(text) > 200:
        yield "stop", text
        return
    heads = [match[0] for match in _HEAD_PART.finditer(text)]
    rest = _HEAD_WORDS.sub("", re.sub(r"\(\s*%?\s*\)|\(\d\)", "", _HEAD_PART.sub("", text)))
    has_month = any((header_of(head) or Header("other")).month is not None for head in heads)
    if has_month and not re.search(r"[A-Za-z]{2,}|\d\d", rest):
        yield "row", "\t".join(heads)
        return
    if _is_prose(text):
        yield "stop", text
        return
    values = list(_VALUE.finditer(text))
    header = header_of(text)
    is_header = header is not None and not (header.kind == "change" and len(values) > 1)
    if is_absent(text) or parse_number(text).digits or is_header:
        yield from _cell(text)
        return
    tail: list[str] = []
    end = len(text)
    for match in reversed(values):
        if text[match.end() : end].strip():
            break
        tail.insert(0, match[0].strip())
        end = match.start()
    label = text[:end].strip()
    is_date = len(tail) == 1 and re.search(rf"(?i)\b{MONTH}$", label) is not None
    if tail and re.search(r"[A-Za-z]", label) and ":" not in label and not is_date:
        yield "row", "\t".join([label, *tail])
    else:
        yield "label", text


def _stream(atoms: list[Atom]) -> Iterator[TextTable]:
    columns: list[tuple[str, Header]] = []
    rows: list[TextRow] = []
    section, label = "", ""
    figures: list[str] = []
    reading_head = False

    def close() -> None:
        nonlocal figures, label
        if label and figures:
            rows.append((label, section, _fit(figures, columns)))
        figures = []

    atoms = [*atoms, ("stop", "")]
    for at, (kind, text) in enumerate(atoms):
        cells = text.split("\t") if kind == "row" else []
        if len(cells) == 2 and re.fullmatch(r"\d", cells[1]) and atoms[at + 1][0] == "figure":
            # A label that ends in a footnote, its figures on the lines below.
            kind, text, cells = "label", " ".join(cells), []
        names = [header_of(cell) for cell in cells if cell]
        is_head_row = any(name is not None and name.month for name in names) and not any(
            name is None and (parse_number(cell).digits or is_absent(cell))
            for name, cell in zip(names, [c for c in cells if c], strict=True)
        )
        if kind == "head" or is_head_row:
            if not reading_head:
                close()
                if rows:
                    yield columns, rows
                columns, rows, section, label = [], [], "", ""
                reading_head = True
            parts = [text] if kind == "head" else (cells[1:] if header_of(cells[0]) is None else cells)
            columns += [(part, header_of(part) or Header("other")) for part in parts if part]
            continue
        if kind == "stop" or len(columns) > MAX_HEADS:
            close()
            if rows:
                yield columns, rows
            columns, rows, section, label, reading_head = [], [], "", "", False
            continue
        if not columns:
            continue
        if kind == "figure":
            reading_head = False
            figures.append(text)
        elif kind == "label":
            if reading_head and not re.search(r"[A-Za-z]{2,}", _HEAD_WORDS.sub("", text)):
                continue
            reading_head = False
            close()
            if label and not (rows and rows[-1][0] == label):
                section = label
            label = text
        else:
            reading_head = False
            close()
            if label and not (rows and rows[-1][0] == label):
                section = label
            label = cells[0]
            rows.append((label, section, _fit(cells[1:], columns)))


def _fit(figures: list[str], columns: list[tuple[str, Header]]) -> tuple[str | None, ...]:
    """Figures laid under the columns in order; None throughout where that could go wrong."""
    n = len(columns)
    if len(figures) == n > 1 and re.fullmatch(r"[1-9]", figures[0]) and re.search(r"\d\d\d", figures[1]):
        return (None,) * n  # The first may be the label's footnote, and a figure be missing.
    if len(figures) == n + 1 and re.fullmatch(r"\d", figures[0]) and not re.fullmatch(r"\d", figures[1]):
        figures = figures[1:]  # A footnote of the label.
    if len(figures) == n + 1 and re.fullmatch(r"\d", figures[-1]) and all("." in figure for figure in figures[:-1]):
        figures = figures[:-1]  # The number of the first footnote below the table.
    if len(figures) == n:
        return tuple(figures)
    months = [i for i, (_, header) in enumerate(columns) if header.month is not None]
    if figures and len(figures) == len(months) and months == list(range(len(months))):
        # Quarter and change columns at the end are often left empty.
        return (*figures, *[None] * (n - len(figures)))
    return (None,) * n
