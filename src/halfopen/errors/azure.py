"""How Azure OpenAI and its API Management name their errors.

Source: Azure OpenAI's REST reference and real answers.
"""

from halfopen.errors.finding import Weight
from halfopen.errors.vocabulary import Sentence, Vocabulary
from halfopen.model import Kind

AZURE = Vocabulary(
    codes={
        "content_filter": Kind.CONTENT_FILTERED,
        "responsibleaipolicyviolation": Kind.CONTENT_FILTERED,
        "deploymentnotfound": Kind.MODEL_NOT_FOUND,
        "permissiondenied": Kind.FORBIDDEN,
        "quotaexceeded": Kind.QUOTA_EXHAUSTED,
    },
    sentences=(
        Sentence("access denied due to invalid subscription key", Kind.BAD_KEY),
        Sentence("access denied due to missing subscription key", Kind.BAD_KEY),
        Sentence("the response was filtered due to the prompt", Kind.CONTENT_FILTERED),
        Sentence("rate limit is exceeded", Kind.RATE_LIMITED, Weight.TYPE),
    ),
)
