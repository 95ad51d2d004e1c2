"""Requests to a chat and back to Anthropic: what both dialects have keeps its meaning."""

import itertools
import json

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.model import Capabilities, Target
from halfopen.providers.anthropic import ANTHROPIC
from halfopen.providers.anthropic.openai_to_anthropic import translate

TARGET = Target("claude", "claude-3-opus", "anthropic", Capabilities(prefill=True))
"""A model that takes temperature and top_p together, and goes on with a beginning."""

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    str.strip
)
VALUES = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS | st.none() | st.booleans()
TEXTS = WORDS.map(lambda each: {"type": "text", "text": each})
IMAGES = st.sampled_from(
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
    ]
)
USER = (WORDS | st.lists(TEXTS | IMAGES, min_size=1, max_size=3)).map(
    lambda each: [{"role": "user", "content": each}]
)
IDS = st.text("abcXYZ019_-", min_size=1, max_size=8)
TOOLS = ("get_weather", "look-up")


@st.composite
def exchanges(draw):
    """An assistant's turn, with the results of its calls."""
    ids = draw(st.lists(IDS, max_size=3, unique=True))
    content = draw(st.lists(TEXTS, min_size=0 if ids else 1, max_size=1))
    inputs = [draw(st.dictionaries(WORDS, VALUES, max_size=2)) for _ in ids]
    uses = [
        {"type": "tool_use", "id": each, "name": draw(st.sampled_from(TOOLS)), "input": given}
        for each, given in zip(ids, inputs, strict=True)
    ]
    results = [
        {
            "type": "tool_result",
            "tool_use_id": each,
            "content": draw(WORDS | st.lists(TEXTS, min_size=1, max_size=1)),
        }
        for each in ids
    ]
    after = draw(st.lists(TEXTS | IMAGES, min_size=0 if ids else 1, max_size=2))
    return [{"role": "assistant", "content": content + uses}, {"role": "user", "content": results + after}]


def unique_ids(turns):
    seen = [
        block["id"]
        for turn in turns
        for block in turn["content"]
        if isinstance(block, dict) and "id" in block
    ]
    return len(seen) == len(set(seen))


TURNS = (
    st.tuples(USER, st.lists(exchanges(), max_size=3))
    .map(lambda both: [*both[0], *itertools.chain.from_iterable(both[1])])
    .filter(unique_ids)
)
OPTIONS = st.fixed_dictionaries(
    {"max_tokens": st.integers(1, 8192)},
    optional={
        "system": WORDS | st.lists(TEXTS, min_size=1, max_size=2),
        "temperature": st.floats(0, 1),
        "stop_sequences": st.lists(WORDS, min_size=1, max_size=4),
        "stream": st.booleans(),
        "metadata": st.just({"user_id": "user-1a2b"}),
        "tool_choice": st.sampled_from(
            [
                {"type": "auto"},
                {"type": "any"},
                {"type": "none"},
                {"type": "tool", "name": "look-up"},
                {"type": "auto", "disable_parallel_tool_use": True},
            ]
        ),
    },
)
DEFINED = [
    {"name": name, "description": f"Does {name}", "input_schema": {"type": "object", "properties": {"a": {}}}}
    for name in TOOLS
]


def normal(request):
    """What a request means, whichever of the ways to say it was chosen."""
    meant = dict(request)
    if isinstance(meant.get("system"), str):
        meant["system"] = [{"type": "text", "text": meant["system"]}]
    meant["messages"] = [
        {"role": turn["role"], "content": list(map(block, blocks(turn["content"])))}
        for turn in meant["messages"]
    ]
    if meant.get("temperature") == 1:
        del meant["temperature"]
    if meant.get("tool_choice") == {"type": "auto"}:
        del meant["tool_choice"]
    if meant.get("stream") is False:
        del meant["stream"]
    return meant


def blocks(content):
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def block(each):
    if each["type"] == "tool_result" and isinstance(each["content"], list):
        return {**each, "content": "".join(part["text"] for part in each["content"])}
    return each


@settings(max_examples=300, deadline=None)
@given(TURNS, OPTIONS)
def test_requests_come_back_with_their_meaning(lab, turns, options) -> None:
    """Text, images, tools, results, choice, stops, limit and temperature survive the way there and back."""
    request = {"messages": turns, "tools": DEFINED, **options}
    chat = lab.parse(**request)
    assert chat.native_only is None
    assert chat.dropped == ()
    assert ANTHROPIC.unfit(chat, TARGET) is None
    back = json.loads(msgspec.json.encode(translate(chat, TARGET)))
    assert back.pop("model") == TARGET.model
    assert normal(back) == normal(json.loads(json.dumps(request)))
