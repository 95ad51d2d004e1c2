"""Every recorded stream, cut at every byte, through the gateway. `make cut-streams` runs it.

For each client's dialect, each recording of each provider that can answer it and each number of bytes
that come before the cut there are three runs or more. A response may end in three ways: with a clean end
of its body, a cut or a reset. At the edges of events each of them is tried, with no other upstream and
with a second one that goes on. Elsewhere the gateway has half an event in any case: there a clean end is
tried at every byte, a cut and a reset in turn, and one of the three with a second upstream. Which second
one of four, how it goes on (exactly, with the last words again, from the start), the ending and the
pieces in which the bytes come turn with the byte: 36 bytes in a row have all of them together, and few
events are shorter.

Exit status: 0 when every run was right, 1 when one was not, 2 for wrong arguments.
"""

import argparse
import gc
import itertools
import json
import math
import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cut_gateway import CLEAN, CUT, DEAD, RESET, Reply, Result, Server, Stage, Upstream
from cut_judge import CONTINUED, ERRORS, WHOLE, judge, speaker_for
from cut_recording import Recording, encoded, recordings, request
from cut_vendor import EXACT, PROMPT, RESTART, WORDS, Speaker

from halfopen.model import Fault
from halfopen.providers import CHAT, Ask, ClientDialect, ClientRequest
from halfopen.providers.clients.completions import COMPLETIONS
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.clients.responses import RESPONSES

ENDINGS = (CLEAN, CUT, RESET)
STYLES = (EXACT, WORDS, RESTART)
_GENERATE_PATH = "/v1beta/models/m:streamGenerateContent"
CLIENTS: Mapping[str, tuple[ClientDialect, str, dict[str, str]]] = {
    "chat": (CHAT, "/v1/chat/completions", {}),
    "responses": (RESPONSES, "/v1/responses", {}),
    "completions": (COMPLETIONS, "/v1/completions", {}),
    "messages": (MESSAGES, "/v1/messages", {}),
    "generate": (GENERATE, _GENERATE_PATH, {"alt": "sse"}),
    "generate array": (GENERATE, _GENERATE_PATH, {}),
}
"""Dialect, path and query."""
SECONDS = (
    Server("openai", "gpt-4o-mini"),
    Server("anthropic", "claude-haiku-4-5"),
    Server("gemini", "gemini-2.5-flash"),
    Server("anthropic", "claude-opus-4-8"),
)
"""Who may go on: by instruction, but for the model that goes on with a beginning of its own (Haiku 4.5)."""
SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Case:
    """One run."""

    client: str
    recording: Recording
    size: int
    ending: str
    second: Server | None
    style: str = EXACT
    words: int = 1
    pieces: int = 0
    """0: the bytes come at once; 1: event by event; 2: in two; 3: one by one."""


@dataclass
class Survey:
    """What a number of runs showed."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By client, provider and category."""
    violations: list[dict[str, Any]] = field(default_factory=list)
    violated: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By client and provider."""

    def add(self, other: "Survey") -> None:
        """Take in what another part showed."""
        self.counts += other.counts
        self.violated += other.violated
        self.violations += other.violations[: SHOWN_MAX - len(self.violations)]


def applies(client: str, recording: Recording) -> bool:
    """Whether a client of this dialect can get this answer.

    OpenAI's other streams only come to those who speak them; a bare prompt has no tools; Responses and
    Messages have one answer to a request.
    """
    if recording.vendor in ("openai responses", "openai completions"):
        return recording.vendor == f"openai {client}"
    if client == "completions" and recording.calls:
        return False
    return recording.choices == 1 or client not in ("responses", "messages")


def first_server(client: str, recording: Recording) -> Server:
    """Who sends the recording."""
    if recording.vendor == "anthropic":
        return Server("anthropic", "claude-sonnet-4-5")
    if recording.vendor == "gemini":
        return Server("gemini", "gemini-2.5-flash-lite")
    if recording.vendor == "openai completions":
        return Server("openai", "gpt-3.5-turbo-instruct")
    # OpenAI itself would be asked by the Responses API; this server has none.
    flavour = "groq" if client == "responses" and recording.vendor == "openai chat" else None
    return Server("openai", "gpt-4o", flavour)


def seconds(recording: Recording) -> list[Server]:
    """Who can go on. Claude gives one answer to a request."""
    return [each for each in SECONDS if recording.choices == 1 or each.dialect != "anthropic"]


def cases(client: str, recording: Recording, sizes: Sequence[int]) -> Iterator[Case]:
    """All runs of one client with one recording, at these bytes."""
    others = seconds(recording)
    edges = {size for mark in recording.marks for size in (mark.said - 1, *range(mark.said, mark.end + 1))}
    for size in sizes:
        broken = ENDINGS[1 + size % 2]
        for ending in ENDINGS if size in edges else (CLEAN, broken):
            turn = size // 2 + ENDINGS.index(ending)
            pieces = (0, 1, 0, 2)[turn % 4] if turn % 1024 else 3
            yield Case(client, recording, size, ending, None, pieces=pieces)
        turn = size // len(others)
        style = STYLES[turn % len(STYLES)]
        turning = ENDINGS[turn // len(STYLES) % len(ENDINGS)]
        for ending in ENDINGS if size in edges else (turning,):
            second = others[(size + ENDINGS.index(ending)) % len(others)]
            yield Case(client, recording, size, ending, second, style, 1 + size % 3, size // 2 % 3)


def pairs() -> list[tuple[str, Recording]]:
    """Each client with each recording that it can get."""
    return [(client, each) for client in CLIENTS for each in recordings() if applies(client, each)]


@cache
def _stage(client: str, first: Server, second: Server | None, *, retries: bool) -> Stage:
    return Stage(CLIENTS[client][0], (first,) if second is None else (first, second), retries)


@cache
def _ask(client: str, recording: Recording) -> Ask:
    dialect, path, query = CLIENTS[client]
    body = encoded(request(client.partition(" ")[0], recording, PROMPT))
    ask = dialect.parse(ClientRequest(path, query, {}, body))
    assert not isinstance(ask, Fault), ask
    parsed: Ask = ask
    return parsed


def _pieces(case: Case) -> list[bytes]:
    raw = case.recording.raw[: case.size]
    if not raw:
        return []
    if case.pieces == 0:
        return [raw]
    if case.pieces == 1:
        bounds = [mark.end for mark in case.recording.marks if mark.end < len(raw)]
    elif case.pieces == 2:
        bounds = [len(raw) * 2 // 3]
    else:
        bounds = list(range(1, len(raw)))
    return [raw[start:end] for start, end in zip([0, *bounds], [*bounds, len(raw)], strict=True)]


def _first(case: Case) -> Upstream:
    """Sends the recording as far as it comes, to each who asks anew; it can't go on with an answer."""
    reply = Reply(_pieces(case), case.ending)

    def upstream(sent: tuple[bytes, bytes]) -> Reply:
        goes_on = sent[1].count(b'"role"') > 1  # the client's own request has one message at most
        return DEAD if goes_on else reply

    return upstream


def run(case: Case) -> tuple[Result, Speaker | None, bool]:
    """What the client got, the second upstream, and whether it was called."""
    # A lone upstream that is cut is asked twice more. Now and then that is enough: it takes thrice the time.
    retries = case.second is not None or case.size % 16 == 0
    stage = _stage(case.client, first_server(case.client, case.recording), case.second, retries=retries)
    ask = _ask(case.client, case.recording)
    if case.second is None:
        return stage.run(ask, _first(case)), None, False
    speaker = speaker_for(case.recording, case.style, case.words)

    def second(sent: tuple[bytes, bytes]) -> Reply:
        events = speaker.answer(sent)
        # At every third byte event by event, else all at once.
        return Reply(events if case.words == 2 else [b"".join(events)])

    result = stage.run(ask, _first(case), second)
    return result, speaker, stage.called(1) > 0


def survey(runs: Iterator[Case] | Sequence[Case]) -> Survey:
    """Run and judge."""
    found = Survey()
    for case in runs:
        result, speaker, helped = run(case)
        category, wrong = judge(case.client, case.recording, case.size, result, speaker, helped=helped)
        place = (case.client, case.recording.vendor)
        found.counts[(*place, category)] += 1
        if wrong:
            found.violated[place] += 1
            if len(found.violations) < SHOWN_MAX:
                found.violations.append(told(case, category, wrong, result))
    return found


def told(case: Case, category: str, wrong: list[str], result: Result) -> dict[str, Any]:
    """One violation, with all that is needed to see it again."""
    return {
        "client": case.client,
        "recording": case.recording.name,
        "bytes": case.size,
        "ending": case.ending,
        "pieces": case.pieces,
        "second": f"{case.second.dialect}/{case.second.model}" if case.second else None,
        "style": f"{case.style} {case.words}" if case.second else None,
        "category": category,
        "status": result.status,
        "wrong": wrong[:5],
        "tail": result.body[-300:].decode("utf-8", "replace"),
    }


def sampled(count: int, seed: int, clients: Sequence[str] = tuple(CLIENTS)) -> list[Case]:
    """So many runs, drawn over all recordings and bytes; every third at the edge of an event."""
    draw = random.Random(seed)
    everywhere = [pair for pair in pairs() if pair[0] in clients]
    found: list[Case] = []
    for turn in itertools.count():
        if len(found) >= count:
            return found[:count]
        client, recording = everywhere[turn % len(everywhere)]
        size = draw.randint(0, len(recording.raw))
        if turn // len(everywhere) % 3 == 0:
            size = draw.choice(recording.marks).end + draw.randint(-3, 1)
        found += cases(client, recording, [min(size, len(recording.raw))])
    return found


def _part(part: tuple[int, int, int]) -> Survey:
    gc.disable()  # what a run leaves is freed by counting references, but for little
    number, start, end = part
    client, recording = pairs()[number]
    found = survey(cases(client, recording, range(start, end)))
    gc.collect()
    return found


def everything(workers: int) -> Survey:
    """All runs, in processes."""
    parts = [
        (number, start, min(start + 256, len(recording.raw) + 1))
        for number, (_, recording) in enumerate(pairs())
        for start in range(0, len(recording.raw) + 1, 256)
    ]
    total = Survey()
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        for found in pool.imap_unordered(_part, parts):
            total.add(found)
    return total


def rows(found: Survey) -> list[dict[str, Any]]:
    """The table: a row for each client and provider, and one for all."""
    places = list(dict.fromkeys((client, each.vendor) for client, each in pairs()))
    table = [_row(found, place) for place in places]
    return [row for row in table if row["runs"]] + [_row(found, None)]


def _row(found: Survey, place: tuple[str, str] | None) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    for (client, vendor, category), count in found.counts.items():
        if place in (None, (client, vendor)):
            counts[category] += count
    total = sum(counts.values())
    violations = sum(count for where, count in found.violated.items() if place in (None, where))
    return {
        "client": place[0] if place else "all",
        "provider": place[1] if place else "all",
        "runs": total,
        "successes_with_evidence": counts[WHOLE],
        "continued": counts[CONTINUED],
        "explicit_errors": counts[ERRORS],
        "violations": violations,
        "violation_rate_bound_95": bound(violations, total),
    }


def bound(violations: int, total: int) -> float | None:
    """The 95 % upper bound of the share of violations; with none, the rule of three.

    Source: J. A. Hanley, A. Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 1983;
    with some, Wilson's interval.
    """
    if not total:
        return None
    if not violations:
        return min(1.0, 3 / total)
    z, share = 1.96, violations / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt((share * (1 - share) + z * z / (4 * total)) / total)
    return min(1.0, (middle + spread) / (1 + z * z / total))


def report(found: Survey, seconds_taken: float, *, as_json: bool) -> str:
    """The figures as text or JSON."""
    table = rows(found)
    if as_json:
        return json.dumps(
            {
                "rows": table,
                "violations": found.violations,
                "seconds": round(seconds_taken, 1),
                "cpu_seconds": round(_cpu_s(), 1),
            },
            indent=2,
        )
    heads = "".join(f"{head:>11}" for head in ("runs", "evidence", "continued", "errors", "violations"))
    lines = [f"{'client':15}{'provider':20}{heads}  95 % bound"]
    for row in table:
        figures = [value for value in row.values() if isinstance(value, int)]
        cells = "".join(f"{figure:11}" for figure in figures)
        lines.append(f"{row['client']:15}{row['provider']:20}{cells}  {row['violation_rate_bound_95']:.6f}")
    lines += [json.dumps(each, ensure_ascii=False) for each in found.violations]
    return "\n".join([*lines, f"{seconds_taken:.1f} s, {_cpu_s():.1f} s of processors"])


def _cpu_s() -> float:
    """Seconds that all processes worked: the same on a busy machine as on a quiet one, more or less."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def main() -> int:
    """Run, print, and say by the exit status whether all was right."""
    parser = argparse.ArgumentParser(
        description="Every recorded stream cut at every byte, through the gateway in memory.",
        epilog="Exit status: 0 when every run was right, 1 when one was not, 2 for wrong arguments.",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--sample", type=_positive, metavar="N", help="only N runs, drawn over all")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (default 1)")
    parser.add_argument("--workers", type=_positive, default=os.cpu_count() or 1, help="processes")
    arguments = parser.parse_args()
    begun = time.monotonic()
    if arguments.sample is None:
        found = everything(arguments.workers)
    else:
        found = survey(sampled(arguments.sample, arguments.seed))
    sys.stdout.write(report(found, time.monotonic() - begun, as_json=arguments.json) + "\n")
    return 1 if found.violated else 0


if __name__ == "__main__":
    sys.exit(main())
