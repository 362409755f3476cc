"""Fixtures shared by all tests."""

import os
import shutil
from pathlib import Path

import hypothesis
import pytest

# How fast an example runs is a question for the benchmark.
hypothesis.settings.register_profile("hashdesk", deadline=None)
hypothesis.settings.load_profile("hashdesk")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and colours of whoever runs the tests stay outside."""
    for name in list(os.environ):
        if name.startswith("HASHDESK_") and not name.startswith("HASHDESK_TEST_"):
            monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "PY_COLORS", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def root() -> Path:
    """Top folder of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the raw tables that the reference pack is built from."""
    folder = os.environ.get("HASHDESK_TEST_DATA")
    if not folder:
        pytest.skip("HASHDESK_TEST_DATA is not set: it names the folder of the raw tables")
    return Path(folder)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the system's Chromium."""
    return _program("chromium")


@pytest.fixture(scope="session")
def soffice() -> str:
    """Path of LibreOffice."""
    return _program("soffice")


@pytest.fixture(scope="session")
def pdftoppm() -> str:
    """Path of poppler's PDF renderer."""
    return _program("pdftoppm")
