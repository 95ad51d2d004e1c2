"""What the watcher and the child say to each other: a command line, a variable and two texts."""

from halfopen.app.local.options import LocalOptions

CHILD = "halfopen.app.local.serve"
KEY_VARIABLE = "HALFOPEN_LOCAL_KEY"
"""Environment variable with the bearer token that requests must bring. Not set: none is needed."""
READY = "ready"
"""The line on standard output that tells the parent that the model answers."""
SAYS = "halfopen: "
"""What the line on standard output begins with that tells why the child ends.

Standard error belongs to llama.cpp, which writes there from a thread and would cut our lines in two.
"""


def arguments(options: LocalOptions, port: int) -> list[str]:
    """The command line that makes a child do what the options say."""
    # One word each, so that a value may begin with a dash.
    words = [f"--port={port}"]
    numbers = ("context_tokens", "threads", "parallel", "answer_tokens")
    words += [f"--{name.replace('_', '-')}={getattr(options, name)}" for name in numbers]
    if options.gguf is not None:
        words.append(f"--gguf={options.gguf}")
    if options.chat_template is not None:
        words.append(f"--chat-template={options.chat_template}")
    return words
