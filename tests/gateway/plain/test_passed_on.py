"""Text in the middle of a stream is passed on by a shorter way: the client sees no difference, to the byte and the moment."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.gateway.streaming import Streaming
from halfopen.gateway.text_way import TextWay
from halfopen.http1 import ResponseParser, sse
from halfopen.policy import AfterCommit, JourneyOptions
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import HedgeOptions
from halfopen.providers.openai.stream import OpenAIReader

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def longer(patch: pytest.MonkeyPatch) -> None:
    """Without the short ways of streams."""
    patch.setattr(Streaming, "_pass_on", lambda *_: False)
    patch.setattr(OpenAIReader, "_plain_text", lambda *_: None)
    patch.setattr(sse, "_is_one_line", lambda _: False)
    patch.setattr(TextWay, "take", lambda *_: False)
    patch.setattr(ResponseParser, "chunk_of", lambda *_: None)


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(delta: Any, finish: str | None = None, *, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "choices": [choice], **more}).encode() + b"\n\n"


def text(words: str, **more: Any) -> bytes:
    return event({"content": words}, **more)


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
ROLE = event({"role": "assistant", "content": ""})
STOP = event({}, "stop")
COUNTS = b"data: " + json.dumps({"id": "c", "choices": [], "usage": USAGE}).encode() + b"\n\n"
DONE = b"data: [DONE]\n\n"
CALL = event({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}]})
BROKEN = b'data: {"error":{"message":"no","type":"server_error","code":"server_error"}}\n\n'
EVENTS = {
    "text": text("word "),
    "long text": text("word " * 500),
    "no ASCII": text("ä€😀 "),
    "text with counts": text("word ", usage=USAGE),
    "text without counts": text("word ", usage=None),
    "text as OpenAI sends it": text("word ", usage=None, obfuscation="kT2v"),
    "text with logprobs": event({"content": "word "}, logprobs={"content": []}),
    "empty text": text(""),
    "text that ends": event({"content": "end"}, "stop"),
    "text that is cut off": event({"content": "end"}, "length"),
    "refusal": event({"refusal": "I will not"}),
    "reasoning": event({"reasoning_content": "so"}),
    "call": CALL,
    "another choice": text("other ", index=1),
    "comment": b": keep-alive\n\n",
    "ping": b"event: ping\ndata: {}\n\n",
    "error": BROKEN,
    "nonsense": b"data: nonsense\n\n",
    "stop": STOP,
    "counts": COUNTS,
    "done": DONE,
    "CRLF": text("word ").replace(b"\n", b"\r\n"),
    "named": b"event: message\n" + text("word "),
}
REQUESTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "counted": {"stream_options": {"include_usage": True}},
    "two choices": {"n": 2},
    "JSON": {"response_format": {"type": "json_object"}},
    "with tools": {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
}
CONTINUING = JourneyOptions(deadline_s=20, attempt_s=10, first_token_s=4, stall_s=3, keepalive_after_s=1.5)
FAILING = JourneyOptions(deadline_s=20, first_token_s=4, stall_s=3, after_commit=AfterCommit.ERROR)
HOLDING = JourneyOptions(deadline_s=20, first_token_s=4, stall_s=3, after_commit=AfterCommit.HOLD)
GOOD = [
    HEAD + framed(ROLE),
    *[framed(text(f"more{number} ")) for number in range(4)],
    framed(STOP + DONE) + LAST,
]


def streamed(kit: Any, *steps: Any, asks: Any = (), request: Any = (), then: Any = (), **more: Any) -> Any:
    """One streamed request that meets these steps; a second provider streams well."""
    asked = [kit.chat(stream=True, **dict(request)), *asks]
    return kit.Scene(asked, [[list(steps), *then], [GOOD]], longer=longer, **more)


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("name", EVENTS)
def test_one_event_between_words(kit: Any, name: str, request_name: str) -> None:
    """Whatever stands between two words, each in a piece of its own, or all in one."""
    parts = [ROLE, text("one "), EVENTS[name], text("two "), STOP, DONE]
    apart = [HEAD, *[step for part in parts for step in (framed(part), 0.01)], LAST]
    for steps in (
        apart,
        [HEAD + b"".join(framed(part) for part in parts) + LAST],
        [HEAD + framed(b"".join(parts)) + LAST],
    ):
        kit.compare(streamed(kit, *steps, request=REQUESTS[request_name], options=CONTINUING))


@pytest.mark.parametrize("options", [CONTINUING, FAILING, HOLDING], ids=["continued", "failed", "held"])
@pytest.mark.parametrize("ending", ["cut", "eof", "error", "silence", "end"])
@pytest.mark.parametrize("words", [0, 1, 3])
def test_a_break(kit: Any, words: int, ending: str, options: JourneyOptions) -> None:
    """A stream that breaks after so many words is gone on with, failed, or begun anew."""
    start = [
        HEAD + framed(ROLE),
        *[step for number in range(words) for step in (framed(text(f"w{number} ")), 0.1)],
    ]
    ends: dict[str, list[Any]] = {
        "cut": ["cut"],
        "eof": ["eof"],
        "error": [framed(BROKEN)],
        "silence": [60.0],
        "end": [framed(DONE) + LAST],
    }
    told = kit.compare(streamed(kit, *start, *ends[ending], options=options))
    assert len(told.outcomes) == 1


@pytest.mark.parametrize("request_name", ["plain", "counted"])
def test_what_is_gone_on_with_breaks_again(kit: Any, request_name: str) -> None:
    """The second break comes in what was joined to the first part."""
    start = [HEAD + framed(ROLE), framed(text("one ")), framed(text("two ")), framed(text("three ")), "cut"]
    more = [HEAD + framed(ROLE), framed(text("two three ")), framed(text("four ")), 0.1, "cut"]
    scene = kit.Scene(
        [kit.chat(stream=True, **REQUESTS[request_name])],
        [[start, GOOD], [more, GOOD]],
        longer=longer,
        options=CONTINUING,
    )
    kit.compare(scene)


def slow(stage: Any) -> None:
    stage.client.unsent = 400_000
    stage.client.protocol.pause_writing()


def ready(stage: Any) -> None:
    stage.client.unsent = 0
    stage.client.protocol.resume_writing()


@pytest.mark.parametrize("what", ["slow", "leaves", "stops"])
@pytest.mark.parametrize("at", [0.05, 0.25, 0.55])
def test_the_client_in_the_middle(kit: Any, at: float, what: str) -> None:
    """A client that is slow for a while or leaves, and a gateway that stops."""
    ways: dict[str, list[Any]] = {
        "slow": [slow, 5.0, ready],
        "leaves": [lambda stage: stage.client.lose()],
        "stops": [lambda stage: stage.begin(stage.server.stop(0.2)), 1.0],
    }
    words = [step for number in range(8) for step in (framed(text(f"w{number} ")), 0.1)]
    kit.compare(
        streamed(
            kit,
            HEAD + framed(ROLE),
            *words,
            framed(STOP + DONE) + LAST,
            asks=[at, *ways[what]],
            options=CONTINUING,
        )
    )


@pytest.mark.parametrize("first_s", [0.0, 0.15, 0.3])
def test_two_at_once(kit: Any, first_s: float) -> None:
    """While a second target is asked, whichever brings text first is heard, and the other is not."""

    def hedging(patch: pytest.MonkeyPatch, _stage: Any) -> None:
        patch.setattr(HedgeBudget, "delay_s", lambda *_: 0.1)
        patch.setattr(HedgeBudget, "take", lambda *_: True)
        patch.setattr(HedgeBudget, "is_stressed", lambda *_: False)

    options = JourneyOptions(deadline_s=20, first_token_s=4, stall_s=3, hedge=HedgeOptions(extra_load=0.2))
    words = [step for number in range(5) for step in (framed(text(f"w{number} ")), 0.05)]
    first = [HEAD + framed(ROLE), first_s, *words, framed(STOP + DONE) + LAST]
    rival = [HEAD + framed(ROLE), 0.1, *words, framed(STOP + DONE) + LAST]
    scene = kit.Scene(
        [kit.chat(stream=True)], [[first], [rival]], longer=longer, options=options, planted=hedging
    )
    assert kit.compare(scene).outcomes[-1].fault is None


def test_a_slow_drip(kit: Any) -> None:
    """Text counts as progress, and too little of it as a stall."""
    options = JourneyOptions(deadline_s=100, first_token_s=4, stall_s=3, min_tokens_s=1.5, floor_window_s=5.0)
    for wait_s in (0.2, 1.0, 2.9, 3.5):
        words = [step for number in range(30) for step in (framed(text("a")), wait_s)]
        kit.compare(streamed(kit, HEAD + framed(ROLE), *words, framed(STOP + DONE) + LAST, options=options))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_comes(data: st.DataObject, kit: Any) -> None:
    """Events of all kinds, in whatever pieces, and an end or none."""
    words = st.sampled_from([EVENTS["text"], EVENTS["text"], *EVENTS.values()])
    parts = [ROLE, *data.draw(st.lists(words, max_size=10)), STOP + DONE]
    steps: list[Any] = [HEAD]
    joined = b""
    for part in parts:
        joined += part
        match data.draw(st.sampled_from(["apart", "apart", "later", "joined", "cut"])):
            case "joined":
                continue
            case "later":
                steps.append(data.draw(st.sampled_from([0.001, 0.5, 2.0])))
            case "cut":
                at = data.draw(st.integers(0, len(joined)))
                steps += [framed(joined[:at])] if at else []
                joined = joined[at:]
        steps += [framed(joined)] if joined else []
        joined = b""
    steps.append((framed(joined) if joined else b"") + LAST)
    steps += data.draw(st.sampled_from([[], [], ["cut"]]))
    options = data.draw(st.sampled_from([CONTINUING, FAILING, HOLDING]))
    request = data.draw(st.sampled_from(list(REQUESTS.values())))
    kit.compare(streamed(kit, *steps, request=request, options=options))


@pytest.mark.parametrize("request_name", ["plain", "counted"])
@pytest.mark.parametrize("cut", [0, 1, 40])
def test_hidden_lengths(kit: Any, cut: int, request_name: str) -> None:
    """Words as OpenAI sends them: padded, with a usage of null. Each in a chunk of its own, or in pieces of one."""
    steps = []
    for number in range(8):
        word = framed(text("w" * number + "ä ", usage=None, obfuscation="kT2v" * (number % 3)))
        steps += [word[:cut], 0.01, word[cut:], 0.1] if cut else [word, 0.1]
    scene = streamed(
        kit, HEAD + framed(ROLE), *steps, framed(STOP + DONE) + LAST, request=REQUESTS[request_name]
    )
    told = kit.compare(scene)
    assert b"obfuscation" in b"".join(told.answers)
    assert (b'"usage": null' in b"".join(told.answers)) == (request_name == "counted")


@pytest.mark.parametrize("request_name", ["plain", "counted"])
@pytest.mark.parametrize("more", [{}, {"usage": None, "obfuscation": "kT2v"}], ids=["bare", "hidden"])
def test_the_short_way_is_taken(kit: Any, more: dict[str, Any], request_name: str) -> None:
    """Words that come one by one are passed on, all but the first, and nothing else is: else these tests would show nothing."""
    passed: list[bool] = []
    shortest: list[bool] = []

    def counted(patch: pytest.MonkeyPatch, _stage: Any) -> None:
        pass_on = Streaming._pass_on

        def counting(self: Any, *args: Any) -> bool:
            passed.append(pass_on(self, *args))
            return passed[-1]

        take = TextWay.take

        def counting_text(self: Any, *args: Any) -> bool:
            shortest.append(take(self, *args))
            return shortest[-1]

        patch.setattr(Streaming, "_pass_on", counting)
        patch.setattr(TextWay, "take", counting_text)

    words = [step for number in range(5) for step in (framed(text(f"w{number} ", **more)), 0.1)]
    scene = streamed(
        kit,
        HEAD + framed(ROLE),
        *words,
        framed(CALL),
        framed(text("x")),
        framed(STOP),
        LAST,
        request=REQUESTS[request_name],
        planted=counted,
    )
    kit.run(scene, plainly=True)
    assert shortest == [*[True] * 4, False, False, False]
    assert passed == [False] * 6
