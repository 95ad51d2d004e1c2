"""The child: loads one model, serves it on the loopback address, and ends with its parent.

`python -m halfopen.app.local.serve --port 20000 --gguf model.gguf` runs it by hand. It prints `ready`
when the model answers, or one line that says why it can't and ends with a status of `ChildExit`.
"""

import argparse
import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from halfopen.app.local import engine
from halfopen.app.local.command import KEY_VARIABLE, READY, SAYS
from halfopen.app.local.gguf import NoModelError, missing_extra, packaged_file, wrong_file
from halfopen.app.local.options import LocalOptions
from halfopen.app.local.restart import ChildExit
from halfopen.app.ports import port_is_free

_NICER = 5
_PR_SET_PDEATHSIG = 1


def main(words: Sequence[str] | None = None) -> int:
    """Serve until the parent closes standard input (`--with-parent`) or a signal comes."""
    given = _parser().parse_args(words)
    # The defaults end the process at once, also while a long load holds the interpreter's lock.
    _end_on_signals()
    if given.with_parent:
        _die_with_parent()
    # The gateway's own loop goes first: this process may use what it leaves.
    os.nice(_NICER)
    options = LocalOptions(
        gguf=given.gguf,
        context_tokens=given.context_tokens,
        threads=given.threads,
        parallel=given.parallel,
        answer_tokens=given.answer_tokens,
        chat_template=given.chat_template,
    )
    key = os.environ.pop(KEY_VARIABLE, None)
    return _serve(options, given.port, key, with_parent=given.with_parent)


def _serve(options: LocalOptions, port: int, key: str | None, *, with_parent: bool) -> int:
    if (problem := missing_extra(options.gguf)) is not None:
        return _fail(ChildExit.NO_EXTRA, problem)
    try:
        path = packaged_file() if options.gguf is None else Path(options.gguf)
    except NoModelError as reason:
        return _fail(ChildExit.NO_FILE, str(reason))
    if (problem := wrong_file(path)) is not None:
        return _fail(ChildExit.NO_FILE, problem)
    if not port_is_free(port):
        return _fail(ChildExit.PORT_TAKEN, f"Port {port} is taken.")
    try:
        server = engine.start(
            engine.EngineOptions(
                path=path,
                port=port,
                name=options.model_name,
                context_tokens=options.context_tokens,
                parallel=options.parallel,
                threads=options.threads or _half_the_processors(),
                answer_tokens=options.answer_tokens,
                chat_template=options.chat_template,
                key=key,
            )
        )
    except engine.LoadError as reason:
        return _fail(ChildExit.LOAD_FAILED, f"The model {path} could not be loaded: {reason}")
    # llama.cpp has taken the signals by now, and would end its server but not this process.
    _end_on_signals()
    _say(READY)
    if with_parent:
        sys.stdin.buffer.read()
    else:
        signal.pause()
    del server
    return 0


def _half_the_processors() -> int:
    """Enough for one core of each pair, and it leaves the gateway room.

    On a busy machine more threads make an answer slower: each token waits for the slowest of them.
    """
    usable = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, usable // 2)


def _end_on_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, even in the middle of a load.

    Elsewhere, and when the parent died before this call, the end of standard input does it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _fail(status: ChildExit, message: str) -> int:
    _say(SAYS + " ".join(message.split()))
    return status


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    defaults = LocalOptions()
    parser = argparse.ArgumentParser(prog="halfopen.app.local.serve", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port on the loopback address")
    parser.add_argument("--gguf", help="path of the model; without it, the packaged one")
    parser.add_argument("--context-tokens", type=int, default=defaults.context_tokens)
    parser.add_argument("--threads", type=int, default=defaults.threads, help="0: half the processors")
    parser.add_argument("--parallel", type=int, default=defaults.parallel)
    parser.add_argument("--answer-tokens", type=int, default=defaults.answer_tokens)
    parser.add_argument("--chat-template", help="Jinja text")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    return parser


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # llama.cpp's threads are still at work: unloading the interpreter under them can hang or crash.
    os._exit(status)
