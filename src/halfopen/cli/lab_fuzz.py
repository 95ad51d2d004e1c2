"""`halfopen lab fuzz`: random and spoiled HTTP against a gateway of its own."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from halfopen.cli.output import print_json

if TYPE_CHECKING:
    from halfopen.lab.fuzz_report import FuzzReport


def fuzz(
    inputs: Annotated[int, typer.Option(min=1, help="How many inputs to send.")] = 3000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same inputs.")] = 0,
    first: Annotated[int, typer.Option(min=0, help="Number of the first input, to replay a finding.")] = 0,
    upstream: Annotated[
        bool, typer.Option(help="Good requests, and upstreams that answer with spoiled bytes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send random and spoiled requests to a gateway and see that it survives them.

    Starts a gateway and simulated providers in this process, on free ports of this machine. Every input
    must get an answer or an end within 5 s, every refusal must be an error in the shape of the client's
    dialect, nothing may reach the log as a defect, and afterwards good requests are answered and nothing is
    left behind. With --upstream it is the providers that send spoiled answers and streams: every client must
    get exactly one end, its dialect's own or an error.

    Exit status: 0 when nothing was found; 1 when something was; 2 wrong usage.
    """
    from halfopen.lab.fuzz import fuzz as from_clients
    from halfopen.lab.fuzz import fuzz_upstreams

    run = fuzz_upstreams if upstream else from_clients
    report = run(inputs, seed, first=first)
    if as_json:
        print_json(_as_data(report))
    else:
        _print(report)
    if not report.passed:
        raise typer.Exit(1)


def _as_data(report: "FuzzReport") -> dict[str, object]:
    return {
        "inputs": report.inputs,
        "seed": report.seed,
        "first": report.first,
        "seconds": round(report.seconds, 3),
        "rate": round(report.rate, 1),
        "outcomes": dict(report.outcomes.most_common()),
        "kinds": dict(report.kinds.most_common()),
        "upper_bound_95": report.upper_bound,
        "findings_total": report.findings_total,
        "findings": [asdict(each) for each in report.findings],
        "passed": report.passed,
    }


def _print(report: "FuzzReport") -> None:
    print(
        f"{report.inputs} inputs (seed {report.seed}) in {report.seconds:.1f} s: {report.rate:.0f} a second"
    )
    for title, counts in (("outcome", report.outcomes), ("input", report.kinds)):
        for name, count in counts.most_common():
            print(f"  {title:<8} {name:<12} {count:>8}")
    for each in report.findings:
        print(f"FOUND  input {each.number} ({each.kind}): {each.problem}\n       {each.sent}")
    if report.passed:
        print("Nothing found: every input got an answer or an end, and nothing was left behind.")
        print(f"So fewer than {report.upper_bound:.2g} of all such inputs are bad (95 %, rule of three).")
    else:
        print(f"{report.findings_total} findings. Replay one: --seed {report.seed} --first NUMBER --inputs 1")
