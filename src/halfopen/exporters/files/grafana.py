"""Dashboards for Grafana as JSON, and the file that has Grafana load them."""

from collections.abc import Iterable
from typing import Any, Final

from halfopen.exporters.files.panels import BOARDS, Board, Panel
from halfopen.rollout import Snapshot
from halfopen.signals import metrics

SCHEMA: Final = 39
"""Of the JSON of a dashboard; Grafana 10.4 and later read it, and bring it up to theirs."""
PLACE: Final = "/var/lib/grafana/dashboards/halfopen"
_HEIGHT: Final = 8
_STAT_HEIGHT: Final = 4
_COLUMNS: Final = 24
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def grafana_files(snapshot: Snapshot) -> dict[str, Any]:
    """The content of each file by its path: dashboards, and the provisioning file."""
    files: dict[str, Any] = {f"dashboards/{board.uid}.json": _board(board, snapshot) for board in BOARDS}
    files["provisioning/dashboards/halfopen.yaml"] = {
        "apiVersion": 1,
        "providers": [
            {
                "name": "halfopen",
                "folder": "Halfopen",
                "type": "file",
                "disableDeletion": False,
                "updateIntervalSeconds": 30,
                "allowUiUpdates": False,
                "options": {"path": PLACE},
            }
        ],
    }
    return files


def _board(board: Board, snapshot: Snapshot) -> dict[str, Any]:
    targets = {target.name for route in snapshot.routes.values() for target in route.targets}
    return {
        "uid": board.uid,
        "title": board.title,
        "tags": ["halfopen", "llm"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "",
        "annotations": {"list": [_changes()]},
        "templating": {
            "list": [
                {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"},
                _choice("route", snapshot.routes),
                _choice("target", targets),
            ]
        },
        "panels": _placed(board.panels),
    }


def _changes() -> dict[str, Any]:
    """A mark wherever another configuration came into force."""
    return {
        "name": "Configuration",
        "enable": True,
        "iconColor": "blue",
        "datasource": _SOURCE,
        "expr": f"{metrics.SNAPSHOT.name} unless {metrics.SNAPSHOT.name} offset 1m",
        "titleFormat": "snapshot {{id}}",
    }


def _choice(label: str, values: Iterable[str]) -> dict[str, Any]:
    """One or more of the names of the configuration. `All` matches those that are gone, too."""
    names = sorted(values)
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "custom",
        "query": ",".join(name.replace(",", "\\,") for name in names),
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": ["All"], "value": ["$__all"]},
        "options": [
            {"text": "All", "value": "$__all", "selected": True},
            *({"text": name, "value": name, "selected": False} for name in names),
        ],
    }


def _placed(panels: Iterable[Panel]) -> list[dict[str, Any]]:
    """From left to right, and then the next row."""
    made: list[dict[str, Any]] = []
    x = y = row_height = 0
    for number, panel in enumerate(panels, 1):
        height = _STAT_HEIGHT if panel.kind == "stat" else _HEIGHT
        if x + panel.width > _COLUMNS:
            x, y, row_height = 0, y + row_height, 0
        place = {"x": x, "y": y, "w": panel.width, "h": height}
        made.append(_panel(panel, number, place))
        x, row_height = x + panel.width, max(row_height, height)
    return made


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    custom = {"stacking": {"mode": "normal"}, "fillOpacity": 30} if panel.stacked else {"fillOpacity": 5}
    steps = [
        {"color": color, "value": value if place_ else None}
        for place_, (value, color) in enumerate(panel.colors)
    ]
    return {
        "id": number,
        "title": panel.title,
        "type": panel.kind,
        "description": panel.text,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "custom": custom if panel.kind == "timeseries" else {},
                **({"thresholds": {"mode": "absolute", "steps": steps}} if steps else {}),
            },
            "overrides": [],
        },
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}} if panel.kind == "stat" else {},
        "targets": [
            {
                "refId": chr(ord("A") + place_),
                "datasource": _SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
                "instant": panel.kind == "stat",
                "range": panel.kind != "stat",
            }
            for place_, query in enumerate(panel.queries)
        ],
    }
