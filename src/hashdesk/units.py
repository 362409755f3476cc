"""Constants and conversions of the field. 1 EH/s at e J/TH draws e MW."""

from __future__ import annotations

SECONDS_PER_DAY = 86_400
HOURS_PER_DAY = 24
TARGET_BLOCK_SECONDS = 600
TARGET_BLOCKS_PER_DAY = SECONDS_PER_DAY // TARGET_BLOCK_SECONDS
BLOCKS_PER_EPOCH = 2_016
BLOCKS_PER_HALVING = 210_000
SAT_PER_BTC = 100_000_000
BTC_DAYS_PER_YEAR = 365
"""Bitcoin trades every day; annualise its daily moves over 365."""

WORK_PER_DIFFICULTY = 2.0**48 / 65_535
"""Expected hashes per unit of difficulty, exact to the bits encoding [hash]; 2^32 is 15 ppm low."""

HASHES_PER_EH = 1e18
HASHES_PER_PH = 1e15
