"""The product's commands and the demo's own, in one group: what `bin/marketplace` runs.

Production runs `python -m marketplace.cli`, which knows nothing of the demo.
"""

import sys

from demo.commands import COMMANDS
from marketplace.cli import cli

for command in COMMANDS:
    cli.add_command(command)

if __name__ == "__main__":
    sys.exit(cli(prog_name="bin/marketplace"))
