"""Listening sockets that several workers have and one supervisor owns."""

import socket

import pytest

from halfopen.app.processes.sockets import close, listening
from halfopen.lab.ports import free_port


def connected(port: int, count: int) -> list[socket.socket]:
    """So many connections."""
    return [socket.create_connection(("127.0.0.1", port), timeout=2) for _ in range(count)]


def test_connections_are_spread_over_the_queues() -> None:
    """Each queue has its part, and nobody has to accept for a client to be connected."""
    port = free_port()
    groups = listening("127.0.0.1", port, 3)
    clients = connected(port, 60)
    counts = []
    for (queue,) in groups:
        count = 0
        try:
            while True:
                queue.accept()[0].close()
                count += 1
        except BlockingIOError:
            counts.append(count)
    assert sum(counts) == 60
    assert min(counts) > 0
    for each in clients:
        each.close()
    close(groups)


def test_a_second_owner_is_refused() -> None:
    """Although the first one's sockets are shared, and whichever address of the host is taken."""
    port = free_port()
    groups = listening("127.0.0.1", port, 2)
    with pytest.raises(OSError, match="in use"):
        listening("127.0.0.1", port, 2)
    close(groups)
    again = listening("127.0.0.1", port, 1)
    close(again)


def test_an_address_that_is_gone_for_a_moment_can_be_had() -> None:
    """Connections of the gateway before, in TIME_WAIT, don't keep the next one away."""
    port = free_port()
    groups = listening("127.0.0.1", port, 1)
    (client,) = connected(port, 1)
    accepted, _ = groups[0][0].accept()
    accepted.close()
    client.close()
    close(groups)
    close(listening("127.0.0.1", port, 2))
