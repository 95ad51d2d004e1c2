"""A model that is asked to go on with a cut answer does so, and the whole proves itself."""

import zlib

import pytest

from halfopen.lab import continued_text, expected_text, is_whole, repeated_words
from halfopen.providers.continuation import MARK

PROMPT = "What is the weather?"
WHOLE = expected_text("openai", "gpt-4o-mini", PROMPT)
CUT = "Lab answer from openai/gpt-4o-mini to: What is the weather?. one two thr"
REST = "ee four five"


def said_by(dialect: str, answer) -> str:
    if dialect == "openai":
        return answer["choices"][0]["message"]["content"]
    if dialect == "anthropic":
        return "".join(block["text"] for block in answer["content"])
    return answer["candidates"][0]["content"]["parts"][0]["text"]


@pytest.mark.parametrize("end", range(len(WHOLE) + 1))
def test_any_beginning_is_gone_on_with_to_a_whole_answer(end):
    """Cut anywhere, also inside a word or the mark: beginning and continuation prove themselves whole."""
    beginning = WHOLE[:end]
    rest = continued_text("anthropic", "claude-haiku-4-5", PROMPT, beginning)
    assert is_whole(beginning + rest)
    assert (rest == "") is (beginning == WHOLE)


@pytest.mark.parametrize(
    "beginning",
    ["Hello, I am", "Once upon a time.\n", "  ", "one two", f"{WHOLE} and more", "ends with a bracket ["],
    ids=["foreign", "line", "blank", "counting", "after-a-mark", "bracket"],
)
def test_a_foreign_beginning_is_gone_on_with_as_well(beginning):
    """What the lab did not write itself is continued all the same."""
    rest = continued_text("gemini", "gemini-2.5-flash", PROMPT, beginning)
    assert is_whole(beginning + rest)
    assert not (beginning[-1].isspace() and rest[0].isspace())


def test_a_loss_or_a_repetition_at_the_seam_shows():
    """A seam that loses, adds or repeats a character is not whole."""
    rest = continued_text("anthropic", "m", PROMPT, CUT)
    assert rest.startswith(f"{REST} ")
    assert "Continued by anthropic/m." in rest
    assert not is_whole(CUT[:-1] + rest)
    assert not is_whole(f"{CUT} {rest}")
    assert not is_whole(CUT + rest[1:])
    assert not is_whole(CUT + CUT[-3:] + rest)


def test_a_continuation_that_was_cut_is_gone_on_with_once_more():
    """A third model goes on where the second stopped."""
    second = continued_text("anthropic", "m", PROMPT, CUT)
    beginning = CUT + second[: len(second) // 2]
    assert is_whole(beginning + continued_text("gemini", "g", PROMPT, beginning))


@pytest.mark.parametrize(
    ("dialect", "model"),
    [
        ("anthropic", "claude-haiku-4-5"),
        ("anthropic", "claude-3-5-sonnet-20241022"),
        ("gemini", "gemini-2.5-pro"),
    ],
)
def test_by_prefill_the_reply_is_the_continuation(dialect, model, with_lab, chat_request):
    """A conversation that ends with the model's own words is gone on with."""
    path, body = chat_request(dialect, PROMPT, model=model)
    if dialect == "gemini":
        body["contents"].append({"role": "model", "parts": [{"text": CUT}]})
    else:
        body["messages"].append({"role": "assistant", "content": CUT})
    seen = with_lab(dialect, lambda _, wire: wire.call("POST", path, body))
    assert said_by(dialect, seen.json) == continued_text(dialect, model, PROMPT, CUT)


@pytest.mark.parametrize(
    "model",
    [
        "claude-opus-4-6",
        "claude-sonnet-4-6",
        "claude-opus-4-8",
        "claude-sonnet-5",
        "claude-haiku-5-5",
        "claude-fable-5-1",
    ],
)
def test_newer_claude_models_refuse_a_prefill(model, with_lab, chat_request):
    """From 4.6 on the conversation must end with a user message."""
    path, body = chat_request("anthropic", PROMPT, model=model)
    body["messages"].append({"role": "assistant", "content": CUT})
    seen = with_lab("anthropic", lambda _, wire: wire.call("POST", path, body))
    assert (seen.status, seen.json["error"]["type"]) == (400, "invalid_request_error")
    assert "does not support assistant message prefill" in seen.json["error"]["message"]


def test_a_whole_prefill_is_answered_with_nothing(with_lab, chat_request):
    """Nothing is left to be said: no content, and a proper end."""
    path, body = chat_request("anthropic", PROMPT)
    body["messages"].append({"role": "assistant", "content": WHOLE})
    answer = with_lab("anthropic", lambda _, wire: wire.call("POST", path, body)).json
    assert (answer["content"], answer["stop_reason"]) == ([], "end_turn")


def test_openai_does_not_go_on_with_an_assistant_message(with_lab, chat_request):
    """OpenAI has no prefill: the model answers anew."""
    path, body = chat_request("openai", PROMPT)
    body["messages"].append({"role": "assistant", "content": CUT})
    answer = with_lab("openai", lambda _, wire: wire.call("POST", path, body)).json
    assert said_by("openai", answer) == expected_text("openai", "gpt-4o-mini", PROMPT)


def told(dialect: str, path: str, body, beginning: str):
    if dialect == "gemini":
        body["contents"] += [
            {"role": "model", "parts": [{"text": beginning}]},
            {"role": "user", "parts": [{"text": f"{MARK} Go on."}]},
        ]
    else:
        body["messages"] += [
            {"role": "assistant", "content": beginning},
            {"role": "user", "content": f"{MARK} Go on."},
        ]
    return path, body


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("prompt", [f"Question {number}" for number in range(8)])
def test_by_instruction_the_reply_repeats_a_few_words(dialect, prompt, with_lab, chat_request, models):
    """None to five of the last words come again, as the prompt decides, and then what comes next."""
    path, body = told(dialect, *chat_request(dialect, prompt), CUT)
    seen = with_lab(dialect, lambda _, wire: wire.call("POST", path, body))
    repeated = repeated_words(prompt, CUT)
    assert said_by(dialect, seen.json) == repeated + continued_text(dialect, models[dialect], prompt, CUT)
    assert len(repeated.split()) == zlib.crc32(prompt.encode()) % 6
    assert CUT.endswith(repeated)


def test_every_count_of_repeated_words_occurs():
    """Over some prompts there are all counts from none to five."""
    counts = {len(repeated_words(f"Question {number}", CUT).split()) for number in range(40)}
    assert counts == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
def test_a_model_may_begin_anew(dialect, with_lab, chat_request, models):
    """With `continuation_restarts` the whole beginning comes again before what comes next."""
    path, body = told(dialect, *chat_request(dialect, PROMPT), CUT)

    async def play(provider, wire):
        assert provider.continuation_restarts
        return await wire.call("POST", path, body)

    seen = with_lab(dialect, play, continuation_restarts=True)
    assert said_by(dialect, seen.json) == CUT + continued_text(dialect, models[dialect], PROMPT, CUT)


def test_restarting_changes_nothing_else(with_lab):
    """Other requests are answered as ever."""
    seen = with_lab("openai", lambda _, wire: wire.chat(PROMPT), continuation_restarts=True)
    assert said_by("openai", seen.json) == WHOLE
