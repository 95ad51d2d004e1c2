"""The model's name in a request of Google's clients: in the path, and where the body repeats it."""

import re
from collections.abc import Collection

import msgspec

from halfopen.model import Fault, Target
from halfopen.providers.clients.generate.proto_json import camel
from halfopen.providers.json_body import bad

_PATH = re.compile(r"/v1(?:alpha|beta)?/(models|tunedModels)/(.+):([A-Za-z]+)")
_COLLECTIONS = ("models/", "tunedModels/")

Fields = dict[str, msgspec.Raw]


def read_path(path: str, methods: Collection[str]) -> tuple[str, str] | Fault:
    """The route's name and the method that a decoded path names.

    Args:
        path: Of the request.
        methods: Those that are served there.
    """
    found = _PATH.fullmatch(path)
    if found is None or found[3] not in methods:
        return bad(f"{path[:200]} names no model and method, as in /v1beta/models/name:{min(methods)}.")
    collection, name, method = found.groups()
    return (name if collection == "models" else f"{collection}/{name}"), method


def with_model(fields: Fields, target: Target, *, needed: bool = False) -> Fields:
    """The fields of a message with the target's model in them.

    Args:
        fields: The message, each field as raw JSON.
        target: The model that is asked.
        needed: Whether the message must name it; else it is put only where the client had one.
    """
    kept = {name: raw for name, raw in fields.items() if camel(name) != "model"}
    if len(kept) == len(fields) and not needed:
        return kept
    name = target.model if target.model.startswith(_COLLECTIONS) else f"models/{target.model}"
    return {"model": msgspec.Raw(msgspec.json.encode(name)), **kept}
