"""How vLLM names its errors: by exception classes.

Source: vLLM's OpenAI-compatible server and real answers.
"""

from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.model import Kind

VLLM = Vocabulary(
    codes={"enginedeaderror": Kind.ENGINE_DEAD},
    sentences=(
        Sentence("enginecore encountered an issue", Kind.ENGINE_DEAD, anywhere=True),
        Sentence("enginedeaderror", Kind.ENGINE_DEAD, anywhere=True),
        Sentence("background loop has errored", Kind.ENGINE_DEAD, anywhere=True),
        Sentence("background loop is not running", Kind.ENGINE_DEAD, anywhere=True),
        Sentence("engine loop is not running", Kind.ENGINE_DEAD, anywhere=True),
    ),
)
