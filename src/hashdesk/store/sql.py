"""Questions in SQL over the tables of a store: read only, nothing outside the tables within reach."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hashdesk.catalog.live_tables import STORE_TABLES
from hashdesk.errors import InputError
from hashdesk.store.tables import polars_schema

if TYPE_CHECKING:
    import polars as pl

    from hashdesk.store.delta import DeltaStore

_ALLOWED = re.compile(
    r"^\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(select|with|describe|show|from|values|summarize)\b", re.I | re.S
)
_WORD = re.compile(r"[a-z_][a-z0-9_]*", re.I)
VINTAGES = "_vintages"
"""Ending of the views that have every row ever stored."""

_HINT = 'Example: hashdesk sql "select date, close_usd from btc_price_daily order by date desc limit 5".'


class _Stream:
    """A frame that shows no more than an Arrow stream: DuckDB then needs no other library to read it."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._frame.__arrow_c_stream__(requested_schema)


def query(store: DeltaStore, text: str) -> pl.DataFrame:
    """Answer one question.

    Every table of the store is a view of its facts as they stand; ``<table>_vintages`` has every row ever stored, where
    the store keeps them. The engine runs in memory with external access off and its configuration locked.

    Parameters
    ----------
    store : DeltaStore
        The store.
    text : str
        One SELECT, WITH, DESCRIBE or SHOW.

    Returns
    -------
    DataFrame

    Raises
    ------
    InputError
        Another statement, more than one, or one that DuckDB cannot answer.
    """
    import duckdb
    import polars as pl
    from arro3.core import Table

    if not _ALLOWED.match(text):
        raise InputError("sql: only SELECT, WITH, DESCRIBE and SHOW are answered: the store is read only.", hint=_HINT)
    connection = duckdb.connect(":memory:", config={"python_enable_replacements": "false"})
    try:
        statements = connection.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise InputError("sql: expected one question, got another kind of statement or several.", hint=_HINT)
        named = {word.lower() for word in _WORD.findall(text)}
        is_list = bool(named & {"show", "duckdb_tables", "duckdb_views", "information_schema", "duckdb_columns"})
        for name, frame in _views(store, named, is_list).items():
            connection.register(name, _Stream(frame))
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        answer = connection.sql(text)
        # Through arro3, which frees what it has read: a stream that Polars holds outlives DuckDB at exit.
        return pl.DataFrame() if answer is None else pl.DataFrame(Table.from_arrow(answer))
    except duckdb.Error as error:
        raise InputError(f"sql: {_first_line(error)}", hint=_HINT) from None
    finally:
        connection.close()


def _views(store: DeltaStore, named: set[str], is_list: bool) -> dict[str, pl.DataFrame]:
    """The tables that a question names; where it asks for the list of tables, all of them without rows."""
    import polars as pl

    views = {}
    for name, spec in STORE_TABLES.items():
        schema = polars_schema(spec)
        if name in named:
            views[name] = store.read(name)
        elif is_list:
            views[name] = pl.DataFrame(schema={column: schema[column] for column in spec.column_names})
        if name + VINTAGES in named:
            views[name + VINTAGES] = store.vintages(name)
        elif is_list:
            views[name + VINTAGES] = pl.DataFrame(schema=schema)
    return views


def _first_line(error: Exception) -> str:
    """What DuckDB says, without the drawing of where."""
    line = str(error).splitlines()[0].strip()
    return line if line.endswith((".", "!", "?")) else f"{line}."
