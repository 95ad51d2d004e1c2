"""Free ports on the loopback address."""

import secrets
import socket

LOOPBACK = "127.0.0.1"
LOWEST = 10240
"""Above the ports that people choose by hand, Halfopen's own 8500 and 8501 among them."""
HIGHEST = 32767
"""From 32768 on, the kernel takes ports for outgoing connections, so one free now may not be free soon."""
TRIES = 64


def free_port() -> int:
    """Return a port on the loopback address that nobody listens on now.

    Another process may take it before the caller does; callers that bind later must be ready for that.

    Raises:
        OSError: No free port was found in a bounded number of tries.
    """
    for _ in range(TRIES):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST + 1)
        if port_is_free(port):
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST} in {TRIES} tries")


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections that ended a moment ago must not make the port look taken; servers set this as well.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True
