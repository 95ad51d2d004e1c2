"""What a streamed answer has been through, and how another target goes on with it.

The client has a part of the answer when an attempt fails. The next target gets the conversation and
that part; what it adds is joined to it, so that the client reads one text.
"""

from collections.abc import Callable

from msgspec import structs

from halfopen.model import Continuation, Fault, Target, Usage
from halfopen.model.content import ContentOptions
from halfopen.providers import Ask, Chat
from halfopen.providers.continuation import (
    Delivered,
    Joint,
    Splice,
    continued,
    estimated,
    is_prefilled,
    summed,
)
from halfopen.providers.transcript import Transcribed


class Resumption:
    """The story of one streamed answer."""

    __slots__ = (
        "_after",
        "_ask",
        "_target",
        "continuations",
        "delivered",
        "joint",
        "spent",
    )

    def __init__(self, ask: Ask, content: ContentOptions | None = None) -> None:
        """Nothing has been delivered. `content`: what is kept of it; None: nothing."""
        self._ask = ask
        self.joint: Joint | None = None
        """What makes the events of the attempt under way the answer's; None: it is the first."""
        self._target: Target | None = None
        self._after: Fault | None = None
        self.delivered = Delivered() if content is None else Transcribed(content.max_bytes)
        """What the client has."""
        self.spent: Usage | None = None
        """Tokens of the attempts that failed after something of an answer had come."""
        self.continuations: list[Continuation] = []
        """Every time that another target went on."""

    def obstacle(self) -> str | None:
        """Why what was delivered can't be gone on with; None: it can."""
        if not isinstance(self._ask, Chat):
            return "the answer is not a chat's"
        return self.delivered.obstacle(self._ask)

    def failed(self, fault: Fault | None, usage: Usage | None, chars: int) -> None:
        """An attempt failed, and another follows.

        Args:
            fault: Why.
            usage: What it told of its tokens.
            chars: How much of an answer came, delivered or not.
        """
        if not isinstance(self._ask, Chat) or (usage is None and not chars):
            return
        self._after = fault
        if self.joint is not None and usage is not None:
            self.spent = usage  # it has what was spent before in it
            return
        guess = estimated(self._ask, chars)
        if usage is not None:
            output = max(usage.output_tokens, guess.output_tokens)
            guess = structs.replace(usage, output_tokens=output, estimated=True)
        self.spent = guess if self.spent is None else summed(self.spent, guess)

    def request(self, target: Target) -> Chat:
        """The request by which a target would go on."""
        assert isinstance(self._ask, Chat)
        return continued(self._ask, self.delivered.text, target)

    def resume(self, target: Target) -> Chat:
        """A target goes on: its request. Its events go through the new joint."""
        assert isinstance(self._ask, Chat)
        chat = self.request(target)
        splice = Splice(self.delivered.text, prefilled=is_prefilled(chat))
        wants_usage = self._ask.include_usage
        self._target = target
        self.joint = Joint(self.delivered.identity, splice, spent=self.spent, include_usage=wants_usage)
        return chat

    def own(self, usage: Usage | None) -> Usage | None:
        """What the attempt under way has spent itself, of what it told. One that goes on tells of all."""
        spent = self.spent
        if usage is None or spent is None or self.joint is None:
            return usage
        return Usage(
            max(usage.input_tokens - spent.input_tokens, 0),
            max(usage.output_tokens - spent.output_tokens, 0),
            max(usage.cached_tokens - spent.cached_tokens, 0),
            max(usage.reasoning_tokens - spent.reasoning_tokens, 0),
        )

    def total(self, usage: Usage | None, chars: int) -> Usage | None:
        """All tokens spent.

        Args:
            usage: What the last attempt told of its tokens.
            chars: How much of an answer came in it. Only where others failed is what it doesn't tell
                estimated: a part of the truth would be taken for the whole.
        """
        if self.spent is None or (usage is None and not chars):
            return usage or self.spent
        if usage is None:
            assert isinstance(self._ask, Chat)
            return summed(self.spent, estimated(self._ask, chars))
        return usage if self.joint is not None else summed(self.spent, usage)

    def went_on(self, remark: Callable[[str], object]) -> None:
        """The attempt under way has begun to answer: if it goes on with another's, note that.

        Args:
            remark: Told of it for the client, in ASCII.
        """
        target, fault = self._target, self._after
        if target is None or fault is None:
            return
        self._target = None
        kind, chars = fault.kind.value, len(self.delivered.text)
        self.continuations.append(Continuation(target.name, kind, chars))
        remark(f"halfopen: {target.name} went on after {kind}, {chars} characters into the answer")
