"""How llama.cpp's server names its errors.

Source: llama.cpp's server and real answers.
"""

from halfopen.errors.finding import Weight
from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.model import Kind

LLAMA_CPP = Vocabulary(
    codes={"exceed_context_size_error": Kind.CONTEXT_TOO_LONG},
    types={
        "unavailable_error": Kind.UNAVAILABLE,
        "not_supported_error": Kind.NOT_IMPLEMENTED,
    },
    sentences=(
        Sentence("loading model", Kind.MODEL_LOADING),
        Sentence("exceeds the available context size", Kind.CONTEXT_TOO_LONG, anywhere=True),
        Sentence("context size has been exceeded", Kind.CONTEXT_TOO_LONG, anywhere=True),
        Sentence("no slot available", Kind.OVERLOADED, Weight.STATUS),
    ),
)
