"""What a model can do, and what it costs."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one model behind one provider can do. Unknown models get the defaults of their dialect."""

    context_tokens: int | None = None
    """Tokens of prompt and answer together; None: not known, so not checked."""
    output_tokens: int | None = None
    """Most tokens in one answer; None: not known."""
    tools: bool = True
    parallel_tools: bool = True
    images: bool = True
    image_urls: bool = True
    """Whether images may be given by URL (else only inline as base64)."""
    json_schema: bool = True
    json_object: bool = True
    system: bool = True
    stop_max: int | None = None
    """Most stop sequences; None: no bound known."""
    seed: bool = True
    sampling: bool = True
    """Whether temperature and top_p are accepted."""
    logprobs: bool = True
    choices: bool = True
    """Whether n > 1 works."""
    reasoning: bool = False
    prefill: bool = False
    """Whether an assistant message at the end is continued."""
    audio: bool = True
    """Whether audio is taken in and given out."""
    files: bool = True
    """Whether files may be part of a message."""
    vector_space: str | None = None
    """The name of the space of an embedding model's vectors; None: not known, so no other model's.

    Two targets whose vectors may be compared with one another have the same name here."""
    vector_dimensions: int | None = None
    """Numbers in a vector when none are asked for, which is the most there can be; None: not known."""
    shorter_vectors: bool = True
    """Whether a request may ask for vectors of fewer numbers."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float


NUSD_PER_PRICE: Final = 1000.0
"""Billionths of a dollar for a token at a price of one dollar for a million."""


@dataclass(frozen=True, slots=True)
class Target:
    """One place a route can send a request to: a model behind a provider."""

    provider: str
    """The provider's name in the configuration."""
    model: str
    """The provider's own name of the model."""
    dialect: str
    """openai, anthropic or gemini."""
    capabilities: Capabilities = Capabilities()
    price: Price | None = None

    @property
    def name(self) -> str:
        """`provider/model`, as the configuration writes it."""
        return f"{self.provider}/{self.model}"
