"""OpenAI's files: uploaded, listed, read and deleted; kept in memory within bounds."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from halfopen.lab.exchange import LabAnswer
from halfopen.lab.openai.arrival import Arrival
from halfopen.lab.openai.multipart import form_of
from halfopen.lab.openai.refusal import Refusal
from halfopen.lab.openai.shelf import Shelf

_PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")


@dataclass(frozen=True, slots=True)
class LabFile:
    """A file that was uploaded, or that a batch wrote."""

    id: str
    name: str
    purpose: str
    data: bytes
    created: int
    """Unix time in seconds."""

    @property
    def shown(self) -> dict[str, Any]:
        """The file object."""
        return {
            "object": "file",
            "id": self.id,
            "purpose": self.purpose,
            "filename": self.name,
            "bytes": len(self.data),
            "created_at": self.created,
            "expires_at": None,
            "status": "processed",
            "status_details": None,
        }


class Files:
    """The files of one simulated OpenAI."""

    def __init__(self) -> None:
        """None yet."""
        self._shelf: Shelf[LabFile] = Shelf()

    def keep(self, file: LabFile) -> None:
        """Keep a file."""
        self._shelf.put(file.id, file, len(file.data))

    def find(self, key: str) -> LabFile:
        """A file. Raises Refusal when there is none."""
        file = self._shelf.get(key)
        if file is None:
            raise Refusal(f"No such File object: {key}", status=404, param="id")
        return file

    def upload(self, arrival: Arrival) -> LabAnswer:
        """POST /v1/files. Raises Refusal."""
        form = form_of(arrival.request)
        upload, purpose = form.file("file"), form.field("purpose")
        if purpose not in _PURPOSES:
            raise Refusal(
                f"'{purpose}' is not one of {list(_PURPOSES)} - 'purpose'",
                param="purpose",
                code="invalid_value",
            )
        file = LabFile(f"file-{arrival.answer_id}", upload.name, purpose, upload.data, arrival.now)
        self.keep(file)
        return arrival.json(file.shown)

    def listing(self, arrival: Arrival) -> LabAnswer:
        """GET /v1/files."""
        query = parse_qs(arrival.request.query)
        wanted = query.get("purpose")
        data = [file.shown for file in self._shelf if wanted is None or file.purpose in wanted]
        return arrival.json(listed(data))

    def one(self, arrival: Arrival, key: str) -> LabAnswer:
        """GET /v1/files/{id}, GET /v1/files/{id}/content, DELETE /v1/files/{id}. Raises Refusal."""
        name, _, content = key.partition("/")
        file = self.find(name)
        if content == "content" and arrival.request.method == "GET":
            return arrival.whole(file.data, "application/octet-stream")
        if content:
            raise Refusal(f"Invalid URL ({arrival.request.method} {arrival.request.path})", status=404)
        if arrival.request.method == "DELETE":
            self._shelf.drop(name)
            return arrival.json({"object": "file", "id": name, "deleted": True})
        return arrival.json(file.shown)


def listed(data: list[dict[str, Any]]) -> dict[str, Any]:
    """A list that is not continued."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": False,
    }
