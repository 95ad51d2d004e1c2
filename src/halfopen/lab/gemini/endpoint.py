"""Gemini's paths, keys and headers."""

import re
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from halfopen.lab.exchange import LabAnswer, LabRequest, Moment
from halfopen.lab.gemini import rendering
from halfopen.lab.gemini.embedding import counted, embedded, embedded_batch
from halfopen.lab.gemini.reading import question
from halfopen.lab.gemini.refusal import NO_KEY, Refusal, error_body, error_info, worded
from halfopen.lab.gemini.shapes import BATCH_EMBED_REQUEST, COUNT_REQUEST, EMBED_REQUEST, REQUEST, camel
from halfopen.lab.question import compose
from halfopen.lab.shape import Mismatch, Shape

_MODELS = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-embedding-001")
_MISSING = "missing-"
_PATH = re.compile(r"\A/(?P<version>v1|v1beta)/models(?:/(?P<model>[^/:]+)(?::(?P<verb>\w+))?)?\Z")
_VERBS = {"generateContent": False, "streamGenerateContent": True}
"""What generates, and whether it streams."""
_OTHER_VERBS = {
    "embedContent": EMBED_REQUEST,
    "batchEmbedContents": BATCH_EMBED_REQUEST,
    "countTokens": COUNT_REQUEST,
}
_JSON = ("content-type", "application/json; charset=UTF-8")
_HEADERS = (
    ("vary", "Origin"),
    ("vary", "X-Origin"),
    ("vary", "Referer"),
    ("server", "scaffolding on HTTPServer2"),
    ("x-xss-protection", "0"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-content-type-options", "nosniff"),
    ("server-timing", "gfet4t7; dur=12"),
)


@dataclass(frozen=True, slots=True)
class Gemini:
    """Answers as generativelanguage.googleapis.com does."""

    key: str | None = None
    """The only key that is accepted; None: any that is not empty."""
    name: str = "gemini"

    def answer(self, request: LabRequest, request_id: str, now: float) -> LabAnswer:
        """Answer one request. Gemini sends no request id."""
        del now
        try:
            query = parse_qs(request.query)
            match = _PATH.match(unquote(request.path))
            self._check_key(request, query)
            return self._route(request, query, _place(match), request_id)
        except Refusal as refusal:
            body = error_body(refusal.status, refusal.message, details=refusal.details)
            return LabAnswer(refusal.status, (_JSON, *_HEADERS), body)

    def _route(
        self, request: LabRequest, query: dict[str, list[str]], match: re.Match[str], request_id: str
    ) -> LabAnswer:
        version, model, verb = match["version"], match["model"], match["verb"]
        if model is None or verb is None:
            if request.method != "GET":
                raise Refusal("Requested entity was not found.", status=404)
            if model is None:
                return _json({"models": [_model(name) for name in _MODELS]})
            _check_exists(model, version, "getModel")
            return _json(_model(model))
        if request.method != "POST" or (verb not in _VERBS and verb not in _OTHER_VERBS):
            raise Refusal("Requested entity was not found.", status=404)
        _check_exists(model, version, verb)
        if verb in _OTHER_VERBS:
            return _json(_embedded_or_counted(request, model, verb))
        return self._generate(request, query, model, verb, request_id)

    def _generate(
        self, request: LabRequest, query: dict[str, list[str]], model: str, verb: str, request_id: str
    ) -> LabAnswer:
        body = _body(request, REQUEST)
        asked = question(body, model, len(request.body), stream=_VERBS[verb], restarts=request.restarts)
        drafts = compose(asked)
        answer_id = f"{zlib.crc32(request.body):08x}{request_id}"
        if not asked.stream:
            return LabAnswer(200, (_JSON, *_HEADERS), rendering.plain(asked, drafts, answer_id))
        if _in_events(query):
            pieces = rendering.stream(asked, drafts, answer_id)
            headers = (
                ("content-type", "text/event-stream"),
                ("content-disposition", "attachment"),
                *_HEADERS,
            )
            return LabAnswer(200, headers, pieces=pieces)
        return LabAnswer(200, (_JSON, *_HEADERS), pieces=rendering.array_stream(asked, drafts, answer_id))

    def _check_key(self, request: LabRequest, query: dict[str, list[str]]) -> None:
        key = request.header("x-goog-api-key") or (query.get("key") or [""])[0]
        if not key:
            raise Refusal(NO_KEY, status=403)
        if self.key is not None and key != self.key:
            raise Refusal(
                "API key not valid. Please pass a valid API key.", details=[error_info("API_KEY_INVALID")]
            )

    def error(self, status: int, message: str, request_id: str) -> LabAnswer:
        """An error of Gemini's own shape."""
        del request_id
        return LabAnswer(status, (_JSON, *_HEADERS), error_body(status, message))

    def error_event(self, message: str, moment: Moment) -> bytes:
        """An error as Gemini puts it into a stream."""
        error = {"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}}
        if _in_events(parse_qs(moment.request.query)):
            return rendering.event(error)
        return rendering.array_event(error, first=not moment.sent) + b"]\r\n"

    def ping(self, request: LabRequest) -> bytes:
        """A comment, as proxies send it; a blank line inside an array. Gemini has no ping of its own."""
        return b": ping\n\n" if _in_events(parse_qs(request.query)) else b"\r\n"


def _in_events(query: dict[str, list[str]]) -> bool:
    return query.get("alt") == ["sse"]


def _body(request: LabRequest, shape: Shape) -> Any:
    try:
        body: Any = camel(msgspec.json.decode(request.body or b"{}"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Refusal(f"Invalid JSON payload received. {problem}") from None
    try:
        shape(body, ())
    except Mismatch as mismatch:
        raise worded(mismatch) from None
    return body


def _embedded_or_counted(request: LabRequest, model: str, verb: str) -> Any:
    body = _body(request, _OTHER_VERBS[verb])
    if verb == "countTokens":
        return counted(body, len(request.body))
    return (embedded if verb == "embedContent" else embedded_batch)(model, body)


def _place(match: re.Match[str] | None) -> re.Match[str]:
    if match is None:
        raise Refusal("Requested entity was not found.", status=404)
    return match


def _check_exists(model: str, version: str, verb: str) -> None:
    if model.startswith(_MISSING):
        raise Refusal(
            f"models/{model} is not found for API version {version}, or is not supported for {verb}. Call "
            "ListModels to see the list of available models and their supported methods.",
            status=404,
        )


def _model(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "description": "Simulated by the lab.",
        "inputTokenLimit": 1048576,
        "outputTokenLimit": 65536,
        "supportedGenerationMethods": ["embedContent"]
        if "embed" in name
        else ["generateContent", "countTokens"],
        "temperature": 1,
        "topP": 0.95,
        "topK": 64,
        "maxTemperature": 2,
    }


def _json(value: Any) -> LabAnswer:
    return LabAnswer(200, (_JSON, *_HEADERS), msgspec.json.encode(value))
