"""Documents that a reader writes, checked: TOML in, a typed record or one clear line out."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hashdesk.errors import InputError

Part = TypeVar("Part", bound=BaseModel)


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
    said = first["msg"].removeprefix("Value error, ").replace("Input should be a valid", "expected a valid")
    said = said.replace("Input should be", "expected a value")
    got = "" if first["type"] == "value_error" and isinstance(first["input"], dict) else f", got {first['input']!r}"
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
