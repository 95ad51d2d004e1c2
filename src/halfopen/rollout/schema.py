"""The JSON Schema of `halfopen.toml`, for editors."""

from typing import Any

import msgspec

from halfopen.providers.compatible import FLAVOURS
from halfopen.rollout.settings import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 that accepts what the check of shapes accepts, and unknown keys no more than it."""
    schema = msgspec.json.schema(Settings)
    # A provider that isn't local must say what it speaks; types alone can't tell.
    schema["$defs"]["Provider"]["anyOf"] = [
        {"required": ["dialect"]},
        {"required": ["local"], "properties": {"local": {"const": True}}},
    ]
    schema["$defs"]["Provider"]["not"] = {"required": ["key", "keys"]}
    schema["$defs"]["Provider"]["properties"]["keys"]["uniqueItems"] = True
    schema["$defs"]["Provider"]["properties"]["flavour"]["enum"] = list(FLAVOURS)
    return {"$schema": _DIALECT, "title": "halfopen.toml", **schema}
