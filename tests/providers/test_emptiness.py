"""When an answer without a word is one."""

import json
from dataclasses import replace
from typing import Any

import pytest

from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.emptiness import may_be_empty

QUESTION = {"role": "user", "content": "Why?"}
INSTRUCTION = {"role": "user", "content": "Go on."}


def chat_of(*messages: dict[str, Any], continues: bool = False, **fields: Any) -> Chat:
    chat = parse_chat(json.dumps({"model": "m", "messages": list(messages), **fields}).encode())
    assert isinstance(chat, Chat)
    return replace(chat, continues=continues)


ENDS = {
    "a full stop": "All is said.",
    "a line end behind it": "All is said.\n\n",
    "a question mark": "Is it?",
    "an exclamation mark": "It is!",
    "an ellipsis": "and so on…",
    "a bracket": "All is said (by me)",
    "a quotation mark": 'He said "yes"',
    "a typographic one": "He said “yes”",
    "a French one": "Il dit « oui »",
    "emphasis": "**All is said**",
    "a code block": "```\nx = 1\n```",
    "a table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "Chinese": "说完了。",
    "Hindi": "सब कहा।",
    "Arabic": "لماذا؟",
}
OPEN = {
    "nothing": "",
    "blanks": " \n",
    "a word": "The capital of France is",
    "a number": "The answer is 4",
    "a comma": "First,",
    "a Chinese comma": "首先\uff0c",
    "a colon": "The steps are:",
    "a wide colon": "步骤\uff1a",
    "a semicolon": "this is one;",
    "a hyphen": "well-",
    "a dash": "and then —",
    "an opening bracket": "All (",
    "an opening quotation mark": 'He said "',
    "an opening typographic one": "He said “",
    "an opening emphasis": "This is **",
    "a bullet": "Two things.\n* ",
    "a slash": "either/",
    "a code block that is open": "```\nx = f()",
    "a fence that opens": "So:\n```",
    "a heading": "Said.\n\n##",
}


@pytest.mark.parametrize("text", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("last", [(), (INSTRUCTION,)], ids=["prefilled", "instructed"])
def test_a_beginning_that_reads_as_the_whole_needs_no_more(text: str, last: tuple[Any, ...]) -> None:
    """A model that adds nothing to a text that has ended has understood."""
    assert may_be_empty(chat_of(QUESTION, {"role": "assistant", "content": text}, *last, continues=True))


@pytest.mark.parametrize("text", OPEN.values(), ids=OPEN)
def test_any_other_beginning_needs_more(text: str) -> None:
    """A model that adds nothing in mid-sentence has failed: a cut text must not look finished."""
    beginning = {"role": "assistant", "content": text}
    assert not may_be_empty(chat_of(QUESTION, beginning, INSTRUCTION, continues=True))


@pytest.mark.parametrize(("text", "expected"), [("All is said.", True), ("All is", False)])
def test_a_beginning_in_parts_is_read_as_well(text: str, expected: bool) -> None:
    """Clients may have begun the message themselves, in parts; the last is what counts."""
    parts = [{"type": "text", "text": "So it is."}, {"type": "text", "text": text}]
    beginning = {"role": "assistant", "content": parts}
    assert may_be_empty(chat_of(QUESTION, beginning, INSTRUCTION, continues=True)) is expected


def test_the_last_beginning_counts() -> None:
    """An earlier answer of the conversation says nothing of this one."""
    said = {"role": "assistant", "content": "All is said."}
    begun = {"role": "assistant", "content": "And now"}
    assert not may_be_empty(chat_of(QUESTION, said, QUESTION, begun, INSTRUCTION, continues=True))


def test_a_continuation_needs_more_also_with_stop_sequences() -> None:
    """A stop sequence excuses an empty answer, not half of one."""
    begun = {"role": "assistant", "content": "The capital is"}
    assert not may_be_empty(chat_of(QUESTION, begun, INSTRUCTION, continues=True, stop=["\n"]))


@pytest.mark.parametrize("content", [None, [], [1], [{"type": "image_url"}], [{"type": "text", "text": 1}]])
def test_an_odd_beginning_is_none(content: Any) -> None:
    """Nothing raises, whatever a client has written."""
    beginning = {"role": "assistant", "content": content}
    assert not may_be_empty(chat_of(QUESTION, beginning, INSTRUCTION, continues=True))


@pytest.mark.parametrize(
    ("messages", "fields", "expected"),
    [
        pytest.param([QUESTION], {}, False, id="a question"),
        pytest.param([QUESTION], {"stop": ["x"]}, True, id="a stop sequence"),
        pytest.param([QUESTION], {"stop": []}, False, id="no stop sequence"),
        pytest.param([QUESTION, {"role": "tool", "tool_call_id": "1", "content": "3"}], {}, True, id="tool"),
        pytest.param([QUESTION, {"role": "function", "name": "f", "content": "3"}], {}, True, id="function"),
        pytest.param([{"role": "assistant", "content": "Said."}], {}, False, id="no continuation"),
    ],
)
def test_an_answer_may_be_empty_where_nothing_was_left_to_say(
    messages: list[Any], fields: dict[str, Any], expected: bool
) -> None:
    """Only where the request itself gives a reason."""
    assert may_be_empty(chat_of(*messages, **fields)) is expected
