"""Gemini's clients served by Anthropic: through a chat completion.

What is special:
1. topK stays: Anthropic has it. A seed has no effect there; more than one candidate, penalties and
   log-probabilities make a target unfit, as for every client.
2. A schema that Anthropic can guarantee is guaranteed; bounds and patterns go into descriptions.
3. Anthropic's thinking comes back as thoughts if the client set includeThoughts. Effort follows the
   thinking budget or level; a budget of 0 is the least effort where a model always thinks.
4. A refusal (stop reason) is finishReason SAFETY.
"""

from halfopen.providers.clients.composed import Composed
from halfopen.providers.clients.generate.chat_to_generate import render
from halfopen.providers.contract import Dialect, Translation


def generate_to_anthropic(dialect: Dialect) -> Translation:
    """How a target of Anthropic's serves Gemini's clients."""
    return Composed(dialect, render)
