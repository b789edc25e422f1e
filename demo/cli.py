"""The product's commands and the demo's own, in one group: what `bin/marketplace` runs.

Production runs `python -m marketplace.cli`, which knows nothing of the demo.
"""

import sys

from marketplace.cli import cli

# The demo's commands join the group here: cli.add_command(seed), cli.add_command(clock)

if __name__ == "__main__":
    sys.exit(cli(prog_name="bin/marketplace"))
