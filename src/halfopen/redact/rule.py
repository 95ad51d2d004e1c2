"""The form of a pattern family."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One family of secrets or personal data, and how to mask it.

    Every rule takes time linear in the text: a pattern starts only where a run of characters starts,
    its repetitions are possessive or bounded, and what fails to match is not scanned again.
    """

    name: str
    hints: tuple[str, ...]
    """Lower-case strings of which a text must hold one for the rule to be tried; empty: always tried."""
    apply: Callable[[str], str]
    """Masks a text."""


def substitution(name: str, pattern: str, mask: str, *hints: str) -> Rule:
    """A rule that replaces each match of `pattern` by `mask`, which may refer to groups."""
    compiled = re.compile(pattern)

    def apply(text: str) -> str:
        return compiled.sub(mask, text)

    return Rule(name, hints, apply)


def run(rules: tuple[Rule, ...], text: str) -> str:
    """Apply the rules in order, skipping those whose hints the text lacks."""
    lower = text.lower()
    for rule in rules:
        if not rule.hints or any(hint in lower for hint in rule.hints):
            text = rule.apply(text)
    return text
