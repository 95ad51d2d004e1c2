"""The scenes of this folder would not pass if the short ways were wrong."""

import gzip
import json
import types
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.gateway import exchange, plain, streaming, text_way
from halfopen.gateway.text_way import TextWay
from halfopen.policy import JourneyOptions
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import HedgeOptions

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LIMITS = (
    "x-ratelimit-limit-requests: 10",
    "x-ratelimit-remaining-requests: 0",
    "x-ratelimit-reset-requests: 6s",
)
PLAIN = {
    "any status passes": ("200 <= head.status < 300, False", "True, False"),
    "a coding passes": (
        'elif name == "content-encoding":\n                plain = False',
        'elif name == "none":\n                pass',
    ),
    "limits are not learnt": ("limited = True", "pass"),
    "the other id is first": ("upstream_id or other_id", "other_id or upstream_id"),
    "a stale connection is a failure": ("connection.used > 1 and not connection.responded", "False"),
    "a failure is a stale connection": ("connection.used > 1 and not connection.responded", "True"),
    "who waits is not told": ("runtime.wake(upstream, _WAKE_AFTER_SUCCESS, now)", "pass"),
    "it does not count as ended": ("        )\n        runtime.ended()\n", "        )\n"),
    "it does not count as begun": ("runtime.in_flight += 1", "pass"),
    "what came is lost": (
        "exchange.lead.take_over(self._head, bytes(self._body)",
        "exchange.lead.take_over(self._head, b''",
    ),
    "the id is lost": ("self._send, self._upstream_id)", "self._send, None)"),
    "any size passes": ("> self._runtime.snapshot.gateway.answer_max_bytes", "< 0"),
    "nothing wakes it": (
        "connection.send(self._request, self)\n        self._responder.wake_at_latest(journey.wake_at)",
        "connection.send(self._request, self)",
    ),
    "the call is not handed over": (
        "if self._connection is not None and self._pool is not None:",
        "if False:",
    ),
    "a slow client is not heard": ("self._take_over().on_client_slow()", "pass"),
    "repeats are not told": ("send.repeats, trace)", "7, trace)"),
}
STREAMS = {
    "progress is not told": (
        "        self._journey.progress(event.chars, self._loop.time())\n        self._delivery.pass_on",
        "        self._delivery.pass_on",
    ),
    "characters are not counted": (
        "        attempt.chars += event.chars\n        self._journey.progress(event.chars, self._loop.time())\n        self._delivery.pass_on",
        "        self._journey.progress(event.chars, self._loop.time())\n        self._delivery.pass_on",
    ),
    "what is held is passed on": ("            or not self._delivery.flows\n", ""),
    "what is gone on with is not joined": ("joint is None and len(events) == 1 and", "len(events) == 1 and"),
    "all forms are passed on": ("event.form is not _TEXT\n            or ", ""),
    "all kinds are passed on": ("            or event.kind is not _CONTENT\n", ""),
    "counts are passed by": ("            or event.usage is not None\n", ""),
}


PASSED = '        delivery.pass_bytes(shown, as_chunk if shown is piece else b"")\n'
WAYS = {
    "progress is not told": ("        journey.progress(chars, self._loop.time())\n", ""),
    "characters are not counted": ("        self.chars += chars\n", ""),
    "what goes out is not noted": ("        self._delivered.note_text(text)\n", ""),
    "what is held is passed on": (" or not delivery.flows", ""),
    "it is not passed on": (PASSED, ""),
    "it is passed on twice": (f"{PASSED}        return True\n", PASSED),
    "what is cut out stays": (PASSED, "        delivery.pass_bytes(piece, as_chunk)\n"),
    "the chunk stays": ('as_chunk if shown is piece else b""', "as_chunk"),
}


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(delta: Any, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return framed(b"data: " + json.dumps({"id": "c", "choices": [choice], **more}).encode() + b"\n\n")


def plain_scenes(kit: Any) -> list[Any]:
    """Those in which each of the wrong short ways goes wrong."""
    good, again = [kit.answer()], [kit.chat(), 1.0]
    error = kit.answer(
        b'{"error":{"message":"No.","type":"server_error"}}', "x-request-id: req_1", status="500 No"
    )
    long = kit.answer(kit.body + b" " * 2000, "x-request-id: req_2")
    slow = [
        lambda stage: stage.client.protocol.pause_writing(),
        2.0,
        lambda stage: stage.client.protocol.resume_writing(),
    ]

    def after(*steps: Any, asks: Any = (), **more: Any) -> Any:
        return kit.Scene([*again, kit.chat(), *asks], [[list(steps), good], [good]], first=[good], **more)

    other = [0.05, lambda stage: stage.connect() and None, kit.chat()]
    crowd = JourneyOptions(deadline_s=8, attempt_s=4)
    return [
        after(error),
        after(kit.answer(gzip.compress(kit.body, mtime=0), "content-encoding: gzip")),
        after(kit.answer(kit.body, *LIMITS, "x-request-id: one", "request-id: two"), asks=again),
        after(0.1, "cut"),
        after(kit.answer()[:-9], 0.1, "cut"),
        after(long[:-10], 0.1, long[-10:], settings=[("answer_max_bytes", 1024)]),
        after(100.0),
        kit.Scene(
            [*again, kit.chat(), *other, *other, 2.0, kit.chat()],
            [[[0.3, kit.answer()], good, good, good]],
            first=[good],
            dialects=("openai",),
            policy=_narrow(),
            options=crowd,
        ),
        after(0.5, kit.answer(), asks=[0.1, *slow]),
        after(kit.answer(kit.body, "x-request-id: req_4")[:-9], 1.0, kit.answer()[-9:], asks=[0.1, *slow]),
        after(b"HTTP/1.1 500 No\r\ncontent-length: 100000\r\n\r\n" + b"x" * 70_000, 1.0, b"x" * 30_000),
    ]


def _narrow() -> Any:
    from halfopen.policy.options import LimitOptions, PolicyOptions

    return PolicyOptions(limit=LimitOptions(initial=1, min=1, max=1))


def stream_scenes(kit: Any) -> list[Any]:
    """The same for streams."""
    role, stop = (
        event({"role": "assistant", "content": ""}),
        event({}, "stop") + framed(b"data: [DONE]\n\n") + b"0\r\n\r\n",
    )
    words = [step for number in range(6) for step in (event({"content": f"w{number} "}), 0.1)]
    hidden = [
        step
        for number in range(6)
        for step in (event({"content": f"w{number} "}, usage=None, obfuscation="k" * number), 0.1)
    ]
    well = [HEAD + role, *words, stop]
    slowly = JourneyOptions(deadline_s=60, first_token_s=4, stall_s=3, floor_window_s=5.0)
    call = event({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}]})
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}

    def asked(*steps: Any, second: Any = None, **more: Any) -> Any:
        request = {"stream": True, **more.pop("request", {})}
        return kit.Scene([kit.chat(**request)], [[list(steps)], [second or well]], **more)

    def hedging(patch: pytest.MonkeyPatch, _stage: Any) -> None:
        patch.setattr(HedgeBudget, "delay_s", lambda *_: 0.1)
        patch.setattr(HedgeBudget, "take", lambda *_: True)
        patch.setattr(HedgeBudget, "is_stressed", lambda *_: False)

    hedged = JourneyOptions(deadline_s=20, first_token_s=4, stall_s=3, hedge=HedgeOptions(extra_load=0.2))
    return [
        asked(*well),
        asked(
            HEAD + role,
            *[step for _ in range(20) for step in (event({"content": "abc" * 40}), 1.0)],
            stop,
            options=slowly,
        ),
        asked(HEAD + role, *words, "cut"),
        asked(HEAD + role, *hidden, stop),
        asked(HEAD + role, *words, call, *words, stop),
        asked(HEAD + role, *words, call, "cut"),
        asked(
            HEAD + role,
            *words,
            event({"content": "x"}, usage=usage),
            *words,
            stop,
            request={"stream_options": {"include_usage": True}},
        ),
        asked(
            HEAD + role,
            *words,
            event({"content": "end"}, "stop"),
            0.1,
            framed(b"data: [DONE]\n\n"),
            b"0\r\n\r\n",
        ),
        asked(HEAD + role, *words, event({"content": "end"}, "stop"), 0.1, "cut"),
        asked(*well, request={"response_format": {"type": "json_object"}}),
        asked(
            HEAD + role,
            0.3,
            *words,
            stop,
            second=[HEAD + role, 0.1, *words, stop],
            planted=hedging,
            options=hedged,
        ),
        asked(
            HEAD + role,
            *words[:2],
            0.5,
            "cut",
            second=[HEAD + role, event({"content": "w0 w1 w2 "}), *words, stop],
        ),
    ]


@pytest.mark.parametrize("name", PLAIN)
def test_a_wrong_short_way_is_seen(name: str, kit: Any, plant: Callable[..., types.ModuleType]) -> None:
    """At least one scene shows a difference, or leaves something."""
    wrong = plant(plain, PLAIN[name]).Plain
    assert any(_differs(kit, scene, wrong) for scene in plain_scenes(kit))


def _differs(kit: Any, scene: Any, wrong: type[plain.Plain]) -> bool:
    return bool(kit.run(scene, plainly=True, way=wrong) != kit.run(scene, plainly=False))


@pytest.mark.parametrize("name", STREAMS)
def test_a_wrong_way_of_streams_is_seen(
    name: str, kit: Any, plant: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for text that is passed on."""
    scenes = stream_scenes(kit)
    monkeypatch.setattr(TextWay, "take", lambda *_: False)
    expected = [kit.run(scene, plainly=True) for scene in scenes]
    monkeypatch.setattr(exchange, "Streaming", plant(streaming, STREAMS[name]).Streaming)
    assert [kit.run(scene, plainly=True) for scene in scenes] != expected


@pytest.mark.parametrize("name", WAYS)
def test_a_wrong_way_of_text_is_seen(
    name: str, kit: Any, plant: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for text that goes the shortest way."""
    scenes = stream_scenes(kit)
    expected = [kit.run(scene, plainly=True) for scene in scenes]
    monkeypatch.setattr(streaming, "TextWay", plant(text_way, WAYS[name]).TextWay)
    assert [kit.run(scene, plainly=True) for scene in scenes] != expected


def test_right_ways_are_not(kit: Any) -> None:
    """The scenes differ by nothing but what is planted."""
    for scene in [*plain_scenes(kit), *stream_scenes(kit)]:
        assert kit.run(scene, plainly=True) == kit.run(scene, plainly=False)
