"""OpenAI's dialect: what clients speak, so requests and answers pass byte for byte."""

from halfopen.providers.openai.dialect import OPENAI, OpenAI

__all__ = ["OPENAI", "OpenAI"]
