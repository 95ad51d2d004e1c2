"""Servers that speak OpenAI's dialect their own way."""

import json
import re
from dataclasses import fields, replace

import pytest

from halfopen.model import Capabilities
from halfopen.providers import FLAVOURS, OPENAI, dialect_of
from halfopen.providers.compatible import Compatible, Flavour, recognise


@pytest.mark.parametrize("flavour", FLAVOURS.values(), ids=list(FLAVOURS))
def test_flavours_are_plausible(flavour: Flavour) -> None:
    """Every flavour has a source, an address that is recognised or none, and lacks what exists."""
    assert flavour.source.startswith("https://")
    assert flavour.lacks <= {field.name for field in fields(Capabilities)}
    assert not flavour.refuses & flavour.drops
    if flavour.hosts and flavour.base_url:
        assert recognise(flavour.base_url) is flavour


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("http://127.0.0.1:11434/v1", "ollama"),
        ("http://gpu-box:11434/v1", "ollama"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://me.openai.azure.com/openai/v1", "azure"),
        ("https://API.MISTRAL.AI/v1", "mistral"),
        ("https://api.openai.com/v1", None),
        ("http://127.0.0.1:8000/v1", None),
        ("http://evil-api.groq.com.example/v1", None),
        ("http://[::1", None),
        ("http://x:99999999/v1", None),
        ("", None),
    ],
)
def test_recognise(base_url: str, name: str | None) -> None:
    """An address tells the flavour only where it is certain."""
    flavour = recognise(base_url)
    assert (flavour.name if flavour else None) == name


def test_dialect_of() -> None:
    """The configured flavour counts first, then the address, and OpenAI's own dialect is plain."""
    assert dialect_of("openai") is OPENAI
    assert dialect_of("openai", None, "https://api.openai.com/v1") is OPENAI
    assert dialect_of("openai", "vllm", "http://127.0.0.1:11434/v1") == Compatible(FLAVOURS["vllm"])
    assert dialect_of("openai", None, "http://127.0.0.1:11434/v1") == Compatible(FLAVOURS["ollama"])
    assert dialect_of("anthropic").name == "anthropic"
    assert dialect_of("openai", "ollama").default_base_url == "http://127.0.0.1:11434/v1"


def test_what_is_known_there_passes_unchanged(make_chat, make_target) -> None:
    """A request without special fields is sent as it came."""
    chat = make_chat(temperature=0, tools=[{"type": "function"}])
    for flavour in FLAVOURS.values():
        assert Compatible(flavour).call(chat, make_target("gpt-4o-mini"), None).body is chat.body


def test_fields_are_renamed_and_dropped(make_chat, make_target) -> None:
    """Mistral's names are used, and what it refuses but doesn't matter is left out."""
    chat = make_chat(
        seed=7, max_completion_tokens=9, stream=True, stream_options={"include_usage": True}, user="me"
    )
    body = json.loads(Compatible(FLAVOURS["mistral"]).call(chat, make_target("mistral-small"), "k").body)
    assert body == {
        "model": "mistral-small",
        "messages": [{"role": "user", "content": "Hi"}],
        "random_seed": 7,
        "max_tokens": 9,
        "stream": True,
    }


@pytest.mark.parametrize("flavour", ["mistral", "groq"])
def test_refused_fields_that_ask_for_nothing_are_left_out(make_chat, make_target, flavour: str) -> None:
    """A server that refuses the mere name of a field doesn't get it with a value that asks for nothing."""
    chat = make_chat(logprobs=False, top_logprobs=None, logit_bias={}, temperature=0)
    dialect = Compatible(FLAVOURS[flavour])
    assert dialect.unfit(chat, make_target("m")) is None
    assert json.loads(dialect.call(chat, make_target("m"), None).body).keys() == {
        "model", "messages", "temperature",
    }  # fmt: skip


def test_a_field_by_both_names_is_sent_once(make_chat, make_target) -> None:
    """A request with the old and the new name keeps the one that the server knows."""
    chat = make_chat(max_tokens=5, max_completion_tokens=9)
    body = Compatible(FLAVOURS["ollama"]).call(chat, make_target("llama3"), None).body
    assert json.loads(body)["max_tokens"] == 5
    assert body.count(b"max_tokens") == 1
    assert b"max_completion_tokens" not in body


def test_keys(make_chat, make_target) -> None:
    """Azure takes the key bare in a header of its own; the others take a bearer token."""
    azure = Compatible(FLAVOURS["azure"]).call(make_chat(), make_target("my-deployment"), "k")
    assert ("api-key", "k") in azure.headers
    assert "authorization" not in dict(azure.headers)
    assert ("authorization", "Bearer k") in Compatible(FLAVOURS["groq"]).call(
        make_chat(), make_target("x"), "k"
    ).headers
    assert "authorization" not in dict(
        Compatible(FLAVOURS["ollama"]).call(make_chat(), make_target("x"), None).headers
    )


@pytest.mark.parametrize(
    ("flavour", "request_fields", "reason"),
    [
        ("ollama", {"n": 2}, "one choice only (n > 1 asked)"),
        ("ollama", {"logit_bias": {"1": 2}}, "ollama takes no logit_bias"),
        ("ollama", {"seed": 1, "logprobs": True}, None),
        ("groq", {"logprobs": True}, "no logprobs"),
        (
            "groq",
            {"messages": [{"role": "user", "content": "Hi", "name": "ann"}]},
            "groq takes no name in a message",
        ),
        ("groq", {"messages": [{"role": "user", "content": 'my "name" is'}]}, None),
        ("deepseek", {"response_format": {"type": "json_schema"}}, "no JSON-schema output"),
        ("deepseek", {"response_format": {"type": "json_object"}}, None),
        ("mistral", {"functions": [{"name": "f"}]}, "mistral takes no functions"),
        ("vllm", {"seed": 1, "n": 2, "logprobs": True, "logit_bias": {"1": 2}}, None),
    ],
)
def test_unfit(make_chat, make_target, flavour, request_fields, reason) -> None:
    """What a server would refuse or ignore is a reason to pass it over."""
    target = make_target("some-model")
    target = replace(target, capabilities=FLAVOURS[flavour].narrowed(target.capabilities))
    assert Compatible(FLAVOURS[flavour]).unfit(make_chat(**request_fields), target) == reason


def test_a_stand_in_is_not_sent_what_it_refuses_by_name(make_chat, make_target) -> None:
    """A deployment of a reasoning model gets nothing that asks for nothing and brings a 400."""
    azure, target = Compatible(FLAVOURS["azure"]), make_target("o3")
    chat = make_chat(temperature=1, parallel_tool_calls=True, stop=[])
    assert azure.unfit(chat, target) is None
    assert azure.adapted(chat, target) == ()
    assert json.loads(azure.call(chat, target, "k").body).keys() == {"model", "messages"}
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    single = make_chat(parallel_tool_calls=False, tools=[tool])
    assert azure.unfit(single, target) == "parallel tool calls can't be turned off"


CALL = {"type": "function", "function": {"name": "f", "arguments": '{"n": 12345678901234567890123}'}}


def conversation(*ids):
    calls = [{"id": each, **CALL} for each in ids]
    results = [{"role": "tool", "tool_call_id": each, "content": "r"} for each in ids]
    said = {"role": "assistant", "content": None, "tool_calls": calls}
    return [{"role": "user", "content": "Hi"}, said, *results]


def ids_in(body):
    messages = json.loads(body)["messages"]
    calls = [call["id"] for message in messages for call in message.get("tool_calls") or ()]
    return calls, [message["tool_call_id"] for message in messages if message["role"] == "tool"]


def test_mistral_gets_ids_that_it_takes(make_chat, make_target) -> None:
    """Calls of other servers go to Mistral with nine letters or digits, the same in call and result."""
    given = ("call_0fypS1hVX", "toolu_01A", "functions.f:0", "0", "", "abcdefghijkl", "Abc123xyZ", "é")
    chat, target = make_chat(messages=conversation(*given)), make_target("mistral-large-latest")
    mistral = Compatible(FLAVOURS["mistral"])
    body = mistral.call(chat, target, "k").body
    calls, results = ids_in(body)
    assert calls == results
    assert len(set(calls)) == len(given)
    assert all(re.fullmatch("[a-zA-Z0-9]{9}", each) for each in calls)
    assert calls[6] == "Abc123xyZ"
    assert mistral.call(chat, target, "k").body == body
    assert b"12345678901234567890123" in body


def test_ids_stay_the_same_from_turn_to_turn(make_chat, make_target) -> None:
    """A call's id is made of its own id alone, so the beginning of a conversation keeps its bytes."""
    target, mistral = make_target("mistral-large-latest"), Compatible(FLAVOURS["mistral"])
    short, long = (
        ids_in(mistral.call(make_chat(messages=turns), target, "k").body)[0]
        for turns in (conversation("call_a"), conversation("call_a") + conversation("call_b"))
    )
    assert long[:1] == short


@pytest.mark.parametrize(
    ("flavour", "messages"),
    [
        pytest.param("vllm", conversation("call_a"), id="another server"),
        pytest.param("mistral", conversation("Abc123xyZ"), id="its own ids"),
        pytest.param("mistral", [{"role": "user", "content": '"tool_call"'}], id="the mere word"),
        pytest.param("mistral", [{"role": "assistant", "tool_calls": 5, "tool_call_id": 5}], id="no calls"),
        pytest.param("mistral", [{"role": "assistant", "tool_calls": [{"id": None}]}], id="no id"),
    ],
)
def test_a_conversation_without_foreign_ids_passes_as_it_is(
    make_chat, make_target, flavour, messages
) -> None:
    """Where no id has to change, the body is the client's, byte for byte."""
    chat = make_chat(messages=messages)
    assert Compatible(FLAVOURS[flavour]).call(chat, make_target("gpt-4o-mini"), "k").body is chat.body
