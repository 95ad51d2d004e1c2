"""A simulated OpenAI: chat completions and models."""

from halfopen.lab.openai.endpoint import OpenAI

__all__ = ["OpenAI"]
