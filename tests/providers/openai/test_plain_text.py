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
from halfopen.providers.contract import Form, StreamKind
from halfopen.providers.openai import known_chunk, stream
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
    "usage of nothing, escaped": delta(TEXT, top=b'"us\\u0061ge":null,'),
    "usage of nothing, with blanks": delta(TEXT, top=b'"x":1 , "usage" : null,'),
    "usage of nothing twice": delta(TEXT, top=b'"usage":null,"x":1,"usage":null,'),
    "usage, then of nothing": delta(TEXT, top=b'"x":1,"usage":{"prompt_tokens":3},"usage":null,'),
    "usage of nothing inside": delta(TEXT + b',"usage":null', top=b'"x":1,"usage":null,'),
    "usage, odd": delta(TEXT, top=b'"usage":[1],'),
    "usage, escaped": delta(TEXT, top=b'"us\\u0061ge":{"prompt_tokens":3,"completion_tokens":4},'),
    "usage of nothing in the text": delta(b'"content":"say ,\\"usage\\":null"', top=b'"x":1,"usage":null,'),
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
CONTENTS = {
    "words": b"more words",
    "nothing": b"",
    "a quotation mark": b'say "',
    "another member": b'a","refusal":"no',
    "another choice": b'a"}},{"index":1,"delta":{"content":"b',
    "a finish": b'a"},"finish_reason":"stop","x":{"y":"',
    "an escaped mark": b'say \\"hello\\"',
    "a backslash": b"a\\",
    "an escape": b"\\u00e4\\n",
    "half a pair": b"\\ud83d",
    "a tab": b"a\tb",
    "a null byte": b"a\x00b",
    "a line end": b"a\nb",
    "two line ends": b"a\n\nb",
    "a carriage return": b"a\rb",
    "a delete": b"a\x7fb",
    "letters": "ä€😀".encode(),
    "a surrogate": b"\xed\xa0\x80",
    "no UTF-8": b"\xff",
    "half a letter": b"\xe2\x82",
    "a line separator": "a\u2028b".encode(),
    "a hard blank": "a\u00a0b".encode(),
    "a trial": b"a trial, which no model says",
    "usage of nothing": b'a,"usage":null',
    "usage of nothing, escaped": b'a,\\"usage\\":null',
    "usage of nothing beside": b'a","usage":null,"x":"b',
    "usage": b"usage",
    "obfuscation": b'a\\","obfuscation":\\"b',
}
"""What may stand inside the quotation marks of a text."""
SHAPES = {
    "plain": delta(b'"content":"%b"'),
    "with a blank": delta(b'"content": "%b"'),
    "with logprobs before": delta(
        b'"content":"%b"', index=b'"index":0,"logprobs":{"content":"word"},', choice=b',"finish_reason":null'
    ),
    "twice": delta(b'"content":"word","content":"%b"'),
    "twice, the first changes": delta(b'"content":"%b","content":"word"'),
    "in another string": delta(b'"x":"\\"content\\":\\"%b\\"","content":"word"'),
    "in an unknown member": delta(b'"x":{"content":"%b"},"content":"word"'),
    "of another choice": HEAD
    + b'"choices":[{"index":0,"delta":{"content":"word"}},{"index":1,"delta":{"content":"%b"}}]}',
}
USED = b'"usage":{"prompt_tokens":3,"completion_tokens":4}'
CHOICES = b'"choices":[{"index":0,"delta":{"content":"%b"},"logprobs":null,"finish_reason":null}]'
PADDED = {
    "as OpenAI sends it": HEAD + CHOICES + b',"usage":null,"obfuscation":"%p"}',
    "no counts asked for": HEAD + CHOICES + b',"obfuscation":"%p"}',
    "nothing hidden": HEAD + CHOICES + b',"usage":null}',
    "the padding first": HEAD + b'"obfuscation":"%p",' + CHOICES + b',"usage":null}',
    "the usage first": HEAD + b'"x":1,"usage":null,' + CHOICES + b',"obfuscation":"%p"}',
    "the usage last": HEAD + CHOICES + b',"obfuscation":"%p","usage":null}',
    "the padding first, the usage between": HEAD + b'"obfuscation":"%p","usage":null,' + CHOICES + b"}",
    "the usage, the padding": HEAD + b'"x":1,"usage":null,"obfuscation":"%p",' + CHOICES + b"}",
    "with blanks": HEAD + CHOICES + b' , "usage" : null , "obfuscation" : "%p" }',
    "the usage twice": HEAD + b'"x":1,"usage":null,' + CHOICES + b',"usage":null,"obfuscation":"%p"}',
    "the usage as the first of all": b'{"usage":null,' + CHOICES + b',"obfuscation":"%p"}',
    "the usage inside": HEAD
    + b'"choices":[{"index":0,"delta":{"x":1,"usage":null,"content":"%b"}}],"usage":null,"obfuscation":"%p"}',
    "counts": HEAD + CHOICES + b"," + USED + b',"obfuscation":"%p"}',
    "counts, then none": HEAD + CHOICES + b"," + USED + b',"usage":null,"obfuscation":"%p"}',
    "the padding inside": HEAD
    + b'"choices":[{"index":0,"delta":{"obfuscation":"%p","content":"%b"}}],"usage":null}',
    "the padding inside and beside": HEAD
    + b'"choices":[{"index":0,"delta":{"obfuscation":"k","content":"%b"}}],"usage":null,"obfuscation":"%p"}',
    "the padding twice": HEAD + b'"obfuscation":"%p",' + CHOICES + b',"usage":null,"obfuscation":"%p"}',
    "the padding in a list": HEAD + CHOICES + b',"usage":null,"obfuscation":["%p"]}',
    "the padding in an object": HEAD + CHOICES + b',"usage":null,"obfuscation":{"x":"%p"}}',
    "the padding behind another": HEAD + CHOICES + b',"usage":null,"obfuscation":null,"x":"%p"}',
    "the padding as a name": HEAD + CHOICES + b',"obfuscation":null,"%p":null,"obfuscation":"%t"}',
    "the padding in the text": HEAD + CHOICES.replace(b"%b", b'%b\\"obfuscation\\":\\"%p') + b"}",
    "the text twice, the last a trial": delta(b'"content":"%b","content":"a trial, which no model says"'),
}
"""Chunks whose text is `%b`, and `%p` what hides how long it is; `%t`: what a trial puts there."""
PADDINGS = {
    "letters": b"kT2vXw9Q",
    "nothing": b"",
    "marks": b"+/=.,:;{}[] ~",
    "a quotation mark": b'k"',
    "counts": b'k",' + USED + b',"x":"',
    "an error": b'k","error":{"message":"no"},"x":"',
    "another text": b'k","choices":[{"index":0,"delta":{"content":"other"}}],"x":"',
    "usage of nothing": b'k","usage":null,"x":"',
    "usage": b"usage",
    "a backslash": b"k\\",
    "an escape": b"\\u0061\\n",
    "no escape": b"\\x",
    "letters, no ASCII": "ä€😀".encode(),
    "no UTF-8": b"k\xff",
    "a tab": b"k\tk",
    "a line end": b"k\nk",
    "a carriage return": b"k\rk",
    "a null byte": b"k\x00",
    "a delete": b"k\x7f",
    "a trial": b"another, which hides nothing",
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

    def counted(self: Any, *args: Any) -> str | None:
        nonlocal short
        text: str | None = plain_text(self, *args)
        short += bool(text)
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_plain_text", counted)
        return [each for piece in pieces for each in made.feed(piece)] + made.close(), short


def read_shortly(
    chat: Chat, pieces: list[bytes], reader: Any = OpenAIReader
) -> tuple[list[StreamEvent], int]:
    """The same as the gateway asks, which looks for text before all else; and how much of it was found."""
    made, short, events = reader(chat), 0, []
    for piece in pieces:
        text, shown = made.text_of(piece)
        if text:
            short += 1
            events.append(StreamEvent(StreamKind.CONTENT, shown, len(text), form=Form.TEXT, text=text))
        else:
            events += made.feed(piece)
    return events + made.close(), short


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
            assert read_shortly(chat, pieces)[0] == read_closely(chat, pieces), frame


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("name", DATA)
def test_one_chunk_among_those_it_looks_like(name: str, request_name: str) -> None:
    """Behind text by which chunks are known, and before more of it: the same events, to the byte."""
    chat, text = REQUESTS[request_name], b"data: " + DATA["text"] + b"\n\n"
    for frame in frames(DATA[name]):
        pieces = [STARTS[0], text, text, text, frame, text, frame, END]
        assert read_shortly(chat, pieces)[0] == read_closely(chat, pieces), frame


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_chunks_that_look_like_one_before_them(shape: str, content: str) -> None:
    """Whatever stands where the text stood, as long as the rest is the same."""
    first, more = (b"data: " + SHAPES[shape] % words + b"\n\n" for words in (b"word", CONTENTS[content]))
    for end in (END, b""):
        pieces = [STARTS[0], first, first, more, first, more, end]
        assert read_shortly(REQUESTS["plain"], pieces)[0] == read_closely(REQUESTS["plain"], pieces)


def padded(shape: str, content: bytes, padding: bytes) -> bytes:
    data = PADDED[shape].replace(b"%t", PADDINGS["a trial"]).replace(b"%p", padding)
    return b"data: " + data.replace(b"%b", content) + b"\n\n"


def differs_padded(
    shape: str, content: bytes, padding: bytes, chat: Chat, reader: Any = OpenAIReader
) -> bool:
    """Whether the short way says or sends anything else than the long one."""
    first, more = padded(shape, b"word", b"kT2"), padded(shape, content, padding)
    text, longer = b"data: " + DATA["text"] + b"\n\n", padded(shape, b"some words", b"kT2vXw9Q")
    unclosed = padded(shape, b"some words", b"").replace(b'""', b'"')
    for pieces in (
        [text, text, first, first, more, longer, more, END],
        [text, more, more, longer, first, more, unclosed, END],
    ):
        if read_shortly(chat, [STARTS[0], *pieces], reader)[0] != read_closely(chat, [STARTS[0], *pieces]):
            return True
    return False


@pytest.mark.parametrize("request_name", ["plain", "counted"])
@pytest.mark.parametrize("shape", PADDED)
def test_chunks_whose_length_is_hidden(shape: str, request_name: str) -> None:
    """Whatever stands in the two places that change, and wherever a usage of nothing stands."""
    for content, padding in itertools.product(CONTENTS.values(), PADDINGS.values()):
        assert not differs_padded(shape, content, padding, REQUESTS[request_name]), (content, padding)


@pytest.mark.parametrize("request_name", ["plain", "counted"])
@pytest.mark.parametrize("shape", list(PADDED)[:8])
def test_what_openai_sends_is_known(shape: str, request_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text of any length, hidden by letters of any number: not decoded, and sent as on the long way."""
    start = padded(shape, b"word", b"kT2")
    more = [
        padded(shape, said, b"x" * len(said)) for said in (b"a", b"two words", "drei ä€😀".encode(), b"...")
    ]
    expected = read_closely(REQUESTS[request_name], [start, start, *more])[2:]
    reader = OpenAIReader(REQUESTS[request_name])
    for piece in (start, start):
        reader.feed(piece)
    monkeypatch.setattr(stream, "read_chunk", lambda _: pytest.fail("it was decoded"))
    said = [reader.text_of(piece) for piece in more]
    assert said == [(each.text, each.data) for each in expected[: len(more)]]
    kept = shape != "no counts asked for" and request_name == "counted"
    assert [b'"usage":null' in sent for _, sent in said] == [kept] * len(more)


def test_padding_must_be_the_chunks_own() -> None:
    """What stands inside a choice, or isn't a string, may not change: the decoder doesn't find it."""
    for shape in ("the padding inside", "the padding in a list", "the padding in an object"):
        known = known_chunk.learn_chunk(padded(shape, b"word", b"kT2"), "word", hides_usage=False)
        assert known is not None
        assert known.text_of(padded(shape, b"more", b"kT2"))[0] == "more", shape
        assert known.text_of(padded(shape, b"more", b"kT3")) == ("", b""), shape


BLANKS = st.sampled_from([b"", b"", b"", b" ", b"  "])
SAID = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["word", "more words", ',"usage":null', '"obfuscation":"k"', "a trial, which no model says", ""]
)
MEMBERS = (
    b'"id":"c"',
    b'"usage":null',
    b'"usage" : null',
    b'"obfuscation":%p',
    b'"x":{"obfuscation":"k","usage":null}',
    b'"choices":[{"index":0,"delta":{"content":%b},"finish_reason":null}]',
)


@st.composite
def hidden_streams(draw: st.DrawFn) -> list[bytes]:
    """Chunks of one form or two, with text and padding of all kinds."""
    forms = []
    for _ in range(draw(st.integers(1, 2))):
        members = draw(
            st.permutations([MEMBERS[-1], *draw(st.lists(st.sampled_from(MEMBERS[:-1]), max_size=4))])
        )
        comma, colon = draw(BLANKS) + b"," + draw(BLANKS), b":" + draw(BLANKS)
        forms.append(b"{" + comma.join(each.replace(b":%", colon + b"%") for each in members) + b"}")
    pieces = [STARTS[0]]
    for _ in range(draw(st.integers(3, 10))):
        text, padding = draw(SAID), draw(st.text("kT2vXw9Q", max_size=8) | SAID)
        escaped = draw(st.booleans())
        data = draw(st.sampled_from([forms[0], *forms]))
        for place, value in ((b"%p", padding), (b"%b", text)):
            data = data.replace(place, json.dumps(value, ensure_ascii=escaped).encode())
        pieces.append(b"data: " + data + b"\n\n")
    return [*pieces, END]


@given(pieces=hidden_streams(), name=st.sampled_from(["plain", "counted"]))
@settings(max_examples=400, deadline=None)
def test_whatever_hides_the_length(pieces: list[bytes], name: str) -> None:
    """Members in any order, with blanks or without, and any text: as without the short way, to the byte."""
    assert read_shortly(REQUESTS[name], pieces)[0] == read_closely(REQUESTS[name], pieces)
    assert read(REQUESTS[name], pieces)[0] == read_closely(REQUESTS[name], pieces)


def test_chunks_are_known_by_one_before_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then they aren't decoded: else these tests would show nothing."""
    text = b"data: " + DATA["text"] + b"\n\n"
    reader = OpenAIReader(REQUESTS["plain"])
    for piece in (STARTS[0], text, text):
        reader.feed(piece)
    monkeypatch.setattr(stream, "read_chunk", lambda _: pytest.fail("it was decoded"))
    for said in ("one", "two", "drei ä€😀"):
        piece = text.replace(b"word", said.encode())
        assert reader.text_of(piece) == (f"{said} ", piece)


def test_chunks_that_always_differ_are_soon_decoded_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like nothing before it is not learnt for ever."""
    learnt: list[bytes] = []
    monkeypatch.setattr(stream, "learn_chunk", lambda raw, *_, **__: learnt.append(raw))
    pieces = [b"data: " + delta(TEXT, top=b'"x":%d,' % number) + b"\n\n" for number in range(20)]
    read_shortly(REQUESTS["plain"], [*pieces, END])
    assert len(learnt) == 4


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
    "counts are overlooked": ("chunk.error or bytes(chunk.usage) not in _NO_USAGE", "chunk.error"),
    "empty counts are none": ('(b"", b"null")', '(b"", b"null", b"{}")'),
    "a null goes out": ("self._shown(event.raw), len(text)", "event.raw, len(text)"),
    "a null goes out the shorter way": ("(plain, self._shown(piece))", "(plain, piece)"),
    "a null never goes out": ("if self._hides_usage else raw\n", "\n"),
    "a name is overlooked": ("None if event.event or event.stray else", "None if event.stray else"),
    "strays are overlooked": ("None if event.event or event.stray else", "None if event.event else"),
    "an error is overlooked": ("chunk.error or bytes", "bytes"),
    "more choices pass": ("len(chunk.choices) != 1", "not chunk.choices"),
    "a refusal is overlooked": ("or delta.refusal\n", ""),
    "reasoning is overlooked": ("or delta.reasoning_content\n", ""),
    "calls are overlooked": ("or delta.tool_calls\n", ""),
    "old calls are overlooked": ("or delta.function_call\n", ""),
    "audio is overlooked": ("or delta.audio\n", ""),
    "images are overlooked": ("or delta.images\n", ""),
    "nothing was said": ("            self._filled = True\n            self._seen", "            self._seen"),
    "no choice was seen": ("            self._seen.add(0)\n", ""),
    "empty text is content": (
        "        if text:\n            events",
        "        if text is not None:\n            events",
    ),
    "the length is that of the data": (
        "self._shown(event.raw), len(text)",
        "self._shown(event.raw), len(event.raw)",
    ),
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
        for chat in (REQUESTS["counted"], REQUESTS["plain"])
        for way, start in ((read, b""), (read_shortly, STARTS[0]))
        if way(chat, [start, frame, end], reader)[0] != read_closely(chat, [start, frame, end])
    ]
    assert seen


KNOWN = {
    "what stands before is overlooked": ("not raw.startswith(self._before) or ", ""),
    "what stands between is overlooked": (" or raw[middle:second] != self._between", ""),
    "what stands between may reach behind": ("second > end or ", ""),
    "what stands behind is overlooked": (" or not raw.endswith(self._after)", ""),
    "marks pass": ("or '\"' in text or", "or"),
    "escapes pass": (' or "\\\\" in text', ""),
    "what isn't printable passes": ("not text.isprintable() or ", ""),
    "no trial is made": ("chunk.choices[0].delta.content != _TRIAL.decode()", "False"),
    "a trial that shows nothing is made": ("if _TRIAL in raw:", "if False:"),
    "marks hide": (""" and b'"' not in padding""", ""),
    "escapes hide": (' and b"\\\\" not in padding', ""),
    "what isn't printable hides": (" and padding.decode().isprintable()", ""),
    "anything hides": ("if not padding.isalnum() and not _stands_for_itself(padding):", "if False:"),
    "any string is the padding": (' and not raw[start:mark].strip(b" ")', ""),
    "the padding is the text": ("if not self._text_first:", "if False:"),
    "a null stays": ("if not self._cut_end:", "if True:"),
    "the wrong place is cut between": ("middle if part == 1 else end", "end"),
    "the wrong place is cut behind": ("middle if part == 1 else end", "middle"),
    "the last null is cut": ("enumerate(parts)", "reversed(list(enumerate(parts)))"),
    "a null is always cut": (
        "_cut_of((before, between, after)) if hides_usage else (0, 0, 0)",
        "_cut_of((before, between, after))",
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_wrong_look_at_known_chunks_is_seen(
    name: str, plant: Callable[..., types.ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for chunks that look like one before them."""
    monkeypatch.setattr(stream, "learn_chunk", plant(known_chunk, KNOWN[name]).learn_chunk)
    assert any(_differs(shape, content) for shape in SHAPES.values() for content in CONTENTS.values()) or any(
        differs_padded(shape, content, padding, chat)
        for shape in PADDED
        for content in (b"more", CONTENTS["a trial"])
        for padding in PADDINGS.values()
        for chat in (REQUESTS["plain"], REQUESTS["counted"])
    )


def _differs(shape: bytes, content: bytes) -> bool:
    first, more = (b"data: " + shape % words + b"\n\n" for words in (b"word", content))
    other = b"data: " + DATA["text of a role"] + b"\n\n"
    ended = first.replace(b"]}\n\n", b"]]\n\n")
    pieces = [STARTS[0], first, first, more, first, ended, other, END]
    return read_shortly(REQUESTS["plain"], pieces)[0] != read_closely(REQUESTS["plain"], pieces)
