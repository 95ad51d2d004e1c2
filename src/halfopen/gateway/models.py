"""The list of models: every route's name, as each dialect of clients lists models."""

from typing import Any

import msgspec

from halfopen.gateway.runtime import RouteRuntime, Runtime
from halfopen.providers import ClientDialect
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.messages import MESSAGES


def models_json(runtime: Runtime, client: ClientDialect) -> bytes:
    """All models."""
    routes = list(runtime.routes.values())
    if client is GENERATE:
        # Their way to ask for embeddings is not served.
        routes = [route for route in routes if route.states[0].target.capabilities.vector_space is None]
    models = [_model(route, client) for route in routes]
    if client is GENERATE:
        return msgspec.json.encode({"models": models})
    if client is MESSAGES:
        first, last = (models[0]["id"], models[-1]["id"]) if models else (None, None)
        return msgspec.json.encode({"data": models, "has_more": False, "first_id": first, "last_id": last})
    return msgspec.json.encode({"object": "list", "data": models})


def model_json(route: RouteRuntime, client: ClientDialect) -> bytes:
    """One model."""
    return msgspec.json.encode(_model(route, client))


def _model(route: RouteRuntime, client: ClientDialect) -> dict[str, Any]:
    name = route.name
    targets = [state.target.name for state in route.states]
    if client is GENERATE:
        methods = ["generateContent", "streamGenerateContent"]
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods}
    if client is MESSAGES:
        shown = {"type": "model", "id": name, "display_name": name, "lifecycle": "active"}
        return shown | {"created_at": "1970-01-01T00:00:00Z"}
    return {"id": name, "object": "model", "created": 0, "owned_by": "halfopen", "targets": targets}
