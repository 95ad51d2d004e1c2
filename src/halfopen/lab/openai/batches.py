"""OpenAI's batches: done as soon as they are looked at again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from halfopen.lab.exchange import LabAnswer
from halfopen.lab.openai.arrival import Arrival
from halfopen.lab.openai.files import Files, LabFile, listed
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.openai.shelf import Shelf
from halfopen.lab.shape import choice, mapping, optional, record, string

_ENDPOINTS = ("/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/embeddings", "/v1/moderations")
_LINES_MAX = 1000
_REQUEST = record(
    {
        "input_file_id": string,
        "endpoint": choice(*_ENDPOINTS),
        "completion_window": choice("24h"),
        "metadata": optional(mapping),
        "output_expires_after": mapping,
    },
    ("input_file_id", "endpoint", "completion_window"),
)
Json = dict[str, Any]
Answering = Callable[[Arrival], LabAnswer]


class Batches:
    """The batches of one simulated OpenAI."""

    def __init__(self, files: Files, answering: Answering) -> None:
        """Reads and writes `files`; each line is answered by `answering`."""
        self._files = files
        self._answering = answering
        self._shelf: Shelf[Json] = Shelf()

    def create(self, arrival: Arrival) -> LabAnswer:
        """POST /v1/batches. Raises Refusal."""
        body = arrival.body(_REQUEST)
        self._files.find(body["input_file_id"])
        batch: Json = {
            "id": f"batch_{arrival.answer_id}",
            "object": "batch",
            "endpoint": body["endpoint"],
            "errors": None,
            "input_file_id": body["input_file_id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": arrival.now,
            "expires_at": arrival.now + 86400,
            "completed_at": None,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": body.get("metadata"),
        }
        self._shelf.put(batch["id"], batch, 500)
        return arrival.json(batch)

    def listing(self, arrival: Arrival) -> LabAnswer:
        """GET /v1/batches."""
        return arrival.json(listed(list(self._shelf)))

    def one(self, arrival: Arrival, key: str) -> LabAnswer:
        """GET /v1/batches/{id} and POST /v1/batches/{id}/cancel. Raises Refusal."""
        name, _, verb = key.partition("/")
        batch = self._shelf.get(name)
        if batch is None:
            raise Refusal(f"No batch found with id '{name}'.", status=404)
        if arrival.request.method == "POST":
            if verb != "cancel" or batch["status"] != "validating":
                raise Refusal(f"Cannot cancel a batch with status '{batch['status']}'.", status=409)
            batch |= {"status": "cancelling", "cancelling_at": arrival.now}
        elif batch["status"] == "validating":
            self._complete(arrival, batch)
        return arrival.json(batch)

    def _complete(self, arrival: Arrival, batch: Json) -> None:
        file = self._files.find(batch["input_file_id"])
        lines = [line for line in file.data.splitlines() if line.strip()][:_LINES_MAX]
        written = [self._line(arrival, line, number) for number, line in enumerate(lines)]
        output = LabFile(
            f"file-{batch['id']}",
            f"{batch['id']}_output.jsonl",
            "batch_output",
            b"".join(written),
            arrival.now,
        )
        self._files.keep(output)
        batch |= {
            "status": "completed",
            "completed_at": arrival.now,
            "output_file_id": output.id,
            "request_counts": {"total": len(lines), "completed": len(lines), "failed": 0},
        }

    def _line(self, arrival: Arrival, line: bytes, number: int) -> bytes:
        custom, status, body = None, 400, b"null"
        try:
            asked: Any = msgspec.json.decode(line)
            custom, path = asked["custom_id"], asked["url"]
            request = replace(
                arrival.request, method="POST", path=path, body=msgspec.json.encode(asked["body"])
            )
            answer = self._answering(replace(arrival, request=request))
            status, body = answer.status, answer.body
        except (msgspec.DecodeError, KeyError, TypeError, Refusal):
            status = 400
        response = {
            "status_code": status,
            "request_id": f"{arrival.request_id}{number}",
            "body": msgspec.Raw(body),
        }
        value = {"id": f"batch_req_{number}", "custom_id": custom, "response": response, "error": None}
        return msgspec.json.encode(value) + b"\n"
