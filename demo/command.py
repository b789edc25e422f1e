"""`bin/marketplace`: the product's own commands, with the settings of `bin/run`."""

import json
import os
import sys

from demo import stack
from demo.run import data_folder


def main() -> None:
    """Replace this process by the command. Settings in the environment win over the demo's."""
    values: dict[str, str] = {}
    if not os.environ.get("DATABASE_URL"):
        var = data_folder()
        kept = var / "settings.json"
        if kept.exists():
            values = json.loads(kept.read_text())
        else:
            place = stack.Place(var, 8000, 8001, var / "valkey.sock")
            values = stack.settings(place, os.environ)
    environment = os.environ | values | {"PROCESS_ROLE": "cli"}
    os.execve(sys.executable, stack.demo_cli(*sys.argv[1:]), environment)  # noqa: S606


if __name__ == "__main__":
    main()
