"""Ends what may hang, in a thread of its own and in bounded time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress


async def end_within(most_s: float, end: Callable[[], object]) -> None:
    """Run what ends something in a thread, and wait for at most `most_s` seconds."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def run() -> None:
        end()
        with suppress(RuntimeError):  # the loop may be gone
            loop.call_soon_threadsafe(ended.set)

    # Not in the default executor, whose threads would be waited for.
    loop.run_in_executor(ThreadPoolExecutor(1), run)
    with suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            await ended.wait()
