"""That an objective is of routes that there are, and of days whose counts are kept."""

from collections.abc import Container

from halfopen.rollout.checks.store import counted_days
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Objective, Store


def check_objective(
    name: str, objective: Objective, routes: Container[str], store: Store, findings: Findings
) -> None:
    """Refuse a route that is not there, whose objective would be met for ever, and days without counts."""
    days, counted = objective.days, counted_days(store)
    if days > counted and not findings.blamed(("store",)) and not findings.blamed(("objectives", name)):
        findings.add(
            ("objectives", name, "days"),
            f"counts {days} days, and counts are kept for {counted}",
            f"at least hours_days = {days} in [store]",
        )
    path = ("objectives", name, "routes")
    if findings.blamed(path):
        return
    for route in objective.routes:
        if route not in routes:
            findings.add(path, f"names {route!r}, which is no route", "name tables of [routes]")
