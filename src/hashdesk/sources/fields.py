"""Fields out of decoded answers: of the kind that is documented, or an error that says which one is not."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

from hashdesk.sources.base import Source, unreadable

DAY = dt.timedelta(days=1)


def decode(body: bytes, kind: type, where: str, source: Source) -> Any:
    """JSON of one kind.

    Raises
    ------
    PayloadError
        No JSON, or another kind of value at the top.
    """
    try:
        value = json.loads(body)
    except ValueError:
        raise unreadable(f"{where}: expected JSON", body[:80].decode("utf-8", "replace"), source) from None
    if not isinstance(value, kind):
        raise unreadable(f"{where}: expected {kind.__name__}", value, source)
    return value


def part(record: Any, name: str, kind: type | tuple[type, ...], where: str, source: Source) -> Any:
    """A field that must be there and of its kind.

    Raises
    ------
    PayloadError
        It is missing or of another kind.
    """
    value = record.get(name) if isinstance(record, dict) else None
    if value is None or isinstance(value, bool) or not isinstance(value, kind):
        raise unreadable(f"{where}: expected field {name!r}", record, source)
    return value


def number(value: Any, where: str, source: Source, *, low: float = 0.0, high: float = math.inf) -> float:
    """A finite number between bounds, from a number or its text.

    Raises
    ------
    PayloadError
        No number, or one outside its bounds: then it is another unit or another field.
    """
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError):
        found = math.nan
    if not low <= found <= high or math.isinf(found):
        raise unreadable(f"{where}: expected a number between {low:g} and {high:g}", value, source)
    return found


def utc_time(seconds: Any, where: str, source: Source) -> dt.datetime:
    """A Unix time in seconds, between 2009 and 2100.

    Raises
    ------
    PayloadError
        No such time; milliseconds among them.
    """
    return dt.datetime.fromtimestamp(
        number(seconds, f"{where}: Unix time in seconds", source, low=1_230_768_000, high=4_102_444_800), dt.UTC
    )


def iso_day(text: Any, where: str, source: Source) -> dt.date:
    """Day of a time written ``YYYY-MM-DDT00:00:00...``.

    Raises
    ------
    PayloadError
        Anything else, a time within the day among them.
    """
    if isinstance(text, str) and text[10:19] in ("", "T00:00:00"):
        try:
            return dt.date.fromisoformat(text[:10])
        except ValueError:
            pass
    raise unreadable(f"{where}: expected the start of a UTC day", text, source)
