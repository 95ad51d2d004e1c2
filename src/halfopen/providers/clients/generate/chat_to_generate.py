"""A whole chat completion as a GenerateContentResponse.

What has no exact counterpart follows these rules, in streams as well:

- Reasoning content: parts with `thought` before the text, if the client set `includeThoughts`; else it
  is left out, as Gemini does unasked.
- Thought signatures, which only a Gemini target gives: `thoughtSignature` of the part.
- Citations (`annotations` with a URL): `citationMetadata.citationSources`, with positions in whole
  answers only. Grounding is Gemini's own: it passes in native answers only.
- A refusal: a text part with its words, and finishReason SAFETY.
- Log-probabilities: `logprobsResult` and `avgLogprobs`, without bytes.
- Parallel calls: a functionCall part each, in their order, each with its id.
- A call with no arguments: empty `args`. Arguments that are no JSON object can't be `args`: there is no
  part, the finishReason is MALFORMED_FUNCTION_CALL, which is Google's own word for it, and finishMessage
  has what the model wrote.
- n > 1: a candidate each, by its index.
- Finish reasons: tool_calls is STOP, length is MAX_TOKENS, content_filter is SAFETY, and one that nobody
  knows is OTHER.
"""

from typing import Any

import msgspec

from halfopen.model import Usage
from halfopen.providers.ask import plain_value
from halfopen.providers.chat import Chat
from halfopen.providers.clients.generate.finish import finish_reason
from halfopen.providers.clients.generate.logprobs import logprobs_result, tokens_of, total_of
from halfopen.providers.clients.generate.parts import Call, Part, malformed_message, said_parts, whole_call
from halfopen.providers.clients.generate.request import GenerateAsk
from halfopen.providers.clients.generate.usage import usage_metadata
from halfopen.providers.contract import Answer


def render(chat: Chat, answer: Answer) -> bytes:
    """Make the body of the answer. The completion has been judged; what is odd in it is passed over."""
    completion = plain_value(answer.body)
    return msgspec.json.encode(response_of(completion, answer.usage, thoughts=wants_thoughts(chat)))


def wants_thoughts(chat: Chat) -> bool:
    """Whether the client asked to see thoughts."""
    return isinstance(chat.origin, GenerateAsk) and chat.origin.thoughts


def response_id(identity: Any, otherwise: str) -> str:
    """The id of an answer: the upstream's without OpenAI's prefix, or another."""
    return (identity.removeprefix("chatcmpl-") if isinstance(identity, str) else "") or otherwise


def response_of(completion: dict[str, Any], usage: Usage | None, *, thoughts: bool) -> dict[str, Any]:
    """Translate a chat completion."""
    choices = completion.get("choices")
    response: dict[str, Any] = {
        "candidates": [
            _candidate(choice, place, thoughts=thoughts)
            for place, choice in enumerate(choices if isinstance(choices, list) else ())
            if isinstance(choice, dict)
        ]
    }
    if usage is not None:
        response["usageMetadata"] = usage_metadata(usage)
    if isinstance(model := completion.get("model"), str) and model:
        response["modelVersion"] = model
    if identity := response_id(completion.get("id"), ""):
        response["responseId"] = identity
    return response


def _candidate(choice: dict[str, Any], place: int, *, thoughts: bool) -> dict[str, Any]:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    parts = said_parts(message, thoughts=thoughts)
    bad: Call | None = None
    for call in calls_of(message):
        if (part := call.part()) is not None:
            parts.append(part)
        else:
            bad = bad or call
    reason = choice.get("finish_reason")
    refused = bool(message.get("refusal"))
    index = choice.get("index")
    candidate: dict[str, Any] = {
        "content": {"parts": parts or [{"text": ""}], "role": "model"},
        "finishReason": finish_reason(
            reason if isinstance(reason, str) else "", refused=refused, malformed=bad is not None
        ),
        "index": index if isinstance(index, int) else place,
    }
    if bad is not None:
        candidate["finishMessage"] = malformed_message(bad)
    if sources := citation_sources(message.get("annotations"), answer_text(parts)):
        candidate["citationMetadata"] = {"citationSources": sources}
    if tokens := tokens_of(choice.get("logprobs")):
        candidate["avgLogprobs"] = total_of(tokens) / len(tokens)
        candidate["logprobsResult"] = logprobs_result(tokens)
    return candidate


def calls_of(message: dict[str, Any]) -> list[Call]:
    """The whole tool calls of a message."""
    calls = message.get("tool_calls")
    return [whole_call(each) for each in (calls if isinstance(calls, list) else ())]


def answer_text(parts: list[Part]) -> str:
    """The text of an answer, without thoughts."""
    return "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))


def citation_sources(annotations: Any, text: str | None) -> list[dict[str, Any]]:
    """Web pages that an answer cites.

    Args:
        annotations: Of an OpenAI message; their positions count characters.
        text: The text that they are about, in which Gemini counts bytes; None: positions are left out.
    """
    sources = []
    for each in annotations if isinstance(annotations, list) else ():
        cited = each.get("url_citation") if isinstance(each, dict) else None
        uri = cited.get("url") if isinstance(cited, dict) else None
        if not isinstance(cited, dict) or not isinstance(uri, str):
            continue
        source: dict[str, Any] = {"uri": uri}
        if isinstance(title := cited.get("title"), str):
            source["title"] = title
        start, end = cited.get("start_index"), cited.get("end_index")
        if text is not None and isinstance(start, int) and isinstance(end, int) and 0 <= start <= end:
            source["startIndex"] = len(text[:start].encode())
            source["endIndex"] = len(text[:end].encode())
        sources.append(source)
    return sources
