"""Which targets' vectors may stand beside one another.

Vectors of two models have nothing to do with each other, even when they have as many numbers: an
index that holds both finds the wrong things without a sign of it. So embeddings fail over only to a
target that is declared to make vectors of the same space.
"""

from halfopen.model import Target


def other_space(first: Target, other: Target) -> str | None:
    """Why a target can't stand in for the first one of its route, for the ledger; None: it can.

    Args:
        first: The first target of the route: the one whose vectors the client has stored.
        other: A target after it, or the same.
    """
    if first.name == other.name:
        return None
    wanted, made = first.capabilities, other.capabilities
    if wanted.vector_space is None or made.vector_space is None:
        unknown = first if wanted.vector_space is None else other
        return f"vectors that can't be compared: the vector space of {unknown.name} is not known"
    if wanted.vector_space != made.vector_space:
        return f"vectors of another space ({made.vector_space}, not {wanted.vector_space})"
    sizes = (wanted.vector_dimensions, made.vector_dimensions)
    if None not in sizes and sizes[0] != sizes[1]:
        return f"vectors of {sizes[1]} dimensions, not {sizes[0]}"
    return None


def same_space(first: Target, other: Target) -> bool:
    """Whether a target's vectors may stand in for those of the first target of its route."""
    return other_space(first, other) is None
