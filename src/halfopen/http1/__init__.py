"""HTTP/1.1 and server-sent events without I/O, for both sides."""

from halfopen.http1.chunks import chunk, last_chunks
from halfopen.http1.coding import BodyDecoder, CodingError, is_coded
from halfopen.http1.known_request import KnownHead, learn_request
from halfopen.http1.known_response import KnownResponse, learn_response
from halfopen.http1.request import RefusedError, RequestHead, RequestLimits, RequestParser
from halfopen.http1.response import BadResponseError, ResponseHead, ResponseParser
from halfopen.http1.sse import EventTooLargeError, SseParser
from halfopen.http1.sse_event import SseEvent

__all__ = [
    "BadResponseError",
    "BodyDecoder",
    "CodingError",
    "EventTooLargeError",
    "KnownHead",
    "KnownResponse",
    "RefusedError",
    "RequestHead",
    "RequestLimits",
    "RequestParser",
    "ResponseHead",
    "ResponseParser",
    "SseEvent",
    "SseParser",
    "chunk",
    "is_coded",
    "last_chunks",
    "learn_request",
    "learn_response",
]
