"""What is read of a request's size, rank and history, and what is not believed."""

import base64
import json
from typing import Any

import anthropic
import openai
import pytest

from halfopen.gateway.demand import OUTPUT_TOKENS, OUTPUT_TOKENS_MAX, demand_of, sender_of
from halfopen.http1 import RequestHead
from halfopen.model import Demand, Fault, Priority
from halfopen.providers import CHAT, Ask, ClientDialect, ClientRequest
from halfopen.providers.clients.embeddings import EMBEDDINGS
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.clients.relay import RELAY
from halfopen.providers.clients.responses import RESPONSES

SECRET = b"s" * 32
SAID = [{"role": "user", "content": "hello"}]


def ask_of(body: Any, client: ClientDialect = CHAT, path: str = "/v1/chat/completions") -> Ask:
    ask = client.parse(ClientRequest(path, {}, {}, json.dumps(body).encode()))
    assert not isinstance(ask, Fault), ask
    assert isinstance(ask, Ask)
    return ask


def read(*headers: tuple[str, str], ask: Ask | None = None, secret: bytes = SECRET, **body: Any) -> Demand:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    head = RequestHead(
        method="POST", target=b"/v1/chat/completions", version="1.1", headers=raw, keep_alive=True
    )
    return demand_of(sender_of(head, secret), ask or ask_of({"model": "m", "messages": SAID, **body}))


def test_a_request_without_a_word_about_itself() -> None:
    """It is a single interactive one of a nameless caller, of about its body's size."""
    demand = read()
    body = json.dumps({"model": "m", "messages": SAID})
    assert demand == Demand(input_tokens=-(-len(body) // 4), output_tokens=OUTPUT_TOKENS)


CREDENTIALS = [
    ("authorization", "Bearer sk-proj-1234567890"),
    ("x-api-key", "sk-ant-1234567890"),
    ("x-goog-api-key", "AIza1234567890"),
]


@pytest.mark.parametrize(("name", "value"), CREDENTIALS, ids=[name for name, _ in CREDENTIALS])
def test_a_caller_is_known_by_a_hash_of_its_credential(name: str, value: str) -> None:
    """The same for the same, another for another, another in another process; never the credential."""
    caller = read((name, value)).caller
    assert len(caller) == 16
    assert int(caller, 16) >= 0
    assert caller == read(("accept", "*/*"), (name, value)).caller
    assert caller != read((name, f"{value}x")).caller
    assert caller != read((name, value), secret=b"t" * 32).caller
    assert value[-8:] not in caller


def test_a_callers_own_name_goes_before_its_credential() -> None:
    """So that many users behind one key, or one user with many keys, are told apart."""
    key = ("authorization", "Bearer sk-proj-1234567890")
    one, two = (read(key, ("x-halfopen-caller", name)).caller for name in ("one", "two"))
    assert len({one, two, read(key).caller}) == 3
    assert one == read(("x-api-key", "other"), ("x-halfopen-caller", "one")).caller


@pytest.mark.parametrize(
    ("told", "repeats"),
    [
        ("0", 0),
        ("1", 1),
        ("100", 100),
        ("101", 100),
        ("9" * 5000, 0),
        ("-1", 0),
        ("1.5", 0),
        ("²", 0),
        ("", 0),
    ],
    ids=["none", "one", "most", "more", "endless", "negative", "fraction", "superscript", "empty"],
)
def test_repeats_are_read_and_bounded(told: str, repeats: int) -> None:
    """The count of a caller's own retries; junk counts as none."""
    assert read(("x-stainless-retry-count", told)).repeats == repeats


@pytest.mark.parametrize(
    ("told", "patience_s"),
    [
        ("600", 600.0),
        ("0.5", 0.5),
        ("1e9", 86_400.0),
        ("inf", None),
        ("nan", None),
        ("0", None),
        ("-3", None),
        ("None", None),
        ("NOT_GIVEN", None),
    ],
)
def test_patience_is_read_where_it_makes_sense(told: str, patience_s: float | None) -> None:
    """Seconds above zero, at most a day; anything else is not known."""
    for name in ("x-stainless-read-timeout", "x-stainless-timeout", "x-halfopen-timeout"):
        assert read((name, told)).patience_s == patience_s


def test_a_streams_read_timeout_is_no_patience() -> None:
    """It bounds the time between two events; only our own header bounds a stream."""
    theirs, ours = ("x-stainless-read-timeout", "5"), ("x-halfopen-timeout", "7")
    assert read(theirs, stream=True).patience_s is None
    assert read(theirs, ours, stream=True).patience_s == 7.0
    assert read(theirs, ours).patience_s == 7.0


@pytest.mark.parametrize(
    ("told", "tier", "priority"),
    [
        (None, None, Priority.INTERACTIVE),
        ("bulk", None, Priority.BULK),
        (" Bulk ", None, Priority.BULK),
        ("interactive", "flex", Priority.INTERACTIVE),
        ("urgent", None, Priority.INTERACTIVE),
        ("urgent", "flex", Priority.BULK),
        (None, "flex", Priority.BULK),
        (None, "priority", Priority.INTERACTIVE),
    ],
)
def test_priority_is_told_by_header_or_by_tier(
    told: str | None, tier: str | None, priority: Priority
) -> None:
    """The header goes first; OpenAI's cheap tier is for what may wait."""
    headers = [] if told is None else [("x-halfopen-priority", told)]
    more: dict[str, Any] = {} if tier is None else {"service_tier": tier}
    assert read(*headers, **more).priority is priority


def test_flex_in_the_text_is_no_tier() -> None:
    """Only the field counts."""
    assert read(user='"flex"').priority is Priority.INTERACTIVE
    assert read(user="flex").priority is Priority.INTERACTIVE


def test_flex_is_seen_in_a_response_request() -> None:
    """In OpenAI's newer API as well."""
    body = {"model": "m", "input": "hi", "service_tier": "flex", "max_output_tokens": 77}
    demand = read(ask=ask_of(body, RESPONSES, "/v1/responses"))
    assert (demand.priority, demand.output_tokens) == (Priority.BULK, 77)


LIMITS: list[tuple[dict[str, Any], int]] = [
    ({"max_tokens": 9}, 9),
    ({"max_completion_tokens": 8, "max_tokens": 9}, 8),
    ({"max_tokens": 9, "n": 3}, 27),
    ({"max_tokens": 10**300}, OUTPUT_TOKENS_MAX),
    ({"max_tokens": "9"}, OUTPUT_TOKENS),
    ({"max_tokens": -9}, OUTPUT_TOKENS),
    ({"max_tokens": True}, OUTPUT_TOKENS),
    ({"max_tokens": None}, OUTPUT_TOKENS),
    ({"n": 2}, 2 * OUTPUT_TOKENS),
]


@pytest.mark.parametrize(("more", "tokens"), LIMITS, ids=[json.dumps(more)[:40] for more, _ in LIMITS])
def test_an_answers_size_is_the_requests_own_limit(more: dict[str, Any], tokens: int) -> None:
    """For each choice; a default without one, and never beyond all answers."""
    assert read(**more).output_tokens == tokens


def test_other_dialects_limits_count() -> None:
    """Anthropic's and Google's clients set theirs under other names."""
    messages = ask_of({"model": "m", "messages": SAID, "max_tokens": 55}, MESSAGES, "/v1/messages")
    contents = {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "generationConfig": {"maxOutputTokens": 44},
    }
    generate = ask_of(contents, GENERATE, "/v1beta/models/m:generateContent")
    assert [read(ask=each).output_tokens for each in (messages, generate)] == [55, 44]


def test_an_images_bytes_are_no_tokens() -> None:
    """A megabyte of picture costs what pictures cost, not a quarter of a million tokens."""
    url = "data:image/png;base64," + base64.b64encode(bytes(1_000_000)).decode()
    part = {"type": "image_url", "image_url": {"url": url}}
    tokens = read(
        messages=[{"role": "user", "content": [{"type": "text", "text": "x" * 400}, part]}]
    ).input_tokens
    assert 500 < tokens < 2000


def test_what_has_no_answer_in_tokens_asks_for_none() -> None:
    """Embeddings take input only; a file is no prompt at all."""
    vectors = read(ask=ask_of({"model": "m", "input": "x" * 400}, EMBEDDINGS, "/v1/embeddings"))
    assert vectors.output_tokens == 0
    assert 100 <= vectors.input_tokens < 120
    form = ClientRequest("/v1/files", {}, {"content-type": "multipart/form-data; boundary=x"}, b"\xff" * 9000)
    relayed = RELAY.parse(form)
    assert isinstance(relayed, Ask)
    assert read(ask=relayed).tokens == 0


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_the_official_clients_say_what_is_read_here(vendor: str) -> None:
    """Their headers of a retry and of their timeout, as they are sent."""
    options: Any = {"method": "post", "url": "/x", "json_data": {}}
    client: Any
    if vendor == "openai":
        from openai._models import FinalRequestOptions

        client = openai.OpenAI(api_key="x", timeout=12.0)
        built = client._build_headers(FinalRequestOptions(**options), retries_taken=2)
    else:
        from anthropic._models import FinalRequestOptions as Options

        client = anthropic.Anthropic(api_key="x", timeout=12.0)
        built = client._build_headers(Options(**options), retries_taken=2)
    demand = read(*((name.lower(), str(value)) for name, value in built.items()))
    assert (demand.repeats, demand.patience_s) == (2, 12.0)
    assert demand.caller
