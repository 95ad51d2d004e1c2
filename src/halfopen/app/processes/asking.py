"""Asks a running gateway's control process, for the command line."""

import os
import socket
import time
from pathlib import Path
from typing import Final

from msgspec import structs

from halfopen.app.processes.frames import FrameError, FrameReader, frame
from halfopen.app.processes.messages import Answer, Ask, Hello, Role

ANSWER_S: Final = 2.0
_READ_BYTES: Final = 256 * 1024


class NoAnswerError(Exception):
    """Control didn't answer. Its text says why, for a person."""


class NobodyListensError(NoAnswerError):
    """There is no control process, or not yet."""


def ask(path: Path, question: Ask, *, most_s: float = ANSWER_S) -> Answer:
    """Put a question to control and wait for its answer. What it comes to later changes nothing.

    Args:
        path: Control's socket.
        question: What to ask.
        most_s: Seconds to wait, all in all.

    Raises:
        NoAnswerError: Nobody listens, or the answer didn't come in time.
    """
    until = time.monotonic() + most_s
    question = structs.replace(question, until_s=until)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(most_s)
            connection.connect(str(path))
            connection.sendall(frame(Hello(Role.COMMAND, os.getpid())) + frame(question))
            reader = FrameReader()
            while True:
                connection.settimeout(max(until - time.monotonic(), 0.001))
                data = connection.recv(_READ_BYTES)
                if not data:
                    raise NoAnswerError("control ended before it answered")
                for message in reader.feed(data):
                    if isinstance(message, Answer):
                        return message
        except (FileNotFoundError, ConnectionRefusedError):
            raise NobodyListensError("no gateway is running here") from None
        except TimeoutError:
            raise NoAnswerError(f"control did not answer within {most_s:g} s") from None
        except BlockingIOError:
            raise NoAnswerError("control doesn't take connections") from None
        except (OSError, FrameError) as error:
            raise NoAnswerError(f"control can't be asked: {error}") from None
