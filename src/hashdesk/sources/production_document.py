"""A release as blocks in reading order: tables with their columns, and lines of text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from hashdesk.sources.production_numbers import clean

_BREAKS = {
    "p", "div", "br", "li", "ul", "ol", "h1", "h2",
    "h3", "h4", "h5", "h6", "tr", "section", "article", "header", "footer",
    "title", "center", "blockquote", "hr", "dt", "dd", "pre",
}  # fmt: skip
_HIDDEN = {"script", "style", "noscript", "template", "ix:header", "svg"}
_VOID = {"br", "hr", "img", "meta", "link", "input", "col", "wbr", "area", "base", "embed", "source", "track", "param"}
_SUPER = re.compile(r"vertical-align:\s*(super|top\s*;\s*font-size:\s*[0-7])|vertical-align:\s*super", re.I)
_NONE = re.compile(r"display:\s*none", re.I)
_BULLET = re.compile(r"^[\u2022\u00b7\u25aa\u25cf\u25e6\u25cb\u2023\uf0b7\u00a7o\-*]?$")
_TAILS = re.compile(r"^(%|\)|\)\s*%|%\s*\)|EH/s|PH/s|BTC|J/TH|W/TH|million|\(\d\)|\d?\s?c/kWh)$", re.I)
_HEADS = re.compile(r"(?i)^((US)?\$|\(|\(\$|-\$|(approximately|approx\.?|appx\.?|~)\s*\$?)$")


MAX_DEPTH = 100
"""Hidden elements within one another that are told apart."""

MAX_COLUMNS = 200
"""Wider than any table of a release; what stands further right is not read, so that no page can be slow. [columns]"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that holds something, and the columns of the grid that it spans."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: rows of cells, empty ones left out but counted in the positions."""

    rows: list[list[Cell]]


@dataclass(frozen=True, slots=True)
class Document:
    """A release."""

    blocks: list[Grid | str]
    is_html: bool
    has_superscripts: bool
    is_cut_off: bool = False
    """True for a page that opens and never ends: its last number may be half of one."""

    @property
    def lines(self) -> list[str]:
        """The lines of text between the tables."""
        return [block for block in self.blocks if isinstance(block, str)]

    @property
    def text(self) -> str:
        """Everything, tables as lines of cells."""
        parts = []
        for block in self.blocks:
            if isinstance(block, str):
                parts.append(block)
            else:
                parts.extend(" | ".join(cell.text for cell in row) for row in block.rows)
        return "\n".join(parts)


@dataclass
class _Table:
    rows: list[list[Cell]] = field(default_factory=list)
    row: list[Cell] | None = None
    column: int = 0
    span: int = 1
    text: list[str] | None = None
    pending: dict[int, int] = field(default_factory=dict)
    """Grid column -> rows that a cell above still covers."""
    row_span: int = 1


class _Reader(HTMLParser):
    """Walks the page once; a table inside a cell becomes a block of its own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Grid | str] = []
        self.line: list[str] = []
        self.tables: list[_Table] = []
        self.skip: list[str] = []
        self.has_superscripts = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        style = next((value or "" for name, value in attrs if name == "style"), "")
        if self.skip:
            if tag not in _VOID and len(self.skip) < MAX_DEPTH:
                self.skip.append(tag)
            return
        if tag == "sup" or _SUPER.search(style):
            self.has_superscripts = True
            if tag not in _VOID and tag not in ("td", "th", "tr", "table", "p", "div"):
                self.skip.append(tag)
                return
        if tag in _HIDDEN or _NONE.search(style):
            if tag not in _VOID:
                self.skip.append(tag)
            return
        if tag == "table":
            self._flush()
            self.tables.append(_Table())
        elif tag == "tr" and self.tables:
            self._end_row()
            self.tables[-1].row = []
            self.tables[-1].column = 0
        elif tag in ("td", "th") and self.tables:
            self._end_cell()
            table = self.tables[-1]
            if table.row is None:
                table.row, table.column = [], 0
            spans = {
                name: int(value)
                for name, value in attrs
                if name in ("colspan", "rowspan") and value is not None and value.strip().isdigit()
            }
            while table.column < MAX_COLUMNS and table.pending.get(table.column, 0) > 0:
                table.column += 1
            table.span, table.row_span, table.text = (
                min(spans.get("colspan", 1) or 1, 100),
                spans.get("rowspan", 1) or 1,
                [],
            )
        elif tag in _BREAKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if self.skip:
            if tag in self.skip:
                while self.skip and self.skip.pop() != tag:
                    pass
            return
        if tag == "table" and self.tables:
            self._end_row()
            table = self.tables.pop()
            self._emit(table)
        elif tag == "tr":
            self._end_row()
        elif tag in ("td", "th"):
            self._end_cell()
        elif tag in _BREAKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if self.skip:
            return
        if self.tables and self.tables[-1].text is not None:
            self.tables[-1].text.append(data)
        elif not self.tables:
            self.line.append(data)

    def _break(self) -> None:
        if self.tables and self.tables[-1].text is not None:
            self.tables[-1].text.append("\n")
        else:
            self._flush()

    def _flush(self) -> None:
        text = clean("".join(self.line))
        self.line = []
        if text:
            self.blocks.append(text)

    def _end_cell(self) -> None:
        if not self.tables:
            return
        table, row = self.tables[-1], self.tables[-1].row
        if table.text is None or row is None:
            return
        text = clean("".join(table.text or []))
        if text and table.column < MAX_COLUMNS:
            row.append(Cell(text, table.column, table.column + table.span))
        if table.row_span > 1 and table.column < MAX_COLUMNS:
            table.pending |= {table.column + i: table.row_span for i in range(table.span)}
        table.column += table.span
        table.text = None

    def _end_row(self) -> None:
        if not self.tables:
            return
        self._end_cell()
        table = self.tables[-1]
        if table.row is not None:
            table.rows.append(table.row)
            table.pending = {column: left - 1 for column, left in table.pending.items() if left > 1}
        table.row = None

    def _emit(self, table: _Table) -> None:
        rows = [join_split_cells(row) for row in table.rows if row]
        run: list[list[Cell]] = []
        for row in rows:
            kept = [cell for cell in row if not _BULLET.match(cell.text) or re.search(r"\d|^-$", cell.text)]
            if len(kept) == 1 and (len(kept[0].text) > 110 or len(kept) < len(row)):
                # A bullet or a paragraph that was only laid out as a table.
                if run:
                    self.blocks.append(Grid(run))
                    run = []
                self.blocks.append(kept[0].text)
            else:
                run.append(row)
        if run:
            self.blocks.append(Grid(run))

    def finish(self) -> None:
        """Close what the page left open."""
        while self.tables:
            self._end_row()
            self._emit(self.tables.pop())
        self._flush()


def join_split_cells(row: list[Cell]) -> list[Cell]:
    """Cells of a row, with a sign, bracket or unit that stands in a cell of its own put back to its number."""
    joined: list[Cell] = []
    for cell in row:
        is_dated = bool(joined) and re.search(r"(?:/|\b)20\d\d$", joined[-1].text) is not None
        if (
            joined
            and not is_dated
            and _TAILS.match(cell.text)
            and re.search(r"\d\s*$|\d\s*\)?$|[\d)]\s*EH/s$", joined[-1].text)
        ):
            last = joined.pop()
            joined.append(Cell(f"{last.text} {cell.text}", last.start, cell.end))
        elif joined and _HEADS.match(joined[-1].text):
            last = joined.pop()
            joined.append(Cell(f"{last.text}{cell.text}", last.start, cell.end))
        else:
            joined.append(cell)
    return joined


def read_document(document: bytes | str) -> Document:
    """Take a page or a text apart.

    Parameters
    ----------
    document : bytes or str
        HTML or plain text; bytes are read as UTF-8, and as Windows-1252 where they are not that.

    Returns
    -------
    Document
        Blocks in reading order.
    """
    text = document if isinstance(document, str) else _decoded(document)
    if re.search(r"(?i)<(html|body|table|div|p|tr|td|br|ul|li|span|h[1-6]|font)\b", text):
        reader = _Reader()
        reader.feed(text)
        reader.close()
        reader.finish()
        is_cut_off = re.search(r"(?i)<html[\s>]", text) is not None and re.search(r"(?i)</html", text) is None
        return Document(reader.blocks, True, reader.has_superscripts, is_cut_off)
    return Document(_text_blocks(text), False, False)


def _decoded(document: bytes) -> str:
    try:
        return document.decode("utf-8-sig")
    except UnicodeDecodeError:
        return document.decode("cp1252", errors="replace")


def _text_blocks(document: str) -> list[Grid | str]:
    """Lines of a text; lines whose cells are parted by pipes become a table, empty cells keeping their place."""
    blocks: list[Grid | str] = []
    run: list[list[Cell]] = []
    lines = [line for raw in document.splitlines() if (line := raw.strip())]
    for at, line in enumerate(lines):
        row = _piped(line)
        if len(row) > 1 or (run and line.count("|") > 1):
            if row:
                run.append(row)
            continue
        if run and _parts_rows(line, len(run[-1]), lines[at + 1 : at + 2]):
            run.append([Cell(clean(line), 0, 1)])
            continue
        if run:
            blocks.append(Grid(run))
            run = []
        blocks.append(line)
    if run:
        blocks.append(Grid(run))
    return blocks


def _parts_rows(line: str, width: int, following: list[str]) -> bool:
    """True for a heading without pipes in the midst of piped rows of one width: a part of the table, not its end."""
    is_short = "|" not in line and len(line) < 50 and re.search(r"\d|[.:;]$", line) is None
    return is_short and width > 2 and any(len(_piped(other)) == width for other in following)


def _piped(line: str) -> list[Cell]:
    if line.count("|") > MAX_COLUMNS or "|" not in line or re.fullmatch(r"[\s|:\-=+]*", line):
        return []
    texts = (line[1:] if line.startswith("|") else line).split("|")
    return join_split_cells([Cell(clean(text), i, i + 1) for i, text in enumerate(texts) if clean(text)])
