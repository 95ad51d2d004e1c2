"""Ports that are given to one asker only."""

import asyncio
import itertools
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from halfopen.lab import LabProvider, ports, server
from halfopen.lab.matrix import setting
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import Snapshot


def is_claimed(port: int) -> bool:
    """As others see it. It is not claimed by that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sign:
        try:
            sign.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def open_files() -> int:
    """Of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_no_port_is_given_twice() -> None:
    """Also when nobody has begun to listen on the first."""
    given = [ports.free_port() for _ in range(ports.CLAIMS_MAX)]
    assert len(set(given)) == len(given)


def test_another_process_is_not_given_it() -> None:
    """Whoever starts a server has all the time that it needs."""
    code = f"from halfopen.lab import ports; print(ports.claim({ports.free_port()}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "False\n"


def test_a_provider_takes_no_port_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it that nobody listens there yet; and others don't take the provider's."""
    claimed = ports.free_port()
    monkeypatch.setattr(server, "candidates", lambda: itertools.chain((claimed,), ports.candidates()))

    async def main() -> None:
        async with LabProvider("openai") as provider:
            assert provider.port != claimed
            assert is_claimed(provider.port)

    asyncio.run(main())


class Listener:
    """What of a gateway's server is needed here."""

    def __init__(self, *_: object) -> None:
        self.port = 0

    async def start(self, *, port: int) -> None:
        self.port = port


def test_a_judged_gateway_takes_no_port_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it may have any that a listener can have."""
    claimed, sample = ports.free_port(), random.sample
    monkeypatch.setattr(setting, "GatewayServer", Listener)
    monkeypatch.setattr(random, "sample", lambda *given: [claimed, *sample(*given)])
    listener = asyncio.run(setting.started(Snapshot(Gateway(), {}, {})))
    assert listener.port != claimed
    assert is_claimed(listener.port)


def test_claims_are_bounded() -> None:
    """The oldest is given up, so that a long run keeps no more open than a short one."""
    first = ports.free_port()
    for _ in range(ports.CLAIMS_MAX - 1):
        ports.free_port()
    assert is_claimed(first)
    before = open_files()
    ports.free_port()
    assert open_files() == before
