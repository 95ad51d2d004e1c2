"""The harness stands beside the tests, as plain modules."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent

if str(HERE) not in sys.path:
    sys.path.append(str(HERE))


@pytest.fixture(scope="session")
def examples() -> Callable[[int], int]:
    """How many examples to try: a quick number, times HALFOPEN_EXAMPLES."""
    return lambda quick: quick * int(os.environ.get("HALFOPEN_EXAMPLES", "1"))
