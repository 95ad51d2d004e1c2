"""What every dialect promises, whatever its provider sends.

Recorded streams lie in `streams/<dialect>_<what>.txt`. Each is one whole, good answer, unless its
name says error, blocked or malformed: then it ends in a fault.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfopen.model import Fault, Reply, Target
from halfopen.providers import DIALECTS, Answer, Chat, Dialect, StreamEvent, StreamKind, parse_chat
from halfopen.providers.catalogue import lookup

STREAMS = sorted((Path(__file__).parent / "streams").glob("*.txt"))
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash-lite"}
FAILING = ("error", "blocked", "malformed")
GOOD = [path for path in STREAMS if not any(word in path.stem for word in FAILING)]
BAD = [path for path in STREAMS if path not in GOOD]
TERMINAL = (StreamKind.DONE, StreamKind.FAULT)
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

dialects = pytest.mark.parametrize("dialect", list(DIALECTS.values()), ids=list(DIALECTS))
recorded = pytest.mark.parametrize("path", STREAMS, ids=[path.stem for path in STREAMS])
recorded_good = pytest.mark.parametrize("path", GOOD, ids=[path.stem for path in GOOD])
recorded_bad = pytest.mark.parametrize("path", BAD, ids=[path.stem for path in BAD])


def chat(stream: bool = True) -> Chat:
    body = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}],"stream":%s,"n":1%s}' % (
        b"true" if stream else b"false",
        b',"stream_options":{"include_usage":true}' if stream else b"",
    )
    parsed = parse_chat(body)
    assert isinstance(parsed, Chat)
    return parsed


def target(dialect: Dialect) -> Target:
    model = MODELS[dialect.name]
    return Target(dialect.name, model, dialect.name, *lookup(dialect.name, model))


def read(dialect: Dialect, pieces: list[bytes], close: bool = True) -> list[StreamEvent]:
    reader = dialect.reader(chat(), target(dialect))
    events = [event for piece in pieces for event in reader.feed(piece)]
    return events + reader.close() if close else events


def told(events: list[StreamEvent]) -> list[tuple[object, ...]]:
    """What a stream said, without what may differ from run to run (ids and times in the data)."""
    return [
        (
            event.kind,
            len(event.data) > 0,
            event.chars,
            event.usage,
            event.finish_reason,
            event.fault and event.fault.kind,
        )
        for event in events
    ]


def dialect_of(path: Path) -> Dialect:
    return DIALECTS[path.stem.partition("_")[0]]


@dialects
def test_recordings_exist(dialect: Dialect) -> None:
    """Every dialect has at least one recorded stream, so that the promises below are tested."""
    assert any(path.stem.startswith(f"{dialect.name}_") for path in STREAMS)


@dialects
def test_call_is_a_request(dialect: Dialect) -> None:
    """A plain chat fits the target, and becomes a JSON request with the key in a header."""
    assert dialect.unfit(chat(), target(dialect)) is None
    call = dialect.call(chat(), target(dialect), "sk-test-key")
    assert call.path.startswith("/")
    assert "sk-test-key" not in call.path
    assert any("sk-test-key" in value for _, value in call.headers)
    assert all(name == name.lower() for name, _ in call.headers)
    assert not {"host", "content-length", "connection"} & {name for name, _ in call.headers}
    assert call.body.startswith(b"{")


@dialects
@SETTINGS
@given(data=st.binary(max_size=400))
def test_reader_survives_any_bytes(dialect: Dialect, data: bytes) -> None:
    """A reader returns events for any bytes, and never DONE for noise."""
    events = read(dialect, [data])
    assert events[-1].kind is StreamKind.FAULT
    assert sum(event.kind in TERMINAL for event in events) == 1


@dialects
@SETTINGS
@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "delta",
                        "content",
                        "finish_reason",
                        "index",
                        "usage",
                        "error",
                        "type",
                        "message",
                        "candidates",
                        "parts",
                        "text",
                        "content_block",
                        "tool_calls",
                        "finishReason",
                        "usageMetadata",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_reader_survives_any_json(dialect: Dialect, data: object) -> None:
    """A reader returns exactly one terminal event for any JSON in its events."""
    import json

    raw = json.dumps(data).encode()
    events = read(dialect, [b"data: " + raw + b"\n\n", b"event: x\ndata: " + raw + b"\n\n", raw + b"\n\n"])
    assert sum(event.kind in TERMINAL for event in events) == 1
    assert events[-1].kind in TERMINAL
    assert isinstance(
        dialect.answer(chat(stream=False), target(dialect), Reply(200, (), raw)), Fault | Answer
    )


@dialects
@SETTINGS
@given(body=st.binary(max_size=300))
def test_answer_survives_any_bytes(dialect: Dialect, body: bytes) -> None:
    """Noise in a 200 is a fault, never an exception and never an answer."""
    headers = (("content-type", "application/json"),)
    assert isinstance(dialect.answer(chat(stream=False), target(dialect), Reply(200, headers, body)), Fault)


@dialects
@pytest.mark.parametrize(
    "pieces", [[], [b""], [b": ping\n\n"], [b"\n\n"]], ids=["nothing", "empty", "ping", "blank"]
)
def test_nothing_is_not_done(dialect: Dialect, pieces: list[bytes]) -> None:
    """A stream that ends without finish evidence is a fault."""
    events = read(dialect, pieces)
    assert events[-1].kind is StreamKind.FAULT
    assert events[-1].fault is not None


@recorded_good
def test_recording_is_whole(path: Path) -> None:
    """A recorded stream ends with its only terminal event, DONE, and said its finish reason before."""
    events = read(dialect_of(path), [path.read_bytes()])
    assert events[-1].kind is StreamKind.DONE, events[-1].fault
    assert sum(event.kind in TERMINAL for event in events) == 1
    assert any(event.kind is StreamKind.FINISH and event.finish_reason for event in events)


@recorded_good
def test_the_driver_writes_done(path: Path) -> None:
    """No event carries `data: [DONE]`: the driver writes it at DONE, once, whatever the dialect."""
    events = read(dialect_of(path), [path.read_bytes()])
    assert events[-1].data == b""
    assert not any(b"[DONE]" in event.data for event in events)


@recorded
def test_data_is_whole_events(path: Path) -> None:
    """What goes to the client is whole server-sent events, each ended by its blank line."""
    for event in read(dialect_of(path), [path.read_bytes()]):
        assert event.data == b"" or event.data.endswith((b"\n\n", b"\r\n\r\n"))


@recorded_bad
def test_failing_recording_is_a_fault(path: Path) -> None:
    """A recorded failure ends with its only terminal event, a FAULT that says why."""
    events = read(dialect_of(path), [path.read_bytes()])
    assert events[-1].kind is StreamKind.FAULT
    assert events[-1].fault is not None
    assert sum(event.kind in TERMINAL for event in events) == 1


@recorded
def test_nothing_after_the_end(path: Path) -> None:
    """After a terminal event a reader returns nothing more."""
    dialect = dialect_of(path)
    reader = dialect.reader(chat(), target(dialect))
    reader.feed(path.read_bytes())
    reader.close()
    assert reader.feed(path.read_bytes()) == []
    assert reader.close() == []


@recorded
@SETTINGS
@given(data=st.data())
def test_boundaries_change_nothing(path: Path, data: st.DataObject) -> None:
    """The same bytes in other pieces are the same events."""
    dialect, raw = dialect_of(path), path.read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    assert told(read(dialect, pieces)) == told(read(dialect, [raw]))


@recorded
def test_byte_by_byte(path: Path) -> None:
    """A stream that comes a byte at a time is the same stream."""
    dialect, raw = dialect_of(path), path.read_bytes()
    assert told(read(dialect, [raw[at : at + 1] for at in range(len(raw))])) == told(read(dialect, [raw]))


@recorded
def test_truncation_is_never_done(path: Path) -> None:
    """Cut at any byte before the finish evidence, a stream ends in exactly one fault."""
    dialect, raw = dialect_of(path), path.read_bytes()
    reader = dialect.reader(chat(), target(dialect))
    finished_at = len(raw)
    for at in range(len(raw)):
        if any(event.kind is StreamKind.FINISH for event in reader.feed(raw[at : at + 1])):
            finished_at = at
            break
    # The line feed that ends the finish event completes it; only its blank line may lack.
    whole_line_at = len(raw[:finished_at].rstrip(b"\r\n"))
    for length in range(whole_line_at + 1):
        events = read(dialect, [raw[:length]])
        assert events[-1].kind is StreamKind.FAULT, raw[:length][-80:]
        assert sum(event.kind in TERMINAL for event in events) == 1


@dialects
def test_a_plain_chat_is_followed_exactly(dialect: Dialect) -> None:
    """Nothing is told to be adapted when nothing was."""
    assert dialect.adapted(chat(), target(dialect)) == ()


@dialects
def test_the_drivers_time_is_in_what_is_made_here(dialect: Dialect) -> None:
    """Chunks that a dialect makes carry the driver's time; OpenAI's own keep theirs."""
    path = next(path for path in STREAMS if path.stem == f"{dialect.name}_text")
    reader = dialect.reader(chat(), target(dialect), created_s=1_700_000_000)
    data = b"".join(event.data for event in [*reader.feed(path.read_bytes()), *reader.close()])
    assert (b'"created":1700000000,' in data) is (dialect.name != "openai")
    assert b'"created":0,' not in data
