"""The events of a continuation as events of the answer that it goes on with."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from halfopen import errors
from halfopen.model import Kind, Usage
from halfopen.providers import StreamEvent, StreamKind
from halfopen.providers.continuation import Identity, Joint, Splice
from halfopen.providers.contract import Form
from halfopen.providers.openai.stream import OpenAIReader

Make = Callable[..., Any]
FIRST = Identity("c1", 3, "m1")
C, F, U, P, D, X = (
    StreamKind.CONTENT,
    StreamKind.FINISH,
    StreamKind.USAGE,
    StreamKind.PING,
    StreamKind.DONE,
    StreamKind.FAULT,
)
COUNTS = {"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11}


@pytest.fixture
def join(chat: Make) -> Make:
    """Reads a stream as OpenAI's and joins it to a delivered text."""

    def join(
        delivered: str,
        *stream: bytes,
        identity: Identity = FIRST,
        spent: Usage | None = None,
        include_usage: bool = False,
    ) -> list[StreamEvent]:
        beginning = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": delivered}]
        reader = OpenAIReader(replace(chat(messages=beginning), include_usage=True, continues=True))
        splice = Splice(delivered, prefilled=False)
        joint = Joint(identity, splice, spent=spent, include_usage=include_usage)
        events = [event for piece in stream for event in reader.feed(piece)] + reader.close()
        return [joined for event in events for joined in joint.take(event)]

    return join


def chunks(events: list[StreamEvent]) -> list[Any]:
    data = b"".join(event.data for event in events).decode()
    made = [
        json.loads(each.removeprefix("data: ")) for each in data.split("\n\n") if each.startswith("data: ")
    ]
    for each in made:
        ChatCompletionChunk.model_validate(each)
    return made


def told(events: list[StreamEvent]) -> str:
    """The text as the client's chunks tell it, which the events tell as well."""
    choices = [choice for chunk in chunks(events) for choice in chunk["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert text == "".join(event.text for event in events)
    assert all(event.chars == len(event.text) for event in events if event.form is Form.TEXT)
    return text


def test_one_answer(join: Make, sse: Make) -> None:
    """The continuation has no beginning of its own, and its chunks are the first answer's."""
    events = join(
        "The quick brown",
        sse({"role": "assistant", "content": ""}),
        sse({"role": "assistant", "content": "quick"}),
        sse({"content": " brown fox"}, system_fingerprint="fp"),
        sse({"content": " ran."}),
        sse({}, "stop"),
        b"data: [DONE]\n\n",
    )
    assert [event.kind for event in events] == [P, C, C, F, D]
    assert told(events) == " fox ran."
    assert events[3].finish_reason == "stop"
    made = chunks(events)
    assert {(chunk["id"], chunk["created"], chunk["model"]) for chunk in made} == {("c1", 3, "m1")}
    assert made[0]["system_fingerprint"] == "fp"
    assert all("role" not in chunk["choices"][0]["delta"] for chunk in made)


def test_an_unknown_identity_leaves_the_chunks_theirs(join: Make, sse: Make) -> None:
    """What is not known of the first answer stays as the continuation tells it."""
    events = join("a", sse({"content": " b"}), sse({}, "stop"), identity=Identity(model="m1"))
    assert [(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks(events)] == [
        ("c2", 7, "m1")
    ] * 2


def test_what_is_held_goes_before_the_finish(join: Make, sse: Make) -> None:
    """Text that could have been an overlap until the end is not lost."""
    events = join("one two three", sse({"content": "one"}), sse({"content": " two"}), sse({}, "length"))
    assert [event.kind for event in events] == [P, P, C, F, D]
    assert told(events) == " one two"
    assert chunks(events)[-1]["choices"][0]["finish_reason"] == "length"


def test_a_finish_with_content(join: Make, sse: Make) -> None:
    """The content of a finish is joined as well, and goes before it."""
    events = join("The quick", sse({"content": "quick fox", "role": "assistant"}, "stop"))
    assert [event.kind for event in events] == [C, F, D]
    assert told(events) == " fox"
    assert (events[1].chars, events[1].form, events[1].finish_reason) == (0, Form.NONE, "stop")
    assert chunks(events)[1]["choices"][0]["delta"] == {}


def test_nothing_to_add(join: Make, sse: Make) -> None:
    """A continuation of nothing ends the answer."""
    events = join("All is said.", sse({"role": "assistant", "content": ""}), sse({}, "stop"))
    assert [event.kind for event in events] == [F, D]


def test_a_call_comes_behind_the_text(join: Make, sse: Make) -> None:
    """Held text goes out before a tool call, whose pieces pass unchanged but for the answer's identity."""
    call = {
        "tool_calls": [
            {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        ]
    }
    events = join("I look. I see", sse({"content": "I look"}), sse(call), sse({}, "tool_calls"))
    assert [(event.kind, event.form) for event in events] == [
        (P, Form.NONE),
        (C, Form.TEXT),
        (C, Form.CALL),
        (F, Form.NONE),
        (D, Form.NONE),
    ]
    assert told(events) == " I look"
    assert chunks(events)[1]["choices"][0]["delta"] == call
    assert events[2].chars > 0
    assert chunks(events)[1]["id"] == "c1"


def test_a_call_beside_text(join: Make, sse: Make) -> None:
    """Text in the chunk of a call goes before it, once."""
    call = {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]}
    events = join("The quick", sse({"content": "quick fox"} | call), sse({}, "tool_calls"))
    assert told(events) == " fox"
    assert [event.form for event in events[:2]] == [Form.TEXT, Form.CALL]


def test_thoughts_behind_text_are_not_shown(join: Make, sse: Make) -> None:
    """Reasoning after delivered text is progress but not shown, and lets held text wait."""
    thought = {"reasoning_content": "Hm."}
    events = join("a b", sse({"content": "b"}), sse(thought), sse({"content": " c"}), sse({}, "stop"))
    assert [event.form for event in events[:3]] == [Form.NONE, Form.REASONING, Form.TEXT]
    assert (events[1].chars, events[1].data) == (3, b"")
    assert told(events) == " c"


def test_thoughts_beside_text_are_not_shown(join: Make, sse: Make) -> None:
    """Nor is reasoning in a chunk of text."""
    events = join("a b", sse({"content": "b", "reasoning": "Hm."}), sse({"content": " c"}), sse({}, "stop"))
    assert b"Hm." not in b"".join(event.data for event in events)
    assert events[0].chars == 3
    assert told(events) == " c"


def test_thoughts_before_any_text_are_shown(join: Make, sse: Make) -> None:
    """An answer asked afresh shows its reasoning."""
    events = join("", sse({"reasoning_content": "Hm."}), sse({"content": "Hello"}), sse({}, "stop"))
    assert [event.form for event in events[:2]] == [Form.REASONING, Form.TEXT]
    assert chunks(events)[0]["choices"][0]["delta"] == {"reasoning_content": "Hm."}
    assert told(events) == "Hello"


@pytest.mark.parametrize("include", [False, True], ids=["not asked", "asked"])
def test_usage_is_summed(include: bool, join: Make, sse: Make) -> None:
    """The counts are those of all attempts, and are shown only to a client that asked."""
    stream = [sse({"content": " b"}, usage=None), sse({}, "stop", usage=None), sse(usage=COUNTS)]
    events = join("a", *stream, spent=Usage(10, 20), include_usage=include)
    assert [event.kind for event in events] == [C, F, U, D]
    assert events[2].usage == Usage(15, 26)
    if include:
        assert chunks(events)[-1]["usage"] == {
            "prompt_tokens": 15,
            "completion_tokens": 26,
            "total_tokens": 41,
        }
        assert chunks(events)[-1]["choices"] == []
    else:
        assert events[2].data == b""
        assert b"usage" not in b"".join(event.data for event in events)


@pytest.mark.parametrize("include", [False, True], ids=["not asked", "asked"])
def test_usage_in_the_finish_and_in_content(include: bool, join: Make, sse: Make) -> None:
    """Counts are summed and hidden wherever a server tells them, also where the text was repeated."""
    stream = [
        sse({"content": "a"}, usage=COUNTS),
        sse({"content": " b"}, usage=COUNTS),
        sse({}, "stop", usage=COUNTS),
    ]
    events = join("a", *stream, spent=Usage(10, 20), include_usage=include)
    assert told(events) == " b"
    assert [event.usage for event in events if event.kind is F] == [Usage(15, 26)]
    assert (b"usage" in b"".join(event.data for event in events)) is include
    assert all(chunk["usage"]["total_tokens"] == 41 for chunk in chunks(events) if chunk.get("usage"))


def test_log_probabilities_go_with_their_text_only(join: Make, sse: Make) -> None:
    """Text that was changed has none; unchanged text keeps them."""
    logprobs = {"content": [], "refusal": None}
    choice = {"index": 0, "finish_reason": None, "logprobs": logprobs}
    pieces = [sse(choices=[choice | {"delta": {"content": text}}]) for text in ("b c", " d")]
    made = chunks(join("a b", *pieces, sse({}, "stop")))
    assert [chunk["choices"][0].get("logprobs") for chunk in made[:2]] == [None, logprobs]


def test_what_comes_beside_text_goes_with_it(join: Make, sse: Make) -> None:
    """Members of a delta or a choice that nobody here knows are not lost, whatever becomes of the text."""
    notes = {"annotations": [{"type": "url_citation"}]}
    events = join("a b", sse({"content": "b"} | notes), sse({"content": " c"} | notes), sse({}, "stop"))
    assert [chunk["choices"][0]["delta"] for chunk in chunks(events)[:2]] == [
        notes,
        notes | {"content": " c"},
    ]
    assert [(event.kind, event.chars) for event in events[:2]] == [(C, 0), (C, 2)]


def test_a_continuation_that_begins_anew_fails(join: Make, sse: Make) -> None:
    """Other words after a restart are a fault, with nothing after it."""
    delivered = "The library opened in 1907 and has nine rooms and a clock."
    events = join(delivered, sse({"content": delivered[:50]}), sse({"content": "no clock"}), sse({}, "stop"))
    assert [event.kind for event in events] == [P, X]
    fault = events[1].fault
    assert fault is not None
    assert fault.kind is Kind.MALFORMED_ANSWER
    assert "began anew with other words" in fault.message


def test_a_restart_that_ends_early_fails(join: Make, sse: Make) -> None:
    """So does one that finishes before the delivered text does."""
    delivered = "The library opened in 1907 and has nine rooms and a clock."
    events = join(delivered, sse({"content": delivered[:50]}), sse({}, "stop"))
    assert [event.kind for event in events] == [P, X]


def test_ends_pass(sse: Make) -> None:
    """A fault of the continuation is the answer's; held text is not delivered, and nothing follows."""
    joint = Joint(FIRST, Splice("one two", prefilled=False), spent=None, include_usage=False)
    held = StreamEvent(C, sse({"content": "one"}), 3, form=Form.TEXT, text="one")
    fault = StreamEvent(X, fault=errors.make(Kind.CUT_BODY))
    assert joint.take(held) == [StreamEvent(P)]
    assert joint.take(fault) == [fault]
    assert joint.take(held) == []


def test_pings_and_native_bytes(sse: Make) -> None:
    """Pings pass, and bytes of another client dialect never do."""
    joint = Joint(FIRST, Splice("a", prefilled=False), spent=None, include_usage=False)
    assert joint.take(StreamEvent(P, b": ping\n\n")) == [StreamEvent(P, b": ping\n\n")]
    event = StreamEvent(C, sse({"content": " b"}), 2, form=Form.TEXT, text=" b", native=b"event: x\n\n")
    (made,) = joint.take(event)
    assert (made.native, made.text) == (b"", " b")
    several = sse({"content": " c"}) + b": remark\n\n" + sse({"content": " d"})
    both = joint.take(StreamEvent(C, several, 4, form=Form.TEXT, text=" c d"))
    assert told(both) == " c d"
