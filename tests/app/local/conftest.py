"""One event loop and one running model for the tests of a module."""

import asyncio
from collections.abc import Iterator

import pytest

from halfopen.app.local import LocalModel, LocalOptions

OPTIONS = LocalOptions(context_tokens=256, answer_tokens=32, threads=1)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def model(runner: asyncio.Runner) -> Iterator[LocalModel]:
    """The packaged model, ready."""
    model = LocalModel(OPTIONS)

    async def begin() -> bool:
        await model.start()
        return await model.ready()

    assert runner.run(begin()), model.error
    yield model
    runner.run(model.stop())
