"""What can be set about the local model, and what it can do."""

from dataclasses import dataclass
from pathlib import Path

from halfopen.app.local.gguf import PACKAGED_NAME, has_chat_template
from halfopen.model import Capabilities


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """The settings of a provider with `local = true`."""

    gguf: str | None = None
    """Path of a GGUF file; None: the small model of the extra `local`."""
    context_tokens: int = 4096
    """Tokens of prompt and answer together, for each request; 256 or more."""
    threads: int = 0
    """Threads that compute; 0: half the processors that this process may use, at least 1."""
    start_s: float = 60
    """Seconds that a start may take before it counts as failed; more than 0."""
    parallel: int = 2
    """Requests that are answered at the same time; more wait. 1 or more."""
    answer_tokens: int = 512
    """Most tokens of an answer to a request that sets no limit itself; 1 or more."""
    chat_template: str | None = None
    """Jinja text that makes a prompt of the messages; None: the model's own, else plain turns."""

    @property
    def model_name(self) -> str:
        """The model's name in answers and in `/v1/models`: the file's name, never its path."""
        return Path(self.gguf).stem if self.gguf is not None else Path(PACKAGED_NAME).stem


def wrong_setting(options: LocalOptions) -> str | None:
    """Say which setting is out of range; None: all are fine."""
    least = {"context_tokens": 256, "threads": 0, "parallel": 1, "answer_tokens": 1}
    for name, bound in least.items():
        value = getattr(options, name)
        if value < bound:
            return f"{name} must be {bound} or more, not {value}."
    if not 0 < options.start_s < float("inf"):
        return f"start_s must be a number of seconds above 0, not {options.start_s}."
    return None


def capabilities(options: LocalOptions) -> Capabilities:
    """What the model can do, for the route's target. Reads the GGUF file's first megabytes.

    A model without a chat template is a base model: it was never taught to call tools. A forced JSON
    shape works with any model, since the server constrains which tokens may come.
    """
    taught = options.chat_template is not None or (
        options.gguf is not None and has_chat_template(Path(options.gguf)) is True
    )
    return Capabilities(
        context_tokens=options.context_tokens,
        output_tokens=options.context_tokens,
        tools=taught,
        parallel_tools=False,
        images=False,
        image_urls=False,
        audio=False,
        files=False,
    )
