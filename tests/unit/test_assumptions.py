from __future__ import annotations

import datetime as dt
import math
import subprocess
import sys

import pytest

from hashdesk.assumptions import DAYS_PER_MONTH, Assumptions, load_assumptions, parse_assumptions
from hashdesk.errors import DataError, InputError


@pytest.fixture
def beliefs() -> Assumptions:
    return load_assumptions()


def test_every_entry_carries_unit_date_source_and_ordered_bounds(beliefs: Assumptions) -> None:
    for entry in beliefs.entries.values():
        assert entry.label and entry.unit and entry.source
        assert dt.date(2020, 1, 1) < entry.as_of < dt.date(2026, 12, 31)
        if entry.low is not None and entry.high is not None:
            assert entry.low <= entry.value <= entry.high, entry.id


def test_the_price_is_five_cents_a_kilowatt_hour(beliefs: Assumptions) -> None:
    assert beliefs.power_price_usd_per_mwh == 50


def test_the_line_is_its_level_at_the_pivot_and_falls_at_one_rate(beliefs: Assumptions) -> None:
    line = beliefs.efficiency_line
    at_pivot = line.at(line.pivot)
    assert (at_pivot.value, at_pivot.low, at_pivot.high) == pytest.approx(
        (line.level.value, line.level.low, line.level.high)
    )
    later = line.at(line.pivot + dt.timedelta(days=365))
    rate = math.log(later.value / at_pivot.value) / (365 / DAYS_PER_MONTH)
    assert rate == pytest.approx(line.log_change.value)
    assert rate < 0


@pytest.mark.parametrize("side", [-1, 1])
def test_the_band_widens_away_from_the_pivot(beliefs: Assumptions, side: int) -> None:
    line = beliefs.efficiency_line
    widths = []
    for days in (0, 100, 300, 600):
        estimate = line.at(line.pivot + side * dt.timedelta(days=days))
        assert estimate.low is not None and estimate.high is not None
        assert estimate.low < estimate.value < estimate.high
        widths.append(math.log(estimate.high / estimate.low))
    assert widths == sorted(widths)


def test_an_efficiency_of_the_callers_own_is_flat_and_has_no_band(beliefs: Assumptions) -> None:
    mine = beliefs.override(efficiency_j_per_th=20)
    for day in (dt.date(2024, 1, 1), dt.date(2026, 1, 1)):
        estimate = mine.efficiency(day)
        assert (estimate.value, estimate.low, estimate.high) == (20, None, None)
    assert [entry.id for entry in mine.overrides] == ["efficiency_j_per_th"]
    assert "caller's own value, 20 J/TH" in mine.caveats[0]


def test_overriding_leaves_the_original_alone(beliefs: Assumptions) -> None:
    beliefs.override(power_price_usd_per_mwh=70)
    assert beliefs.power_price_usd_per_mwh == 50
    assert beliefs.overrides == ()
    assert beliefs.caveats == ()


def test_none_means_no_override(beliefs: Assumptions) -> None:
    assert beliefs.override(power_price_usd_per_mwh=None, efficiency_j_per_th=None).overrides == ()


def test_a_negative_power_price_is_allowed_and_noted(beliefs: Assumptions) -> None:
    paid = beliefs.override(power_price_usd_per_mwh=-5)
    assert paid.power_price_usd_per_mwh == -5
    assert any("negative" in caveat for caveat in paid.caveats)


def test_another_price_on_the_calibrated_line_is_noted(beliefs: Assumptions) -> None:
    assert any("product" in caveat for caveat in beliefs.override(power_price_usd_per_mwh=70).caveats)
    both = beliefs.override(power_price_usd_per_mwh=70, efficiency_j_per_th=20)
    assert not any("product" in caveat for caveat in both.caveats)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"efficiency_j_per_th": 0}, "expected above 0 and below 1000 J/TH, got 0"),
        ({"efficiency_j_per_th": -20}, "got -20"),
        ({"efficiency_j_per_th": 1000}, "got 1000"),
        ({"efficiency_j_per_th": math.nan}, "finite number of J/TH, got nan"),
        ({"power_price_usd_per_mwh": math.inf}, "finite number of USD/MWh, got inf"),
        ({"power_price_usd_per_mwh": "50"}, "finite number of USD/MWh, got '50'"),
        ({"power_price_usd_per_mwh": True}, "finite number of USD/MWh, got True"),
        ({"power_price": 50}, "Did you mean power_price_usd_per_mwh?"),
        ({"efficiency": 20}, "Did you mean efficiency_j_per_th?"),
        ({"zzz": 1}, "Known: "),
        ({"hpc_noi_margin_frac": 1.5}, "below 1 fraction"),
    ],
)
def test_nonsense_is_refused_in_one_line(beliefs: Assumptions, values: dict[str, float], said: str) -> None:
    with pytest.raises(InputError) as caught:
        beliefs.override(**values)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_an_unknown_entry_is_asked_for_by_name(beliefs: Assumptions) -> None:
    with pytest.raises(InputError, match="Did you mean pue"):
        beliefs["pues"]


GOOD = {"label": "x", "value": 1, "unit": "1", "as_of": dt.date(2025, 1, 1), "source": "s"}


@pytest.mark.parametrize(
    "damage",
    [
        {"value": "fifty"},
        {"value": math.nan},
        {"as_of": "2025-01-01"},
        {"as_of": dt.datetime(2025, 1, 1)},
        {"source": ""},
        {"unit": ""},
        {"surprise": 1},
    ],
)
def test_a_damaged_file_is_refused_by_entry(damage: dict[str, object]) -> None:
    with pytest.raises(DataError, match="thing"):
        parse_assumptions({"thing": GOOD | damage})


def test_an_entry_without_a_source_is_refused() -> None:
    with pytest.raises(DataError, match="source"):
        parse_assumptions({"thing": {key: value for key, value in GOOD.items() if key != "source"}})
    with pytest.raises(DataError, match="not a table"):
        parse_assumptions({"thing": 5})


def test_loading_pulls_in_no_numerical_library() -> None:
    code = "import sys, hashdesk.assumptions as a; a.load_assumptions(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "polars", "scipy", "pydantic"} & set(loaded)
