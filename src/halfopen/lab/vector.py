"""Embedding vectors that follow from the model and the text."""

import math
import struct
from random import Random


def vector(model: str, text: str, dimensions: int) -> list[float]:
    """A vector of length 1; of fewer dimensions: the beginning of the longer one, scaled.

    Every value can be told in 32 bits, as the base64 form of the APIs has it.
    """
    random = Random(f"{model}\0{text}")  # noqa: S311 - the same each time, not a secret
    values = [random.uniform(-1.0, 1.0) for _ in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    packed = packed_floats([value / length for value in values])
    return list(struct.unpack(f"<{dimensions}f", packed))


def packed_floats(values: list[float]) -> bytes:
    """Little-endian 32-bit floats, as the APIs put them into base64."""
    return struct.pack(f"<{len(values)}f", *values)
