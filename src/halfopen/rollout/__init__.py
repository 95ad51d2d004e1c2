"""Configuration: settings are parsed, checked and resolved to a snapshot. Nothing here reads a file."""

from halfopen.rollout.configure import Configured, Refused, configure, configure_data
from halfopen.rollout.problem import Problem
from halfopen.rollout.reference import Secrets
from halfopen.rollout.snapshot import LocalSpec, ProviderSpec, RouteSpec, Snapshot

__all__ = [
    "Configured",
    "LocalSpec",
    "Problem",
    "ProviderSpec",
    "Refused",
    "RouteSpec",
    "Secrets",
    "Snapshot",
    "configure",
    "configure_data",
]
