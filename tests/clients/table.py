"""Counts what the official clients' tests have shown: client by provider by feature.

`python tests/clients/table.py` runs the tests and prints the table, `--json` as JSON. `pytest
tests/clients` prints it at its end, too.
"""

import argparse
import contextlib
import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PROPERTY = "clients-table"
MODULE = "clients_tests_table"
"""Under this name conftest loads this module."""
ALL = "-"
"""The provider of a test that is about none."""
PROVIDERS = ("openai", "anthropic", "gemini")
_ANSWERS = (
    "plain",
    "stream",
    "async",
    "limits",
    "headers",
    "errors",
    "failover",
    "continuation",
    "planted bug",
)
_WHOLE = (*_ANSWERS, "tools", "images", "schema", "reasoning")
REQUIRED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "chat": (PROVIDERS, (*_WHOLE, "models")),
    "responses": (PROVIDERS, (*_WHOLE, "stored state")),
    "completions": (PROVIDERS, _ANSWERS),
    "embeddings": (("openai", "gemini"), ("float", "base64", "dimensions", "errors", "failover")),
    "messages": (PROVIDERS, (*_WHOLE, "models", "count")),
    "generate": (PROVIDERS, (*_WHOLE, "models")),
    "relay": (("openai",), ("files", "batches", "moderations", "audio", "images", "errors", "failover")),
}
"""What a whole table has: for each client its providers, and the features of each."""


class Table:
    """A pytest plugin that counts tests by what `conftest` says they are about."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.rows: dict[tuple[str, str, str], dict[str, bool]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A part of a test is over: one that fails in any part has failed; a skipped one counts for nothing."""
        about: Any = next((value for name, value in report.user_properties if name == PROPERTY), None)
        if about is None or report.skipped:
            return
        client, provider, feature = about
        tests = self.rows[client, provider, feature]
        if report.when == "call" or report.failed:
            tests[report.nodeid] = tests.get(report.nodeid, True) and report.passed

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table."""
        if any(self.rows.values()):
            terminalreporter.section("official clients")
            for line in self.lines():
                terminalreporter.write_line(line)

    def shown(self) -> dict[str, Any]:
        """The shape that is printed as JSON."""
        found: dict[str, Any] = {}
        passed = total = 0
        for (client, provider, feature), tests in sorted(self.rows.items()):
            if tests:
                good = sum(tests.values())
                cell = {"passed": good, "total": len(tests)}
                found.setdefault(client, {}).setdefault(provider, {})[feature] = cell
                passed, total = passed + good, total + len(tests)
        failed = sorted(name for tests in self.rows.values() for name, good in tests.items() if not good)
        missing = [
            f"{client}, {provider}: {feature}"
            for client, (providers, features) in REQUIRED.items()
            for provider in providers
            for feature in features
            if not self.rows.get((client, provider, feature))
        ]
        return {
            "ok": passed == total and not missing,
            "passed": passed,
            "total": total,
            "clients": found,
            "failed": failed,
            "missing": missing,
        }

    def lines(self) -> list[str]:
        """For people."""
        shown = self.shown()
        lines = []
        for client, providers in shown["clients"].items():
            for provider, features in providers.items():
                cells = "  ".join(
                    f"{name} {cell['passed']}/{cell['total']}" for name, cell in features.items()
                )
                lines.append(f"{client:<12}{'' if provider == ALL else provider:<10} {cells}")
        lines.append(f"{shown['passed']} of {shown['total']} passed")
        return lines


def main() -> int:
    """Run the tests, print the table. Exit status 0: all passed, and nothing is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the table as JSON")
    parser.add_argument("--jobs", default="2", help="processes that run the tests (default: 2)")
    asked = parser.parse_args()
    sys.modules[MODULE] = sys.modules[__name__]  # so that conftest finds this table, and makes no other
    table = Table()
    told = sys.stderr if asked.json else sys.stdout
    with contextlib.redirect_stdout(told):
        options = ["-q", "--no-header", "-n", asked.jobs]
        status = pytest.main([str(Path(__file__).parent), *options], plugins=[table])
    shown = table.shown()
    if asked.json:
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    for each in shown["missing"]:
        sys.stderr.write(f"missing: {each}\n")
    return int(status) or (0 if shown["ok"] else 1)


if __name__ == "__main__":
    sys.exit(main())
