"""The reason why a request can't be said in Gemini's dialect."""


class UntranslatableError(ValueError):
    """Carries the reason in a few words. Never leaves this package: `openai_to_gemini` catches it."""
