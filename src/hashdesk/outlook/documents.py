"""Documents that a reader writes, checked: TOML in, a typed record or one clear line out."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hashdesk.errors import InputError

Part = TypeVar("Part", bound=BaseModel)

_SAID = {
    "model_type": "expected a table of keys and values",
    "model_attributes_type": "expected a table of keys and values",
    "dict_type": "expected a table of keys and values",
    "tuple_type": "expected a list of tables, each under a head in double brackets",
    "too_short": "expected at least one entry",
    "finite_number": "expected a finite number",
    "float_type": "expected a number",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "bool_type": "expected true or false",
    "string_type": "expected text in quotes",
    "string_too_short": "expected some text",
    "string_pattern_mismatch": "expected letters, digits, hyphens and underscores, 40 at most",
    "date_type": "expected a day such as 2025-09-30",
    "date_parsing": "expected a day such as 2025-09-30",
    "date_from_datetime_parsing": "expected a day such as 2025-09-30",
    "date_from_datetime_inexact": "expected a day such as 2025-09-30",
}
"""What was expected, by kind of mistake."""


def parse_document(text: str, origin: str, kind: type[Part], *, what: str) -> Part:
    """Read a TOML document of some kind, with one clear line for whatever is wrong in it.

    Raises
    ------
    InputError
        Not TOML, an unknown key (the nearest right one is named), or a value that cannot be.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"{what} {origin}: not TOML: {error}.", hint="Strings need quotes; a number needs a digit before its point."
        ) from None
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise _explained(error, origin, kind, what) from None


def _explained(error: ValidationError, origin: str, kind: type[BaseModel], what: str) -> InputError:
    # A wrong key explains itself better than the missing key that it leaves behind.
    first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    where = [str(part) for part in first["loc"] if part != "[key]"]
    key = ".".join(where)
    if first["type"] == "extra_forbidden":
        known = list(_fields_at(kind, where[:-1]))
        near = nearest(where[-1], known)
        hint = f"Did you mean {'.'.join([*where[:-1], near])}?" if near else f"Known here: {', '.join(known)}."
        return InputError(f"{what} {origin}: unknown key {key}.", hint=hint, key=key)
    if first["type"] == "missing":
        return InputError(f"{what} {origin}: {key} is missing.", hint="Add it.", key=key)
    said = _SAID.get(first["type"]) or first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if not said.startswith("expected") and first["type"] != "value_error":
        said = f"expected {said}" if first["type"] == "literal_error" else f"expected a value {said}"
    got = "" if isinstance(first["input"], dict | list) else f", got {first['input']!r}"
    return InputError(f"{what} {origin}: {key}: {said}{got}.", key=key)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Right name that a wrong one probably stands for: it begins so, or looks alike; None where none does.

    Examples
    --------
    >>> nearest("drift", ["path_usd", "drift_frac_per_year"]), nearest("prize", ["price"]), nearest("zzz", ["price"])
    ('drift_frac_per_year', 'price', None)
    """
    choices = list(known)
    lower = name.lower()
    begins = [choice for choice in choices if lower and choice.lower().startswith(lower)]
    by_lower = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(lower, by_lower, n=1, cutoff=0.5)
    return begins[0] if begins else by_lower[near[0]] if near else None


def _fields_at(kind: type[BaseModel], where: list[str]) -> Mapping[str, Any]:
    """Fields of the part that a path of keys leads to."""
    for name in where:
        if name.isdigit():
            continue
        annotation = kind.model_fields[name].annotation
        parts = [annotation, *getattr(annotation, "__args__", ())]
        kind = next(part for part in parts if isinstance(part, type) and issubclass(part, BaseModel))
    return kind.model_fields
