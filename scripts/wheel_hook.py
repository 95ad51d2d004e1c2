"""Has hatch put the page assets into a wheel. An editable installation gets them from the Makefile."""

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageAssets(BuildHookInterface):  # type: ignore[type-arg]  # hatchling doesn't say of what
    """Runs before a wheel is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Get them, or say that the wheel is without them."""
        if version == "editable":
            return
        path = Path(self.root) / "scripts" / "page_assets.py"
        spec = importlib.util.spec_from_file_location("page_assets", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        try:
            module.put()
        except module.AssetsError as error:
            self.app.display_warning(f"the wheel has no charts: {error}")
        build_data["artifacts"].append("src/halfopen/web/static/vendor/**")
