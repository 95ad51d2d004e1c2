"""What a stream costs beside its bytes: writes, memory until the collector comes by, and others' waiting."""

import gc
import json
from typing import Any

from halfopen.gateway.attempt import Attempt
from halfopen.gateway.delivery import Delivery
from halfopen.gateway.exchange import Exchange
from halfopen.gateway.reception import Reception
from halfopen.http1 import ResponseParser
from halfopen.policy import Journey
from halfopen.policy.options import LimitOptions, PolicyOptions
from halfopen.providers.openai.stream import OpenAIReader

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"


END = event({}, "stop") + b"data: [DONE]\n\n"
TEXTS = [framed(event({"content": f"w{number}"})) for number in range(3)]
WORDS = [step for each in TEXTS for step in (each, 0.1)]


def test_the_head_goes_out_with_the_first_words_and_the_end_with_the_last(kit: Any) -> None:
    """Each word is written once, as it came, and nothing is written for itself that could go with something."""
    told = kit.run(
        kit.Scene([kit.chat(stream=True)], [[[HEAD, *WORDS, framed(END) + LAST]]], dialects=("openai",)),
        plainly=True,
    )
    first, *middle, last = told.answers
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first.endswith(b"\r\n\r\n" + TEXTS[0])
    assert middle == TEXTS[1:]
    assert last == framed(END) + LAST


def test_a_stream_of_old_http_is_not_chunked(kit: Any) -> None:
    """A client of HTTP/1.0 gets the same words without chunks, and the end of the connection for an end."""
    told = kit.run(
        kit.Scene(
            [kit.chat(stream=True, version="1.0")],
            [[[HEAD, *WORDS, framed(END) + LAST]]],
            dialects=("openai",),
        ),
        plainly=True,
    )
    assert told.answers[1:] == [event({"content": "w1"}), event({"content": "w2"}), END]


def test_streams_leave_nothing_to_the_collector(kit: Any) -> None:
    """What refers to itself would stay in memory until the collector comes by, and cost its time."""
    asks = [each for _ in range(3) for each in (kit.chat(stream=True), 2.0)]
    answers = [HEAD, *WORDS, framed(END) + LAST]
    gc.collect()
    gc.disable()
    try:
        told = kit.run(kit.Scene(asks, [[answers] * 3], dialects=("openai",)), plainly=True)
        kinds = (Attempt, Delivery, Exchange, Journey, OpenAIReader, Reception, ResponseParser)
        left = [type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds)]
    finally:
        gc.enable()
    assert [each.fault for each in told.outcomes] == [None] * 3
    # The connection keeps the parser of its last response, which is over.
    assert left in ([], ["ResponseParser"])


def test_who_waits_goes_when_the_limit_has_grown(kit: Any) -> None:
    """A stream's first words show that its target can do more: nobody waits for the end of them all."""
    long = [HEAD, framed(event({"content": "w"})), 5.0, framed(END) + LAST]
    told = kit.run(
        kit.Scene(
            [kit.chat(stream=True), 0.01, lambda stage: stage.connect() and None, kit.chat(stream=True)],
            [[[0.5, *long], long]],
            dialects=("openai",),
            policy=PolicyOptions(limit=LimitOptions(initial=1, min=1, max=8)),
        ),
        plainly=True,
    )
    asked = [
        moment
        for moment, name, what in told.log
        if isinstance(what, bytes) and what.startswith(b"POST") and not name.startswith("client")
    ]
    begun = asked[0]
    assert [round(moment - begun, 1) for moment in asked] == [0.0, 0.5]
