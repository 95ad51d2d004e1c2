"""OpenAI's paths, keys and headers."""

import zlib
from dataclasses import dataclass
from typing import Any

import msgspec

from halfopen.lab.exchange import Headers, LabAnswer, LabRequest
from halfopen.lab.openai import rendering
from halfopen.lab.openai.reading import question
from halfopen.lab.openai.refusal import (
    BAD_JSON,
    NO_KEY,
    Refusal,
    error_answer,
    error_body,
    masked_key,
    type_of,
    worded,
)
from halfopen.lab.openai.shapes import REQUEST
from halfopen.lab.question import compose
from halfopen.lab.shape import Mismatch

_MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-mini", "o4-mini")
_MISSING = "missing-"


@dataclass(frozen=True, slots=True)
class OpenAI:
    """Answers as api.openai.com does."""

    key: str | None = None
    """The only key that is accepted; None: any that is not empty."""
    name: str = "openai"

    def answer(self, request: LabRequest, request_id: str, now: float) -> LabAnswer:
        """Answer one request."""
        headers = self._headers(request_id)
        try:
            self._check_key(request.header("authorization"))
            return self._route(request, request_id, headers, int(now))
        except Refusal as refusal:
            body = error_body(refusal.message, "invalid_request_error", refusal.code, refusal.param)
            return error_answer(refusal.status, body, headers)

    def _route(self, request: LabRequest, request_id: str, headers: Headers, now: int) -> LabAnswer:
        method, path = request.method, request.path
        if path == "/v1/chat/completions" and method == "POST":
            return self._chat(request, request_id, headers, now)
        if path == "/v1/models" and method == "GET":
            return _json({"object": "list", "data": [_model(name) for name in _MODELS]}, headers)
        if path.startswith("/v1/models/") and method == "GET":
            _check_exists(path[len("/v1/models/") :])
            return _json(_model(path[len("/v1/models/") :]), headers)
        if path in {"/v1/chat/completions", "/v1/models"}:
            raise Refusal(
                f"Not allowed to {method} on {path}. (HINT: Perhaps you meant to use a different HTTP "
                "method?)",
                status=405,
                code="method_not_supported",
            )
        raise Refusal(f"Invalid URL ({method} {path})", status=404)

    def _chat(self, request: LabRequest, request_id: str, headers: Headers, now: int) -> LabAnswer:
        try:
            body: Any = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refusal(BAD_JSON) from None
        try:
            REQUEST(body, ())
        except Mismatch as mismatch:
            raise worded(mismatch) from None
        _check_exists(body["model"])
        asked = question(body, len(request.body))
        drafts = compose(asked)
        answer_id = f"{zlib.crc32(request.body):08x}{request_id}"
        if asked.stream:
            return LabAnswer(
                200,
                (("content-type", "text/event-stream; charset=utf-8"), *headers),
                pieces=rendering.stream(asked, drafts, answer_id, now),
            )
        return LabAnswer(
            200,
            (("content-type", "application/json"), *headers),
            rendering.plain(asked, drafts, answer_id, now),
        )

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

    def error_event(self, message: str, request_id: str) -> bytes:
        """An error as OpenAI puts it into a stream."""
        del request_id
        error = {"message": message, "type": "server_error", "param": None, "code": None}
        return rendering.event({"error": error})

    def ping(self) -> bytes:
        """A comment, as the load balancers in front of OpenAI-shaped servers send."""
        return b": ping\n\n"


def _check_exists(model: str) -> None:
    if model.startswith(_MISSING):
        raise Refusal(
            f"The model `{model}` does not exist or you do not have access to it.",
            status=404,
            code="model_not_found",
        )


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1715367049, "owned_by": "system"}


def _json(value: Any, headers: Headers) -> LabAnswer:
    return LabAnswer(200, (("content-type", "application/json"), *headers), msgspec.json.encode(value))
