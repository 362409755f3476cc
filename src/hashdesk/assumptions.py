"""What we believe where no fact is published: typed values with unit, date and source, from a committed file.

Assumptions are neither settings (how we run) nor data (what was measured). A caller may replace a value with
:meth:`Assumptions.override`; a note prints which ones it did.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hashdesk.errors import DataError, InputError

_FILE = Path(__file__).with_suffix(".toml")
DAYS_PER_MONTH = 365.25 / 12
"""Mean month, the unit of time of the efficiency line [days]."""
_INPUT_RANGES = {
    "J/TH": (0.0, 1000.0),
    "1": (0.0, 10.0),
    "months": (0.0, math.inf),
    "weight": (0.0, math.inf),
    "fraction": (0.0, 1.0),
    "USD/MW": (0.0, math.inf),
    "USD/EH/s/day": (0.0, math.inf),
}
"""Open bounds of what a caller may say, by unit; other units take any finite number."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """One assumed value with its unit and where it comes from; ``low`` and ``high`` are its 95% interval or range."""

    id: str
    label: str
    value: float
    unit: str
    as_of: dt.date
    source: str
    note: str = ""
    low: float | None = None
    high: float | None = None
    is_override: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the bounds of its 95% interval; bounds are None where the value is the caller's own."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class EfficiencyLine:
    r"""The smooth efficiency of the network's fleet: a straight line in the logarithm over time.

    The pivot is the day on which the line is known best: there the errors of level and slope are uncorrelated, so the
    half-width of the band is the root of the sum of their squares, each side on its own.

    Notes
    -----
    .. math:: \ln e(t) = \ln e_0 + s\,m(t), \qquad w(t)^2 = w_0^2 + w_s^2\,m(t)^2

    with :math:`m(t)` the months since the pivot, :math:`s` the monthly log change (negative: the fleet improves) and
    :math:`w` the half-widths in the logarithm.
    """

    pivot: dt.date
    level: Assumption
    log_change: Assumption

    def at(self, day: dt.date) -> Estimate:
        """Efficiency on a day, with its 95% band [J/TH].

        A month is read at its middle: pass the day halfway through the period.
        """
        level, change = self.level, self.log_change
        if level.is_override:
            return Estimate(level.value)
        months = (day - self.pivot).days / DAYS_PER_MONTH
        value = level.value * math.exp(change.value * months)
        if level.low is None or level.high is None or change.low is None or change.high is None:
            return Estimate(value)
        rise, fall = change.high - change.value, change.value - change.low
        if months < 0:
            rise, fall = fall, rise
        up = math.hypot(math.log(level.high / level.value), rise * months)
        down = math.hypot(math.log(level.value / level.low), fall * months)
        return Estimate(value, value * math.exp(-down), value * math.exp(up))


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Every assumed value of the desk, by name.

    Examples
    --------
    >>> beliefs = load_assumptions().override(power_price_usd_per_mwh=70, efficiency_j_per_th=20)
    >>> beliefs.power_price_usd_per_mwh, beliefs.efficiency(dt.date(2025, 9, 16)).value
    (70.0, 20.0)
    """

    entries: Mapping[str, Assumption]

    def __getitem__(self, key: str) -> Assumption:
        """Entry with this id."""
        if key not in self.entries:
            raise _unknown(key, self.entries)
        return self.entries[key]

    @property
    def power_price_usd_per_mwh(self) -> float:
        """Power price that the network's cost line rests on [USD/MWh]."""
        return self["power_price_usd_per_mwh"].value

    @property
    def efficiency_line(self) -> EfficiencyLine:
        """The calibrated line, or a flat one where the caller gave an efficiency."""
        level = self["efficiency_j_per_th"]
        return EfficiencyLine(level.as_of, level, self["efficiency_log_change_per_month"])

    def efficiency(self, day: dt.date) -> Estimate:
        """Efficiency of the network's fleet on a day, with its band [J/TH]."""
        return self.efficiency_line.at(day)

    @property
    def age_weights(self) -> tuple[float, ...]:
        """Weight of a model in the bottom-up fleet by whole years since release [1]."""
        return tuple(self[f"fleet_weight_year_{year}"].value for year in range(1, 6))

    @property
    def pue(self) -> Estimate:
        """Power usage effectiveness of mining sites: central, best and worst [1]."""
        entry = self["pue"]
        return Estimate(entry.value, entry.low, entry.high)

    @property
    def overrides(self) -> tuple[Assumption, ...]:
        """Entries that carry the caller's own value."""
        return tuple(entry for entry in self.entries.values() if entry.is_override)

    @property
    def has_own_costs(self) -> bool:
        """Whether the caller gave the efficiency or the power price."""
        return self["efficiency_j_per_th"].is_override or self["power_price_usd_per_mwh"].is_override

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a reader must know about these values."""
        lines = [f"{entry.label}: the caller's own value, {entry.value:g} {entry.unit}." for entry in self.overrides]
        if self.power_price_usd_per_mwh < 0:
            lines.append(
                "The power price is negative: miners are paid to draw power, so cost is negative, no efficiency "
                "breaks even, and gross profit exceeds revenue."
            )
        elif self["power_price_usd_per_mwh"].is_override and not self["efficiency_j_per_th"].is_override:
            lines.append(
                "The efficiency line was calibrated at the default power price: published figures fix only the "
                "product of the two, so another price moves the cost line off them."
            )
        return tuple(lines)

    def override(self, **values: float | None) -> Assumptions:
        """Replace our values by the caller's; None leaves a value alone.

        Parameters
        ----------
        **values
            Ids of entries and their new values in the entry's unit. An ``efficiency_j_per_th`` replaces the whole
            line by a constant. A power price may be negative.

        Raises
        ------
        InputError
            Unknown id (the nearest right one is named), a value that is not a finite number, or one out of range.
        """
        entries = dict(self.entries)
        for key, value in values.items():
            if value is None:
                continue
            if key not in entries:
                raise _unknown(key, entries)
            entry = entries[key]
            entries[key] = dataclasses.replace(
                entry,
                value=_checked(key, value, entry.unit),
                low=None,
                high=None,
                source="caller",
                note="Given by the caller for this run.",
                is_override=True,
            )
        return Assumptions(entries)


def _unknown(key: str, known: Mapping[str, Assumption]) -> InputError:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
    return InputError(
        f"assumption: expected a known id, got {key!r}.",
        hint=f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}.",
        value=key,
    )


def _checked(key: str, value: object, unit: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(float(value)):  # type: ignore[arg-type]
        raise InputError(
            f"{key}: expected a finite number of {unit}, got {value!r}.", hint="Leave it out to use the default."
        )
    number = float(value)  # type: ignore[arg-type]
    low, high = _INPUT_RANGES.get(unit, (-math.inf, math.inf))
    if not low < number < high:
        raise InputError(
            f"{key}: expected above {low:g} and below {high:g} {unit}, got {number:g}.",
            hint="Recent machines run at 10 to 30 J/TH." if unit == "J/TH" else "Leave it out to use the default.",
        )
    return number


def parse_assumptions(content: Mapping[str, object]) -> Assumptions:
    """Typed assumptions from the content of the committed file.

    Raises
    ------
    DataError
        An entry lacks a field, has one too many, or a field of the wrong type.
    """
    entries = {}
    for key, raw in content.items():
        if not isinstance(raw, dict):
            raise DataError(f"assumptions: entry {key!r} is not a table.", hint="Give value, unit, as_of and source.")
        try:
            entry = Assumption(id=key, **raw)
        except TypeError as error:
            raise DataError(
                f"assumptions: entry {key!r}: {str(error).split('.')[-1]}.", hint="See Assumption for its fields."
            ) from None
        numbers = [entry.value, entry.low, entry.high]
        if not all(x is None or (isinstance(x, int | float) and math.isfinite(x)) for x in numbers):
            raise DataError(f"assumptions: entry {key!r}: value, low and high must be finite numbers.")
        if type(entry.as_of) is not dt.date or not entry.unit or not entry.source:
            raise DataError(f"assumptions: entry {key!r}: as_of must be a day, unit and source must be filled.")
        entries[key] = dataclasses.replace(entry, value=float(entry.value))
    return Assumptions(entries)


@cache
def load_assumptions() -> Assumptions:
    """Read the committed assumptions.

    Raises
    ------
    DataError
        The committed file is missing or damaged.
    """
    try:
        content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"assumptions: {_FILE.name} cannot be read: {error}.", hint="Reinstall hashdesk.") from None
    return parse_assumptions(content)
