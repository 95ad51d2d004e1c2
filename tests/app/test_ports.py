"""Free ports on the loopback address."""

import socket

import pytest

from halfopen.app import ports


def test_a_free_port_can_be_listened_on_and_is_then_taken() -> None:
    """The port is below the kernel's own range, free when given, and seen as taken once it is used."""
    port = ports.free_port()
    assert ports.LOWEST <= port <= ports.HIGHEST < 32768
    assert ports.port_is_free(port)
    with socket.create_server((ports.LOOPBACK, port)):
        assert not ports.port_is_free(port)
    assert ports.port_is_free(port)


def test_a_machine_without_a_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search is bounded."""
    monkeypatch.setattr(ports, "port_is_free", lambda port: False)
    with pytest.raises(OSError, match="no free port"):
        ports.free_port()
