"""Screenshots of each page in each state: `make screens`. Ends with status 1 if something went wrong on one."""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from browsing import DESK, PATHS, PHONE, browser, looking, overflow_px
from scripted_seen import STATES, ScriptedSeen
from site_thread import Site

LOOKS = (
    ("desk-light", DESK, "light"),
    ("desk-dark", DESK, "dark"),
    ("phone-light", PHONE, "light"),
    ("phone-dark", PHONE, "dark"),
)


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("artifacts/screens"))
    parser.add_argument("--only", default="", help="a part of the names")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    seen = ScriptedSeen("health", time.time)
    site = Site(seen).start()
    wrong: list[str] = []
    count = 0
    with browser() as chromium:
        for look, size, scheme in LOOKS:
            with looking(chromium, size, color_scheme=scheme) as looked:
                for state in STATES:
                    seen.state = state
                    for path in PATHS:
                        name = f"{path.strip('/').replace('/', '-') or 'overview'}-{state}-{look}"
                        if chosen.only not in name:
                            continue
                        looked.go(site.address + path)
                        looked.page.screenshot(path=chosen.folder / f"{name}.png", full_page=True)
                        count += 1
                        if state == "empty":  # no such request
                            looked.wrong = [
                                each
                                for each in looked.wrong
                                if "/requests/ho-" not in each and "404" not in each
                            ]
                        wrong += [f"{name}: {each}" for each in looked.wrong]
                        looked.wrong = []
                        if (px := overflow_px(looked.page)) > 0:
                            wrong.append(f"{name}: {px} px wider than the window")
    site.stop()
    for each in wrong:
        sys.stdout.write(f"{each}\n")
    sys.stdout.write(f"{count} screenshots in {chosen.folder}, {len(wrong)} faults\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
