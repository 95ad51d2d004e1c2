"""Embeddings through the gateway: another target only when its vectors can stand beside the first one's."""

import json
from dataclasses import replace
from typing import Any

import pytest

from halfopen.model import Capabilities

VECTOR = json.dumps(
    {
        "object": "list",
        "model": "e",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }
).encode()
FAILED = b'{"error": {"message": "The server had an error.", "type": "server_error"}}'


@pytest.mark.parametrize(
    ("spaces", "status"),
    [
        pytest.param(("a", "a"), 200, id="the same"),
        pytest.param(("a", "b"), 500, id="another"),
        pytest.param((None, None), 500, id="not known"),
    ],
)
def test_a_stand_in_has_the_same_space(play: Any, kit: Any, spaces: tuple[Any, Any], status: int) -> None:
    """The primary answers 500: a target of another vector space is not asked, and the reason is told."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(kit.answering(kit.ok(FAILED, status="500 Internal Server Error")))
        second = await stage.upstream(kit.answering(kit.ok(VECTOR)))
        gateway = await stage.gateway(first, second)
        for state, space in zip(gateway.runtime.routes["m"].states, spaces, strict=True):
            able = Capabilities(vector_space=space)
            state.target = replace(state.target, model=f"unknown-{space}", capabilities=able)
        body = json.dumps({"model": "m", "input": "Hello"}).encode()
        response = await (await stage.client(gateway)).ask(kit.post(body, path="/v1/embeddings"))
        assert response.status == status
        assert (second.requests or second.connections) == (status == 200)
        if status == 200:
            assert response.json["data"][0]["embedding"] == [0.5, 0.25]
        else:
            assert "vectors" in response.error["halfopen"]["skipped"][0]["reason"]

    play(scene)
