"""A fleet's cash: machines at a site, their income and bills month by month, net present value and payback."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from hashdesk.errors import InputError
from hashdesk.metrics.hashprice import hashprice_usd_per_phs_day
from hashdesk.outlook.documents import parse_document
from hashdesk.outlook.machines import Machine, StripValue, discount_factors, find_machine, strip_paths, sum_strip
from hashdesk.units import HOURS_PER_DAY

FloatArray = NDArray[np.float64]

POWER_STREAM = 0x706F7765
"""Name of the stream of a site's power prices ("powe")."""
_THS_PER_PHS = 1000.0


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class MachinePart(_Part):
    """Machines of one kind: a model of the list, or own numbers."""

    model: str | None = None
    name: str | None = None
    hashrate_ths: float | None = Field(default=None, gt=0, le=10_000)
    efficiency_j_per_th: float | None = Field(default=None, ge=5, le=500)
    count: int = Field(gt=0, le=10_000_000)
    price_usd: float = Field(ge=0, le=1e6)
    """Of one machine, delivered and installed."""
    resale_frac: float = Field(default=0.0, ge=0, le=1)
    """Of that price, got back at the end."""

    @model_validator(mode="after")
    def _one_way(self) -> MachinePart:
        own = (self.hashrate_ths, self.efficiency_j_per_th)
        if self.model is None and None in own:
            raise ValueError("expected a model, or hashrate_ths and efficiency_j_per_th")
        if self.model is not None and own != (None, None):
            raise ValueError("expected either a model or own numbers, got both")
        return self


class SitePart(_Part):
    """The site: power and what else it costs."""

    power_price_usd_per_mwh: float = Field(ge=-100, le=500)
    """Mean price; below 0 where credits exceed the bill."""
    power_price_log_sd: float = Field(default=0.0, ge=0, le=2)
    """Of daily prices around the mean; 0 is a contract at a fixed price."""
    overhead: float = Field(default=1.0, ge=1, le=2)
    """Draw of the site over the draw of its machines (PUE)."""
    uptime_frac: float = Field(default=1.0, gt=0, le=1)
    curtailment: Literal["unprofitable", "never"] = "unprofitable"
    """Switch off on days that lose money, or run through them."""
    strike_usd_per_mwh: float | None = Field(default=None, ge=-100, le=10_000)
    """Switch off also above this power price, as under a contract to do so."""
    fixed_cost_usd_per_month: float = Field(default=0.0, ge=0, le=1e9)
    capex_usd: float = Field(default=0.0, ge=0, le=1e11)
    """Beyond the machines."""


class FinancePart(_Part):
    """Pool, treasury and the value of money."""

    pool_fee_frac: float = Field(default=0.01, ge=0, le=0.2)
    hodl_frac: float = Field(default=0.0, ge=0, le=1)
    """Share of coins kept to the end and valued at that day's price."""
    discount_frac_per_year: float = Field(default=0.12, ge=0, le=1)
    months: int = Field(default=36, ge=1, le=60)


class FleetSpec(_Part):
    """A fleet, as its file says."""

    name: str = Field(min_length=1, max_length=80)
    machines: tuple[MachinePart, ...] = Field(min_length=1, max_length=50, strict=False)
    site: SitePart
    finance: FinancePart = FinancePart()


def parse_fleet(text: str, origin: str) -> FleetSpec:
    """Read a fleet's file.

    Raises
    ------
    InputError
        Not TOML, an unknown key (the nearest right one is named), or a value that cannot be.
    """
    return parse_document(text, origin, FleetSpec, what="fleet")


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet with its machines looked up."""

    spec: FleetSpec
    machines: tuple[Machine, ...]

    @property
    def hashrate_ths(self) -> FloatArray:
        """Hashrate of each kind of machine [TH/s]."""
        return np.array(
            [m.hashrate_ths * part.count for m, part in zip(self.machines, self.spec.machines, strict=True)]
        )

    @property
    def power_mw(self) -> FloatArray:
        """Draw of each kind of machine with the site's overhead [MW]."""
        efficiency = np.array([machine.efficiency_j_per_th for machine in self.machines])
        return np.asarray(self.hashrate_ths * efficiency * 1e-6 * self.spec.site.overhead)

    @property
    def capex_usd(self) -> float:
        """Machines and site [USD]."""
        return sum(part.count * part.price_usd for part in self.spec.machines) + self.spec.site.capex_usd

    @property
    def resale_usd(self) -> float:
        """What the machines fetch at the end [USD]."""
        return sum(part.count * part.price_usd * part.resale_frac for part in self.spec.machines)


def assemble_fleet(spec: FleetSpec, asic_models: pl.DataFrame) -> Fleet:
    """Look the machines up.

    Raises
    ------
    InputError
        A model that the list does not have, or has without its numbers.
    """
    machines = []
    for number, part in enumerate(spec.machines, start=1):
        if part.model is not None:
            machines.append(find_machine(asic_models, part.model))
        else:
            assert part.hashrate_ths is not None and part.efficiency_j_per_th is not None
            name = part.name or f"machine {number}"
            machines.append(Machine(name, part.hashrate_ths, part.efficiency_j_per_th, "caller"))
    return Fleet(spec, tuple(machines))


@dataclass(frozen=True, slots=True)
class FleetCash:
    """A fleet's simulated cash, path by path."""

    revenue_usd: FloatArray
    """After the pool's fee, coins kept included at the day's price. Shape (n_paths, n_months) [USD/month]."""
    power_cost_usd: FloatArray
    net_cash_usd: FloatArray
    """Coins sold less power and fixed costs; capital, resale and coins kept stand apart [USD/month]."""
    production_btc: FloatArray
    online_frac: FloatArray
    """Share of the fleet's possible hours that it ran."""
    npv_usd: FloatArray
    """Shape (n_paths,) [USD]."""
    payback_days: FloatArray
    """First day on which cash and coins so far cover the capital; infinite where none does. Shape (n_paths,)."""
    margin_usd: FloatArray
    """Discounted margins of machines that run through losing days, before fixed costs. Shape (n_paths,) [USD]."""
    saved_usd: FloatArray
    """What switching off on those days adds to them. Shape (n_paths,) [USD]."""
    losing_frac: FloatArray
    """Share of days, counted for each kind of machine, that lose money. Shape (n_paths,)."""

    @property
    def strip(self) -> StripValue:
        """The machines' margins as a strip of options, before fixed costs and capital."""
        return sum_strip(self.margin_usd, self.saved_usd, self.losing_frac)

    @classmethod
    def joined(cls, parts: Sequence[FleetCash]) -> FleetCash:
        """Cash of paths that were run in parts, in order."""
        return cls(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(cls)))


def site_power_price(fleet: Fleet, factor: FloatArray, n_paths: int, seed: int, part: int = 0) -> FloatArray:
    """Daily power price of the site: fixed, or drawn around its mean, times what the scenario does to power.

    Parameters
    ----------
    fleet : Fleet
        Site with its mean price and daily spread.
    factor : ndarray, shape (n_days,)
        Factor of the scenario. [1]
    n_paths : int
        Paths to draw.
    seed : int
        Seed.
    part : int, default 0
        Number of the part, where paths are drawn in parts: each has a stream of its own.

    Returns
    -------
    ndarray, shape (1, n_days) or (n_paths, n_days)
        Price. [USD/MWh]
    """
    site = fleet.spec.site
    mean = site.power_price_usd_per_mwh * factor[None, :]
    if site.power_price_log_sd == 0:
        return np.asarray(mean)
    rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([POWER_STREAM, seed % 2**64, part])))
    sd = site.power_price_log_sd
    return np.asarray(mean * np.exp(sd * rng.standard_normal((n_paths, len(factor))) - sd**2 / 2))


def fleet_cash(
    fleet: Fleet,
    hashprice: FloatArray,
    btc_price_usd: FloatArray,
    power_price_usd_per_mwh: FloatArray,
    month_ends: Sequence[int],
) -> FleetCash:
    r"""Run a fleet through simulated days.

    Parameters
    ----------
    fleet : Fleet
        From :func:`assemble_fleet`.
    hashprice : ndarray, shape (n_paths, n_days)
        Hashprice. [USD/(PH/s)/day]
    btc_price_usd : ndarray, shape (n_paths, n_days)
        Price. [USD/BTC]
    power_price_usd_per_mwh : ndarray, shape (n_paths or 1, n_days)
        From :func:`site_power_price`. [USD/MWh]
    month_ends : sequence of int
        Days, from the first on, at which the months end.

    Returns
    -------
    FleetCash

    Raises
    ------
    InputError
        The months do not end with the days.

    Notes
    -----
    A kind of machine with T TH/s and M MW earns :math:`(1-f)\,u\,T\,p/1000` on a day and pays :math:`24\,u\,M\,c`;
    with curtailment it runs where the first is at least the second and c is not above the strike.
    """
    if month_ends[-1] != hashprice.shape[1]:
        raise InputError(f"months: expected the last to end on day {hashprice.shape[1]}, got {month_ends[-1]}.")
    site, finance = fleet.spec.site, fleet.spec.finance
    n_paths, n_days = hashprice.shape
    starts = [0, *month_ends[:-1]]
    revenue, cost, ran = (np.zeros((n_paths, n_days)) for _ in range(3))
    per_day = discount_factors(np.arange(1, n_days + 1), finance.discount_frac_per_year)
    strips = []
    power_total = float(fleet.power_mw.sum())
    allowed: FloatArray | float = 1.0
    if site.strike_usd_per_mwh is not None:
        allowed = np.asarray(power_price_usd_per_mwh <= site.strike_usd_per_mwh, dtype=np.float64)
    for hashrate_ths, power_mw in zip(fleet.hashrate_ths, fleet.power_mw, strict=True):
        earned = (1 - finance.pool_fee_frac) * site.uptime_frac * hashrate_ths / _THS_PER_PHS * hashprice * allowed
        bill = HOURS_PER_DAY * site.uptime_frac * power_mw * power_price_usd_per_mwh * allowed
        strips.append(strip_paths(earned, bill, per_day))
        on = (earned >= bill) * allowed if site.curtailment == "unprofitable" else np.full_like(earned, 1.0) * allowed
        revenue += earned * on
        cost += bill * on
        ran += on * (power_mw / power_total)
    coins = revenue / btc_price_usd
    kept = np.cumsum(finance.hodl_frac * coins, axis=1)
    fixed = site.fixed_cost_usd_per_month / np.diff([0, *month_ends])
    daily = (1 - finance.hodl_frac) * revenue - cost - np.repeat(fixed, np.diff([0, *month_ends]))[None, :]
    final = fleet.resale_usd + kept[:, -1] * btc_price_usd[:, -1]
    npv = daily @ per_day + final * per_day[-1] - fleet.capex_usd
    covered = np.cumsum(daily, axis=1) + kept * btc_price_usd >= fleet.capex_usd
    first = covered.argmax(axis=1) + 1.0
    payback = np.where(covered.any(axis=1), first, np.inf) if fleet.capex_usd > 0 else np.zeros(n_paths)
    simple, saved, losing = (np.stack(series) for series in zip(*strips, strict=True))

    def monthly(values: FloatArray) -> FloatArray:
        return np.asarray(np.add.reduceat(values, starts, axis=1))

    return FleetCash(
        revenue_usd=monthly(revenue),
        power_cost_usd=monthly(cost),
        net_cash_usd=monthly(daily),
        production_btc=monthly(coins),
        online_frac=site.uptime_frac * monthly(ran) / np.diff([0, *month_ends]),
        npv_usd=npv,
        payback_days=payback,
        margin_usd=simple.sum(axis=0),
        saved_usd=saved.sum(axis=0),
        losing_frac=losing.mean(axis=0),
    )


def hashprice_at_difficulty(
    difficulty: FloatArray, subsidy_btc: FloatArray, fees_btc: FloatArray, btc_price_usd: FloatArray
) -> FloatArray:
    """Hashprice on simulated prices and rewards, at a difficulty that somebody else has in mind.

    Parameters
    ----------
    difficulty : ndarray, broadcastable to (n_paths, n_days)
        Difficulty held flat, or grown along a trend. [1]
    subsidy_btc, fees_btc : ndarray, shape (n_paths, n_days)
        Per block. [BTC/block]
    btc_price_usd : ndarray, shape (n_paths, n_days)
        Price. [USD/BTC]

    Returns
    -------
    ndarray, shape (n_paths, n_days)
        Hashprice. [USD/(PH/s)/day]
    """
    return hashprice_usd_per_phs_day(difficulty, subsidy_btc.astype(np.float64) + fees_btc, btc_price_usd)


@dataclass(frozen=True, slots=True)
class Payback:
    """When the capital is back, under one view of difficulty."""

    difficulty: str
    """``flat``, ``trend`` or ``modelled``."""
    never_frac: float
    """Probability that it is not back within the horizon [fraction]."""
    standard_error: float
    months_p5: float | None
    months_p25: float | None
    months_p50: float | None
    months_p75: float | None
    months_p95: float | None
    """Quantiles over all paths; None where that share of the paths does not get there within the horizon [months]."""
    npv_p50_usd: float
    loss_frac: float
    """Probability that the net present value is below zero [fraction]."""


def summarise_payback(difficulty: str, cash: FleetCash) -> Payback:
    """Distribution of payback; a path that never pays back counts as later than every other."""
    days = cash.payback_days
    never = float(np.mean(np.isinf(days)))
    cuts = np.quantile(days, [0.05, 0.25, 0.5, 0.75, 0.95], method="higher")
    months = [float(cut) / (365.25 / 12) if np.isfinite(cut) else None for cut in cuts]
    return Payback(
        difficulty=difficulty,
        never_frac=never,
        standard_error=float(np.sqrt(never * (1 - never) / len(days))),
        months_p5=months[0],
        months_p25=months[1],
        months_p50=months[2],
        months_p75=months[3],
        months_p95=months[4],
        npv_p50_usd=float(np.median(cash.npv_usd)),
        loss_frac=float(np.mean(cash.npv_usd < 0)),
    )
