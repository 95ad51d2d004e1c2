"""Finds what a request is for and answers it. Knows nothing of sockets.

Rules
1. A request that can't be served is answered at once, in OpenAI's error shape, with what to do.
2. Nothing here waits: a chat becomes an `Exchange`, everything else is answered on the spot.
"""

import difflib
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

from halfopen import errors
from halfopen.gateway.demand import demand_of, sender_of
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.failure import error_headers, failure_of
from halfopen.gateway.heading import own_ids
from halfopen.gateway.models import model_json, models_json
from halfopen.gateway.notes import Notes
from halfopen.gateway.paths import POSTED, PROBED, client_of, is_models, speaker_of
from halfopen.gateway.plain import Plain
from halfopen.gateway.responder import Answerer, Responder
from halfopen.gateway.runtime import Runtime
from halfopen.http1 import RequestHead
from halfopen.model import Fault, Kind
from halfopen.providers import CHAT, ClientDialect, ClientRequest
from halfopen.providers.clients.relay import RELAY

_JSON: Final = ("content-type", "application/json")
_NAME_SHOWN_CHARS: Final = 200
_LISTS: Final = frozenset(("accept", "anthropic-beta", "openai-beta"))
"""Headers that may come in several lines, each with a part of a list."""
_PATHS: Final = (
    *(path.decode() for path in POSTED),
    "/v1beta/models/MODEL:generateContent",
    "/v1/models",
    *(path.decode() for path in PROBED),
)


class Handler:
    """Answers the requests of every connection."""

    def __init__(self, runtime: Runtime, *, is_ready: Callable[[], bool]) -> None:
        """`is_ready` says whether new work is welcome (not while draining)."""
        self._runtime = runtime
        self._is_ready = is_ready

    def serve(self, runtime: Runtime) -> None:
        """Serve new requests under this runtime from now on."""
        self._runtime = runtime

    def handle(self, head: RequestHead, body: bytes, responder: Responder) -> None:
        """Answer one whole request, now or later, through `responder`."""
        notes = head.notes
        if isinstance(notes, Notes):
            self._ask(notes, body, responder)
            return
        path = head.path
        client = client_of(head)
        if client is not None:
            if head.method != "POST" and client is not RELAY:
                self._wrong_method(head, "POST", responder, client)
            else:
                head.notes = notes = _notes_of(head, client, self._runtime.surroundings.caller_secret)
                self._ask(notes, body, responder)
        elif path in PROBED or is_models(path):
            if head.method not in ("GET", "HEAD"):
                self._wrong_method(head, "GET", responder, speaker_of(head))
            else:
                self._get(path, head, responder)
        else:
            shown = path[:200].decode("utf-8", "replace")
            message = f"There is no {shown} here. Served are {', '.join(_PATHS)}."
            close = difflib.get_close_matches(shown, _PATHS, n=1, cutoff=0.8)
            hint = f" Did you mean {close[0]}?" if close else ""
            self._refuse(404, message + hint, responder, speaker_of(head))

    def answer_beyond_bound(self, head: RequestHead, answerer: Answerer) -> None:
        """Answer a request on a connection for which there is no place: only how the gateway is."""
        client = client_of(head) or speaker_of(head)
        if head.path not in PROBED:
            message = "The gateway has as many connections open as it may have (`connections_max`)."
            self._fail(errors.make(Kind.NO_CAPACITY, message, effective_status=503), answerer, client)
        elif head.method not in ("GET", "HEAD"):
            self._wrong_method(head, "GET", answerer, client)
        else:
            self._get(head.path, head, answerer)

    def fail_by_defect(self, head: RequestHead, responder: Responder) -> None:
        """Answer a request whose handling has raised."""
        self._fail(errors.make(Kind.GATEWAY_ERROR), responder, client_of(head) or speaker_of(head))

    def refuse(self, status: int, message: str, responder: Answerer) -> None:
        """Answer a request that could not even be read."""
        self._refuse(status, message, responder, CHAT)

    def _get(self, path: bytes, head: RequestHead, responder: Answerer) -> None:
        if path == b"/healthz":
            responder.send(200, [_JSON], b'{"status":"ok"}')
        elif path == b"/readyz":
            ready = self._is_ready()
            body = b'{"status":"ready"}' if ready else b'{"status":"draining"}'
            responder.send(200 if ready else 503, [_JSON], body)
        else:
            self._models(path, head, responder)

    def _models(self, path: bytes, head: RequestHead, responder: Answerer) -> None:
        client = speaker_of(head)
        name = unquote_to_bytes(path.partition(b"/models")[2].lstrip(b"/")).decode("utf-8", "replace")
        if not name:
            responder.send(200, [_JSON], models_json(self._runtime, client))
        elif (route := self._runtime.route_for(name)) is not None:
            responder.send(200, [_JSON], model_json(route, client))
        else:
            self._fail(self._unknown_model(name), responder, client)

    def _ask(self, notes: Notes, body: bytes, responder: Responder) -> None:
        client = notes.client
        ask = client.parse(
            ClientRequest(notes.path, notes.query, notes.headers, body, notes.method, notes.raw_query)
        )
        if isinstance(ask, Fault):
            self._fail(ask, responder, client)
            return
        runtime = self._runtime
        route = runtime.relay_for(ask.model) if client is RELAY else runtime.route_for(ask.model)
        if route is None and client is RELAY:
            message = "No provider of the configuration has OpenAI's API, to which this is passed on."
            self._refuse(404, message, responder, client)
            return
        if route is None:
            self._fail(self._unknown_model(ask.model), responder, client)
            return
        demand = demand_of(notes.sender, ask)
        if ask.stream or client is RELAY:
            Exchange(runtime, route, client, ask, responder, demand).start()
        else:
            Plain(runtime, route, client, ask, responder, demand).start()

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

    def _wrong_method(
        self, head: RequestHead, allowed: str, responder: Answerer, client: ClientDialect
    ) -> None:
        message = f"{head.path[:200].decode('utf-8', 'replace')} takes {allowed}, not {head.method}."
        self._refuse(405, message, responder, client, extra=("allow", allowed))

    def _refuse(
        self,
        status: int,
        message: str,
        responder: Answerer,
        client: ClientDialect,
        extra: tuple[str, str] | None = None,
    ) -> None:
        fault = errors.make(Kind.INVALID_REQUEST, message, effective_status=status)
        self._fail(fault, responder, client, extra)

    def _fail(
        self,
        fault: Fault,
        responder: Answerer,
        client: ClientDialect,
        extra: tuple[str, str] | None = None,
    ) -> None:
        fault = self._runtime.redactor.fault(fault)
        ids = own_ids(responder.request_id, (client.request_id_header, fault.request_id))
        headers = [*error_headers(fault), *ids]
        if extra is not None:
            headers.append(extra)
        failure = failure_of(fault, responder.request_id)
        responder.send(failure.status, headers, client.error(failure))


def _notes_of(head: RequestHead, client: ClientDialect, secret: bytes) -> Notes:
    query = head.target.partition(b"?")[2].decode("latin-1")
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joined = name in _LISTS and name in headers
        headers[name] = f"{headers[name]}, {value}" if joined else value
    return Notes(
        client,
        sender_of(head, secret),
        unquote(head.path.decode("latin-1")),
        dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        headers,
        head.method,
        query,
    )
