"""JSON Schemas made at random: of a tool's parameters, and of an answer."""

import random
from typing import Any, Final

_DESCRIPTIONS: Final = ("The city", 'say "it"', "größe", "日本語", "a\nb", "\u2028", "{{x}}")
_PROPERTIES: Final = ("city", "when", "count", "ok", "list", "größe")


def parameters_schema(rng: random.Random, depth: int) -> dict[str, Any]:
    """The schema of a tool's parameters, with the keywords that all three vendors document."""
    names = rng.sample(_PROPERTIES, rng.choice((0, 1, 2, 3)))
    made: dict[str, Any] = {
        "type": "object",
        "properties": {name: _property(rng, depth - 1, closed=False) for name in names},
    }
    if names and rng.random() < 0.6:
        made["required"] = rng.sample(names, rng.randrange(1, len(names) + 1))
    return made


def output_schema(rng: random.Random, depth: int) -> dict[str, Any]:
    """The schema of an answer, as OpenAI's strict mode wants it: closed, with every property required."""
    names = rng.sample(_PROPERTIES, rng.choice((1, 2, 3)))
    return {
        "type": "object",
        "properties": {name: _property(rng, depth - 1, closed=True) for name in names},
        "required": names,
        "additionalProperties": False,
    }


def _property(rng: random.Random, depth: int, *, closed: bool) -> dict[str, Any]:
    kind = rng.randrange(7 if depth else 5)
    made: dict[str, Any]
    if kind == 0:
        made = {"type": "string", "enum": rng.sample(("a", "b", "é"), 2)}
    elif kind < 5:
        made = {"type": ("string", "integer", "number", "boolean")[kind - 1]}
    elif kind == 5:
        made = {"type": "array", "items": _property(rng, depth - 1, closed=closed)}
    else:
        made = output_schema(rng, depth) if closed else parameters_schema(rng, depth)
    if rng.random() < 0.4:
        made["description"] = rng.choice(_DESCRIPTIONS)
    return made
