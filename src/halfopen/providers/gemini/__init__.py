"""Google's Gemini API (generateContent), spoken for an OpenAI chat client."""

from halfopen.providers.gemini.dialect import GEMINI, GeminiDialect

__all__ = ["GEMINI", "GeminiDialect"]
