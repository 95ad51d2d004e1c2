"""Multipart forms, as OpenAI's upload endpoints take them (RFC 7578)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from halfopen.lab.exchange import LabRequest
from halfopen.lab.openai.refusal import Refusal

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))')
_NAME = re.compile(r'[;\s]name="([^"]*)"')
_FILENAME = re.compile(r'filename="([^"]*)"')
_PARTS_MAX = 64


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a form."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form's fields and files, by name."""

    fields: Mapping[str, str]
    files: Mapping[str, Upload]

    def file(self, name: str) -> Upload:
        """A file that must be there. Raises Refusal."""
        if name not in self.files:
            raise _missing(name)
        return self.files[name]

    def field(self, name: str) -> str:
        """A field that must be there. Raises Refusal."""
        if not self.fields.get(name):
            raise _missing(name)
        return self.fields[name]


def _missing(name: str) -> Refusal:
    return Refusal(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def form_of(request: LabRequest) -> Form:
    """Read a form. Raises Refusal for a body that is none."""
    content_type = request.header("content-type") or ""
    match = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or match is None:
        raise Refusal("Invalid Content-Type: expected multipart/form-data with a boundary.", status=415)
    boundary = b"\r\n--" + (match[1] or match[2]).encode("latin-1")
    opening, *parts = (b"\r\n" + request.body).split(boundary)
    if not parts or not parts[-1].startswith(b"--") or len(parts) > _PARTS_MAX:
        raise Refusal("Could not parse multipart form")
    del opening
    fields: dict[str, str] = {}
    files: dict[str, Upload] = {}
    for part in parts[:-1]:
        head, blank, data = part.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "replace")
        name, filename = _NAME.search(lines), _FILENAME.search(lines)
        if not blank or name is None:
            raise Refusal("Could not parse multipart form")
        if filename is not None:
            files[name[1]] = Upload(filename[1], data)
        else:
            fields[name[1]] = data.decode("utf-8", "replace")
    return Form(fields, files)
