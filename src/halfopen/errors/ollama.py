"""How Ollama names its errors: mostly by a sentence alone.

Source: Ollama's server and real answers.
"""

from halfopen.errors.finding import Weight
from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.model import Kind

OLLAMA = Vocabulary(
    sentences=(
        Sentence("server busy, please try again", Kind.OVERLOADED, Weight.TYPE),
        Sentence("server overloaded", Kind.OVERLOADED, Weight.TYPE),
        Sentence("llm busy", Kind.OVERLOADED, Weight.TYPE),
        Sentence("try pulling it first", Kind.MODEL_NOT_FOUND, Weight.TYPE, anywhere=True),
    ),
)
