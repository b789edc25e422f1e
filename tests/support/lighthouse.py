"""Lighthouse over the public pages of a running Rounds. It comes from npm, so `bin/test`, which
must run with Python alone, does not call it.

Usage: bin/run in one terminal; then .venv/bin/python -m tests.support.lighthouse [address]
Needs node. Ends with 1 when accessibility, best practices or SEO is below 100 on any page.
"""

import json
import os
import subprocess
import sys
import urllib.request

from tests.support.browser import FLAGS, chromium_path

VERSION = "13"
CATEGORIES = ("accessibility", "best-practices", "seo")
FORMS = {"phone": (), "desk": ("--preset=desktop",)}


def pages(address: str) -> dict[str, str]:
    """Home, list, map, the first listing, and its city."""
    with urllib.request.urlopen(f"{address}/api/v1/rotations?per_page=1", timeout=20) as answer:
        hit = json.load(answer)["hits"][0]
    slug = hit["url"].rsplit("/", 1)[1]
    return {
        "home": "/",
        "list": "/rotations",
        "map": "/rotations?view=map",
        "listing": f"/rotations/{slug}",
        "city": f"/cities/{hit['city']}",
    }


def scores(url: str, *more: str) -> dict[str, int]:
    """The page's score in each category, of 100."""
    command = ["npx", "--yes", f"lighthouse@{VERSION}", url, "--quiet", "--output=json"]
    command.append(f"--only-categories={','.join(CATEGORIES)}")
    command.append(f"--chrome-flags=--headless {' '.join(FLAGS)}")
    done = subprocess.run(
        [*command, *more],
        env=os.environ | {"CHROME_PATH": chromium_path()},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)["categories"]
    return {name: round(found[name]["score"] * 100) for name in CATEGORIES}


def main(address: str) -> int:
    """Print every page's scores. 1 when one is below 100."""
    worst = 100
    for page, path in pages(address).items():
        for form, more in FORMS.items():
            got = scores(address + path, *more)
            worst = min(worst, *got.values())
            print(f"{page:<8} {form:<6} {got}", flush=True)
    return int(worst < 100)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/") if len(sys.argv) > 1 else "http://127.0.0.1:8000"))
