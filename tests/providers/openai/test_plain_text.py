"""A chunk of plain text is read on a shorter way, and means what it would mean on the longer one."""

import itertools
import json
import types
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from halfopen.http1 import sse
from halfopen.providers import Chat, StreamEvent, parse_chat
from halfopen.providers.contract import StreamKind
from halfopen.providers.openai import stream
from halfopen.providers.openai.stream import OpenAIReader

HEAD = b'{"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'


def delta(inside: bytes, *, choice: bytes = b"", top: bytes = b"", index: bytes = b'"index":0,') -> bytes:
    """The data of one chunk, with more in its delta, in its choice or beside the choices."""
    return HEAD + top + b'"choices":[{' + index + b'"delta":{' + inside + b"}" + choice + b"}]}"


TEXT = b'"content":"word "'
DATA = {
    "text": delta(TEXT),
    "text of a role": delta(b'"role":"assistant",' + TEXT),
    "empty text": delta(b'"content":""'),
    "no text": delta(b'"content":null'),
    "text that is no text": delta(b'"content":7'),
    "nothing": delta(b""),
    "a blank first": b" " + delta(TEXT),
    "letters": delta('"content":"ä€😀"'.encode()),
    "escapes": delta(b'"content":"\\u00e4\\n\\ud83d\\ude00"'),
    "half a letter": delta(b'"content":"\\ud83d"'),
    "no UTF-8": delta(b'"content":"\xff"'),
    "no UTF-8 elsewhere": delta(TEXT, top=b'"x":"\xff",'),
    "parts": delta(b'"content":[{"type":"text","text":"word"}]'),
    "thought": delta(b'"content":[{"type":"thinking","thinking":[]}]'),
    "no finish": delta(TEXT, choice=b',"finish_reason":null'),
    "empty finish": delta(TEXT, choice=b',"finish_reason":""'),
    "finish": delta(TEXT, choice=b',"finish_reason":"stop"'),
    "finish by a filter": delta(TEXT, choice=b',"finish_reason":"content_filter"'),
    "finish alone": delta(b"", choice=b',"finish_reason":"stop"'),
    "logprobs": delta(TEXT, choice=b',"logprobs":{"content":[{"token":"word","logprob":-1}]}'),
    "usage": delta(TEXT, top=b'"usage":{"prompt_tokens":3,"completion_tokens":4},'),
    "usage of nothing": delta(TEXT, top=b'"usage":null,'),
    "usage that is empty": delta(TEXT, top=b'"usage":{},'),
    "usage, odd": delta(TEXT, top=b'"usage":[1],'),
    "usage, escaped": delta(TEXT, top=b'"us\\u0061ge":{"prompt_tokens":3,"completion_tokens":4},'),
    "usage in the text": delta(b'"content":"say \\"usage\\": 1"'),
    "usage alone": HEAD + b'"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}',
    "an error beside": delta(TEXT, top=b'"error":{"message":"no","type":"server_error"},'),
    "an error of nothing": delta(TEXT, top=b'"error":null,'),
    "an error that is false": delta(TEXT, top=b'"error":false,'),
    "an error, escaped": delta(TEXT, top=b'"err\\u006fr":{"message":"no","type":"server_error"},'),
    "an error alone": b'{"error":{"message":"no","type":"server_error","code":"server_error"}}',
    "a refusal": delta(TEXT + b',"refusal":"I will not"'),
    "no refusal": delta(TEXT + b',"refusal":null'),
    "an empty refusal": delta(TEXT + b',"refusal":""'),
    "a refusal alone": delta(b'"refusal":"I will not"'),
    "a tool call": delta(TEXT + b',"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]'),
    "a tool call of nothing": delta(TEXT + b',"tool_calls":[{}]'),
    "no tool calls": delta(TEXT + b',"tool_calls":[]'),
    "a function": delta(TEXT + b',"function_call":{"name":"f"}'),
    "an empty function": delta(TEXT + b',"function_call":{}'),
    "no function": delta(TEXT + b',"function_call":null'),
    "reasoning": delta(TEXT + b',"reasoning_content":"so"'),
    "reasoning by its other name": delta(TEXT + b',"reasoning":"so"'),
    "empty reasoning": delta(TEXT + b',"reasoning":"","reasoning_content":null'),
    "audio": delta(TEXT + b',"audio":{"data":"AAA="}'),
    "empty audio": delta(TEXT + b',"audio":{}'),
    "images": delta(TEXT + b',"images":[{}]'),
    "no images": delta(TEXT + b',"images":[]'),
    "the second choice": delta(TEXT, index=b'"index":1,'),
    "no index": delta(TEXT, index=b""),
    "an odd index": delta(TEXT, index=b'"index":-1,'),
    "an index that is no number": delta(TEXT, index=b'"index":"0",'),
    "two choices": HEAD
    + b'"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}',
    "the same choice twice": HEAD
    + b'"choices":[{"index":0,"delta":{"content":"a"}},{"index":0,"delta":{"content":"b"}}]}',
    "no choices": HEAD + b'"choices":[]}',
    "choices of nothing": HEAD + b'"choices":null}',
    "no delta": HEAD + b'"choices":[{"index":0}]}',
    "two texts": delta(TEXT + b',"content":"other"'),
    "two deltas": delta(TEXT, choice=b',"delta":{"content":"other","refusal":"no"}'),
    "a list": b"[" + delta(TEXT) + b"]",
    "cut": delta(TEXT)[:-3],
    "something behind": delta(TEXT) + b" x",
    "rubbish": b"nonsense",
    "done": b"[DONE]",
    "empty": b"",
}
FRAMES = {
    "plain": b"data: %b\n\n",
    "no blank": b"data:%b\n\n",
    "CRLF": b"data: %b\r\n\r\n",
    "CR": b"data: %b\r\r",
    "named": b"event: message\ndata: %b\n\n",
    "an error's name": b"event: error\ndata: %b\n\n",
    "a ping's name": b"event: ping\ndata: %b\n\n",
    "numbered": b"id: 7\ndata: %b\n\n",
    "a comment before": b": hello\ndata: %b\n\n",
    "a stray line": b"data: %b\n{}\n\n",
    "blank lines before": b"\n\ndata: %b\n\n",
    "two lines": b"data: %b\ndata: \n\n",
}
STARTS = [b"data: " + delta(b'"role":"assistant","content":""') + b"\n\n", b"\xef\xbb\xbf: hello\n\n", b""]


def asked(**more: Any) -> Chat:
    request = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True, **more}
    chat = parse_chat(json.dumps(request).encode())
    assert isinstance(chat, Chat)
    return chat


REQUESTS = {
    "plain": asked(),
    "counted": asked(stream_options={"include_usage": True}),
    "two choices": asked(n=2),
    "counted, two choices": asked(n=2, stream_options={"include_usage": True}),
}


def read(chat: Chat, pieces: list[bytes], reader: Any = OpenAIReader) -> tuple[list[StreamEvent], int]:
    """What the pieces mean, and how many chunks went the shorter way."""
    made, short = reader(chat), 0
    plain_text = reader._plain_text

    def counted(self: Any, event: Any) -> str | None:
        nonlocal short
        text: str | None = plain_text(self, event)
        short += bool(text)
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_plain_text", counted)
        return [each for piece in pieces for each in made.feed(piece)] + made.close(), short


def read_closely(chat: Chat, pieces: list[bytes]) -> list[StreamEvent]:
    """What they mean without any shorter way, also where events are cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OpenAIReader, "_plain_text", lambda *_: None)
        patch.setattr(sse, "_is_one_line", lambda _: False)
        return read(chat, pieces)[0]


def frames(data: bytes) -> list[bytes]:
    return [frame % data for frame in FRAMES.values()]


END = b"data: " + delta(b"", choice=b',"finish_reason":"stop"') + b"\n\n"


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("name", DATA)
def test_one_chunk_in_every_frame(name: str, request_name: str) -> None:
    """After an opening and some text, and with the end behind it: the same events, to the byte."""
    chat, text = REQUESTS[request_name], b"data: " + DATA["text"] + b"\n\n"
    for frame in frames(DATA[name]):
        for pieces in (
            [STARTS[0], text, frame, END],
            [STARTS[0] + text + frame + END],
            [frame],
            [text, frame],
        ):
            assert read(chat, pieces)[0] == read_closely(chat, pieces), frame


def test_the_short_way_is_taken() -> None:
    """Text goes it, whatever else the chunk says that means nothing; what means something doesn't."""
    taken = {name for name, data in DATA.items() if read(REQUESTS["plain"], [b"data: " + data + b"\n\n"])[1]}
    nothing = {
        f"{which}" for which in ("no finish", "empty finish", "no refusal", "empty refusal", "no function")
    }
    assert {"text", "text of a role", "letters", "escapes", "logprobs", "no index", "no tool calls"} <= taken
    assert nothing - {"empty refusal"} <= taken
    assert not taken & {
        "usage",
        "finish",
        "a refusal",
        "a tool call",
        "audio",
        "images",
        "the second choice",
        "empty text",
    }


@st.composite
def streams(draw: st.DrawFn) -> list[bytes]:
    parts = [draw(st.sampled_from(STARTS))]
    for _ in range(draw(st.integers(0, 12))):
        data = draw(st.sampled_from([DATA["text"], DATA["letters"], *DATA.values()]))
        parts.append(draw(st.sampled_from([FRAMES["plain"]] * 8 + list(FRAMES.values()))) % data)
    parts.append(draw(st.sampled_from([b"", END, END + b"data: [DONE]\n\n", b"data: half"])))
    whole = b"".join(parts)
    match draw(st.sampled_from(["events", "two in one", "cut", "bytes"])):
        case "events":
            return parts
        case "two in one":
            return [b"".join(pair) for pair in itertools.zip_longest(parts[::2], parts[1::2], fillvalue=b"")]
        case "cut":
            places = draw(st.lists(st.integers(0, len(whole)), max_size=8))
            edges = sorted({0, len(whole), *places})
            return [whole[start:end] for start, end in itertools.pairwise(edges)]
        case _:
            return [bytes([each]) for each in whole]


@given(pieces=streams(), chat=st.sampled_from(list(REQUESTS.values())))
@settings(max_examples=500, deadline=None)
def test_whatever_comes(pieces: list[bytes], chat: Chat) -> None:
    """Chunks of all kinds, cut everywhere and joined: as without the short way."""
    events, short = read(chat, pieces)
    event(f"short: {min(short, 4)}")
    assert events == read_closely(chat, pieces)


def test_what_was_said_counts_at_the_end() -> None:
    """Text that went the short way is an answer: its finish is one, and the end is whole."""
    text = b"data: " + DATA["text"] + b"\n\n"
    assert [
        each.kind for each in read(REQUESTS["plain"], [STARTS[0], text, END, b"data: [DONE]\n\n"])[0]
    ] == [
        StreamKind.OPENING,
        StreamKind.CONTENT,
        StreamKind.FINISH,
        StreamKind.DONE,
    ]


PLANTED = {
    "a finish is overlooked": ("choice.finish_reason or choice.index:", "choice.index:"),
    "another choice passes": ("choice.finish_reason or choice.index:", "choice.finish_reason:"),
    "counts are overlooked": ("chunk.error or chunk.usage", "chunk.error"),
    "a name is overlooked": ("event.event or event.stray or not data", "event.stray or not data"),
    "strays are overlooked": ("event.event or event.stray or not data", "event.event or not data"),
    "an error is overlooked": ("chunk.error or chunk.usage", "chunk.usage"),
    "more choices pass": ("len(chunk.choices) != 1", "not chunk.choices"),
    "a refusal is overlooked": ("or delta.refusal\n", ""),
    "reasoning is overlooked": ("or delta.reasoning_content\n", ""),
    "calls are overlooked": ("or delta.tool_calls\n", ""),
    "old calls are overlooked": ("or delta.function_call\n", ""),
    "audio is overlooked": ("or delta.audio\n", ""),
    "images are overlooked": ("or delta.images\n", ""),
    "nothing was said": ("        if text:\n            self._filled = True\n", "        if text:\n"),
    "no choice was seen": ("            self._seen.add(0)\n", ""),
    "empty text is content": (
        "        if text:\n            events",
        "        if text is not None:\n            events",
    ),
    "the length is that of the data": ("event.raw, len(text), form", "event.raw, len(event.data), form"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_seen(name: str, plant: Callable[..., types.ModuleType]) -> None:
    """These chunks would not pass if the short way were wrong."""
    reader = plant(stream, PLANTED[name]).OpenAIReader
    seen = [
        data
        for data in DATA
        for frame in frames(DATA[data])
        for end in (END, END.replace(b'"index":0', b'"index":1'))
        if read(REQUESTS["counted"], [frame, end], reader)[0]
        != read_closely(REQUESTS["counted"], [frame, end])
    ]
    assert seen
