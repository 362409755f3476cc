"""Tables of a release: which column is which month, which row is which figure, and what stands where they meet."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hashdesk.sources.production_document import Cell, Document, Grid
from hashdesk.sources.production_labels import read_label, words_of
from hashdesk.sources.production_numbers import is_absent, parse_number
from hashdesk.sources.production_periods import (
    NOT_A_MONTH,
    Header,
    bare_months,
    header_of,
    months_named,
)
from hashdesk.sources.production_streams import TextRow, text_pairs, text_tables

LABEL_HEADER = re.compile(
    r"(?i)^(key |operating |operational |production |monthly )*(metrics?|highlights?|indicators?|summary|"
    r"statistics|update|month|"
    r"performance indicators|bitcoin mining|units?)( summary)?\s*(\(unaudited\))?\s*[\d*]*\s*(\(unaudited\))?$"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of figures."""

    text: str
    header: Header


@dataclass(frozen=True, slots=True)
class Row:
    """A row: one text per column, None where no cell can be laid under that column."""

    label: str
    section: str
    cells: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows of one table."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    is_implied: bool = False
    """True where no header names the month and the table is a list of labels with one value each."""

    @property
    def months(self) -> list[dt.date]:
        """Months that have a column."""
        return [column.header.month for column in self.columns if column.header.month is not None]


def tables_of(document: Document) -> list[Table]:
    """Every table of a release that has a month in its head, or one value to each label."""
    tables: list[Table] = []
    above = ""
    for block in document.blocks:
        if isinstance(block, Grid):
            tables.extend(_grid_tables(block.rows, above))
        else:
            above = block
    tables.extend(_of_text(columns, rows) for columns, rows in text_tables(document))
    if not any(table.months for table in tables):
        for columns, rows in text_pairs(document):
            table = _of_text(columns, rows)
            tables.append(replace(table, is_implied=not table.months))
    return tables


def _of_text(columns: list[tuple[str, Header]], rows: list[TextRow]) -> Table:
    return Table(
        tuple(Column(text, header) for text, header in columns),
        tuple(Row(label, section, cells) for label, section, cells in rows),
    )


def _grid_tables(rows: list[list[Cell]], above: str) -> Iterator[Table]:
    heads = [i for i, row in enumerate(rows) if _is_head(row)]
    if not heads:
        deep = _deep_head(rows)
        if deep is not None:
            columns, start = deep
            yield _table(columns, rows[start:])
            return
        yield from _transposed(rows)
        is_list = all(len(row) <= 2 for row in rows) and any(len(row) == 2 for row in rows)
        is_headed = any(
            header_of(cell.text) is not None or NOT_A_MONTH.search(cell.text) for row in rows[:2] for cell in row
        )
        if is_list and len(rows[0]) == 1 and (head := header_of(rows[0][0].text)) is not None and head.month:
            yield from _listed_under(head, rows)
        elif is_list and not is_headed and not (len(above) < 90 and NOT_A_MONTH.search(above)):
            implied = Column("", Header("month"))
            pairs = [Row(row[0].text, "", (row[1].text,)) for row in rows if len(row) == 2]
            yield Table((implied,), tuple(pairs), is_implied=True)
        return
    for n, at in enumerate(heads):
        until = heads[n + 1] if n + 1 < len(heads) else len(rows)
        over = rows[max(0, at - 3) : at] if n == 0 else []
        yield _table(_columns(rows[at], over), rows[at + 1 : until])


def _listed_under(head: Header, rows: list[list[Cell]]) -> Iterator[Table]:
    """Labels with one value each below a month that stands alone; another heading of a span ends it."""
    pairs, section = [], ""
    for row in rows[1:]:
        if len(row) == 1:
            if header_of(row[0].text) is not None or NOT_A_MONTH.search(row[0].text):
                break
            section = row[0].text
        else:
            pairs.append(Row(row[0].text, section, (row[1].text,)))
    yield Table((Column(rows[0][0].text, head),), tuple(pairs))


def _is_head(row: list[Cell]) -> bool:
    """True for a row that names months in its columns and holds no figures."""
    named = [header_of(cell.text) for cell in row]
    has_month = any(
        header is not None and header.month for header, cell in zip(named, row, strict=True) if cell.start > 0
    )
    if not has_month and len(row) >= 1:
        has_month = sum(header is not None and header.month is not None for header in named) >= 2
    others = [cell for header, cell in zip(named, row, strict=True) if header is None and cell.start > 0]
    return has_month and not any(_is_figure(cell.text) for cell in others)


def _is_figure(text: str) -> bool:
    return is_absent(text) or parse_number(text).digits != ""


def _columns(head: list[Cell], above: list[list[Cell]]) -> list[tuple[Cell, Header]]:
    columns = []
    for i, cell in enumerate(head):
        header = header_of(cell.text)
        if header is None and ((i == 0 and cell.start == 0) or LABEL_HEADER.match(cell.text)):
            continue
        over = " ".join(
            other.text
            for row in above
            for other in row
            if other.start < cell.end and other.end > cell.start and other.start > 0
        )
        if header is None or (header.kind == "month" and NOT_A_MONTH.search(over)):
            header = Header("change" if header_of(over) == Header("change") else "other")
        columns.append((cell, header))
    return columns


def _deep_head(rows: list[list[Cell]]) -> tuple[list[tuple[Cell, Header]], int] | None:
    """Months written over two or three lines: ``September 30,`` above ``2024``."""
    for start in range(min(5, len(rows))):
        for depth in (2, 3):
            lines = rows[start : start + depth]
            if len(lines) < depth or any(
                _is_figure(cell.text) and not re.fullmatch(r"20\d\d", cell.text) for row in lines for cell in row
            ):
                continue
            columns = []
            for cell in lines[-1]:
                if cell.start == 0 and not re.fullmatch(r"20\d\d", cell.text):
                    continue
                over = [o.text for row in lines[:-1] for o in row if o.start < cell.end and o.end > cell.start]
                text = " ".join([*over, cell.text])
                before = " ".join(
                    o.text for row in rows[:start] for o in row if 0 < o.start < cell.end and o.end > cell.start
                )
                header = header_of(text) or Header("other")
                if NOT_A_MONTH.search(before):
                    header = Header("other")
                columns.append((Cell(text, cell.start, cell.end), header))
            if any(header.month for _, header in columns):
                return columns, start + depth
    return None


def _table(columns: list[tuple[Cell, Header]], rows: list[list[Cell]]) -> Table:
    first = min((cell.start for cell, _ in columns), default=0)
    section, kept = "", []
    for row in rows:
        if len(row) == 1 or row[0].start >= max(first, 1):
            if row[0].start < max(first, 1):
                section = row[0].text
            continue
        label, cells = row[0].text, row[1:]
        if len(cells) > 1 and cells[0].end <= first and not _is_figure(cells[0].text):
            label, cells = f"{label} ({cells[0].text})", cells[1:]  # A column of units before the months.
        kept.append(Row(label, section, _aligned(cells, columns)))
        if read_label(row[0].text) is not None and "under management" in row[0].text.lower():
            section = row[0].text
    return Table(tuple(Column(cell.text, header) for cell, header in columns), tuple(kept))


def _aligned(cells: list[Cell], columns: list[tuple[Cell, Header]]) -> tuple[str | None, ...]:
    """Cells laid under the columns: by position where the grid is clear, by order where every column has its cell."""
    if len(cells) == len(columns):
        return tuple(cell.text for cell in cells)
    placed: list[str | None] = [None] * len(columns)
    for cell in cells:
        hits = [i for i, (head, _) in enumerate(columns) if head.start < cell.end and head.end > cell.start]
        if len(hits) != 1 or placed[hits[0]] is not None:
            return (None,) * len(columns)
        placed[hits[0]] = cell.text
    return tuple(placed)


def _transposed(rows: list[list[Cell]]) -> Iterator[Table]:
    """Months as rows, figures as columns; a year may stand in the column's head."""
    for at, head in enumerate(rows[:4]):
        heads = [cell for cell in head if cell.start > 0]
        if not any(read_label(cell.text) for cell in heads):
            continue
        own = [row for row in rows[at + 1 :] if words_of(row[0].text) == ["self-mining"]]
        if len(own) == 1 and not any(NOT_A_MONTH.search(cell.text) or header_of(cell.text) for cell in head):
            # Segments as rows: the company's own mining is one of them.
            values = _aligned(own[0][1:], [(other, Header("other")) for other in heads])
            rows_of = [Row(f"Self-mining {cell.text}", "", (value,)) for cell, value in zip(heads, values, strict=True)]
            yield Table((Column("", Header("month")),), tuple(rows_of), is_implied=True)
            return
        for i, cell in enumerate(heads):
            years = re.findall(r"20\d\d", cell.text)
            columns, texts = [], []
            for row in rows[at + 1 :]:
                month = _row_month(row[0].text, years)
                if month is None or len(row) < 2:
                    continue
                values = _aligned(row[1:], [(other, Header("other")) for other in heads])
                columns.append(Column(row[0].text, Header("month", month)))
                texts.append(values[i])
            if columns:
                yield Table(tuple(columns), (Row(cell.text, "", tuple(texts)),))
        return


def _row_month(text: str, years: list[str]) -> dt.date | None:
    header = header_of(text)
    if header is not None:
        return header.month
    months = bare_months(text)
    if len(months) == 1 and len(years) == 1 and re.fullmatch(r"[A-Za-z]+\.?\s*[\d*]?", text) and not months_named(text):
        return dt.date(int(years[0]), months.pop(), 1)
    return None
