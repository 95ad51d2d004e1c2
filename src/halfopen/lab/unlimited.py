"""`python -m halfopen.lab.unlimited PACE_S`: a simulated OpenAI that tells of no rate limits, as a process.

For load: the gateway paces its calls to the limits that the usual simulated provider tells of. Prints its
port as JSON, and serves until SIGTERM or until nobody holds the other end of its standard input.
"""

import asyncio
import json
import signal
import sys
from dataclasses import replace

import uvloop

from halfopen.lab.exchange import LabAnswer, LabRequest
from halfopen.lab.openai.endpoint import OpenAI
from halfopen.lab.server import LabProvider


class Unlimited(OpenAI):
    """Answers as the simulated OpenAI does, but for the headers on rate limits."""

    def answer(self, request: LabRequest, request_id: str, now: float) -> LabAnswer:
        """Answer one request."""
        answer = super().answer(request, request_id, now)
        headers = tuple((name, value) for name, value in answer.headers if "ratelimit" not in name)
        return replace(answer, headers=headers)


async def serve(pace_s: float) -> None:
    """Serve until told to stop. `pace_s`: between two events of a stream."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_reader(sys.stdin.fileno(), stopped.set)
    provider = LabProvider("openai", pace_s=pace_s, calls_max=1)
    provider.vendor = Unlimited()
    async with provider:
        sys.stdout.write(json.dumps({"port": provider.port}) + "\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))
