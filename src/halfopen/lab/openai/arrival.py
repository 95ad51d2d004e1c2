"""A request at one of OpenAI's endpoints, with what every endpoint needs of it."""

import zlib
from dataclasses import dataclass
from typing import Any

import msgspec

from halfopen.lab.exchange import Headers, LabAnswer, LabRequest, Piece
from halfopen.lab.openai.refusal import BAD_JSON, Refusal, Wording, worded
from halfopen.lab.shape import Mismatch, Shape

_MISSING = "missing-"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request whose key is right."""

    request: LabRequest
    request_id: str
    headers: Headers
    """Of every answer."""
    now: int
    """Unix time in seconds."""

    @property
    def answer_id(self) -> str:
        """What the ids of the answer are made of."""
        return f"{zlib.crc32(self.request.body):08x}{self.request_id}"

    def body(self, shape: Shape, wording: Wording = worded) -> Json:
        """The JSON body, which has this shape. Raises Refusal."""
        try:
            body: Any = msgspec.json.decode(self.request.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refusal(BAD_JSON) from None
        try:
            shape(body, ())
        except Mismatch as mismatch:
            raise wording(mismatch) from None
        found: Json = body
        return found

    def json(self, value: Any) -> LabAnswer:
        """A JSON answer."""
        return self.whole(msgspec.json.encode(value))

    def whole(self, body: bytes, content_type: str = "application/json") -> LabAnswer:
        """A plain answer."""
        return LabAnswer(200, (("content-type", content_type), *self.headers), body)

    def stream(self, pieces: tuple[Piece, ...]) -> LabAnswer:
        """A streamed answer."""
        headers = (("content-type", "text/event-stream; charset=utf-8"), *self.headers)
        return LabAnswer(200, headers, pieces=pieces)


def check_exists(model: str) -> None:
    """Refuse a model whose name says that there is none. Raises Refusal."""
    if model.startswith(_MISSING):
        raise Refusal(
            f"The model `{model}` does not exist or you do not have access to it.",
            status=404,
            code="model_not_found",
        )
