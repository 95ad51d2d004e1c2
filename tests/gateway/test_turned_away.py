"""Requests that never get to a route are told of like all others."""

from typing import Any

import pytest

from halfopen.model import Kind


@pytest.mark.parametrize(
    ("body", "kind", "stream"),
    [
        pytest.param(b'{"model": broken', Kind.INVALID_REQUEST, False, id="no JSON"),
        pytest.param(b'{"model": "m"}', Kind.INVALID_REQUEST, False, id="no messages"),
        pytest.param(
            b'{"model": "mm", "messages": [{"role": "user", "content": "a"}], "stream": true}',
            Kind.UNKNOWN_MODEL,
            True,
            id="unknown model",
        ),
    ],
)
def test_what_is_turned_away_is_told(play: Any, kit: Any, body: bytes, kind: Kind, *, stream: bool) -> None:
    """Once, without a route, with who asked and how much went to and fro."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(kit.answering(kit.ok())))
        client = await stage.client(gateway)
        response = await client.ask(kit.post(body, "x-halfopen-caller: nightly batch"))
        assert response.status in (400, 404)
        (outcome,) = stage.outcomes
        assert (outcome.route, outcome.caller, outcome.attempts) == ("", "nightly batch", ())
        assert outcome.fault.kind is kind
        assert outcome.stream is stream
        assert (outcome.received_bytes, outcome.sent_bytes) == (len(body), len(response.body))

    play(scene)
