"""OpenAI's paths, keys and headers."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from halfopen.lab.exchange import Headers, LabAnswer, LabRequest, Moment
from halfopen.lab.openai import rendering, response_rendering
from halfopen.lab.openai.arrival import Arrival, check_exists
from halfopen.lab.openai.audio import speech, transcriptions
from halfopen.lab.openai.batches import Batches
from halfopen.lab.openai.completions import completions
from halfopen.lab.openai.embeddings import embeddings
from halfopen.lab.openai.files import Files
from halfopen.lab.openai.images import generations
from halfopen.lab.openai.moderations import moderations
from halfopen.lab.openai.reading import question
from halfopen.lab.openai.refusal import (
    NO_KEY,
    Refusal,
    error_answer,
    error_body,
    masked_key,
    type_of,
)
from halfopen.lab.openai.responses import Responses
from halfopen.lab.openai.shapes import REQUEST
from halfopen.lab.question import compose

_MODELS = (
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-5",
    "gpt-5-mini",
    "o4-mini",
    "gpt-3.5-turbo-instruct",
    "text-embedding-3-small",
    "text-embedding-3-large",
)
_NO_CHAT = re.compile(r"\A(?:text-embedding-|davinci-002|babbage-002|gpt-3\.5-turbo-instruct)")
RESPONSES = "/v1/responses"
Endpoint = Callable[[Arrival], LabAnswer]
Member = Callable[[Arrival, str], LabAnswer]


class OpenAI:
    """Answers as api.openai.com does. Keeps responses, files and batches in memory, within bounds."""

    def __init__(self, key: str | None = None) -> None:
        """`key` is the only key that is accepted; None: any that is not empty."""
        self.key = key
        self.name = "openai"
        responses, files = Responses(), Files()
        batches = Batches(files, self._post)
        self._posts: Mapping[str, Endpoint] = {
            "/v1/chat/completions": _chat,
            RESPONSES: responses.create,
            "/v1/completions": completions,
            "/v1/embeddings": embeddings,
            "/v1/moderations": moderations,
            "/v1/audio/transcriptions": transcriptions,
            "/v1/audio/speech": speech,
            "/v1/images/generations": generations,
            "/v1/files": files.upload,
            "/v1/batches": batches.create,
        }
        self._gets: Mapping[str, Endpoint] = {
            "/v1/models": _models,
            "/v1/files": files.listing,
            "/v1/batches": batches.listing,
        }
        self._members: Mapping[str, tuple[Member, frozenset[str]]] = {
            "/v1/models/": (_model_named, frozenset(("GET",))),
            "/v1/responses/": (responses.one, frozenset(("GET", "DELETE", "POST"))),
            "/v1/files/": (files.one, frozenset(("GET", "DELETE"))),
            "/v1/batches/": (batches.one, frozenset(("GET", "POST"))),
        }

    def answer(self, request: LabRequest, request_id: str, now: float) -> LabAnswer:
        """Answer one request."""
        headers = self._headers(request_id)
        try:
            self._check_key(request.header("authorization"))
            return self._route(Arrival(request, request_id, headers, int(now)))
        except Refusal as refusal:
            body = error_body(refusal.message, "invalid_request_error", refusal.code, refusal.param)
            return error_answer(refusal.status, body, headers)

    def _route(self, arrival: Arrival) -> LabAnswer:
        method, path = arrival.request.method, arrival.request.path
        endpoint = {"POST": self._posts, "GET": self._gets}.get(method, {}).get(path)
        if endpoint is not None:
            return endpoint(arrival)
        for prefix, (member, methods) in self._members.items():
            if path.startswith(prefix) and method in methods:
                return member(arrival, path[len(prefix) :])
        if path in self._posts or path in self._gets:
            raise Refusal(
                f"Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP "
                "method?)",
                status=405,
                code="method_not_supported",
            )
        raise Refusal(f"Invalid URL ({method} {path})", status=404)

    def _post(self, arrival: Arrival) -> LabAnswer:
        """One line of a batch. Raises Refusal."""
        return self._posts[arrival.request.path](arrival)

    def _check_key(self, authorization: str | None) -> None:
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise Refusal(NO_KEY, status=401)
        if self.key is not None and key != self.key:
            raise Refusal(
                f"Incorrect API key provided: {masked_key(key)}. You can find your API key at "
                "https://platform.openai.com/account/api-keys.",
                status=401,
                code="invalid_api_key",
            )

    def _headers(self, request_id: str) -> Headers:
        return (
            ("x-request-id", f"req_{request_id}"),
            ("openai-organization", "halfopen-lab"),
            ("openai-processing-ms", "12"),
            ("openai-version", "2020-10-01"),
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-limit-tokens", "2000000"),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-remaining-tokens", "1999900"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-reset-tokens", "3ms"),
        )

    def error(self, status: int, message: str, request_id: str) -> LabAnswer:
        """An error of OpenAI's own shape."""
        return error_answer(status, error_body(message, type_of(status)), self._headers(request_id))

    def error_event(self, message: str, moment: Moment) -> bytes:
        """An error as OpenAI puts it into a stream of this endpoint."""
        if moment.request.path == RESPONSES:
            return response_rendering.error_event(message, moment.sent, failed=moment.failed)
        error = {"message": message, "type": "server_error", "param": None, "code": None}
        return rendering.event({"error": error})

    def ping(self, request: LabRequest) -> bytes:
        """A comment, as the load balancers in front of OpenAI-shaped servers send."""
        del request
        return b": ping\n\n"


def _chat(arrival: Arrival) -> LabAnswer:
    body = arrival.body(REQUEST)
    check_exists(body["model"])
    if _NO_CHAT.match(body["model"]):
        raise Refusal(
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you "
            "mean to use v1/completions?",
            status=404,
            param="model",
        )
    request = arrival.request
    asked = question(body, len(request.body), restarts=request.restarts)
    drafts = compose(asked)
    if asked.stream:
        return arrival.stream(rendering.stream(asked, drafts, arrival.answer_id, arrival.now))
    return arrival.whole(rendering.plain(asked, drafts, arrival.answer_id, arrival.now))


def _models(arrival: Arrival) -> LabAnswer:
    return arrival.json({"object": "list", "data": [_model(name) for name in _MODELS]})


def _model_named(arrival: Arrival, name: str) -> LabAnswer:
    check_exists(name)
    return arrival.json(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1715367049, "owned_by": "system"}
