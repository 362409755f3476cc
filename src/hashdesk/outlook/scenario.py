"""Scenarios: what a reader wants the world to do, as a small TOML file, turned into the engine's inputs.

A scenario changes drivers (price, power price, fees), the network's response, and what happens on dates (machines sold
to data centres, a country that switches off). It says nothing about how they play out: the engine does.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hashdesk.calendar import next_month
from hashdesk.errors import InputError
from hashdesk.outlook.conversion import conversion_ehs_per_day
from hashdesk.outlook.documents import parse_document
from hashdesk.outlook.model import (
    FeeModel,
    FilteredHistoricalPrice,
    GbmPrice,
    Model,
    Policy,
    Price,
    Response,
    Start,
    StochasticVolatilityPrice,
    UserPrice,
)
from hashdesk.units import BTC_DAYS_PER_YEAR

FloatArray = NDArray[np.float64]

_WHEN = re.compile(r"^(?:\+(\d{1,4})([dm])|(\d{4})-(\d{2})(?:-(\d{2}))?)$")
_CONSENSUS = "halvings come every 210,000 blocks, by the rules of the chain: a scenario cannot move one"


def _check_when(value: object) -> object:
    text = value.isoformat() if isinstance(value, dt.date) else value
    if not isinstance(text, str) or _WHEN.match(text) is None:
        raise ValueError('expected a month ("2026-01"), a day ("2026-01-15") or a time after the start ("+6m", "+45d")')
    return text


When = Annotated[str, BeforeValidator(_check_when)]
"""A month, a day, or a time after the outlook's first day: ``2026-01``, ``2026-01-15``, ``+6m``, ``+45d``."""


class _Part(BaseModel):
    # Strict: true is no number and "no" no answer; lists and days are taken as TOML writes them.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class PricePart(_Part):
    """Bitcoin's price: a drift and a volatility, or a path."""

    drift_frac_per_year: float | None = Field(default=None, gt=-0.99, le=10)
    """Change of the median path over a year."""
    volatility_frac_per_year: float | None = Field(default=None, gt=0, le=3)
    """Root mean square of daily moves, over a year; what is not known of the drift comes on top."""
    path_usd: dict[When, Annotated[float, Field(gt=0, le=1e8)]] | None = Field(default=None, min_length=1)
    """Prices on dates; straight lines of the logarithm between them, flat after the last."""

    @model_validator(mode="after")
    def _one_way(self) -> PricePart:
        if self.path_usd is not None and (self.drift_frac_per_year, self.volatility_frac_per_year) != (None, None):
            raise ValueError("expected either path_usd or drift and volatility, got both")
        return self


class SpikePart(_Part):
    """A stretch of dear or cheap power."""

    start: When
    days: int = Field(ge=7, le=1826)
    """A week at least: the simulated miners look at power once a week."""
    factor: float = Field(ge=0, le=20)
    """Multiplies every site's power price."""


class PowerPart(_Part):
    """Power price of the network."""

    price_usd_per_mwh: float | None = Field(default=None, gt=0, le=500)
    factor: float = Field(default=1.0, gt=0, le=20)
    spike: tuple[SpikePart, ...] = Field(default=(), strict=False)


class HashratePart(_Part):
    """Growth of the network, and whether miners answer to what they earn."""

    growth_frac_per_year: float | None = Field(default=None, gt=-0.99, le=5)
    """Growth of installed hashrate at the start; what miners earn bends it from there, unless ``responds`` is false."""
    responds: bool = True
    """Where false, nobody orders, cancels or switches off for what mining earns."""
    path_ehs: dict[When, Annotated[float, Field(gt=0, le=1e6)]] | None = Field(default=None, min_length=1)
    """Hashrate on dates: fixes it, and nobody answers to anything."""

    @model_validator(mode="after")
    def _one_way(self) -> HashratePart:
        if self.path_ehs is not None and self.growth_frac_per_year is not None:
            raise ValueError("expected either path_ehs or growth_frac_per_year, got both")
        return self


class FeesPart(_Part):
    """Transaction fees."""

    factor: float = Field(default=1.0, ge=0, le=100)
    btc_per_block: float | None = Field(default=None, ge=0, le=50)
    """Fees held at this level."""


class HalvingPart(_Part):
    """Only whether the subsidy halves at all: a counterfactual, to see what the halving does."""

    happens: bool = True

    @model_validator(mode="before")
    @classmethod
    def _cannot_move(cls, data: object) -> object:
        if isinstance(data, dict) and {"height", "date", "at", "shift_blocks"} & data.keys():
            raise ValueError(_CONSENSUS)
        return data


class HpcPart(_Part):
    """Power that miners take away from mining, to rent it out for AI and other computing."""

    mw_per_quarter: float = Field(gt=0, le=1e5)
    start: When = "+0m"
    quarters: int | None = Field(default=None, gt=0, le=20)
    """For so long; to the end of the outlook when left out."""
    efficiency_j_per_th: float | None = Field(default=None, ge=5, le=200)
    """Of the machines that go; the fleet's mean when left out."""


class ShockPart(_Part):
    """Hashrate forced off on a day, such as a country that bans mining, and back after some days or never."""

    start: When
    offline_frac: float = Field(gt=0, le=0.95)
    back_after_days: int | None = Field(default=None, gt=0, le=1826)
    back_over_days: int = Field(default=0, ge=0, le=1826)
    """The way back is a straight line over so many days."""


class Scenario(_Part):
    """A named set of conditions; a part that is left out stays as calibrated."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
    label: str = Field(min_length=1, max_length=80)
    note: str = ""
    source: str = Field(min_length=1)
    """Who believes so."""
    as_of: dt.date = Field(strict=False)
    price: PricePart = PricePart()
    power: PowerPart = PowerPart()
    hashrate: HashratePart = HashratePart()
    fees: FeesPart = FeesPart()
    halving: HalvingPart = HalvingPart()
    hpc: HpcPart | None = None
    shock: tuple[ShockPart, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _fixed_once(self) -> Scenario:
        if self.hashrate.path_ehs is not None and (self.shock or self.hpc is not None):
            raise ValueError("hashrate.path_ehs fixes hashrate: expected no shock and no hpc beside it")
        return self


def parse_scenario(text: str, origin: str) -> Scenario:
    """Read a scenario.

    Parameters
    ----------
    text : str
        TOML.
    origin : str
        Name of the file, for messages.

    Returns
    -------
    Scenario

    Raises
    ------
    InputError
        Not TOML, an unknown key (the nearest right one is named), or a value that cannot be.
    """
    return parse_document(text, origin, Scenario, what="scenario")


@dataclass(frozen=True, slots=True)
class AppliedScenario:
    """A scenario turned into the engine's inputs for one start and horizon."""

    scenario: Scenario
    model: Model
    caveats: tuple[str, ...]


def apply_scenario(scenario: Scenario, start: Start, model: Model, n_days: int, *, origin: str = "") -> AppliedScenario:
    """Change a calibrated model as a scenario says.

    Parameters
    ----------
    scenario : Scenario
        Conditions.
    start : Start
        What is known at the outlook's first day.
    model : Model
        As calibrated.
    n_days : int
        Horizon. [days]
    origin : str, optional
        Name of the file for messages; the scenario's own name when left out.

    Returns
    -------
    AppliedScenario
        Model, and what of the scenario does not bear on this horizon.

    Raises
    ------
    InputError
        A date before the outlook begins, or a conversion of more power than miners draw.
    """
    file = f"scenario {origin or scenario.name}"
    resolver = DateResolver(file, start.date, n_days)
    price = _price(scenario.price, model.price, start, resolver)
    fleet = model.fleet
    if scenario.power.price_usd_per_mwh is not None:
        fleet = replace(fleet, power_price_usd_per_mwh=scenario.power.price_usd_per_mwh)
    fees = model.fees if scenario.fees.btc_per_block is None else FeeModel.constant(scenario.fees.btc_per_block)
    response = _response(scenario.hashrate, model.response, start, resolver)
    if not scenario.hashrate.responds:
        fleet = replace(fleet, must_run_frac=1.0)
    policy = Policy(
        power_price_factor=_power_factor(scenario.power, resolver),
        capacity_change_ehs=_conversion(scenario.hpc, start, model, resolver),
        offline_frac=_offline(scenario.shock, resolver),
        fee_factor=None if scenario.fees.factor == 1 else np.full(n_days, scenario.fees.factor),
        halving=scenario.halving.happens,
    )
    caveats = list(resolver.caveats)
    if not scenario.halving.happens:
        caveats.append("The subsidy never halves: a counterfactual, since the halving is a rule of the chain.")
    if scenario.hashrate.path_ehs is not None:
        caveats.append("Hashrate is given: miners answer neither to price nor to power.")
    changed = replace(model, price=price, fees=fees, response=response, fleet=fleet, policy=policy)
    return AppliedScenario(scenario, changed, tuple(caveats))


class DateResolver:
    """Dates of a reader's file as days after the outlook's first one; ``origin`` opens each message."""

    def __init__(self, origin: str, first: dt.date, n_days: int) -> None:
        self.origin, self.first, self.n_days = origin, first, n_days
        self.caveats: list[str] = []

    def day(self, when: str, key: str) -> int:
        """Days after the first one, at most the horizon; a date after that is noted."""
        offset = self.offset(when, key)
        if offset >= self.n_days:
            last = self.first + dt.timedelta(days=self.n_days - 1)
            self.caveats.append(f"{key} ({when}) lies after the last day of this outlook, {last}, and has no effect.")
        return min(offset, self.n_days)

    def offset(self, when: str, key: str) -> int:
        """Days after the first one; a date before it is an error."""
        match = _WHEN.match(when)
        assert match is not None
        number, unit, year, month, day = match.groups()
        if unit == "d":
            target = self.first + dt.timedelta(days=int(number))
        elif unit == "m":
            target = self.first
            for _ in range(int(number)):
                target = next_month(target)
        else:
            try:
                target = dt.date(int(year), int(month), int(day or 1))
            except ValueError:
                raise InputError(f"{self.origin}: {key}: {when} is not a day of the calendar.") from None
        offset = (target - self.first).days
        if offset < 0:
            raise InputError(
                f"{self.origin}: {key}: {target} lies before the outlook begins, on {self.first}.",
                hint='Take a later date, or a time after the start such as "+3m".',
            )
        return offset

    def path(self, points: Mapping[str, float], now: float, key: str) -> FloatArray:
        """Daily values through the given points, straight in the logarithm, flat after the last."""
        placed = sorted((self.offset(when, f"{key}.{when}"), value) for when, value in points.items())
        days = [0 if placed[0][0] == 0 else -1, *(d for d, _ in placed if d > 0)]
        values = [placed[0][1] if placed[0][0] == 0 else now, *(v for d, v in placed if d > 0)]
        path: FloatArray = np.exp(np.interp(np.arange(self.n_days), days, np.log(values)))
        return path


def _price(part: PricePart, price: Price, start: Start, resolver: DateResolver) -> Price:
    if part.path_usd is not None:
        return UserPrice(resolver.path(part.path_usd, start.btc_price_usd, "price.path_usd"))
    if isinstance(price, UserPrice):
        return price
    if part.drift_frac_per_year is not None:
        price = replace(price, log_drift_per_year=math.log1p(part.drift_frac_per_year))
    if part.volatility_frac_per_year is None:
        return price
    sd = part.volatility_frac_per_year
    match price:
        case GbmPrice():
            return replace(price, volatility_per_year=sd)
        case StochasticVolatilityPrice():
            # Days with much volatility weigh more: for moves of this size on the whole, its median is smaller.
            log_variance = price.volatility_of_log_volatility_per_day**2 / (1 - (1 - price.reversion_per_day) ** 2)
            return replace(price, volatility_per_year=sd * math.exp(-log_variance), volatility_now_per_year=sd)
        case FilteredHistoricalPrice():
            variance = sd**2 / BTC_DAYS_PER_YEAR
            return replace(price, variance_now_per_day=variance, variance_long_per_day=variance)


def _response(part: HashratePart, response: Response, start: Start, resolver: DateResolver) -> Response:
    if part.path_ehs is not None:
        fixed = resolver.path(part.path_ehs, start.network_hashrate_ehs, "hashrate.path_ehs")
        return replace(Response.none(), hashrate_path_ehs=fixed)
    growth = None
    if part.growth_frac_per_year is not None:
        growth = math.log1p(part.growth_frac_per_year) / BTC_DAYS_PER_YEAR
    if not part.responds:
        return Response.none(growth_per_day=response.growth_per_day if growth is None else growth)
    return response if growth is None else replace(response, growth_per_day=growth)


def _power_factor(part: PowerPart, resolver: DateResolver) -> FloatArray | None:
    if part.factor == 1 and not part.spike:
        return None
    factor = np.full(resolver.n_days, part.factor)
    for number, spike in enumerate(part.spike):
        first = resolver.day(spike.start, f"power.spike.{number}.start")
        factor[first : first + spike.days] *= spike.factor
    return factor


def _offline(shocks: tuple[ShockPart, ...], resolver: DateResolver) -> FloatArray | None:
    if not shocks:
        return None
    online = np.ones(resolver.n_days)
    for number, shock in enumerate(shocks):
        first = resolver.day(shock.start, f"shock.{number}.start")
        off = np.zeros(resolver.n_days)
        off[first:] = shock.offline_frac
        if shock.back_after_days is not None:
            since = np.arange(resolver.n_days) - first - shock.back_after_days
            off *= np.clip(1 - (since + 1) / (shock.back_over_days + 1), 0, 1)
        online *= 1 - off
    return 1 - online


def _conversion(part: HpcPart | None, start: Start, model: Model, resolver: DateResolver) -> FloatArray | None:
    if part is None:
        return None
    fleet = model.fleet
    mean = float(np.average(fleet.efficiency_j_per_th, weights=fleet.share_frac))
    return -conversion_ehs_per_day(
        part.mw_per_quarter,
        part.efficiency_j_per_th or mean,
        first_day=resolver.day(part.start, "hpc.start"),
        n_quarters=part.quarters,
        n_days=resolver.n_days,
        network_power_mw=start.network_hashrate_ehs * mean,
        origin=resolver.origin,
    )


def describe_scenario(scenario: Scenario) -> str:
    """What a scenario changes, in one line of plain words.

    Examples
    --------
    >>> describe_scenario(Scenario(name="x", label="X", source="me", as_of=dt.date(2025, 9, 30)))
    'everything as calibrated'
    """
    parts = []
    price, power, rate, fees = scenario.price, scenario.power, scenario.hashrate, scenario.fees
    if price.path_usd is not None:
        parts.append("price on a given path")
    if price.drift_frac_per_year is not None:
        parts.append(f"median price {price.drift_frac_per_year:+.0%} a year")
    if price.volatility_frac_per_year is not None:
        parts.append(f"volatility {price.volatility_frac_per_year:.0%} a year")
    if power.price_usd_per_mwh is not None:
        parts.append(f"power at USD {power.price_usd_per_mwh:g}/MWh")
    if power.factor != 1:
        parts.append(f"power price x {power.factor:g}")
    parts += [f"power price x {s.factor:g} for {s.days} days from {s.start}" for s in power.spike]
    if rate.path_ehs is not None:
        parts.append("hashrate on a given path")
    if rate.growth_frac_per_year is not None:
        parts.append(f"installed hashrate growing {rate.growth_frac_per_year:+.0%} a year at the start")
    if not rate.responds:
        parts.append("no answer of miners to what they earn")
    if fees.btc_per_block is not None:
        parts.append(f"fees of {fees.btc_per_block:g} BTC a block")
    if fees.factor != 1:
        parts.append(f"fees x {fees.factor:g}")
    if not scenario.halving.happens:
        parts.append("no halving (a counterfactual)")
    if scenario.hpc is not None:
        span = f" for {scenario.hpc.quarters} quarters" if scenario.hpc.quarters else ""
        parts.append(f"{scenario.hpc.mw_per_quarter:,.0f} MW a quarter leave mining for AI/HPC{span}")
    for shock in scenario.shock:
        back = "for good" if shock.back_after_days is None else f"back after {shock.back_after_days} days"
        parts.append(f"{shock.offline_frac:.0%} of hashrate off from {shock.start}, {back}")
    return "; ".join(parts) or "everything as calibrated"
