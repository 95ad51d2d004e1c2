"""Finds what a request is for and answers it. Knows nothing of sockets.

Rules
1. A request that can't be served is answered at once, in OpenAI's error shape, with what to do.
2. Nothing here waits: a chat becomes an `Exchange`, everything else is answered on the spot.
"""

import difflib
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import msgspec

from halfopen import errors
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.failure import error_headers, error_json, status_of
from halfopen.gateway.responder import Responder
from halfopen.gateway.runtime import Runtime
from halfopen.http1 import RequestHead
from halfopen.model import Fault, Kind
from halfopen.providers import Chat, parse_chat

_JSON = ("content-type", "application/json")
_NAME_SHOWN_CHARS = 200
_PATHS = ("/v1/chat/completions", "/v1/models", "/healthz", "/readyz")


class Handler:
    """Serves one runtime."""

    def __init__(self, runtime: Runtime, *, is_ready: Callable[[], bool]) -> None:
        """`is_ready` says whether new work is welcome (not while draining)."""
        self._runtime = runtime
        self._is_ready = is_ready

    def handle(self, head: RequestHead, body: bytes, responder: Responder) -> None:
        """Answer one whole request, now or later, through `responder`."""
        path = head.path
        if path == b"/v1/chat/completions":
            if head.method != "POST":
                self._wrong_method(head, "POST", responder)
            else:
                self._chat(body, responder)
        elif path in (b"/healthz", b"/readyz") or path == b"/v1/models" or path.startswith(b"/v1/models/"):
            if head.method not in ("GET", "HEAD"):
                self._wrong_method(head, "GET", responder)
            else:
                self._get(path, responder)
        else:
            shown = path[:200].decode("utf-8", "replace")
            message = f"There is no {shown} here. Served are {', '.join(_PATHS)}."
            close = difflib.get_close_matches(shown, _PATHS, n=1, cutoff=0.8)
            self._refuse(404, message + (f" Did you mean {close[0]}?" if close else ""), responder)

    def fail_by_defect(self, responder: Responder) -> None:
        """Answer a request whose handling has raised."""
        self._fail(errors.make(Kind.GATEWAY_ERROR), responder)

    def refuse(self, status: int, message: str, responder: Responder) -> None:
        """Answer a request that could not even be read."""
        self._refuse(status, message, responder)

    def _get(self, path: bytes, responder: Responder) -> None:
        if path == b"/healthz":
            responder.send(200, [_JSON], b'{"status":"ok"}')
        elif path == b"/readyz":
            ready = self._is_ready()
            body = b'{"status":"ready"}' if ready else b'{"status":"draining"}'
            responder.send(200 if ready else 503, [_JSON], body)
        elif path == b"/v1/models":
            models = [self._model(name) for name in self._runtime.routes]
            responder.send(200, [_JSON], msgspec.json.encode({"object": "list", "data": models}))
        else:
            name = unquote_to_bytes(path[len(b"/v1/models/") :]).decode("utf-8", "replace")
            if name in self._runtime.routes:
                responder.send(200, [_JSON], msgspec.json.encode(self._model(name)))
            else:
                self._fail(self._unknown_model(name), responder)

    def _model(self, name: str) -> dict[str, object]:
        targets = [state.target.name for state in self._runtime.routes[name].states]
        return {"id": name, "object": "model", "created": 0, "owned_by": "halfopen", "targets": targets}

    def _chat(self, body: bytes, responder: Responder) -> None:
        chat = parse_chat(body)
        if not isinstance(chat, Chat):
            self._fail(chat, responder)
            return
        route = self._runtime.routes.get(chat.model)
        if route is None:
            self._fail(self._unknown_model(chat.model), responder)
            return
        Exchange(self._runtime, route, chat, responder).start()

    def _unknown_model(self, name: str) -> Fault:
        routes = list(self._runtime.routes)
        name = name[:_NAME_SHOWN_CHARS]  # comparing takes time by its length
        close = difflib.get_close_matches(name, routes, n=1)
        listed = ", ".join(routes[:12]) + (", …" if len(routes) > 12 else "")
        hint = f" Did you mean {close[0]}?" if close else ""
        return errors.make(
            Kind.UNKNOWN_MODEL,
            f"No route is configured for the model {name!r}.{hint} Configured are: {listed}.",
            param="model",
            code="model_not_found",
        )

    def _wrong_method(self, head: RequestHead, allowed: str, responder: Responder) -> None:
        message = f"{head.path[:200].decode('utf-8', 'replace')} takes {allowed}, not {head.method}."
        self._refuse(405, message, responder, extra=("allow", allowed))

    def _refuse(
        self, status: int, message: str, responder: Responder, extra: tuple[str, str] | None = None
    ) -> None:
        fault = errors.make(Kind.INVALID_REQUEST, message, effective_status=status)
        self._fail(fault, responder, extra)

    def _fail(self, fault: Fault, responder: Responder, extra: tuple[str, str] | None = None) -> None:
        fault = self._runtime.redactor.fault(fault)
        headers = [*error_headers(fault), ("x-halfopen-request-id", responder.request_id)]
        if extra is not None:
            headers.append(extra)
        responder.send(status_of(fault), headers, error_json(fault, responder.request_id))
