"""Prompts and answers in words, whatever dialect they are in, for whoever keeps them.

Fields are looked for by their names, which hardly clash between dialects. What is unknown, or not of the
form that it should have, is noted or passed over: nothing here raises.
"""

from halfopen.providers.transcript.answer import answer_of
from halfopen.providers.transcript.bound import MARGIN_BYTES, bounded
from halfopen.providers.transcript.prompt import prompt_of
from halfopen.providers.transcript.transcribed import Transcribed

__all__ = ["MARGIN_BYTES", "Transcribed", "answer_of", "bounded", "prompt_of"]
