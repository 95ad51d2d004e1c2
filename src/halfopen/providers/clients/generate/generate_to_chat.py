"""A request of generateContent as a chat completion request.

What both have is translated; what only Gemini has is a reason why no other provider can serve the
request, or, when the answer is as valid without it, a wish that is dropped and told of. A field that
nobody here has heard of may mean anything, so it is a reason, too.
"""

from collections.abc import Mapping
from typing import Any

from halfopen.providers.clients.generate.contents import Conversation
from halfopen.providers.clients.generate.generation_config import config_fields
from halfopen.providers.clients.generate.losses import Losses
from halfopen.providers.clients.generate.proto_json import BadRequestError, list_at, message_at
from halfopen.providers.clients.generate.tools import tool_fields

_TRANSLATED = frozenset(("contents", "generationConfig", "systemInstruction", "toolConfig", "tools"))
_LEFT_OUT = frozenset(("labels", "model", "serviceTier", "store"))
"""Fields about Google's books and queues, which no answer depends on; the model is in the path."""
_OWN: Mapping[str, str] = {"cachedContent": "cached content"}


def to_chat(request: Any, model: str, losses: Losses, *, stream: bool) -> dict[str, Any]:
    """Return the body of the chat completion request.

    Args:
        request: The body of the client's request as a plain value.
        model: The model that the client's path names.
        losses: Told what can't be said.
        stream: Whether the answer is to be streamed.

    Raises:
        BadRequestError: The request is not one of generateContent.
    """
    fields = message_at(request, "The request body")
    for name, value in fields.items():
        if name == "safetySettings" and value:
            losses.drop("no safety settings")
        elif name not in _TRANSLATED and name not in _LEFT_OUT and name != "safetySettings":
            losses.only_native(_OWN.get(name, f"the field {name[:40]}"))
    contents = list_at(fields.get("contents"))
    if not contents:
        raise BadRequestError("contents is empty: send at least one content.", "contents")
    conversation = Conversation(losses)
    if "systemInstruction" in fields:
        conversation.instruct(fields["systemInstruction"])
    for index, content in enumerate(contents):
        conversation.add(content, f"contents[{index}]")
    body: dict[str, Any] = {"model": model, "messages": conversation.finish()}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    body |= tool_fields(fields, losses)
    return body | config_fields(fields.get("generationConfig"), losses)
