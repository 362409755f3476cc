"""Files that a reader names: scenarios, fleets, plans of companies."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from hashdesk.errors import InputError
from hashdesk.outlook.documents import nearest
from hashdesk.outlook.scenario import Scenario, parse_scenario

SCENARIOS = ("base", "bear", "bull", "hashrate_shock", "ai_pull", "energy_spike")
"""Scenarios that come with the package."""


def load_scenario(name: str | Path) -> tuple[Scenario, str]:
    """Scenario by its name or from a TOML file, and the file's name for messages.

    Raises
    ------
    InputError
        No such scenario (the nearest is named), or a file that cannot be read or says what cannot be.
    """
    text = str(name)
    if text in SCENARIOS:
        file = f"{text}.toml"
        source = files("hashdesk.outlook").joinpath("scenarios", file).read_text(encoding="utf-8")
        return parse_scenario(source, file), file
    if not text.endswith(".toml"):
        near = nearest(text, SCENARIOS)
        hint = f"Did you mean {near}?" if near else f"Known: {', '.join(SCENARIOS)}; or a file that ends in .toml."
        raise InputError(f"scenario: {text!r} is not one that comes with hashdesk.", hint=hint, value=text)
    path = Path(text)
    return parse_scenario(read_text(path, "scenario"), path.name), path.name


def read_text(path: Path, what: str) -> str:
    """Text of a file.

    Raises
    ------
    InputError
        It cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{what}: {path} cannot be read: {reason}.", hint="Give the path of a TOML file.") from None
