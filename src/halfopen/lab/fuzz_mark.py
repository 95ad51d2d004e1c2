"""The mark by which an upstream knows again which input of fuzzing a request belongs to."""

import re
from typing import Final

MARK: Final = re.compile(rb"fuzz-number-(\d+)-")


def marked(number: int) -> str:
    """Words that a request of this number must have somewhere."""
    return f"fuzz-number-{number}-"
