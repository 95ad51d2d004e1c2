"""`halfopen explain`: what a status, a kind of fault or a saved response means, and what to do."""

import json
import sys
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import typer

from halfopen import errors, redact
from halfopen.model import Fault, Kind, Reply

SAVED_MAX_BYTES = 32 * 1024 * 1024
_DIALECTS = ("openai", "anthropic", "gemini")


class UnreadableError(Exception):
    """The input can't be read. Its text says what, where, and what to do."""


def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="STATUS|KIND|FILE|-",
            help="An HTTP status (502), a kind of fault (rate_limited), or a file with a saved response: "
            "the output of `curl -i`, or JSON with status, headers, body and perhaps dialect. "
            "- reads the response from standard input.",
        ),
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Explain a failure: its kind, its place, and what to do.

    Secrets in the response are masked. Exit status: 0 explained, 2 the input can't be read.
    """
    try:
        fault, note = _look_up(what)
    except UnreadableError as problem:
        print(f"halfopen explain: {problem}", file=sys.stderr)
        raise typer.Exit(2) from None
    fault = None if fault is None else redact.fault(fault)
    if as_json:
        print(json.dumps(_as_json(fault, note), indent=2, ensure_ascii=False))
    elif fault is None:
        print(note)
    else:
        _show(fault)


def _look_up(what: str) -> tuple[Fault | None, str]:
    """Return the fault, or None and a sentence that says why there is none. Raises UnreadableError."""
    if what.isascii() and what.isdigit():
        return _status(int(what))
    kind = _kind(what)
    if kind is not None:
        return errors.make(kind), ""
    reply = read_reply(_read(what), "standard input" if what == "-" else what)
    fault = errors.decode(reply)
    return fault, f"Nothing is wrong with this reply: status {reply.status}, and no error in its body."


def _status(status: int) -> tuple[Fault | None, str]:
    if not 100 <= status <= 599:
        raise UnreadableError(f"{status} is no HTTP status. Give one from 100 to 599, such as 502.")
    if status < 300:
        phrase = _phrase(status)
        return None, (
            f"{status}{phrase} is no failure by itself. A body may still hide one: save the whole response "
            "with `curl -i … > response.txt` and run `halfopen explain response.txt`."
        )
    return errors.decode(Reply(status=status)), ""


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


def _kind(name: str) -> Kind | None:
    try:
        return Kind(name.strip().lower().replace("-", "_"))
    except ValueError:
        return None


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(SAVED_MAX_BYTES + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(SAVED_MAX_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableError(_not_found(name)) from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise UnreadableError(f"can't read {name}: {reason}. Give a file that you may read.") from None


def _not_found(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name.lower(), [kind.value for kind in Kind], n=1)
    hint = f" Did you mean {close[0]}?" if close else ""
    return (
        f"{name} is neither a status, nor a kind of fault, nor a file.{hint} "
        "Give a status such as 502, a kind from docs/reference/faults.md, or a saved response."
    )


def read_reply(data: bytes, name: str) -> Reply:
    """Return the reply in a saved response.

    Args:
        data: JSON with status, headers, body and perhaps dialect, or HTTP as `curl -i` prints it.
        name: Where it came from, for messages.

    Raises:
        UnreadableError: It is neither, or a field has the wrong form.
    """
    if len(data) > SAVED_MAX_BYTES:
        raise UnreadableError(f"{name} is longer than {SAVED_MAX_BYTES >> 20} MiB. Save a shorter body.")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        raise UnreadableError(f"{name} is empty. Save a response with `curl -i … > response.txt`.")
    if data.lstrip().startswith(b"HTTP/"):
        return _from_http(data.lstrip(), name)
    try:
        saved = json.loads(data)
    except json.JSONDecodeError as problem:
        raise UnreadableError(
            f"{name} is neither a saved HTTP response nor JSON (line {problem.lineno}, column "
            f"{problem.colno}: {problem.msg}). It must begin with a line such as `HTTP/1.1 502 Bad Gateway`, "
            'or be JSON such as {"status": 502, "headers": {}, "body": "…"}.'
        ) from None
    except (UnicodeDecodeError, RecursionError) as problem:
        raise UnreadableError(f"{name} is not readable JSON: {problem}. Save the response again.") from None
    if not isinstance(saved, dict):
        raise UnreadableError(f'{name} must hold a JSON object such as {{"status": 502, "body": "…"}}.')
    if not saved.keys() & {"status", "headers", "body"}:
        return Reply(body=data)  # the error body alone
    return _from_json(saved, name)


def _from_json(saved: dict[str, Any], name: str) -> Reply:
    status = saved.get("status")
    if status is not None and (not isinstance(status, int) or isinstance(status, bool)):
        raise UnreadableError(f"{name}: status must be a number such as 502, not {_shown(status)}.")
    dialect = saved.get("dialect")
    if dialect is not None and dialect not in _DIALECTS:
        raise UnreadableError(
            f"{name}: dialect must be one of {', '.join(_DIALECTS)}, not {_shown(dialect)}."
        )
    body = saved.get("body", "")
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    headers = _headers(saved.get("headers", {}), name)
    return Reply(status, headers, text.encode("utf-8", "replace"), dialect=dialect)


def _headers(headers: object, name: str) -> tuple[tuple[str, str], ...]:
    pairs: list[Any]
    if headers is None:
        return ()
    if isinstance(headers, dict):
        pairs = [
            (key, item)
            for key, value in headers.items()
            for item in (value if isinstance(value, list) else [value])
        ]
    elif isinstance(headers, list):
        pairs = headers
    else:
        raise UnreadableError(f"{name}: headers must be an object or a list of pairs, not {_shown(headers)}.")
    for position, pair in enumerate(pairs):
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise UnreadableError(
                f"{name}: headers[{position}] must be a pair of name and value, not {_shown(pair)}."
            )
    return tuple((key, str(value)) for key, value in pairs)


def _shown(value: object) -> str:
    return redact.text(json.dumps(value))[:80]


def _from_http(data: bytes, name: str) -> Reply:
    """Read what `curl -i` prints; interim responses and a proxy's own answer come first."""
    while True:
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator or b"\n\n" in head:
            head, _, body = data.partition(b"\n\n")
        lines = head.decode("latin-1").splitlines()
        words = lines[0].split(None, 2)
        if len(words) < 2 or not (words[1].isascii() and words[1].isdigit()):
            raise UnreadableError(
                f"{name}: the first line is {lines[0][:80]!r}, which has no status. It must read like "
                "`HTTP/1.1 502 Bad Gateway`."
            )
        status = int(words[1][:9])
        interim = status < 200 or "connection established" in lines[0].lower()
        if not (interim and body.lstrip().startswith(b"HTTP/")):
            break
        data = body.lstrip()
    pairs = (line.partition(":") for line in lines[1:] if ":" in line)
    return Reply(status, tuple((key.strip(), value.strip()) for key, _, value in pairs), body)


def _as_json(fault: Fault | None, note: str) -> dict[str, Any]:
    if fault is None:
        nothing = dict.fromkeys(("kind", "verdict", "place", "status", "effective_status"))
        return {**nothing, "masked": False, "message": note, "remedy": None, "evidence": [], "delay_s": None}
    fields = asdict(fault)
    del fields["body"]
    order = ("kind", "verdict", "place", "status", "effective_status")
    first = {field: fields.pop(field) for field in order}
    return {**first, "masked": fault.masked, **fields, "evidence": list(fault.evidence)}


def _show(fault: Fault) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    console.print(Text.assemble((fault.kind.value, "bold red"), "  ", _clean(fault.message)))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for label, value in _rows(fault):
        grid.add_row(label, Text(_clean(value)))
    console.print(grid)
    console.print(Text.assemble(("What to do: ", "bold green"), fault.remedy))


def _rows(fault: Fault) -> list[tuple[str, str]]:
    """Return the labelled lines between the headline and the remedy."""
    limit = "" if fault.retries_max is None else f" (at most {fault.retries_max} retry)"
    rows = [
        ("verdict", f"{fault.verdict.value}{limit}: {errors.VERDICTS[fault.verdict]}"),
        ("place", f"{fault.place.value}: {errors.PLACES[fault.place]}"),
    ]
    if fault.masked:
        rows.append(("status", f"{fault.status}, which hides a {fault.effective_status}"))
    elif fault.status is not None:
        rows.append(("status", f"{fault.status}{_phrase(fault.status)}"))
    rows.extend(
        (label, value)
        for label, value in (
            ("type", fault.type),
            ("code", fault.code),
            ("param", fault.param),
            ("request id", fault.request_id),
            ("wait", None if fault.delay_s is None else f"{fault.delay_s:g} s, as the server asks"),
        )
        if value
    )
    rows.extend(("because" if first else "", fact) for first, fact in _numbered(fault.evidence))
    return rows


def _numbered(facts: tuple[str, ...]) -> list[tuple[bool, str]]:
    return [(position == 0, fact) for position, fact in enumerate(facts)]


def _clean(text: str) -> str:
    """Drop what could steer a terminal: an upstream's words are not ours."""
    return "".join(char if char.isprintable() else " " for char in text)
