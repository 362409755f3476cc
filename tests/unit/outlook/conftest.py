"""A chain at rest: 144 blocks a day, no noise, nothing that answers."""

import datetime as dt
from dataclasses import replace

import pytest

from hashdesk.outlook.model import FeeModel, Fleet, GbmPrice, Model, Response, Start, UserPrice
from hashdesk.units import HASHES_PER_EH, TARGET_BLOCK_SECONDS, WORK_PER_DIFFICULTY

HASHRATE_EHS = 1000.0
DIFFICULTY = HASHRATE_EHS * HASHES_PER_EH * TARGET_BLOCK_SECONDS / WORK_PER_DIFFICULTY


@pytest.fixture
def start() -> Start:
    """The first block of an epoch has just been found; blocks come every 600 s on average."""
    return Start(dt.date(2025, 10, 1), 900_001 - 900_001 % 2016 + 1, DIFFICULTY, 1, 0.0, HASHRATE_EHS, 0.0, 100_000.0)


@pytest.fixture
def still() -> Model:
    """Constant price, fees and hashrate."""
    import numpy as np

    return Model(
        UserPrice(np.full(2000, 100_000.0)), FeeModel.constant(0.05), Response.none(), Fleet.single(20.0, 50.0)
    )


@pytest.fixture
def moving(still: Model) -> Model:
    """Every driver at work."""
    return replace(
        still,
        price=GbmPrice(0.1, 0.2, 0.6),
        fees=FeeModel(0.02, 0.03, 0.05, 0.2, 1.0, 0.01, 0.1),
        response=Response(0.001, 0.0005, 10.8, 0.1, 0.001, 0.0004, 0.002, 0.0008, 45.0, 0.02, 3.0, 0.03, 0.1),
        fleet=Fleet((38.0, 30.0, 24.0, 19.0, 16.0), (0.1, 0.2, 0.3, 0.2, 0.2), 15.0, 0.0004, 50.0, 0.4),
    )
