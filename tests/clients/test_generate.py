"""The google-genai client's generate_content and generate_content_stream, with each provider behind the gateway."""

import asyncio
import base64

import pydantic
import pytest
from google import genai
from google.genai import errors, types

from halfopen.lab import is_whole
from halfopen.lab.vector import vector
from halfopen.providers import CHAT
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.clients.responses import RESPONSES

feature = pytest.mark.feature
PROMPT = "What is the weather in Berlin?"
USE = "Use the tool for the weather in Berlin"
ARGUMENTS = {"city": "lab text", "days": 7}
IMAGE_URL = "https://images.example.com/sky.png"
NOTICED = (KeyError, ValueError, UserWarning, pydantic.ValidationError, errors.APIError)
"""How an application trips over a wrong answer, but for what every test does."""
STOP, LENGTH = types.FinishReason.STOP, types.FinishReason.MAX_TOKENS
THOUGHTS = "The user asks about"
NO_TLS = {"verify": False, "trust_env": False}


@pytest.fixture
def gemini(stage, genai_at):
    return genai_at(stage)


def configured(**more):
    by_hand = types.AutomaticFunctionCallingConfig(disable=True)
    return types.GenerateContentConfig(automatic_function_calling=by_hand, **more)


@pytest.fixture
def tools(function):
    def declared(names):
        found = [
            types.FunctionDeclaration(**function(name, schema="parameters_json_schema")) for name in names
        ]
        return [types.Tool(function_declarations=found)]

    return declared


def asked(client, model, stream, contents=PROMPT, **config):
    """The responses that come: one, or those of a stream."""
    given = {"model": model, "contents": contents, "config": configured(**config)}
    if stream:
        return list(client.models.generate_content_stream(**given))
    return [client.models.generate_content(**given)]


def parts_of(responses):
    found = [response.candidates[0].content for response in responses if response.candidates]
    return [part for content in found if content for part in content.parts or ()]


def text_of(responses):
    return "".join(part.text or "" for part in parts_of(responses) if not part.thought)


def finishes(responses):
    found = [candidate.finish_reason for response in responses for candidate in response.candidates or ()]
    return [each for each in found if each is not None]


def check_usage(usage):
    assert usage.prompt_token_count > 0
    assert usage.candidates_token_count > 0
    thoughts = usage.thoughts_token_count or 0
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count + thoughts


def check(responses, text, model, typed, stream):
    """A whole text as typed responses of one id, with one finish and usage."""
    for response in responses:
        assert type(response) is types.GenerateContentResponse
        typed(response)
    assert {response.model_version for response in responses} == {model}
    assert len({response.response_id for response in responses}) == 1
    assert responses[0].response_id
    for response in responses:
        for candidate in response.candidates or ():
            assert (candidate.index or 0) == 0
            assert candidate.content is None or candidate.content.role == "model"
    assert text_of(responses) == text
    assert is_whole(text)
    assert finishes(responses) == [STOP]
    assert responses[-1].candidates[0].finish_reason is STOP
    check_usage(responses[-1].usage_metadata)
    if stream:
        assert len(responses) > 3
    else:
        assert responses[0].text == text
        assert responses[0].function_calls is None


@feature("plain")
def test_plain(gemini, stage, provider, typed):
    """A plain answer is a whole, typed GenerateContentResponse with usage."""
    responses = asked(gemini, f"app-{provider}", False, system_instruction="Be brief.")
    check(responses, stage.text(provider, PROMPT), stage.model(provider), typed, False)


@feature("stream")
def test_stream(gemini, stage, provider, typed):
    """A stream is the same text in typed responses of one id, the last with its finish and usage."""
    responses = asked(gemini, f"app-{provider}", True)
    check(responses, stage.text(provider, PROMPT), stage.model(provider), typed, True)


@feature("async")
def test_async(stage, provider, typed):
    """The asynchronous client gets the same, plain and streamed."""
    given = {"model": f"app-{provider}", "contents": PROMPT}
    options = types.HttpOptions(base_url=stage.base_url, client_args=NO_TLS, async_client_args=NO_TLS)

    async def both():
        with genai.Client(api_key="lab", vertexai=False, http_options=options) as client:
            models = client.aio.models
            plain = await models.generate_content(**given)
            stream = [response async for response in await models.generate_content_stream(**given)]
            await client.aio.aclose()
            return plain, stream

    plain, stream = asyncio.run(both())
    text = stage.text(provider, PROMPT)
    check([plain], text, stage.model(provider), typed, False)
    check(stream, text, stage.model(provider), typed, True)


@feature("chat sessions")
def test_chat_session(gemini, stage, provider, stream):
    """The client's chat sessions carry the conversation from turn to turn."""
    chat = gemini.chats.create(model=f"app-{provider}")
    for prompt in (PROMPT, "And tomorrow?"):
        answer = list(chat.send_message_stream(prompt)) if stream else [chat.send_message(prompt)]
        assert text_of(answer) == stage.text(provider, prompt)
    roles = [content.role for content in chat.get_history(curated=True)]
    assert roles[0] == "user"
    assert roles.count("user") == 2
    assert roles[-1] == "model"


def called(client, model, stream, tools, typed):
    """The content with the calls, as it is sent back, and the calls."""
    responses = asked(client, model, stream, USE, tools=tools)
    for response in responses:
        typed(response)
    assert finishes(responses) == [STOP]
    parts = [part for part in parts_of(responses) if part.function_call]
    assert text_of(responses) == ""
    if not stream:
        assert responses[0].function_calls == [part.function_call for part in parts]
    return types.Content(role="model", parts=parts), [part.function_call for part in parts]


def history_of(content, calls, said):
    responses = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"result": said.format(call.name)}
            )
        )
        for call in calls
    ]
    question = types.Content(role="user", parts=[types.Part(text=USE)])
    return [question, content, types.Content(role="user", parts=responses)]


def told(provider, said):
    """How a result reaches the model: others get Gemini's object as JSON."""
    return said if provider == "gemini" else f'{{"result":"{said}"}}'


@feature("tools")
@pytest.mark.parametrize("names", [["weather"], ["weather", "news"]], ids=["one", "parallel"])
def test_tools(gemini, stage, provider, stream, names, typed, tools):
    """Calls come as typed parts; the answer to their responses, sent back with them, quotes them."""
    model = f"app-{provider}"
    content, calls = called(gemini, model, stream, tools(names), typed)
    assert all(isinstance(call, types.FunctionCall) for call in calls)
    assert [(call.name, call.args) for call in calls] == [(name, ARGUMENTS) for name in names]
    responses = asked(gemini, model, stream, history_of(content, calls, "{} is fine"), tools=tools(names))
    text = stage.text(provider, USE, results=[told(provider, f"{name} is fine") for name in names])
    check(responses, text, stage.model(provider), typed, stream)


def weather(city: str, days: int) -> str:
    """Tell the weather."""
    return f"{days} degrees in {city}"


@feature("tools")
def test_automatic_calls(gemini, stage, provider):
    """The client's own loop calls a Python function and sends its result back, in one call of the application."""
    config = types.GenerateContentConfig(tools=[weather])
    answer = gemini.models.generate_content(model=f"app-{provider}", contents=USE, config=config)
    roles = [content.role for content in answer.automatic_function_calling_history]
    assert roles == ["user", "model", "user"]
    result = told(provider, "7 degrees in lab text")
    assert answer.text == stage.text(provider, USE, results=[result])


@feature("tools")
def test_automatic_calls_in_a_stream(gemini, stage, provider):
    """The same loop works in a stream."""
    config = types.GenerateContentConfig(tools=[weather])
    given = {"model": f"app-{provider}", "contents": USE, "config": config}
    text = text_of(list(gemini.models.generate_content_stream(**given)))
    assert text == stage.text(provider, USE, results=[told(provider, "7 degrees in lab text")])


@feature("tools")
@pytest.mark.parametrize(
    ("mode", "allowed", "names"),
    [("ANY", None, ["weather", "news"]), ("ANY", ["news"], ["news"]), ("NONE", None, [])],
    ids=["any", "named", "none"],
)
def test_tool_choice(gemini, provider, mode, allowed, names, tools):
    """The mode of function calling is followed."""
    calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=allowed)
    (answer,) = asked(
        gemini,
        f"app-{provider}",
        False,
        USE if mode == "NONE" else PROMPT,
        tools=tools(["weather", "news"]),
        tool_config=types.ToolConfig(function_calling_config=calling),
    )
    assert [call.name for call in answer.function_calls or ()] == names


@feature("images")
@pytest.mark.parametrize("kind", ["inline", "url"])
def test_images(gemini, stage, provider, stream, kind, pixel, typed):
    """Two images are seen, inline and by address."""
    if kind == "inline":
        image = types.Part.from_bytes(data=base64.b64decode(pixel), mime_type="image/png")
    else:
        image = types.Part.from_uri(file_uri=IMAGE_URL, mime_type="image/png")
    responses = asked(gemini, f"app-{provider}", stream, [image, image, PROMPT])
    check(responses, stage.text(provider, PROMPT, images=2), stage.model(provider), typed, stream)


@feature("schema")
@pytest.mark.parametrize("name", ["response_schema", "response_json_schema"])
def test_schema(gemini, provider, stream, name, forecast):
    """A structured answer is parsed into the application's class, by the client where it can."""
    cls = type(forecast)
    schema = cls if name == "response_schema" else cls.model_json_schema()
    responses = asked(
        gemini,
        f"app-{provider}",
        stream,
        response_mime_type="application/json",
        **{name: schema},
    )
    assert cls.model_validate_json(text_of(responses)) == forecast
    assert finishes(responses) == [STOP]
    if not stream:
        assert responses[0].parsed == (forecast if name == "response_schema" else forecast.model_dump())


@feature("schema")
def test_json_mode(gemini, provider):
    """JSON without a schema gives a JSON object."""
    (answer,) = asked(gemini, f"app-{provider}", False, response_mime_type="application/json")
    assert isinstance(pydantic.TypeAdapter(dict).validate_json(answer.text), dict)


@feature("limits")
def test_length(gemini, stage, provider, stream):
    """An answer that is cut by its limit says so: finish reason MAX_TOKENS."""
    responses = asked(gemini, f"app-{provider}", stream, max_output_tokens=5)
    assert finishes(responses) == [LENGTH]
    text = text_of(responses)
    assert stage.text(provider, PROMPT).startswith(text)
    assert len(text.split()) == 5
    assert responses[-1].usage_metadata.candidates_token_count == 5


@feature("limits")
def test_stop(gemini, provider, stream):
    """A stop sequence ends the answer before it."""
    responses = asked(gemini, f"app-{provider}", stream, stop_sequences=["three", "nine"])
    assert text_of(responses).endswith("one two ")
    assert finishes(responses) == [STOP]


@feature("choices")
def test_several_candidates(gemini, stage, provider, stream):
    """Several answers come where the provider has them; else the client is told that nobody can."""
    if provider == "anthropic":
        with pytest.raises(errors.ClientError, match="one choice only") as caught:
            asked(gemini, f"app-{provider}", stream, candidate_count=2)
        assert caught.value.code == 400
        return
    texts = {0: "", 1: ""}
    for response in asked(gemini, f"app-{provider}", stream, candidate_count=2):
        for candidate in response.candidates or ():
            for part in (candidate.content.parts if candidate.content else None) or ():
                texts[candidate.index or 0] += part.text or ""
    assert texts == {number: stage.text(provider, PROMPT, choice=number) for number in (0, 1)}


@feature("reasoning")
def test_thoughts(gemini, provider, stream, typed):
    """Thoughts come as typed parts of their own, where the client asks for them and the provider shows them."""
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
    responses = asked(gemini, f"thinker-{provider}", stream, thinking_config=thinking)
    for response in responses:
        typed(response)
    thoughts = "".join(part.text or "" for part in parts_of(responses) if part.thought)
    assert is_whole(text_of(responses))
    # OpenAI shows no thoughts in chats.
    assert thoughts.startswith(THOUGHTS) == (provider != "openai")


@feature("reasoning")
def test_no_thoughts_unasked(gemini, provider, stream):
    """A client that doesn't ask for thoughts gets none."""
    thinking = types.ThinkingConfig(thinking_budget=1024)
    responses = asked(gemini, f"thinker-{provider}", stream, thinking_config=thinking)
    assert is_whole(text_of(responses))
    assert not any(part.thought for part in parts_of(responses))


@feature("headers")
def test_headers(gemini, provider, stream, target_names):
    """The headers say who answered, in how many attempts, and under which id."""
    headers = asked(gemini, f"app-{provider}", stream)[0].sdk_http_response.headers
    assert headers["x-halfopen-upstream"] == target_names[provider]
    assert headers["x-halfopen-attempts"] == "1"
    assert headers["x-halfopen-request-id"].startswith("ho-")


@feature("models")
def test_models(gemini, provider, typed):
    """The routes are listed and retrieved as typed models."""
    found = {model.name: model for model in gemini.models.list()}
    listed, retrieved = found[f"models/app-{provider}"], gemini.models.get(model=f"app-{provider}")
    assert isinstance(listed, types.Model)
    typed(listed)
    typed(retrieved)
    assert (retrieved.name, retrieved.display_name) == (listed.name, listed.display_name)
    assert "generateContent" in retrieved.supported_actions
    with pytest.raises(errors.ClientError) as caught:
        gemini.models.get(model="nobody")
    assert caught.value.code == 404


@feature("versions")
def test_the_stable_version(stage, provider):
    """The client works by /v1 as it does by /v1beta."""
    options = types.HttpOptions(base_url=stage.base_url, api_version="v1", client_args=NO_TLS)
    with genai.Client(api_key="lab", vertexai=False, http_options=options) as client:
        assert text_of(asked(client, f"app-{provider}", False)) == stage.text(provider, PROMPT)
        assert text_of(asked(client, f"app-{provider}", True)) == stage.text(provider, PROMPT)


def check_error(error, sent, code, status):
    """The members that Google's errors have, the id under which to ask, and no repetition."""
    assert (error.code, error.status) == (code, status)
    assert error.message
    info = error.details["error"]["details"][0]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["metadata"]["requestId"].startswith("ho-")
    assert len(sent.paths) == 1


@feature("errors")
def test_unknown_model(gemini, sent, stream):
    """A model without a route: ClientError NOT_FOUND, sent once."""
    with pytest.raises(errors.ClientError, match="nobody") as caught:
        asked(gemini, "nobody", stream)
    check_error(caught.value, sent, 404, "NOT_FOUND")


@feature("errors")
def test_bad_request(gemini, sent, provider, stream):
    """A request that is wrong for everybody: ClientError INVALID_ARGUMENT that names the field."""
    with pytest.raises(errors.ClientError, match="contents") as caught:
        asked(
            gemini,
            f"app-{provider}",
            stream,
            [types.Content(role="nobody", parts=[types.Part(text="Hello")])],
        )
    check_error(caught.value, sent, 400, "INVALID_ARGUMENT")


@feature("errors")
def test_refused_request(gemini, sent, provider, stream):
    """What the provider finds wrong: ClientError in its words."""
    with pytest.raises(errors.ClientError, match="temperature") as caught:
        asked(gemini, f"app-{provider}", stream, temperature=-3)
    check_error(caught.value, sent, 400, "INVALID_ARGUMENT")


@feature("errors")
def test_all_dead(dead, genai_at, sent, stream):
    """With every provider dead: ServerError with the cause, the attempts and the request's id."""
    with pytest.raises(errors.ServerError) as caught:
        asked(genai_at(dead), "app", stream)
    check_error(caught.value, sent, 500, "INTERNAL")
    attempts = caught.value.details["error"]["halfopen"]["attempts"]
    assert len({attempt["target"] for attempt in attempts}) == 2


@feature("errors")
def test_all_overloaded(overloaded, genai_at, sent, stream):
    """Other vendors' words for being overloaded become Google's."""
    with pytest.raises(errors.ServerError) as caught:
        asked(genai_at(overloaded), "app", stream)
    check_error(caught.value, sent, caught.value.code, "UNAVAILABLE")
    assert caught.value.code in (503, 529)


@feature("errors")
def test_not_served(gemini, provider):
    """What nobody but Gemini can do is refused in Google's words; what the gateway doesn't serve, too."""
    if provider != "gemini":
        for call in (gemini.models.count_tokens, gemini.models.embed_content):
            with pytest.raises(errors.ClientError, match="Gemini") as caught:
                call(model=f"app-{provider}", contents=PROMPT)
            assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    with pytest.raises(errors.ClientError) as caught:
        gemini.caches.list()
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


@feature("count")
def test_count_tokens(gemini, typed):
    """Gemini counts, and its count comes as the client's own type."""
    count = gemini.models.count_tokens(model="app-gemini", contents=PROMPT)
    assert isinstance(count, types.CountTokensResponse)
    typed(count)
    assert count.total_tokens > 0


@feature("embeddings")
def test_embeddings(gemini, typed):
    """Gemini's vectors come in the order of the texts, as the client's own types."""
    contents = [types.Content(parts=[types.Part(text=text)]) for text in (PROMPT, USE)]
    answer = gemini.models.embed_content(model="embed-gemini", contents=contents)
    assert isinstance(answer, types.EmbedContentResponse)
    typed(answer)
    assert [len(each.values) for each in answer.embeddings] == [3072, 3072]
    for text, each in zip((PROMPT, USE), answer.embeddings, strict=True):
        assert each.values == pytest.approx(vector("gemini-embedding-001", text, 3072), abs=1e-7)


@feature("errors")
def test_error_inside_a_stream(broken, genai_at, provider):
    """A stream that may not be continued ends with an error after its beginning, never as if it were whole."""
    stage = broken(provider, "stream_cut_after_content", content_events=12, after_commit="error")
    responses = []
    with pytest.raises(errors.APIError) as caught:
        responses.extend(genai_at(stage).models.generate_content_stream(model="app", contents=PROMPT))
    assert caught.value.code >= 500
    assert caught.value.message
    assert caught.value.status
    responses.clear()
    with pytest.raises(errors.APIError):  # noqa: PT012 - what came before it counts
        for response in genai_at(stage).models.generate_content_stream(model="app", contents=PROMPT):
            responses.append(response)
    assert finishes(responses) == []
    assert text_of(responses)
    assert stage.text(provider, PROMPT).startswith(text_of(responses))


@feature("failover")
def test_failover(failing, genai_at, stream, typed):
    """When the first provider answers 500, the second one's answer comes as if it were the first."""
    responses = asked(genai_at(failing.stage), "app", stream)
    check(responses, failing.text, failing.model, typed, stream)
    assert failing.asked_first()


@feature("failover")
def test_failover_with_tools(broken_call, genai_at, stream, typed, tools):
    """Calls that one provider began are made by the other, and its answer follows on the responses."""
    client = genai_at(broken_call)
    names = ["weather", "news"]
    content, calls = called(client, "app", stream, tools(names), typed)
    assert [call.name for call in calls] == names
    (answer,) = asked(client, "app", False, history_of(content, calls, "fine"), tools=tools(names))
    assert answer.text.count("fine") == 2
    assert is_whole(answer.text)


@feature("continuation")
def test_continuation(cut, genai_at, provider, typed, check_joined):
    """A stream that is cut is finished by the other provider: one text, one id, one finish, one usage."""
    responses = asked(genai_at(cut), "app", True)
    text = text_of(responses)
    check(responses, text, cut.model(provider), typed, True)
    check_joined(text)


BUGS = {
    "another reason": (rb'"finishReason": ?"STOP"', b'"finishReason":"end_turn"'),
    "no reason": (rb'"finishReason": ?"STOP"', b'"finishReason":null'),
    "another role": (rb'"role": ?"model"', b'"role":"assistant"'),
    "a word is lost": (rb" two", b""),
    "a word comes twice": (rb" two", b" two two"),
    "no usage": (rb'"usageMetadata"', b'"usage"'),
    "no sum": (rb'"totalTokenCount": ?\d+', b'"totalTokenCount":0'),
    "candidates under another name": (rb'"candidates"', b'"choices"'),
    "text under another name": (rb'"text"', b'"content"'),
    "another model": (rb'"modelVersion": ?"', b'"modelVersion":"x'),
    "no id": (rb'"responseId"', b'"id"'),
    "chat writes": CHAT,
    "messages writes": MESSAGES,
    "responses writes": RESPONSES,
}


@feature("planted bug")
@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_is_noticed(gemini, stage, provider, stream, typed, noticed, bug):
    """What a broken gateway could write fails these tests."""
    with noticed("generate", BUGS[bug], NOTICED, errors.ServerError):
        check(
            asked(gemini, f"app-{provider}", stream),
            stage.text(provider, PROMPT),
            stage.model(provider),
            typed,
            stream,
        )
