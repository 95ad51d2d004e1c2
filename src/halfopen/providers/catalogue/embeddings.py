"""Embedding models, whoever serves them: a vector is the model's, not the server's.

Limits and prices: the model pages under https://developers.openai.com/api/docs/models and
https://ai.google.dev/gemini-api/docs/models, and https://docs.mistral.ai/getting-started/models
Each model has a vector space of its own, by its name.
"""

from halfopen.model import Capabilities, Price
from halfopen.providers.catalogue.entry import Entry

_OPENAI = "https://developers.openai.com/api/docs/models/"
_GEMINI = "https://ai.google.dev/gemini-api/docs/models/"
_MISTRAL = "https://docs.mistral.ai/capabilities/embeddings/text_embeddings"


def _entry(
    model: str, source: str, sizes: tuple[int, int], input_price: float | None, *, shorter: bool
) -> Entry:
    """`sizes`: tokens of one input, dimensions of a vector."""
    tokens, dimensions = sizes
    able = Capabilities(
        context_tokens=tokens,
        tools=False,
        parallel_tools=False,
        images=False,
        image_urls=False,
        json_schema=False,
        json_object=False,
        audio=False,
        files=False,
        vector_space=model,
        vector_dimensions=dimensions,
        shorter_vectors=shorter,
    )
    return Entry(model, able, None if input_price is None else Price(input_price, 0.0), source)


ENTRIES: tuple[Entry, ...] = (
    _entry("text-embedding-3-small", _OPENAI + "text-embedding-3-small", (8_192, 1_536), 0.02, shorter=True),
    _entry("text-embedding-3-large", _OPENAI + "text-embedding-3-large", (8_192, 3_072), 0.13, shorter=True),
    _entry("text-embedding-ada-002", _OPENAI + "text-embedding-ada-002", (8_192, 1_536), 0.10, shorter=False),
    _entry("gemini-embedding-001", _GEMINI + "gemini-embedding-001", (2_048, 3_072), 0.15, shorter=True),
    _entry("gemini-embedding-2", _GEMINI + "gemini-embedding-2", (8_192, 3_072), None, shorter=True),
    _entry("mistral-embed", _MISTRAL, (8_192, 1_024), None, shorter=False),
)
