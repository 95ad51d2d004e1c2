"""How OpenRouter names its errors, beside those that it hands on in `metadata.raw`.

Source: OpenRouter's page "Errors and debugging".
"""

from halfopen.errors.vocabulary import Vocabulary
from halfopen.model import Kind

OPENROUTER = Vocabulary(
    codes={
        # A 403, like a key without rights; but it is one caller's input that moderation has flagged.
        "flagged_input": Kind.CONTENT_FILTERED,
    },
)
