"""Chunk boundaries change nothing, whatever comes: random streams for every reader and writer.

The examples and the checks are in `boundaries.py`; figures over many more come from `properties.py`.
"""

import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfopen.gateway.delivery import StreamKind
from halfopen.http1.sse import SseParser
from halfopen.providers.clients.messages import chat_to_messages_stream
from halfopen.providers.openai.stream import OpenAIReader

SETTINGS = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), database=None)
PAIRS = (
    *("chat from openai", "chat without usage from openai", "chat from vllm", "chat from azure"),
    *("chat from anthropic", "chat from gemini", "responses from openai", "responses from azure"),
    *("responses from vllm", "responses from anthropic", "responses from gemini"),
    *("completions from openai completions", "completions from vllm", "completions from openai"),
    *("completions from anthropic", "completions from gemini", "messages from anthropic"),
    *("messages from openai", "messages from mistral", "messages from gemini", "generate from gemini"),
    *("generate array from gemini", "generate from openai", "generate array from openai"),
    "generate from anthropic",
)
pairs = pytest.mark.parametrize("name", PAIRS)
SEEDS = 60
SEARCHED = 200
"""Within so many examples a planted defect must be met."""


@pytest.fixture(scope="module")
def boundaries(load: Callable[[str], ModuleType]) -> ModuleType:
    """Examples and checks."""
    return load("boundaries")


@pytest.fixture(scope="module")
def problems(load: Callable[[str], ModuleType]) -> Callable[[str], list[str]]:
    """What one of the command's checks finds in the first examples."""
    properties = load("properties")

    def find(check: str) -> list[str]:
        name = next(each for each in properties.CHECKS if check in each)
        return list(properties.measure(name, 0, 0, SEARCHED).problems)

    return find


def test_every_pair_is_tested(boundaries: ModuleType) -> None:
    """The list here, which names the cases, is the list there; each has recordings."""
    assert tuple(pair.name for pair in boundaries.PAIRS) == PAIRS
    for pair in boundaries.PAIRS:
        assert any(name.startswith(pair.streams) for name in boundaries.recordings())
    assert {each.partition("_")[0].partition("/")[0] for each in boundaries.recordings()} == {
        each.streams.rstrip("_/") for each in boundaries.PAIRS
    }


@SETTINGS
@given(rng=st.randoms(use_true_random=False))
def test_any_pieces_are_the_same_events(boundaries: ModuleType, rng: random.Random) -> None:
    """In every field, with one end, the last; also when the stream was spoiled. Shrinks to the smallest."""
    example = boundaries.make(rng)
    assert boundaries.check_pieces(example) is None, str(example)


@pairs
def test_each_reader_in_any_pieces(boundaries: ModuleType, examples: Callable[[int], int], name: str) -> None:
    """Every reader, native ones too, as recorded and spoiled."""
    pair = (next(each for each in boundaries.PAIRS if each.name == name),)
    for seed in range(examples(SEEDS)):
        example = boundaries.make(random.Random(f"{name}:{seed}"), pair)
        assert boundaries.check_pieces(example) is None, str(example)


@pairs
def test_every_recording_byte_by_byte(boundaries: ModuleType, name: str) -> None:
    """A recording that comes a byte at a time is the same stream, and ends as its name says."""
    pair = next(each for each in boundaries.PAIRS if each.name == name)
    for recording, raw in boundaries.recordings().items():
        if recording.startswith(pair.streams):
            example = boundaries.Example(pair, recording, raw, (), tuple(range(1, len(raw))))
            assert boundaries.check_recording(example) is None
            assert boundaries.check_pieces(example) is None


@pairs
def test_line_ends_and_comments_say_nothing(
    boundaries: ModuleType, examples: Callable[[int], int], name: str
) -> None:
    """LF, CRLF, CR, a mixture, a byte order mark, comments: the same events, and the same for the client."""
    pair = (next(each for each in boundaries.PAIRS if each.name == name),)
    for seed in range(examples(SEEDS) // 3):
        rng = random.Random(f"{name}:harmless:{seed}")
        example = boundaries.make(rng, pair)
        assert boundaries.check_harmless(rng, example) is None, str(example)


@pairs
def test_writers_give_the_same_bytes(
    boundaries: ModuleType, examples: Callable[[int], int], name: str
) -> None:
    """In whatever pieces the stream came, and whether chunks come together or alone; gone on with, too."""
    pair = (next(each for each in boundaries.PAIRS if each.name == name),)
    for seed in range(examples(SEEDS) // 3):
        rng = random.Random(f"{name}:writers:{seed}")
        example = boundaries.make(rng, pair)
        assert boundaries.check_writers(rng, example) is None, str(example)
        assert boundaries.check_continued(rng, example) is None, str(example)


@pytest.mark.parametrize("name", [each for each in PAIRS if each != "chat from azure"])
def test_an_event_over_the_bound_changes_nothing_before_it(boundaries: ModuleType, name: str) -> None:
    """What came whole before it is told, in whatever pieces; then one fault."""
    pair = (next(each for each in boundaries.PAIRS if each.name == name),)
    rng = random.Random(f"{name}:oversized")
    example = boundaries.make(rng, pair)
    assert boundaries.check_oversized(rng, example) is None


# The checks would notice.


def test_a_line_end_cut_in_two_is_noticed(
    monkeypatch: pytest.MonkeyPatch, problems: Callable[[str], list[str]]
) -> None:
    """A parser that looks only at the new bytes misses a blank line that came in two pieces."""
    monkeypatch.setattr("halfopen.http1.sse._OVERLAP", 0)
    assert problems("any pieces")


def test_a_character_cut_in_two_is_noticed(
    monkeypatch: pytest.MonkeyPatch, problems: Callable[[str], list[str]]
) -> None:
    """A reader that decodes each piece by itself loses characters at the edges."""
    feed = SseParser.feed

    def decoding(self: SseParser, data: bytes) -> Any:
        return feed(self, data.decode("utf-8", "ignore").encode())

    monkeypatch.setattr(SseParser, "feed", decoding)
    assert problems("any pieces")


def test_an_end_told_twice_is_noticed(
    monkeypatch: pytest.MonkeyPatch, problems: Callable[[str], list[str]]
) -> None:
    """A reader that ends at `[DONE]` and again at the end of the body."""
    close = OpenAIReader.close

    def twice(self: OpenAIReader) -> Any:
        ended = self._ended
        self._ended = False
        events = close(self)
        self._ended = ended or events[-1].kind in (StreamKind.DONE, StreamKind.FAULT)
        return events

    monkeypatch.setattr(OpenAIReader, "close", twice)
    assert any("ends: " in each for each in problems("any pieces"))


def test_an_exception_is_noticed(
    monkeypatch: pytest.MonkeyPatch, problems: Callable[[str], list[str]]
) -> None:
    """A reader that raises on what a server sent."""

    def raising(*_: object) -> Any:
        raise KeyError("planted")

    monkeypatch.setattr(OpenAIReader, "_note", raising)
    assert any("planted" in each for each in problems("any pieces"))


def test_a_writer_that_reads_one_chunk_of_several_is_noticed(
    monkeypatch: pytest.MonkeyPatch, problems: Callable[[str], list[str]]
) -> None:
    """Chunks that come together are all written."""
    all_of = chat_to_messages_stream._chunks_of
    monkeypatch.setattr(chat_to_messages_stream, "_chunks_of", lambda data: all_of(data)[:1])
    assert problems("writers give the same bytes")


def test_a_parser_that_knows_no_lone_cr_is_noticed(
    monkeypatch: pytest.MonkeyPatch, problems: Callable[[str], list[str]]
) -> None:
    """CR alone ends a line."""
    import re

    monkeypatch.setattr("halfopen.http1.sse._BLANK_LINE", re.compile(rb"(?:\r?\n){2}"))
    assert problems("line ends and comments")
