"""Loads what counts mutants, whose modules are plain neighbours of the tests."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


def _load(name: str) -> ModuleType:
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return importlib.import_module(name)


@pytest.fixture(scope="session")
def score() -> ModuleType:
    """Scores and pages."""
    return _load("score")


@pytest.fixture(scope="session")
def explained() -> ModuleType:
    """The survivors that were judged."""
    return _load("explained")
