"""OpenAI's Responses endpoint, with the responses that it keeps."""

from dataclasses import dataclass
from typing import Any

from halfopen.lab.exchange import LabAnswer
from halfopen.lab.openai.arrival import Arrival, check_exists
from halfopen.lab.openai.files import listed
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.openai.response_reading import items_of, response_question
from halfopen.lab.openai.response_rendering import completed, output_of, response, stream
from halfopen.lab.openai.response_shapes import REQUEST, response_worded
from halfopen.lab.openai.shelf import Shelf
from halfopen.lab.question import compose

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A response that can be asked for again or gone on from."""

    response: Json
    items: tuple[Json, ...]
    """The conversation before it."""

    @property
    def conversation(self) -> list[Json]:
        """The whole conversation."""
        return [*self.items, *self.response["output"]]


class Responses:
    """The responses of one simulated OpenAI."""

    def __init__(self) -> None:
        """None yet."""
        self._shelf: Shelf[Kept] = Shelf()

    def create(self, arrival: Arrival) -> LabAnswer:
        """POST /v1/responses. Raises Refusal."""
        body = arrival.body(REQUEST, response_worded)
        check_exists(body["model"])
        items = [self._resolved(item) for item in [*self._before(body), *items_of(body)]]
        size_bytes = len(arrival.request.body)
        asked = response_question(body, items, size_bytes, restarts=arrival.request.restarts)
        draft = compose(asked)[0]
        begun = response(body, arrival.answer_id, arrival.now)
        output = output_of(asked, draft, arrival.answer_id)
        end = completed(begun, asked, draft, output)
        if begun["store"]:
            self._shelf.put(end["id"], Kept(end, tuple(items)), size_bytes)
        if asked.stream:
            obfuscated = (body.get("stream_options") or {}).get("include_obfuscation") is not False
            return arrival.stream(stream(begun, asked, draft, output, obfuscated=obfuscated))
        return arrival.json(end)

    def _before(self, body: Json) -> list[Json]:
        """The conversation that the request goes on from."""
        previous = body.get("previous_response_id")
        if body.get("conversation") is not None:
            if previous is not None:
                raise Refusal(
                    "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure you "
                    "are only providing one of them.",
                    code="mutually_exclusive_parameters",
                )
            given = body["conversation"]
            name = given if isinstance(given, str) else given.get("id")
            raise Refusal(f"Conversation with id '{name}' not found.", status=404)
        if previous is None:
            return []
        kept = self._shelf.get(previous)
        if kept is None:
            raise Refusal(
                f"Previous response with id '{previous}' not found.",
                param="previous_response_id",
                code="previous_response_not_found",
            )
        return kept.conversation

    def _resolved(self, item: Json) -> Json:
        """The item that a reference means."""
        if item["type"] != "item_reference":
            return item
        for kept in self._shelf:
            for each in kept.response["output"]:
                if each["id"] == item["id"]:
                    found: Json = each
                    return found
        raise Refusal(f"Item with id '{item['id']}' not found.", status=404, param="input")

    def one(self, arrival: Arrival, key: str) -> LabAnswer:
        """GET and DELETE /v1/responses/{id}, GET …/input_items, POST …/cancel. Raises Refusal."""
        name, _, noun = key.partition("/")
        method = arrival.request.method
        kept = self._shelf.get(name)
        if kept is None:
            raise Refusal(f"Response with id '{name}' not found.", status=404)
        if (method, noun) == ("GET", ""):
            return arrival.json(kept.response)
        if (method, noun) == ("DELETE", ""):
            self._shelf.drop(name)
            return arrival.json({"id": name, "object": "response", "deleted": True})
        if (method, noun) == ("GET", "input_items"):
            items = [{"id": f"msg_{place}{name}", **item} for place, item in enumerate(kept.items)]
            return arrival.json(listed(items[::-1]))
        if (method, noun) == ("POST", "cancel"):
            raise Refusal("Cannot cancel a synchronous response.")
        raise Refusal(f"Invalid URL ({method} {arrival.request.path})", status=404)
