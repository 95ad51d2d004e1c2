"""A time that does not come."""

from typing import Final

NEVER: Final = 1e999
"""Infinity, written so that compiled code has it in place. Monotonic seconds."""
