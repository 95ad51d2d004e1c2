"""Finds what a request is for and answers it. Knows nothing of sockets.

Rules
1. A request that can't be served is answered at once, in OpenAI's error shape, with what to do.
2. Whoever needs a key of the gateway and has none is refused whatever the body says. The body has come whole
   by then, within `request_max_bytes`: a client that still sends might not read the answer. How the gateway
   is anybody may ask.
3. Nothing here waits: a chat becomes an `Exchange`, everything else is answered on the spot.
"""

import difflib
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

import msgspec

from halfopen import errors
from halfopen.gateway.demand import caller_of, sender_of
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.failure import error_headers, failure_of
from halfopen.gateway.heading import own_ids
from halfopen.gateway.keeping_exchange import KeepingExchange
from halfopen.gateway.keyring import Entry, Keyring
from halfopen.gateway.models import model_json, models_json
from halfopen.gateway.notes import Notes, Sender
from halfopen.gateway.paths import POSTED, PROBED, client_of, is_models, speaker_of
from halfopen.gateway.plain import Plain
from halfopen.gateway.responder import Answerer, Responder
from halfopen.gateway.runtime import Runtime
from halfopen.http1 import RequestHead
from halfopen.model import Fault, Kind, Outcome
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

_NOBODY: Final = Sender()


class Handler:
    """Answers the requests of every connection."""

    def __init__(self, runtime: Runtime, *, is_ready: Callable[[], bool]) -> None:
        """`is_ready` says whether new work is welcome (not while draining)."""
        self._runtime = runtime
        self._is_ready = is_ready
        self.keyring: Keyring | None = None
        """The keys that let requests in; None: nobody needs any."""

    def serve(self, runtime: Runtime) -> None:
        """Serve new requests under this runtime from now on."""
        self._runtime = runtime

    def handle(self, head: RequestHead, body: bytes, responder: Responder) -> None:
        """Answer one whole request, now or later, through `responder`."""
        notes = head.notes
        if isinstance(notes, Notes) and notes.keyring is self.keyring:
            self._ask(notes, body, responder)
            return
        path = head.path
        client = client_of(head)
        if client is not None:
            if head.method != "POST" and client is not RELAY:
                self._wrong_method(head, "POST", responder, client)
            else:
                secret = self._runtime.surroundings.caller_secret
                head.notes = notes = _notes_of(head, client, secret, self.keyring)
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
            self._turn_away(errors.make(Kind.NO_CAPACITY, message, effective_status=503), answerer, client)
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
        if self.keyring is not None:
            refusal = self._refusal(self.keyring.entry(head))
            if refusal is not None:
                self._fail(refusal, responder, client)
                return
        name = unquote_to_bytes(path.partition(b"/models")[2].lstrip(b"/")).decode("utf-8", "replace")
        if not name:
            responder.send(200, [_JSON], models_json(self._runtime, client))
        elif (route := self._runtime.route_for(name)) is not None:
            responder.send(200, [_JSON], model_json(route, client))
        else:
            self._fail(self._unknown_model(name), responder, client)

    def _ask(self, notes: Notes, body: bytes, responder: Responder) -> None:
        client, entry = notes.client, notes.entry
        if entry is not None and (refusal := self._refusal(entry)) is not None:
            self._turn_away(refusal, responder, client, notes.sender, received_bytes=len(body))
            return
        ask = client.parse(
            ClientRequest(notes.path, notes.query, notes.headers, body, notes.method, notes.raw_query)
        )
        if isinstance(ask, Fault):
            self._turn_away(ask, responder, client, notes.sender, received_bytes=len(body))
            return
        responder.received_bytes = len(body)
        runtime = self._runtime
        route = runtime.relay_for(ask.model) if client is RELAY else runtime.route_for(ask.model)
        if route is None and client is RELAY:
            message = "No provider of the configuration has OpenAI's API, to which this is passed on."
            fault = errors.make(Kind.INVALID_REQUEST, message, effective_status=404)
            self._turn_away(fault, responder, client, notes.sender, received_bytes=len(body))
            return
        if route is None:
            fault = self._unknown_model(ask.model)
            self._turn_away(
                fault, responder, client, notes.sender, received_bytes=len(body), stream=ask.stream
            )
            return
        if entry is not None:
            entry.begun()
        if route.content is not None:
            KeepingExchange(runtime, route, client, ask, responder, notes.sender).start()
        elif ask.stream or client is RELAY:
            Exchange(runtime, route, client, ask, responder, notes.sender).start()
        else:
            Plain(runtime, route, client, ask, responder, notes.sender).start()

    def _refusal(self, entry: Entry) -> Fault | None:
        """Why who sends this may not come in; None: it may."""
        runtime = self._runtime
        return entry.refusal(runtime.loop.time(), runtime.surroundings.clock.wall())

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

    def _turn_away(
        self,
        fault: Fault,
        responder: Answerer,
        client: ClientDialect,
        sender: Sender = _NOBODY,
        *,
        received_bytes: int = 0,
        stream: bool = False,
    ) -> None:
        """Answer a request that never got to a route. It counts like any other."""
        runtime = self._runtime
        sent_bytes = self._fail(fault, responder, client)
        now = runtime.loop.time()
        runtime.surroundings.on_outcome(
            Outcome(
                request_id=responder.request_id,
                route="",
                stream=stream,
                arrived=now,
                ended=now,
                attempts=(),
                skips=(),
                served_by=None,
                fault=fault,
                client_gone=False,
                usage=None,
                client=client.name,
                caller=sender.name,
                snapshot=runtime.snapshot.id,
                received_bytes=received_bytes,
                sent_bytes=sent_bytes,
                trace=sender.trace,
            )
        )

    def _fail(
        self,
        fault: Fault,
        responder: Answerer,
        client: ClientDialect,
        extra: tuple[str, str] | None = None,
    ) -> int:
        """Answer with a fault, and return the size of the body."""
        fault = self._runtime.redactor.fault(fault)
        ids = own_ids(responder.request_id, (client.request_id_header, fault.request_id))
        headers = [*error_headers(fault), *ids]
        if extra is not None:
            headers.append(extra)
        failure = failure_of(fault, responder.request_id)
        body = client.error(failure)
        responder.send(failure.status, headers, body)
        return len(body)


def _notes_of(head: RequestHead, client: ClientDialect, secret: bytes, keyring: Keyring | None) -> Notes:
    query = head.target.partition(b"?")[2].decode("latin-1")
    headers: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joined = name in _LISTS and name in headers
        headers[name] = f"{headers[name]}, {value}" if joined else value
    sender, entry = sender_of(head, secret), None
    if keyring is not None:
        entry = keyring.entry(head, sender.name)
        if not entry.claims:
            # A holder of a key has one turn in a waiting line, whatever names it gives itself.
            caller = caller_of(entry.name, secret) if entry.name else sender.caller
            sender = msgspec.structs.replace(sender, name=entry.name, caller=caller)
    return Notes(
        client,
        sender,
        unquote(head.path.decode("latin-1")),
        dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        headers,
        head.method,
        query,
        keyring,
        entry,
    )
