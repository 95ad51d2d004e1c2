"""The fields that tell how much is asked are found in the first pass over a body, and as they stand in it."""

import dataclasses
import json
import re
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.gateway import demand
from halfopen.gateway.notes import Sender
from halfopen.model import Fault
from halfopen.providers import Chat, chat_request, fitness, parse_chat
from halfopen.providers.chat_shape import MARKED
from halfopen.providers.openai import dialect

START = b'{"model":"m","messages":[{"role":"user","content":"hello"}]'
VALUES = st.sampled_from(
    [
        b"null",
        b"0",
        b"1",
        b"-1",
        b"1e999",
        b"0.50",
        b"1" * 5000,
        b"true",
        b"false",
        b'""',
        b'"auto"',
        b'"\\u00e4 \xc3\xa4"',
        b"[]",
        b"{}",
        b' [ 1 , "n" ] ',
        b'{"n":7,"tools":[]}',
        b'[{"type":"function","function":{"name":"tools","parameters":{"stop":null}}}]',
        b'{"model":"other","stream":true}',
    ]
)
NAMES = st.one_of(
    st.sampled_from(MARKED),
    st.sampled_from(
        ["user", "metadata", "messages2", "N", "n ", "stream_options", "max_token", "toolset", ""]
    ),
)


def found(parsed: Any) -> dict[str, bytes]:
    assert isinstance(parsed, Chat)
    return {name: bytes(raw) for name, raw in parsed.marked.items()}


def told(body: bytes) -> dict[str, bytes]:
    """The same, read by somebody else: of two fields with one name the last counts."""
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return {name: bytes(raw) for name, raw in fields.items() if name in MARKED}


def escaped(draw: st.DrawFn, name: str) -> bytes:
    """The name as JSON, perhaps with an escape."""
    if name and draw(st.integers(0, 7)) == 0:
        return json.dumps(name)[:-2].encode() + b"\\u%04x" % ord(name[-1]) + b'"'
    return json.dumps(name).encode()


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    fields = [(b'"model"', b'"m"'), (b'"messages"', b'[{"role":"user","content":"n","tools":[]}]')]
    for name in draw(st.lists(NAMES, max_size=8)):
        fields += [(escaped(draw, name), draw(VALUES))] * draw(st.sampled_from([1, 1, 1, 2]))
        if draw(st.booleans()):
            fields.append((escaped(draw, name), draw(VALUES)))
    fields = draw(st.permutations(fields))
    blank = draw(st.sampled_from([b"", b" ", b"\n\t"]))
    return (
        b"{"
        + (b"," + blank).join(name + blank + b":" + blank + value for name, value in fields)
        + blank
        + b"}"
    )


@given(body=bodies())
@settings(max_examples=600, deadline=None)
def test_marked_is_what_the_fields_say(body: bytes) -> None:
    """Names, values to the byte, and of two with one name the last."""
    parsed = parse_chat(body)
    if isinstance(parsed, Fault):  # `stream_options` must be an object
        assert "stream_options" in parsed.message
        return
    fields = {name: bytes(raw) for name, raw in parsed.fields.items() if name in MARKED}
    assert found(parsed) == fields == told(body)


@given(body=bodies())
@settings(max_examples=200, deadline=None)
def test_a_chat_that_was_made_otherwise_has_the_same(body: bytes) -> None:
    """Made by a translation or copied, it finds them by itself; in another body it finds others."""
    parsed = parse_chat(body)
    if isinstance(parsed, Fault):
        return
    assert found(Chat(body, "m", False)) == found(parsed)
    other = START + b',"n":3}'
    assert found(dataclasses.replace(parsed, body=other)) == {"n": b"3"}


@pytest.mark.parametrize("name", MARKED)
def test_each_is_found(name: str) -> None:
    """By itself, null or not, and not within another field."""
    for value in (b"null", b"7", b'{"a":[1]}'):
        assert found(parse_chat(START + b',"%b":%b}' % (name.encode(), value))) == {name: value}
    inside = b',"metadata":{"%b":7},"user":"%b"}' % (name.encode(), name.encode())
    assert found(parse_chat(START + inside)) == {}


@pytest.mark.parametrize(
    "end", [b"", b"}", b',"n":}', b',"n":1', b',"n":"a', b',"n":[1}', b',"n":tru}', b',"n":01}']
)
def test_a_broken_field_is_refused(end: bytes) -> None:
    """What isn't looked into must be JSON all the same."""
    body = START + end
    whole = end == b"}"
    assert isinstance(parse_chat(body), Chat if whole else Fault)


@pytest.mark.parametrize("depth", [150, 250, 100_000])
def test_a_deep_field(depth: int) -> None:
    """A field that isn't looked into is bounded in its nesting, too."""
    parsed = parse_chat(START + b',"tools":' + b"[" * depth + b"]" * depth + b"}")
    assert isinstance(parsed, Chat if depth == 150 else Fault)


def test_a_field_that_is_no_text() -> None:
    """Invalid UTF-8 in a field that isn't looked into is refused."""
    assert isinstance(parse_chat(START + b',"stop":"\xff"}'), Fault)


def asked_for(module: types.ModuleType) -> set[str]:
    """The names by which a module asks `marked` for a field, in its source."""
    source = Path(str(module.__file__)).read_text()
    return set(re.findall(r'"(\w+)" (?:not )?in \w+\.marked', source)) | set(
        re.findall(r'\.marked(?:\.get\(|\[)"(\w+)"', source)
    )


def test_whoever_reads_them_finds_them() -> None:
    """What a rule of fitness looks at, and what a request is counted by, is among them."""
    assert set(fitness._RULES) <= set(MARKED)
    assert {*demand._OUTPUT_LIMITS, "n", "service_tier"} <= set(MARKED)
    assert "service_tier" in asked_for(demand)
    for module in (demand, fitness, dialect):
        assert asked_for(module) <= set(MARKED)
    assert len(set(MARKED)) == len(MARKED)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
@pytest.mark.parametrize("n", [b"", b',"n":3', b',"n":null', b',"n":1,"n":2'])
def test_what_is_asked_counts(name: str, n: bytes) -> None:
    """The demand of a request is that of its last limit, times its last number of choices."""
    parsed = parse_chat(START + b',"%b":9,"%b":11%b}' % (name.encode(), name.encode(), n))
    assert isinstance(parsed, Chat)
    counted = demand.demand_of(Sender(), parsed).output_tokens
    times = json.loads(b'{"_":0%b}' % n).get("n") or 1
    assert counted == 11 * times


PLANTED = {
    "one name is missing": (
        "enumerate(MARKED):",
        'enumerate(MARKED):\n            if name == "seed":\n                continue',
    ),
    "null is not there": ("if raw:", 'if raw and bytes(raw) != b"null":'),
    "they are in another order": (
        "structs.astuple(shallow)[FIELDS_BEFORE:]",
        "structs.astuple(shallow)[FIELDS_BEFORE:][::-1]",
    ),
    "all of them are there": ("if raw:", "if True:"),
    "there are none": ("if values != UNMARKED", "if values == UNMARKED"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_seen(name: str, plant: Callable[..., types.ModuleType]) -> None:
    """These checks would not pass if the first pass were wrong."""
    wrong = plant(chat_request, PLANTED[name])
    bodies = [
        START + b"}",
        START + b',"n":null,"seed":1}',
        START + b',"tools":[],"top_p":1}',
    ]
    assert any(
        {key: bytes(raw) for key, raw in wrong.parse_chat(body).marked.items()} != told(body)
        for body in bodies
    )
