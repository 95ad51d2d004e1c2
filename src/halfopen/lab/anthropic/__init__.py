"""A simulated Anthropic: messages and models."""

from halfopen.lab.anthropic.endpoint import Anthropic

__all__ = ["Anthropic"]
