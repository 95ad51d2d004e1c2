"""OpenAI's embeddings (`POST /v1/embeddings`)."""

from halfopen.providers.clients.embeddings.dialect import EMBEDDINGS
from halfopen.providers.clients.embeddings.vector_space import other_space, same_space

__all__ = ["EMBEDDINGS", "other_space", "same_space"]
