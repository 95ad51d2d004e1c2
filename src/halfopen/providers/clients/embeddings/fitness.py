"""Whether a model can make the vectors that a request asks for."""

from halfopen.model import Target
from halfopen.providers import catalogue
from halfopen.providers.clients.embeddings.request import Embedding
from halfopen.providers.fitness import CHARS_PER_TOKEN


def unfit(ask: Embedding, target: Target) -> str | None:
    """Say in a few words why a model can't do it; None: nothing in the request stands against it."""
    able = target.capabilities
    if able.vector_space is None and catalogue.known(target.dialect, target.model):
        # OpenAI answers 403 to this, which would look like a fault of the key.
        return "no embeddings"
    if ask.dimensions is not None:
        most = able.vector_dimensions
        if not able.shorter_vectors:
            return "dimensions can't be chosen"
        if most is not None and ask.dimensions > most:
            return f"at most {most} dimensions ({ask.dimensions} asked)"
    context = able.context_tokens
    tokens = ask.longest_chars // CHARS_PER_TOKEN
    if context is not None and tokens > context:
        return f"an input has at least {tokens} tokens, the context {context}"
    return None
