"""A fault strikes exactly where its options say, and the provider tells where that was."""

import msgspec
import pytest

from halfopen.lab import LabProvider, Place, faults, is_whole
from halfopen.lab.acts.placement import after_events
from halfopen.lab.exchange import Piece, PieceKind

QUICK = {"bound_s": 0.01, "interval_s": 0.004, "ping_s": 0.004, "pause_s": 0.003}
PLACED = [fault for fault in faults.every() if "at_event" in dict(fault.options)]
DIALECTS = ("openai", "anthropic", "gemini")
TOOLS = {
    "openai": {
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": n,
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
            }
            for n in "ab"
        ],
    },
    "anthropic": {
        "tools": [
            {"name": n, "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
            for n in "ab"
        ],
    },
    "gemini": {
        "tools": [
            {
                "functionDeclarations": [
                    {"name": n, "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}
                    for n in "ab"
                ]
            }
        ],
    },
}


def quick(fault, **place):
    names = dict(fault.options)
    return {**{name: value for name, value in QUICK.items() if name in names}, **place}


def streamed(with_lab, dialect, prompt="What is the weather?", **more):
    """The good stream of a request: its body, and what the provider says of it."""

    async def play(provider, wire):
        seen = await wire.chat(prompt, stream=True, **more)
        return seen.body, provider.calls[-1]

    return with_lab(dialect, play)


def struck(with_lab, dialect, fault, options, prompt="What is the weather?", **more):
    async def play(provider, wire):
        provider.set_fault(fault.name, **options)
        path = wire.chat(prompt, stream=True, **more)
        seen = await path
        return seen, provider.met, provider.place, provider.calls[-1]

    return with_lab(dialect, play)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_good_stream_has_more_than_twenty_events(dialect, with_lab):
    """There are at least 20 places to strike at, in text and in JSON, and the call tells what they are."""
    body, call = streamed(with_lab, dialect)
    assert len(call.kinds) >= 20
    assert call.body_bytes == len(body)
    assert call.kinds.count("finish") == 1


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_arguments_come_in_many_pieces(dialect, with_lab):
    """A tool call's arguments are cut into at least 16 pieces."""
    body, call = streamed(with_lab, dialect, "Use the tool", **TOOLS[dialect])
    assert call.kinds.count("content") >= 32
    assert body.count(b"partial_json" if dialect == "anthropic" else b'"arguments":') >= 32


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("event", [0, 1, 2, 7, 19])
def test_a_fault_strikes_before_the_event_that_is_asked_for(dialect, event, with_lab):
    """All events before it come whole, and none of it does."""
    good, healthy = streamed(with_lab, dialect)
    fault = faults.load("stream_clean_end_after_content")
    seen, met, place, call = struck(with_lab, dialect, fault, {"at_event": event})
    assert met == 1
    assert seen.whole
    assert good.startswith(seen.body)
    assert place == Place(event, healthy.kinds[event], len(seen.body), healthy.kinds[:event].count("content"))
    assert call.place == place
    assert call.shown()["place"]["event"] == event


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", PLACED, ids=lambda fault: fault.name)
def test_every_fault_can_be_placed_at_any_event(dialect, fault, with_lab):
    """Each kind of failure is met once at the first, a middle and the last event."""
    if dialect not in fault.dialects:
        return
    _, healthy = streamed(with_lab, dialect)
    for event in (0, 5, len(healthy.kinds) - 1):
        _, met, place, _ = struck(with_lab, dialect, fault, quick(fault, at_event=event))
        assert (met, place.event) == (1, event)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_at_finish_all_the_text_comes_but_no_finish(dialect, with_lab):
    """The answer is there to the last word, only its proper end is missing."""
    fault = faults.load("stream_clean_end_after_content")
    seen, met, place, _ = struck(with_lab, dialect, fault, {"at_finish": True})
    assert (met, place.kind) == (1, "finish")
    text = "".join(part for event in seen.events for part in texts(event))
    assert is_whole(text)
    assert not any(
        word in seen.body for word in (b'"finish_reason":"', b'stop_reason":"end', b"finishReason")
    )


def texts(event):
    for choice in event.get("choices", ()):
        yield choice["delta"].get("content") or ""
    yield event.get("delta", {}).get("text", "")
    for candidate in event.get("candidates", ()):
        yield from (part.get("text", "") for part in candidate["content"]["parts"])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_in_call_a_tool_call_is_cut(dialect, with_lab):
    """The arguments break off in the middle; Gemini, which sends calls whole, leaves out the last one."""
    fault = faults.load("stream_clean_end_after_content")
    seen, met, place, _ = struck(
        with_lab, dialect, fault, {"in_call": True}, "Use the tool", **TOOLS[dialect]
    )
    assert (met, place.kind) == (1, "content")
    if dialect == "openai":
        parts = [c["delta"].get("tool_calls") for e in seen.events for c in e["choices"]]
        said = "".join(p[0]["function"]["arguments"] for p in parts if p)
    elif dialect == "anthropic":
        said = "".join(e["delta"]["partial_json"] for e in seen.events if e["type"] == "content_block_delta")
    else:
        assert seen.body.count(b"functionCall") == 1
        return
    assert said.startswith("{")
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(said)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "name", ["stream_cut_after_content", "stream_clean_end_after_content", "stream_reset_after_content"]
)
@pytest.mark.parametrize("at_byte", [0, 1, 333, 1500])
def test_a_fault_strikes_at_the_byte_that_is_asked_for(dialect, name, at_byte, with_lab):
    """Exactly so many bytes of the body come, in the middle of an event if need be."""
    good, _ = streamed(with_lab, dialect)
    fault = faults.load(name)
    seen, met, place, _ = struck(with_lab, dialect, fault, quick(fault, at_byte=at_byte))
    assert (met, place.byte) == (1, at_byte)
    assert seen.body == good[:at_byte]
    assert seen.whole is (name == "stream_clean_end_after_content")
    assert seen.error == ("reset" if "reset" in name else None)


def test_after_the_last_byte_only_the_end_is_missing(with_lab):
    """At the size of the body all of it comes, and the last chunk never does."""
    good, call = streamed(with_lab, "openai")
    fault = faults.load("stream_cut_after_content")
    seen, met, place, _ = struck(with_lab, "openai", fault, {"at_byte": call.body_bytes})
    assert (met, place.kind, seen.body, seen.whole) == (1, "end", good, False)


@pytest.mark.parametrize(
    "options",
    [{"at_event": 500}, {"at_byte": 10**6}, {"in_call": True}],
    ids=["event", "byte", "call"],
)
def test_a_stream_without_the_place_stays_good(options, with_lab):
    """What can't be struck is answered in full, and nothing is counted as met."""
    fault = faults.load("stream_cut_after_content")
    seen, met, place, _ = struck(with_lab, "openai", fault, options)
    assert (met, place, seen.whole) == (0, None, True)
    assert b"[DONE]" in seen.body


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at_event": 1, "in_call": True}, "one place"),
        ({"at_byte": 1, "at_finish": True}, "one place"),
        ({"in_call": "yes"}, "true or false"),
        ({"in_call": 2}, "true or false"),
        ({"at_event": -1}, "negative"),
        ({"at_event": True}, "number"),
    ],
)
def test_places_that_make_no_sense_are_refused(options, message):
    """Two places at once, and wrong values, are errors that say so."""
    with pytest.raises(ValueError, match=message):
        LabProvider("openai").set_fault("stream_cut_after_content", **options)


def test_places_can_be_set_over_http(with_lab):
    """The control interface takes them, and shows where the fault struck."""

    async def play(provider, wire):
        order = {"name": "stream_cut_after_content", "options": {"at_finish": True}}
        put = await wire.call("PUT", "/_lab/fault", order)
        await wire.chat(stream=True)
        return put.status, (await wire.call("GET", "/_lab")).json["fault"]

    status, fault = with_lab("openai", play)
    assert (status, fault["met"], fault["place"]["kind"]) == (200, 1, "finish")


def test_the_older_option_keeps_its_meaning():
    """After so many content events, but before the last one."""
    pieces = [Piece(kind, b"x") for kind in (PieceKind.OPENING, *[PieceKind.CONTENT] * 3, PieceKind.FINISH)]
    assert [after_events(pieces, count) for count in (0, 1, 2, 9)] == [1, 2, 3, 3]
    assert after_events(pieces[:1], 2) == 0
