"""How Groq names its errors.

Source: Groq's page "API error codes and responses" and real answers.
"""

from halfopen.errors.vocabulary import Vocabulary
from halfopen.model import Kind

GROQ = Vocabulary(
    codes={
        # Sent as a 400, but it was the model that wrote a bad call or bad JSON: another may do better.
        "tool_use_failed": Kind.MALFORMED_ANSWER,
        "json_validate_failed": Kind.MALFORMED_ANSWER,
        "capacity_exceeded": Kind.OVERLOADED,
    },
)
