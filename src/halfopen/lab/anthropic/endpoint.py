"""Anthropic's paths, keys and headers."""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from halfopen.lab.anthropic import rendering
from halfopen.lab.anthropic.reading import question
from halfopen.lab.anthropic.refusal import Refusal, error_body, type_of, worded
from halfopen.lab.anthropic.shapes import COUNT_REQUEST, REQUEST
from halfopen.lab.anthropic.thinking import shows_thoughts
from halfopen.lab.exchange import Headers, LabAnswer, LabRequest, Moment
from halfopen.lab.question import compose
from halfopen.lab.shape import Mismatch, Shape

_MODELS = ("claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5")
_MISSING = "missing-"
_POSTS = frozenset(("/v1/messages", "/v1/messages/count_tokens"))
_LIMITS = (("requests", 4000), ("tokens", 480000), ("input-tokens", 400000), ("output-tokens", 80000))


@dataclass(frozen=True, slots=True)
class Anthropic:
    """Answers as api.anthropic.com does."""

    key: str | None = None
    """The only key that is accepted; None: any that is not empty."""
    name: str = "anthropic"

    def answer(self, request: LabRequest, request_id: str, now: float) -> LabAnswer:
        """Answer one request."""
        try:
            self._check_key(request)
            return self._route(request, request_id, now)
        except Refusal as refusal:
            return self.error(refusal.status, refusal.message, request_id)

    def _route(self, request: LabRequest, request_id: str, now: float) -> LabAnswer:
        method, path = request.method, request.path
        if path not in {*_POSTS, "/v1/models"} and not path.startswith("/v1/models/"):
            raise Refusal("Not found", status=404)
        if method != ("POST" if path in _POSTS else "GET"):
            raise Refusal("Method Not Allowed", status=405)
        if not request.header("anthropic-version"):
            raise Refusal("anthropic-version: header is required")
        headers = self._headers(request_id, now)
        if path == "/v1/messages":
            return self._messages(request, request_id, headers)
        if path == "/v1/messages/count_tokens":
            body = self._body(request, COUNT_REQUEST)
            return _json({"input_tokens": question(body, len(request.body)).input_tokens}, headers)
        if path == "/v1/models":
            listed: dict[str, Any] = {
                "data": [_model(name) for name in _MODELS],
                "has_more": False,
                "first_id": _MODELS[0],
                "last_id": _MODELS[-1],
            }
            return _json(listed, headers)
        name = path[len("/v1/models/") :]
        _check_exists(name)
        return _json(_model(name), headers)

    def _body(self, request: LabRequest, shape: Shape) -> Any:
        try:
            body: Any = msgspec.json.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise Refusal(f"The request body is not valid JSON: {problem}") from None
        try:
            shape(body, ())
        except Mismatch as mismatch:
            raise worded(mismatch) from None
        _check_exists(body["model"])
        return body

    def _messages(self, request: LabRequest, request_id: str, headers: Headers) -> LabAnswer:
        body = self._body(request, REQUEST)
        asked = question(body, len(request.body), restarts=request.restarts)
        draft = compose(asked)[0]
        shown = shows_thoughts(body)
        answer_id = f"{zlib.crc32(request.body):08x}{request_id}"
        if asked.stream:
            return LabAnswer(
                200,
                (
                    ("content-type", "text/event-stream; charset=utf-8"),
                    ("cache-control", "no-cache"),
                    *headers,
                ),
                pieces=rendering.stream(asked, draft, answer_id, shown=shown),
            )
        return LabAnswer(
            200,
            (("content-type", "application/json"), *headers),
            rendering.plain(asked, draft, answer_id, shown=shown),
        )

    def _check_key(self, request: LabRequest) -> None:
        key = request.header("x-api-key")
        if key is None:
            scheme, _, bearer = (request.header("authorization") or "").partition(" ")
            key = bearer if scheme.lower() == "bearer" else None
        if not key:
            raise Refusal("x-api-key header is required", status=401)
        if self.key is not None and key != self.key:
            raise Refusal("invalid x-api-key", status=401)

    def _headers(self, request_id: str, now: float) -> Headers:
        reset = datetime.fromtimestamp(int(now) + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        limits: list[tuple[str, str]] = []
        for name, limit in _LIMITS:
            limits += [
                (f"anthropic-ratelimit-{name}-limit", str(limit)),
                (f"anthropic-ratelimit-{name}-remaining", str(limit - 1)),
                (f"anthropic-ratelimit-{name}-reset", reset),
            ]
        return (
            ("request-id", f"req_{request_id}"),
            ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000"),
            *limits,
        )

    def error(self, status: int, message: str, request_id: str) -> LabAnswer:
        """An error of Anthropic's own shape."""
        headers = (
            ("content-type", "application/json"),
            ("request-id", f"req_{request_id}"),
            ("x-should-retry", "true" if status in {408, 409, 429} or status >= 500 else "false"),
        )
        return LabAnswer(status, headers, error_body(message, type_of(status), request_id))

    def error_event(self, message: str, moment: Moment) -> bytes:
        """An error as Anthropic puts it into a stream."""
        body = error_body(message, "api_error", moment.request_id)
        return b"event: error\ndata: " + body + b"\n\n"

    def ping(self, request: LabRequest) -> bytes:
        """Anthropic's own ping event."""
        del request
        return rendering.PING


def _check_exists(model: str) -> None:
    if model.startswith(_MISSING):
        raise Refusal(f"model: {model}", status=404)


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-10-01T00:00:00Z"}


def _json(value: Any, headers: Headers) -> LabAnswer:
    return LabAnswer(200, (("content-type", "application/json"), *headers), msgspec.json.encode(value))
