"""What a streamed answer has been through, and how another target goes on with it.

The client has a part of the answer when an attempt fails. The next target gets the conversation and
that part; what it adds is joined to it, so that the client reads one text.
"""

from dataclasses import replace

from halfopen.model import Continuation, Fault, Target, Usage
from halfopen.providers import Ask, Chat, StreamEvent
from halfopen.providers.continuation import (
    Delivered,
    Joint,
    Splice,
    continued,
    estimated,
    is_prefilled,
    summed,
)


class Resumption:
    """The story of one streamed answer."""

    __slots__ = (
        "_after",
        "_ask",
        "_counted_chars",
        "_joint",
        "_target",
        "continuations",
        "delivered",
        "spent",
    )

    def __init__(self, ask: Ask) -> None:
        """Nothing has been delivered."""
        self._ask = ask
        self._joint: Joint | None = None
        self._target: Target | None = None
        self._after: Fault | None = None
        self._counted_chars = 0
        self.delivered = Delivered()
        """What the client has."""
        self.spent: Usage | None = None
        """Tokens of the attempts that were cut after they had delivered something."""
        self.continuations: list[Continuation] = []
        """Every time that another target went on."""

    def obstacle(self) -> str | None:
        """Why what was delivered can't be gone on with; None: it can."""
        if not isinstance(self._ask, Chat):
            return "the answer is not a chat's"
        return self.delivered.obstacle(self._ask)

    def cut(self, fault: Fault | None, usage: Usage | None) -> None:
        """An attempt failed after the commit; `usage` is what it told of its tokens."""
        if not isinstance(self._ask, Chat):
            return
        self._after = fault
        if self._joint is not None and usage is not None:
            self.spent = usage  # it has what was spent before in it
            return
        text = self.delivered.text[self._counted_chars :]
        self._counted_chars = len(self.delivered.text)
        guess = estimated(self._ask, text)
        if usage is not None:
            output = max(usage.output_tokens, guess.output_tokens)
            guess = replace(usage, output_tokens=output, estimated=True)
        self.spent = guess if self.spent is None else summed(self.spent, guess)

    def request(self, target: Target) -> Chat:
        """The request by which a target goes on. Its answer is to be `joined`."""
        assert isinstance(self._ask, Chat)
        chat = continued(self._ask, self.delivered.text, target)
        splice = Splice(self.delivered.text, prefilled=is_prefilled(chat))
        self._target = target
        self._joint = Joint(
            self.delivered.identity, splice, spent=self.spent, include_usage=self._ask.include_usage
        )
        return chat

    def joined(self, events: list[StreamEvent]) -> list[StreamEvent]:
        """What events of the attempt under way mean to the client."""
        if self._joint is None:
            return events
        return [joined for event in events for joined in self._joint.take(event)]

    def total(self, usage: Usage | None) -> Usage | None:
        """All tokens spent, when the last attempt spent `usage`: joined events count all already."""
        return usage if usage is not None else self.spent

    def went_on(self) -> str | None:
        """Note that the target that was asked to go on has begun to; None: none was, or it is noted.

        Returns:
            A remark for the client, in ASCII.
        """
        target, fault = self._target, self._after
        if target is None or fault is None:
            return None
        self._target = None
        chars = len(self.delivered.text)
        self.continuations.append(Continuation(target.name, fault.kind.value, chars))
        return f"halfopen: {target.name} went on after {fault.kind.value}, {chars} characters into the answer"
