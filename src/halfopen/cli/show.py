"""`halfopen show`: one request with all its attempts."""

import shutil
from typing import Annotated, Any

import typer
from rich.text import Text

from halfopen.cli import recorded
from halfopen.cli.gateway_state import ConfigOption, StateOption, find
from halfopen.cli.output import fail, print_json
from halfopen.cli.requests import as_data, result, style
from halfopen.cli.said import said
from halfopen.cli.shown import NONE, duration, local_time, money, plain
from halfopen.cli.simulate_table import console
from halfopen.cli.waterfall import CONNECTING, RECEIVING, WAITING, Bar, bars_of, drawn
from halfopen.seams.ledger import Kept

_SCALE_MAX = 60
_SCALE_MIN = 16
_BESIDE = 60
_LINE_MAX = 200
_ID_MAX = 200
_LEGEND = f"{CONNECTING} connecting  {WAITING} waiting for the first byte  {RECEIVING} receiving"
_NANO = 1e9


def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The request's id, as x-halfopen-request-id says.")],  # noqa: A002 - its name in the help
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show one request: what its client got, and every attempt on one scale of time.

    Prompt and answer are shown where the route keeps them (`keep_content`), with secrets masked.

    A running gateway is asked; if none answers within 2 s, the store that its
    configuration names is read.

    Exit status: 0 shown; 1 there is no such request, or nobody can say; 2 wrong usage.
    """
    one = recorded.request(find(state, config), id[:_ID_MAX])
    if one is None:
        fail(f"no request {plain(id)!r} is recorded; it may be too young, or too old", 1)
    if as_json:
        print_json({"row": as_data(one.row), "outcome": one.outcome, "content": one.content})
        return
    out = console()
    head = (*_head(one.row), Text(), *_calls(one.row, one.outcome), *_skips(one.row))
    for line in (*head, *said(one.content)):
        out.print(line, soft_wrap=True)


def _head(row: Kept) -> list[Text]:
    title = Text.assemble(f"{plain(row.request_id)}  ", (result(row), style(row)))
    who = f"caller {plain(row.caller)}, " if row.caller else ""
    kind = "stream" if row.stream else "whole answer"
    spent = f"{_count(row.input_tokens)} + {_count(row.output_tokens)} tokens, {money(row.cost_nusd / _NANO)}"
    if row.wasted_tokens or row.wasted_nusd:
        spent += f", of these wasted {row.wasted_tokens} tokens, {money(row.wasted_nusd / _NANO)}"
    times = f"took {duration(row.duration_ms)}, queued {duration(row.queue_ms)}"
    if row.first_content_ms is not None:
        times += f", first content after {duration(row.first_content_ms)}"
    snapshot = plain(row.snapshot) or NONE
    return [
        title,
        Text(f"route {plain(row.route)}, {plain(row.client)}, {kind}, {who}snapshot {snapshot}"),
        Text(f"ended {local_time(row.ended_wall_s)}, {times}"),
        Text(f"served by {plain(row.served_by or 'nobody')}, {spent}"),
        Text(f"received {row.received_bytes} bytes, sent {row.sent_bytes} bytes"),
    ]


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)


def _calls(row: Kept, outcome: dict[str, Any] | None) -> list[Text]:
    bars: list[Bar] = []
    if outcome is not None:
        bars = bars_of(outcome)
    elif row.attempts == 1:
        bars = [_plain_bar(row)]
    if not bars:
        return [Text("No target was asked." if not row.attempts else "Its attempts are not recorded.")]
    width = min(max(shutil.get_terminal_size().columns - _BESIDE, _SCALE_MIN), _SCALE_MAX)
    lines = [Text(_LEGEND, style="dim")]
    for bar, line in zip(bars, drawn(bars, row.duration_ms, width), strict=True):
        times = f"{duration(bar.started_ms)} + {duration(bar.ended_ms - bar.started_ms)}"
        lines.append(Text(f"{plain(line, _LINE_MAX)}  {times}  {plain(bar.end)}"))
    lines.extend(
        Text(f"{plain(each['target'])} went on after {each['chars']} characters ({plain(each['after'])})")
        for each in (outcome or {}).get("continuations", ())
    )
    return lines


def _plain_bar(row: Kept) -> Bar:
    """That of a request whose only call is told by its row."""
    return Bar(
        row.served_by or "?",
        row.queue_ms,
        row.duration_ms,
        row.connect_ms,
        row.first_byte_ms,
        "answered" if row.kind is None else row.kind,
    )


def _skips(row: Kept) -> list[Text]:
    return [Text(f"passed over {plain(each)}") for each in (row.skipped or "").split("; ") if each]
