"""The last resort is real: with the primary at 500 a local model answers through the gateway."""

import asyncio
import itertools
import random
from contextlib import asynccontextmanager

import openai
import pytest

from halfopen.app.clock import SystemClock
from halfopen.app.local import LocalModel, LocalOptions
from halfopen.app.local.options import capabilities
from halfopen.gateway.runtime import Surroundings
from halfopen.gateway.server import GatewayServer
from halfopen.lab import LabProvider, free_port
from halfopen.lab.matrix.setting import spec_of, target_of
from halfopen.model import Target
from halfopen.policy import JourneyOptions
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

OPTIONS = LocalOptions(context_tokens=256, answer_tokens=32, threads=1)
ROUTE = "gpt-4o-mini"
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]
TIMES = JourneyOptions(deadline_s=90, attempt_s=60, first_token_s=60, stall_s=60, min_tokens_s=0)


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def model(runner):
    """The packaged model, ready."""
    model = LocalModel(OPTIONS)

    async def begin():
        await model.start()
        return await model.ready()

    assert runner.run(begin()), model.error
    yield model
    runner.run(model.stop())


@asynccontextmanager
async def gateway(primary, model):
    """A gateway whose last target is the model."""
    local = ProviderSpec("local", "openai", model.base_url, key="${LOCAL_KEY}")
    target = Target("local", OPTIONS.model_name, "openai", capabilities(OPTIONS))
    route = RouteSpec(ROUTE, (target_of(primary), target), TIMES)
    snapshot = Snapshot(Gateway(), {"openai": spec_of(primary), "local": local}, {ROUTE: route})
    numbers = itertools.count(1)
    outcomes = []
    surroundings = Surroundings(
        SystemClock(), random.random, lambda: f"ho-test-{next(numbers)}", outcomes.append
    )
    server = GatewayServer(snapshot, {"LAB_KEY": "lab", "LOCAL_KEY": model.key}, surroundings)
    await server.start(port=free_port())
    try:
        base_url = f"http://127.0.0.1:{server.port}/v1"
        async with openai.AsyncOpenAI(base_url=base_url, api_key="lab", timeout=90) as client:
            yield client, outcomes
    finally:
        await server.stop()


def played(runner, model, question):
    """What `question` saw, with the primary at 500; and what the gateway and the primary saw."""

    async def play():
        async with LabProvider("openai") as primary:
            primary.set_fault("openai_500_server_error")
            async with gateway(primary, model) as (client, outcomes):
                seen = await question(client)
            return seen, outcomes, primary.met

    return runner.run(play())


def test_a_plain_chat_is_answered_by_the_local_model(runner, model):
    """The official client gets a whole answer with a finish reason and token counts."""

    async def question(client):
        raw = await client.chat.completions.with_raw_response.create(
            model=ROUTE, messages=MESSAGES, max_tokens=16
        )
        return raw.headers, raw.parse()

    (headers, answer), outcomes, met = played(runner, model, question)
    assert met == 1
    assert headers["x-halfopen-upstream"] == f"local/{OPTIONS.model_name}"
    assert headers["x-halfopen-attempts"] == "2"
    assert (answer.choices[0].message.content or "").strip()
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert 0 < answer.usage.completion_tokens <= 16
    assert [outcome.served_by for outcome in outcomes] == [f"local/{OPTIONS.model_name}"]


def test_a_streamed_chat_is_answered_by_the_local_model(runner, model):
    """The same piece by piece, with one finish reason and the counts that were asked for."""

    async def question(client):
        stream = await client.chat.completions.create(
            model=ROUTE,
            messages=MESSAGES,
            max_tokens=16,
            stream=True,
            stream_options={"include_usage": True},
        )
        return [chunk async for chunk in stream]

    chunks, outcomes, met = played(runner, model, question)
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert met == 1
    assert len([choice for choice in choices if choice.delta.content]) > 1
    assert "".join(choice.delta.content or "" for choice in choices).strip()
    assert [choice.finish_reason for choice in choices if choice.finish_reason] in (["stop"], ["length"])
    assert chunks[-1].usage is not None
    assert [outcome.served_by for outcome in outcomes] == [f"local/{OPTIONS.model_name}"]
