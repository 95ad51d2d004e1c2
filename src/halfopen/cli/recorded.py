"""Asks what became of requests: control if it answers, else the store that the configuration names."""

import os
from typing import Any, NamedTuple, NoReturn

import msgspec

from halfopen.app.processes.content_desk import told
from halfopen.app.processes.messages import Answer, Ask
from halfopen.app.processes.outcome_rows import outcome_of
from halfopen.app.processes.recorded_ledger import recorded_content, recorded_ledger
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.cli.gateway_state import asked
from halfopen.cli.output import fail
from halfopen.seams.ledger import Kept, Ledger, Search
from halfopen.seams.outcome_store import StoreError


class One(NamedTuple):
    """A request that is kept."""

    row: Kept
    outcome: dict[str, Any] | None
    """As JSON has it; None: it was plain, or can't be read."""
    content: dict[str, Any] | None
    """What it said, as JSON has it; None: that isn't kept."""


def requests(state: StateDirectory, search: Search) -> list[Kept]:
    """Those that are kept, the latest first. Ends the command with status 1 when nobody can say."""
    data = _told(state, Ask("requests", msgspec.json.encode(search).decode()))
    if data is not None:
        return msgspec.convert(data["requests"], list[Kept])
    ledger = _ledger(state)
    try:
        return ledger.requests(search)
    except StoreError as error:
        _unreadable(error)
    finally:
        ledger.close()


def request(state: StateDirectory, request_id: str) -> One | None:
    """One of them; None: it isn't kept. Ends the command with status 1 when nobody can say."""
    data = _told(state, Ask("request", request_id))
    if data is not None:
        # What isn't kept is told as an empty answer.
        return (
            One(msgspec.convert(data["row"], Kept), data["outcome"], data.get("content"))
            if data.get("row")
            else None
        )
    ledger = _ledger(state)
    try:
        row = ledger.request(request_id)
    except StoreError as error:
        _unreadable(error)
    finally:
        ledger.close()
    if row is None:
        return None
    return One(msgspec.structs.replace(row, detail=None), _outcome(row.detail), _content(state, request_id))


def _told(state: StateDirectory, question: Ask) -> dict[str, Any] | None:
    """What control says; None: it is not there, or can't read its store, and the store is to be looked at."""
    answer = asked(state, question)
    return answer.data if isinstance(answer, Answer) and answer.ok else None


def _ledger(state: StateDirectory) -> Ledger:
    try:
        ledger = recorded_ledger(state, os.environ)
    except StoreError as error:
        _unreadable(error)
    if ledger is None:
        fail(f"no gateway answers, and nothing is recorded here (state directory {state.path})", 1)
    return ledger


def _content(state: StateDirectory, request_id: str) -> dict[str, Any] | None:
    try:
        content = recorded_content(state, os.environ)
        try:
            kept = content.find(request_id)
        finally:
            content.close()
    except StoreError:
        return None  # the rest can be told
    return None if kept is None else told(kept)


def _unreadable(error: StoreError) -> NoReturn:
    fail(f"the record can't be read: {error}", 1)


def _outcome(detail: bytes | None) -> dict[str, Any] | None:
    if detail is None:
        return None
    try:
        made: dict[str, Any] = msgspec.to_builtins(outcome_of(detail))
    except msgspec.DecodeError:  # of another version
        return None
    return made
