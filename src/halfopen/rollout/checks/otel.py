"""Where a receiver of OpenTelemetry is, and that its headers can be filled in."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import UNSET

from halfopen.rollout import reference
from halfopen.rollout.host import is_host
from halfopen.rollout.place import Path
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Otel

_PATH: Path = ("otel", "endpoint")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def check_otel(otel: Otel, environ: Mapping[str, str], findings: Findings) -> None:
    """Refuse an address that can't be used, and headers that nobody could send."""
    if otel.endpoint is UNSET:
        return
    if not findings.blamed(_PATH) and not _usable(otel.endpoint):
        findings.add(_PATH, "is no address of a receiver", "http://127.0.0.1:4318, without /v1/traces")
    for name, value in otel.headers.items():
        path = ("otel", "headers", name)
        if findings.blamed(path):
            continue
        missing = [each for each in reference.names(value) if not environ.get(each, "").strip()]
        if not _NAME.fullmatch(name) or not value.isprintable() or not value.isascii():
            findings.add(path, "is no header that can be sent", "letters, digits and dashes; a line of ASCII")
        elif reference.malformed(value):
            findings.add(path, "is no reference to an environment variable", f'{name} = "${{OTEL_TOKEN}}"')
        elif missing:
            findings.add(
                path, f"the environment variable {missing[0]} is not set", f"export {missing[0]}=..."
            )


def _usable(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        return False
