"""Loads the judge of cut streams, whose modules are plain neighbours of the tests."""

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def load() -> Callable[[str], ModuleType]:
    """A module of this folder by its name."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return importlib.import_module


@pytest.fixture(scope="session")
def cut(load: Callable[[str], ModuleType]) -> ModuleType:
    """Every recorded stream, cut: cases, runs and figures."""
    return load("cut_streams")


@pytest.fixture(scope="session")
def examples() -> Callable[[int], int]:
    """How many examples to try: a quick number, times HALFOPEN_EXAMPLES."""
    return lambda quick: quick * int(os.environ.get("HALFOPEN_EXAMPLES", "1"))
