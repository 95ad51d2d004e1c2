"""Everything that `halfopen run` runs."""

from dataclasses import replace

import msgspec
import openai
import pytest
import uvloop

from halfopen.app.configuration import load
from halfopen.app.local import LocalOptions
from halfopen.app.processes.local_models import watched
from halfopen.app.service import running
from halfopen.cli.run import _announce
from halfopen.lab.ports import free_port


@pytest.fixture
def loaded(tmp_path):
    """What a newcomer has: no file and no key, here on a free port."""
    found = load(None, {}, directory=tmp_path)
    gateway = msgspec.structs.replace(found.snapshot.gateway, port=free_port())
    return replace(found, snapshot=replace(found.snapshot, gateway=gateway))


def test_without_keys_the_lab_answers_and_says_so(loaded):
    """A newcomer gets an answer, marked as simulated; with OpenAI broken, from the next vendor."""

    async def scene():
        told = []
        async with running(loaded, told.append, lambda text: None) as service:
            base_url = f"http://127.0.0.1:{service.server.port}/v1"
            async with openai.AsyncOpenAI(base_url=base_url, api_key="x", max_retries=0) as client:
                ask = client.chat.completions.with_raw_response.create
                question = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
                healthy = await ask(**question)
                service.lab["openai"].set_fault("openai_500_server_error")
                rescued = await ask(**question)
        return healthy, rescued, told

    healthy, rescued, told = uvloop.run(scene())
    assert "simulated" in healthy.headers["x-halfopen-lab"]
    assert healthy.headers["x-halfopen-upstream"] == "openai/gpt-4o-mini"
    assert rescued.headers["x-halfopen-upstream"].startswith("claude/")
    assert rescued.headers["x-halfopen-attempts"] == "2"
    assert [len(outcome.attempts) for outcome in told] == [1, 2]


def test_a_taken_port_is_an_error(loaded):
    """Nothing half started stays behind when the address can't be had."""

    async def scene():
        async with running(loaded, lambda outcome: None, lambda text: None):
            with pytest.raises(OSError, match="in use"):
                async with running(loaded, lambda outcome: None, lambda text: None):
                    pass

    uvloop.run(scene())


def test_what_a_stand_in_does_not_follow_is_said(loaded):
    """A wish that another vendor's model can't follow is named in a header; without one there is none."""

    async def scene():
        async with running(loaded, lambda outcome: None, lambda text: None) as service:
            service.lab["openai"].set_fault("openai_500_server_error")
            base_url = f"http://127.0.0.1:{service.server.port}/v1"
            async with openai.AsyncOpenAI(base_url=base_url, api_key="x", max_retries=0) as client:
                ask = client.chat.completions.with_raw_response.create
                question = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
                return await ask(**question, seed=7), await ask(**question)

    wishing, plain = uvloop.run(scene())
    assert wishing.headers["x-halfopen-upstream"].startswith("claude/")
    assert wishing.headers["x-halfopen-adapted"] == "seed has no effect"
    assert "x-halfopen-adapted" not in plain.headers


def test_a_local_model_that_fails_is_announced(tmp_path, capfd):
    """A last resort that isn't there is no surprise on the day it is needed."""

    async def scene():
        model = watched(
            "spare",
            LocalOptions(gguf=str(tmp_path / "none.gguf")),
            lambda text: _announce(text, as_json=False),
        )
        await model.start()
        assert not await model.ready()
        await model.stop()

    uvloop.run(scene())
    said = capfd.readouterr().err
    assert said.startswith("local model spare: failed: ")
    assert "none.gguf" in said
