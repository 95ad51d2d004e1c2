"""A relayed request keeps what its client wrote, but for the client's key."""

import pytest

from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.relay import RELAY, Relayed


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        pytest.param("", "/responses/resp_1", id="none"),
        pytest.param("include[]=a&include[]=b", "/responses/resp_1?include[]=a&include[]=b", id="an array"),
        pytest.param(
            "include%5B%5D=a&include%5B%5D=b&limit=3",
            "/responses/resp_1?include%5B%5D=a&include%5B%5D=b&limit=3",
            id="an encoded array",
        ),
        pytest.param("a=x+y%20z&b=&c", "/responses/resp_1?a=x+y%20z&b=&c", id="as it is encoded"),
        pytest.param("key=s&a=1&api_key=s&%6Bey=s", "/responses/resp_1?a=1", id="keys"),
        pytest.param("key=s", "/responses/resp_1", id="nothing but a key"),
        pytest.param("a=\xe9 \r\n#", "/responses/resp_1?a=%E9%20%0D%0A%23", id="what no query may hold"),
        pytest.param("a=\u20ac", "/responses/resp_1?a=?", id="what no request can hold"),
    ],
)
def test_query(raw: str, path: str) -> None:
    """The query passes as it came, without what was meant for us."""
    ask = RELAY.parse(ClientRequest("/v1/responses/resp_1", {}, {}, b"", "GET", raw))
    assert isinstance(ask, Relayed)
    assert ask.path == path
