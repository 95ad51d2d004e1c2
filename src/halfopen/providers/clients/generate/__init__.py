"""Google's generateContent as a dialect of clients, with what its clients ask beside: counts, vectors."""

from halfopen.providers.clients.generate.count_tokens import GENERATE_COUNT
from halfopen.providers.clients.generate.dialect import GENERATE
from halfopen.providers.clients.generate.embed_content import GENERATE_EMBEDDINGS

__all__ = ["GENERATE", "GENERATE_COUNT", "GENERATE_EMBEDDINGS"]
