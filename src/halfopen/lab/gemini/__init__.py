"""A simulated Gemini API: generateContent, streamGenerateContent and models."""

from halfopen.lab.gemini.endpoint import Gemini

__all__ = ["Gemini"]
