"""Builds replies and the faults they decode to."""

import json
from collections.abc import Callable

import pytest

from halfopen import errors
from halfopen.model import Fault, Reply


def as_bytes(body: object) -> bytes:
    """Bytes as they are, text as UTF-8, anything else as JSON."""
    if isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body)).encode()


@pytest.fixture
def fault_of() -> Callable[..., Fault]:
    """Decode a failed reply; fails the test when it decodes to no fault."""

    def build(
        status: int | None,
        body: object = b"",
        headers: tuple[tuple[str, str], ...] = (),
        dialect: str | None = None,
        wall_s: float | None = None,
    ) -> Fault:
        fault = errors.decode(Reply(status, headers, as_bytes(body), dialect=dialect), wall_s)
        assert fault is not None, f"status {status} with {body!r} is no fault"
        return fault

    return build


@pytest.fixture
def decoded() -> Callable[..., Fault | None]:
    """Decode a reply."""

    def build(
        status: int | None, body: object = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> Fault | None:
        return errors.decode(Reply(status, headers, as_bytes(body)))

    return build
