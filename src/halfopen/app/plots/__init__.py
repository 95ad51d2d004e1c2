"""Pictures of comparisons, for a talk: one PNG a scenario. Needs matplotlib (extra `plots`)."""

from halfopen.app.plots.paths import picture_paths
from halfopen.app.plots.picture import draw

__all__ = ["draw", "picture_paths"]
