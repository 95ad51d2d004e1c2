"""A gateway that is its own provider is refused, however its address is written."""

from typing import Any

import pytest

from halfopen.rollout import Configured, Refused, configure
from halfopen.rollout.address import leads_to

ROUTE = '\n[routes.r]\ntargets = ["x/m"]\n'


def found(base_url: str, gateway: str = "") -> list[str]:
    """Problems of a provider with this address."""
    outcome: Any = configure(
        f'{gateway}\n[providers.x]\ndialect = "openai"\nkey = "k"\nbase_url = "{base_url}"{ROUTE}', {}
    )
    return [str(problem) for problem in outcome.problems] if isinstance(outcome, Refused) else []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "[::1]"])
def test_every_name_of_this_machine_is_known(host: str) -> None:
    """The problem says what would happen and what to do."""
    (problem,) = found(f"http://{host}:8500/v1")
    assert "providers.x.base_url" in problem
    assert "gateway's own address, port 8500" in problem
    assert "circle" in problem


@pytest.mark.parametrize(
    ("gateway", "base_url", "refused"),
    [
        pytest.param("[gateway]\nport = 9000", "http://127.0.0.1:9000/v1", True, id="its port"),
        pytest.param("[gateway]\nport = 9000", "http://127.0.0.1:8500/v1", False, id="the port it left"),
        pytest.param('[gateway]\nhost = "0.0.0.0"', "http://127.0.0.1:8500/v1", True, id="on all addresses"),
        pytest.param('[gateway]\nhost = "::"', "http://localhost:8500/v1", True, id="on all of IPv6"),
        pytest.param('[gateway]\nhost = "127.0.0.1"', "http://127.0.0.1:11434/v1", False, id="a neighbour"),
    ],
)
def test_the_gateways_own_settings_count(gateway: str, base_url: str, refused: bool) -> None:
    """A local server on another port is an ordinary provider."""
    assert any("circle" in problem for problem in found(base_url, gateway)) is refused


def test_another_provider_beside_does_not_matter() -> None:
    """Only the one that leads back is blamed."""
    outcome = configure(
        '[providers.x]\ndialect = "openai"\nkey = "k"\nbase_url = "http://127.0.0.1:8000/v1"' + ROUTE, {}
    )
    assert isinstance(outcome, Configured)


@pytest.mark.parametrize(
    ("url", "host", "port", "expected"),
    [
        pytest.param("http://10.0.0.5:8500/v1", "10.0.0.5", 8500, True, id="an address of its own"),
        pytest.param("http://10.0.0.5:8500/v1", "127.0.0.1", 8500, False, id="another machine"),
        pytest.param("https://localhost/v1", "127.0.0.1", 443, True, id="https by default"),
        pytest.param("http://localhost/v1", "127.0.0.1", 80, True, id="http by default"),
        pytest.param("http://localhost/v1", "127.0.0.1", 8500, False, id="not that port"),
    ],
)
def test_an_address_is_compared_by_host_and_port(url: str, host: str, port: int, expected: bool) -> None:
    """Ports that are not written are those of the scheme."""
    assert leads_to(url, host, port) is expected
