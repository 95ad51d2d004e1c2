"""What comes back is relayed unless it is no answer."""

import pytest

from halfopen.model import Fault, Kind, Reply, Target
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.relay import RELAY
from halfopen.providers.contract import Answer
from halfopen.providers.openai import OPENAI

TARGET = Target("openai", "whisper-1", "openai")
DELTA = b'event: transcript.text.delta\ndata: {"type":"transcript.text.delta","delta":"no error here"}\n\n'
IMAGE = b'data: {"type":"image_generation.partial_image","b64_json":"' + b"A" * 5_000_000 + b'"}\n\n'
ERROR = b'data: {"type":"error","error":{"type":"server_error","code":"server_error","message":"Boom"}}\n\n'
NAMED = b'event: error\ndata: {"message":"Rate limit reached","code":"rate_limit_exceeded"}\n\n'
FAILED = (
    b'event: response.failed\ndata: {"type":"response.failed","response":{"status":"failed",'
    b'"error":{"code":"server_error","message":"Boom"}}}\n\n'
)
RUN_FAILED = (
    b'event: thread.run.failed\ndata: {"object":"thread.run","last_error":{"code":"server_error"}}\n\n'
)


def judge(body: bytes, content_type: str = "text/event-stream; charset=utf-8") -> Answer | Fault:
    ask = RELAY.parse(ClientRequest("/v1/audio/transcriptions", {}, {}, b"", "POST"))
    reply = Reply(200, (("Content-Type", content_type),), body)
    return RELAY.translation(OPENAI, TARGET).answer(ask, TARGET, reply)


@pytest.mark.parametrize(
    "body",
    [DELTA * 3, IMAGE + DELTA, DELTA + FAILED, RUN_FAILED, b"", DELTA[:-20], b"data: \xff error\n\n"],
    ids=["good", "large", "a stored response that failed", "a run that failed", "empty", "cut", "no UTF-8"],
)
def test_streams_that_pass(body: bytes) -> None:
    """A stream without an error of its own passes byte for byte."""
    answer = judge(body)
    assert isinstance(answer, Answer), answer
    assert (answer.body, answer.content_type) == (body, "text/event-stream; charset=utf-8")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(DELTA + ERROR, Kind.SERVER_ERROR, id="at the end"),
        pytest.param(ERROR[:-2] + b"\n", Kind.SERVER_ERROR, id="without its blank line"),
        pytest.param(DELTA + NAMED, Kind.RATE_LIMITED, id="by its name"),
        pytest.param(IMAGE + ERROR, Kind.SERVER_ERROR, id="behind an image"),
        pytest.param(
            DELTA + b'{"error":{"message":"Boom","type":"server_error"}}\n', Kind.SERVER_ERROR, id="bare"
        ),
    ],
)
def test_streams_that_fail(body: bytes, kind: Kind) -> None:
    """An error event is a fault, though the status is 200."""
    fault = judge(body)
    assert isinstance(fault, Fault), fault
    assert fault.kind is kind


def test_a_file_is_no_stream() -> None:
    """What a file holds is nobody's business here."""
    assert isinstance(judge(ERROR, "application/octet-stream"), Answer)
