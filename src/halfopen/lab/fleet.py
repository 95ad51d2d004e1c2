"""The three simulated providers together."""

from collections.abc import Mapping
from typing import Self

from halfopen.lab.fault import ALL_DIALECTS
from halfopen.lab.server import LabProvider


class Lab:
    """Simulated OpenAI, Anthropic and Gemini, each on its own port."""

    def __init__(self, ports: Mapping[str, int] | None = None, *, pace_s: float = 0.0) -> None:
        """Makes them; a dialect without a port gets a free one when it starts."""
        wanted = ports or {}
        self.providers = {
            dialect: LabProvider(dialect, wanted.get(dialect), pace_s=pace_s) for dialect in ALL_DIALECTS
        }
        for provider in self.providers.values():
            provider.siblings = self.providers

    def __getitem__(self, dialect: str) -> LabProvider:
        """The provider of a dialect."""
        return self.providers[dialect]

    async def start(self) -> None:
        """Start all, or none. Raises OSError when a port is taken."""
        try:
            for provider in self.providers.values():
                await provider.start()
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop all."""
        for provider in self.providers.values():
            await provider.stop()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()
