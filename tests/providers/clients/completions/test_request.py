"""Reading completion requests, and what they mean as chats."""

import pytest

from halfopen.model import Fault, Kind
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat


def test_a_prompt_is_a_user_message(make) -> None:
    """Every field that both APIs have keeps its value; the limit takes the newer name."""
    chat = make(
        max_tokens=9, temperature=0.5, top_p=0.9, stop=["\n"], n=2, seed=4, user="me",
        presence_penalty=0.1, frequency_penalty=0.2, logit_bias={"50256": -100},
    )  # fmt: skip
    assert chat.deep == {
        "model": "gpt-3.5-turbo-instruct",
        "messages": [{"role": "user", "content": "Once upon"}],
        "temperature": 0.5, "top_p": 0.9, "stop": ["\n"], "n": 2, "seed": 4, "user": "me",
        "presence_penalty": 0.1, "frequency_penalty": 0.2, "logit_bias": {"50256": -100},
        "max_completion_tokens": 9,
    }  # fmt: skip
    assert (chat.stream, chat.include_usage, chat.native_only) == (False, True, None)
    assert chat.dropped == ("prompt sent as a chat message",)
    assert isinstance(parse_chat(chat.body), Chat)


def test_a_stream_asks_for_usage(make) -> None:
    """The hub always wants the counts; the origin keeps what the client wanted."""
    chat = make(stream=True, stream_options={"include_usage": False})
    assert chat.stream
    assert chat.deep["stream_options"] == {"include_usage": True}
    assert chat.origin.include_usage is False
    assert make(stream=True, stream_options={"include_usage": True}).origin.include_usage is True


def test_the_origin_is_the_request_byte_for_byte(parse) -> None:
    """What the client sent is kept for a server that speaks its dialect."""
    raw = b'{ "prompt":["Hi"], "model" : "m","max_tokens":1.50 }'
    chat = parse(raw)
    assert chat.origin.body is raw
    assert chat.deep["messages"] == [{"role": "user", "content": "Hi"}]
    assert bytes(chat.fields["max_completion_tokens"]) == b"1.50"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({}, None, id="plain"),
        pytest.param({"prompt": ["one"]}, None, id="list of one"),
        pytest.param({"prompt": ["a", "b"]}, "no lists of prompts", id="two prompts"),
        pytest.param({"prompt": [1, 2, 3]}, "no prompts of tokens", id="tokens"),
        pytest.param({"prompt": [[1], [2]]}, "no lists of prompts", id="lists of tokens"),
        pytest.param({"prompt": [[1, 2]]}, "no prompts of tokens", id="list of one list of tokens"),
        pytest.param({"prompt": ""}, "no empty prompt", id="empty"),
        pytest.param({"echo": True}, "no echo", id="echo"),
        pytest.param({"echo": False}, None, id="echo off"),
        pytest.param({"suffix": "end"}, "no suffix", id="suffix"),
        pytest.param({"suffix": ""}, None, id="empty suffix"),
        pytest.param({"best_of": 3}, "no best_of", id="best_of"),
        pytest.param({"best_of": 1}, None, id="best_of one"),
        pytest.param({"best_of": 2, "n": 2}, None, id="best_of as many as n"),
        pytest.param({"logprobs": 0}, "no logprobs of a completion", id="logprobs 0"),
        pytest.param({"logprobs": 5}, "no logprobs of a completion", id="logprobs"),
        pytest.param({"logprobs": None}, None, id="logprobs null"),
    ],
)
def test_what_no_chat_can_do(make, fields, reason) -> None:
    """It is for a server of completions only, and says why."""
    assert make(**fields).native_only == reason


def test_fields_of_one_kind_of_server_are_told(make) -> None:
    """What no chat has is named as lost; odd names and what asks for nothing are not."""
    chat = make(min_p=0.1, guided_regex="x", top_k=3, ignore_eos=False, **{"x y\r\n": 1})
    assert chat.dropped == ("prompt sent as a chat message", "no min_p", "no guided_regex")
    assert chat.deep["top_k"] == 3


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"[]", "JSON object with model and prompt", id="list"),
        pytest.param(b'{"model":"m","prompt":"Hi"', "cut", id="cut"),
        pytest.param(b'{"model":"m","prompt":"Hi"} x', "Something follows", id="trailing"),
        pytest.param(b'\xef\xbb\xbf{"model":"m"}', "byte order mark", id="bom"),
        pytest.param(b'{"model":"m","prompt":"\xff"}', "UTF-8", id="not utf-8"),
        pytest.param(b'{"prompt":"Hi"}', "model is missing", id="no model"),
        pytest.param(b'{"model":1,"prompt":"Hi"}', "model must be a string", id="model"),
        pytest.param(b'{"model":"","prompt":"Hi"}', "model is empty", id="empty model"),
        pytest.param(b'{"model":"m"}', "prompt is missing", id="no prompt"),
        pytest.param(b'{"model":"m","prompt":7}', "prompt must be", id="number"),
        pytest.param(b'{"model":"m","prompt":[]}', "prompt must be", id="no prompts"),
        pytest.param(b'{"model":"m","prompt":["a",1]}', "prompt must be", id="mixed"),
        pytest.param(b'{"model":"m","prompt":[true]}', "prompt must be", id="booleans"),
        pytest.param(b'{"model":"m","prompt":"Hi","stream":1}', "stream must be", id="stream"),
        pytest.param(
            b'{"model":"m","prompt":"Hi","x":' + b"[" * 300 + b"]" * 300 + b"}", "nested", id="deep"
        ),
        pytest.param(b'{"model":"m","x":' + b"[" * 100_000, "", id="bottomless"),
    ],
)
def test_a_bad_request_says_what_is_wrong(parse, raw, words) -> None:
    """It is a fault of the client's, in its words, and nothing raises."""
    fault = parse(raw)
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.INVALID_REQUEST
    assert words in fault.message


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5000], ids=["inf", "-inf", "long"])
@pytest.mark.parametrize("field", ["n", "best_of", "logprobs", "max_tokens", "stream_options", "suffix"])
def test_odd_numbers_never_raise(parse, field, number) -> None:
    """A number that is valid JSON but no double is passed on like any other."""
    chat = parse(b'{"model":"m","prompt":"Hi","%s":%s}' % (field.encode(), number))
    assert isinstance(chat, Chat)
    assert chat.deep["model"] == "m"
