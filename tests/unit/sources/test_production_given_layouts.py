"""The layouts of real updates that come with the raw tables: every figure that must be found, and no other."""

import json
from pathlib import Path

import pytest

from hashdesk.sources.production_update import parse_production_update

KINDS = {"deployed": "deployed_", "energized": "energized_", "self-mining": "energized_", "total under": "managed_"}


@pytest.mark.parametrize(
    "name", ["CANG_2025-03", "CORZ_2024-09", "HUT_2023-12", "IREN_2025-05", "MARA_2024-09", "RIOT_2025-04"]
)
def test_every_expected_figure_is_found_and_every_absent_one_is_absent(name: str, data_dir: Path) -> None:
    folder = data_dir / "company" / "press_release_layouts"
    wanted = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    update = parse_production_update((folder / f"{name}.txt").read_text(encoding="utf-8"), url=wanted["source_url"])
    expected = wanted["expected"]
    assert (update.ticker, f"{update.month:%Y-%m}") == (wanted["ticker"], wanted["month"])
    assert update.value("production_btc") == expected["btc_produced"]
    assert update.value("holdings_btc") == expected["btc_held"]
    assert update.value("sold_btc") == expected["btc_sold"]
    assert update.value("hashrate_avg_operating_ehs") == expected["average_operating_hashrate_ehs"]
    assert update.value("efficiency_j_per_th") == expected["fleet_efficiency_j_th"]
    for hashrate in expected["hashrate"]:
        kind = next((KINDS[word] for word in KINDS if hashrate["definition"].startswith(word)), None)
        if kind is not None:
            assert update.value(f"{kind}hashrate_ehs") == hashrate["value_ehs"]
